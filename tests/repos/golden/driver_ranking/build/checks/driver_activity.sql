-- feature_view/driver_activity of project driver_ranking: duckdb for target local, not applied yet.
-- How much a driver has driven lately.
-- Made by asof compile: edit the definition, not this file.
SET TimeZone = 'UTC';
WITH "driver_hours" AS (
  /* the rows of the source, times in UTC */
  SELECT
    CASE
      WHEN REGEXP_FULL_MATCH("driver_id", ' *[+-]?[0-9]+([.]0*)? *')
      THEN CAST("driver_id" AS BIGINT)
      ELSE ERROR("filename" || ': column driver_id holds ' || CAST("driver_id" AS TEXT) || ', not int64')
    END AS "driver_id",
    CAST("event_timestamp" AS TIMESTAMPTZ) AS "event_timestamp",
    CAST("created" AS TIMESTAMPTZ) AS "created",
    "conv_rate",
    "acc_rate",
    CASE
      WHEN REGEXP_FULL_MATCH("trips", ' *[+-]?[0-9]+([.]0*)? *')
      THEN CAST("trips" AS BIGINT)
      ELSE ERROR("filename" || ': column trips holds ' || CAST("trips" AS TEXT) || ', not int64')
    END AS "trips"
  FROM READ_CSV(
    'data/driver_hours.csv',
    "header" = TRUE,
    "types" = {'driver_id': 'VARCHAR', 'event_timestamp': 'TIMESTAMPTZ', 'created': 'TIMESTAMPTZ', 'conv_rate': 'DOUBLE', 'acc_rate': 'DOUBLE', 'trips': 'VARCHAR'}
  )
)
SELECT
  CAST('driver_id is null' AS TEXT) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "driver_hours"
WHERE
  "driver_id" IS NULL
UNION ALL
SELECT
  CAST('event_timestamp is null' AS TEXT) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "driver_hours"
WHERE
  "event_timestamp" IS NULL
UNION ALL
SELECT
  CAST('created before its event' AS TEXT) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "driver_hours"
WHERE
  "created" < "event_timestamp"
UNION ALL
SELECT
  CAST('a tie that only feature values decide' AS TEXT) AS "check",
  CAST(COALESCE(SUM("rows"), 0) AS BIGINT) AS "rows"
FROM (
  SELECT
    COUNT(*) AS "rows"
  FROM "driver_hours"
  WHERE
    "driver_id" IS NOT NULL AND "event_timestamp" IS NOT NULL
  GROUP BY
    "driver_id",
    "event_timestamp",
    "created"
  HAVING
    COUNT(*) > 1
) AS "alike";
