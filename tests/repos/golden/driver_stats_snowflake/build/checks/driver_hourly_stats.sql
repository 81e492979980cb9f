-- feature_view/driver_hourly_stats of project driver_stats: snowflake for target production, not applied yet.
-- A driver's rates in the latest hour on record.
-- Made by asof compile: edit the definition, not this file.
ALTER SESSION SET TIMEZONE = 'UTC';
WITH "driver_stats" AS (
  /* the rows of the source, times in UTC */
  SELECT
    "DRIVER_ID",
    CAST("EVENT_TIMESTAMP" AS TIMESTAMPLTZ) AS "EVENT_TIMESTAMP",
    CAST("CREATED" AS TIMESTAMPLTZ) AS "CREATED",
    "CONV_RATE",
    "ACC_RATE",
    "AVG_DAILY_TRIPS"
  FROM "MARKETPLACE"."PUBLIC"."DRIVER_STATS"
)
SELECT
  CAST('DRIVER_ID is null' AS VARCHAR) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "driver_stats"
WHERE
  "DRIVER_ID" IS NULL
UNION ALL
SELECT
  CAST('EVENT_TIMESTAMP is null' AS VARCHAR) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "driver_stats"
WHERE
  "EVENT_TIMESTAMP" IS NULL
UNION ALL
SELECT
  CAST('created before its event' AS VARCHAR) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "driver_stats"
WHERE
  "CREATED" < "EVENT_TIMESTAMP"
UNION ALL
SELECT
  CAST('a tie that only feature values decide' AS VARCHAR) AS "check",
  CAST(COALESCE(SUM("rows"), 0) AS BIGINT) AS "rows"
FROM (
  SELECT
    COUNT(*) AS "rows"
  FROM "driver_stats"
  WHERE
    "DRIVER_ID" IS NOT NULL AND "EVENT_TIMESTAMP" IS NOT NULL
  GROUP BY
    "DRIVER_ID",
    "EVENT_TIMESTAMP",
    "CREATED"
  HAVING
    COUNT(*) > 1
) AS "alike";
