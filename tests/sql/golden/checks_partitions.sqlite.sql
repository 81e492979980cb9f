WITH "nights_source" AS NOT MATERIALIZED (
  /* the rows of the source, times in UTC */
  SELECT
    "driver",
    "ended_at",
    "loaded_at",
    "ride",
    "fare",
    "rating",
    "ds"
  FROM "nights"
)
SELECT
  CAST('driver is null' AS TEXT) AS "check",
  CAST(COUNT(*) AS INTEGER) AS "rows"
FROM "nights_source"
WHERE
  "driver" IS NULL
UNION ALL
SELECT
  CAST('ended_at is null' AS TEXT) AS "check",
  CAST(COUNT(*) AS INTEGER) AS "rows"
FROM "nights_source"
WHERE
  "ended_at" IS NULL
UNION ALL
SELECT
  CAST('created before its event' AS TEXT) AS "check",
  CAST(COUNT(*) AS INTEGER) AS "rows"
FROM "nights_source"
WHERE
  "loaded_at" < "ended_at"
UNION ALL
SELECT
  CAST('a tie that only feature values decide' AS TEXT) AS "check",
  CAST(COALESCE(SUM("rows"), 0) AS INTEGER) AS "rows"
FROM (
  SELECT
    COUNT(*) AS "rows"
  FROM "nights_source"
  WHERE
    "driver" IS NOT NULL AND "ended_at" IS NOT NULL
  GROUP BY
    "driver",
    "ended_at",
    "loaded_at",
    "ride"
  HAVING
    COUNT(*) > 1
) AS "alike";
