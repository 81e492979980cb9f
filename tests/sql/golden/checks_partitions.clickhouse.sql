SET join_use_nulls = 1;
SET prefer_column_name_to_alias = 1;
WITH "nights_source" AS (
  /* the rows of the source, times in UTC */
  SELECT
    "driver",
    CAST("ended_at" AS Nullable(DateTime64(6, 'UTC'))) AS "ended_at",
    CAST("loaded_at" AS Nullable(DateTime64(6, 'UTC'))) AS "loaded_at",
    "ride",
    "fare",
    "rating",
    "ds"
  FROM "nights"
)
SELECT
  CAST('driver is null' AS Nullable(String)) AS "check",
  CAST(COUNT(*) AS Nullable(Int64)) AS "rows"
FROM "nights_source"
WHERE
  "driver" IS NULL
UNION ALL
SELECT
  CAST('ended_at is null' AS Nullable(String)) AS "check",
  CAST(COUNT(*) AS Nullable(Int64)) AS "rows"
FROM "nights_source"
WHERE
  "ended_at" IS NULL
UNION ALL
SELECT
  CAST('created before its event' AS Nullable(String)) AS "check",
  CAST(COUNT(*) AS Nullable(Int64)) AS "rows"
FROM "nights_source"
WHERE
  "loaded_at" < "ended_at"
UNION ALL
SELECT
  CAST('ds is no date of its ended_at' AS Nullable(String)) AS "check",
  CAST(COUNT(*) AS Nullable(Int64)) AS "rows"
FROM "nights_source"
WHERE
  (
    "ds" < CASE
      WHEN CAST(fromUnixTimestamp64Micro(toUnixTimestamp64Micro("ended_at") - 86400000000, 'UTC') AS Nullable(Date32)) < CAST('0001-01-01' AS Nullable(Date32))
      THEN ''
      ELSE CAST(CAST(fromUnixTimestamp64Micro(toUnixTimestamp64Micro("ended_at") - 86400000000, 'UTC') AS Nullable(Date32)) AS Nullable(String))
    END
    OR "ds" > CASE
      WHEN CAST(fromUnixTimestamp64Micro(toUnixTimestamp64Micro("ended_at") + 86400000000, 'UTC') AS Nullable(Date32)) > CAST('9999-12-31' AS Nullable(Date32))
      THEN '9999-12-31'
      ELSE CAST(CAST(fromUnixTimestamp64Micro(toUnixTimestamp64Micro("ended_at") + 86400000000, 'UTC') AS Nullable(Date32)) AS Nullable(String))
    END
  )
UNION ALL
SELECT
  CAST('a tie that only feature values decide' AS Nullable(String)) AS "check",
  CAST(COALESCE(SUM("rows"), 0) AS Nullable(Int64)) AS "rows"
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
