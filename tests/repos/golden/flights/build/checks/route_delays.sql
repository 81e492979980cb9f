-- feature_view/route_delays of project flights: duckdb for target local, not applied yet.
-- How late flights on a route have landed lately, and how long they were in the air.
-- Made by asof compile: edit the definition, not this file.
SET TimeZone = 'UTC';
WITH "landings" AS (
  /* the rows of the source, times in UTC */
  SELECT
    "flight_id",
    "carrier",
    "tailnum",
    "origin",
    "dest",
    CAST("landed_at" AS TIMESTAMPTZ) AS "landed_at",
    "arrival_delay_minutes",
    "air_time_minutes"
  FROM READ_PARQUET('data/flights.parquet')
)
SELECT
  CAST('origin is null' AS TEXT) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "landings"
WHERE
  "origin" IS NULL
UNION ALL
SELECT
  CAST('dest is null' AS TEXT) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "landings"
WHERE
  "dest" IS NULL
UNION ALL
SELECT
  CAST('landed_at is null' AS TEXT) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "landings"
WHERE
  "landed_at" IS NULL
UNION ALL
SELECT
  CAST('a tie that only feature values decide' AS TEXT) AS "check",
  CAST(COALESCE(SUM("rows"), 0) AS BIGINT) AS "rows"
FROM (
  SELECT
    COUNT(*) AS "rows"
  FROM "landings"
  WHERE
    "origin" IS NOT NULL AND "dest" IS NOT NULL AND "landed_at" IS NOT NULL
  GROUP BY
    "origin",
    "dest",
    "landed_at",
    "flight_id"
  HAVING
    COUNT(*) > 1
) AS "alike";
