SET timezone TO 'UTC';
SET enable_case_sensitive_identifier TO TRUE;
WITH "nights_source" AS (
  /* the rows of the source, times in UTC */
  SELECT
    "driver",
    CAST("ended_at" AS TIMESTAMP WITH TIME ZONE) AS "ended_at",
    CAST("loaded_at" AS TIMESTAMP WITH TIME ZONE) AS "loaded_at",
    "ride",
    "fare",
    "rating",
    "ds"
  FROM "nights"
)
SELECT
  CAST('driver is null' AS VARCHAR(65535)) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "nights_source"
WHERE
  "driver" IS NULL
UNION ALL
SELECT
  CAST('ended_at is null' AS VARCHAR(65535)) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "nights_source"
WHERE
  "ended_at" IS NULL
UNION ALL
SELECT
  CAST('created before its event' AS VARCHAR(65535)) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "nights_source"
WHERE
  "loaded_at" < "ended_at"
UNION ALL
SELECT
  CAST('ds is no date of its ended_at' AS VARCHAR(65535)) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "nights_source"
WHERE
  (
    "ds" < CASE
      WHEN CAST("ended_at" - INTERVAL '1 DAY' AS DATE) < CAST('0001-01-01' AS DATE)
      THEN ''
      ELSE TO_CHAR(CAST("ended_at" - INTERVAL '1 DAY' AS DATE), 'YYYY-MM-DD')
    END
    OR "ds" > CASE
      WHEN CAST("ended_at" + INTERVAL '1 DAY' AS DATE) > CAST('9999-12-31' AS DATE)
      THEN '9999-12-31'
      ELSE TO_CHAR(CAST("ended_at" + INTERVAL '1 DAY' AS DATE), 'YYYY-MM-DD')
    END
  )
UNION ALL
SELECT
  CAST('a tie that only feature values decide' AS VARCHAR(65535)) AS "check",
  CAST(COALESCE(SUM("rows"), 0) AS BIGINT) AS "rows"
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
