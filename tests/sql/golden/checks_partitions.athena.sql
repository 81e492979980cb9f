WITH "nights_source" AS (
  /* the rows of the source, times in UTC */
  SELECT
    "driver",
    CAST("ended_at" AS TIMESTAMP(6) WITH TIME ZONE) AS "ended_at",
    CAST("loaded_at" AS TIMESTAMP(6) WITH TIME ZONE) AS "loaded_at",
    "ride",
    "fare",
    "rating",
    "ds"
  FROM "nights"
)
SELECT
  CAST('driver is null' AS VARCHAR) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "nights_source"
WHERE
  "driver" IS NULL
UNION ALL
SELECT
  CAST('ended_at is null' AS VARCHAR) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "nights_source"
WHERE
  "ended_at" IS NULL
UNION ALL
SELECT
  CAST('created before its event' AS VARCHAR) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "nights_source"
WHERE
  "loaded_at" < "ended_at"
UNION ALL
SELECT
  CAST('ds is no date of its ended_at' AS VARCHAR) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "nights_source"
WHERE
  (
    "ds" < CASE
      WHEN CAST(CAST(FROM_UNIXTIME_NANOS(
        (
          DATE_DIFF('millisecond', CAST('1970-01-01 00:00:00+00:00' AS TIMESTAMP(6) WITH TIME ZONE), "ended_at") * 1000 + CAST(ROUND((
            TO_UNIXTIME("ended_at") - TO_UNIXTIME(DATE_TRUNC('millisecond', "ended_at"))
          ) * 1000000) AS BIGINT) - 86400000000
        ) * 1000
      ) AS TIMESTAMP(6) WITH TIME ZONE) AS DATE) < CAST('0001-01-01' AS DATE)
      THEN ''
      ELSE CAST(CAST(CAST(FROM_UNIXTIME_NANOS(
        (
          DATE_DIFF('millisecond', CAST('1970-01-01 00:00:00+00:00' AS TIMESTAMP(6) WITH TIME ZONE), "ended_at") * 1000 + CAST(ROUND((
            TO_UNIXTIME("ended_at") - TO_UNIXTIME(DATE_TRUNC('millisecond', "ended_at"))
          ) * 1000000) AS BIGINT) - 86400000000
        ) * 1000
      ) AS TIMESTAMP(6) WITH TIME ZONE) AS DATE) AS VARCHAR)
    END
    OR "ds" > CASE
      WHEN CAST(CAST(FROM_UNIXTIME_NANOS(
        (
          DATE_DIFF('millisecond', CAST('1970-01-01 00:00:00+00:00' AS TIMESTAMP(6) WITH TIME ZONE), "ended_at") * 1000 + CAST(ROUND((
            TO_UNIXTIME("ended_at") - TO_UNIXTIME(DATE_TRUNC('millisecond', "ended_at"))
          ) * 1000000) AS BIGINT) + 86400000000
        ) * 1000
      ) AS TIMESTAMP(6) WITH TIME ZONE) AS DATE) > CAST('9999-12-31' AS DATE)
      THEN '9999-12-31'
      ELSE CAST(CAST(CAST(FROM_UNIXTIME_NANOS(
        (
          DATE_DIFF('millisecond', CAST('1970-01-01 00:00:00+00:00' AS TIMESTAMP(6) WITH TIME ZONE), "ended_at") * 1000 + CAST(ROUND((
            TO_UNIXTIME("ended_at") - TO_UNIXTIME(DATE_TRUNC('millisecond', "ended_at"))
          ) * 1000000) AS BIGINT) + 86400000000
        ) * 1000
      ) AS TIMESTAMP(6) WITH TIME ZONE) AS DATE) AS VARCHAR)
    END
  )
UNION ALL
SELECT
  CAST('a tie that only feature values decide' AS VARCHAR) AS "check",
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
