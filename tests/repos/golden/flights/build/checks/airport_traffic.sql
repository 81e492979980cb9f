-- feature_view/airport_traffic of project flights: duckdb for target local, not applied yet.
-- How busy an airport is right now, and how far behind its schedule.
-- Made by asof compile: edit the definition, not this file.
SET TimeZone = 'UTC';
WITH "departures" AS (
  /* the rows of the source, times in UTC */
  SELECT
    "flight_id",
    "carrier",
    "tailnum",
    "origin",
    "dest",
    CAST("departed_at" AS TIMESTAMPTZ) AS "departed_at",
    "departure_delay_minutes"
  FROM READ_PARQUET('data/flights.parquet')
), "airport_traffic" AS (
  /* the query of the view */
  SELECT
    "origin" AS "airport",
    "flight_id",
    "departed_at",
    "departure_delay_minutes"
  FROM "departures"
)
SELECT
  CAST('airport is null' AS TEXT) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "airport_traffic"
WHERE
  "airport" IS NULL
UNION ALL
SELECT
  CAST('departed_at is null' AS TEXT) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "airport_traffic"
WHERE
  "departed_at" IS NULL
UNION ALL
SELECT
  CAST('a tie that only feature values decide' AS TEXT) AS "check",
  CAST(COALESCE(SUM("rows"), 0) AS BIGINT) AS "rows"
FROM (
  SELECT
    COUNT(*) AS "rows"
  FROM "airport_traffic"
  WHERE
    "airport" IS NOT NULL AND "departed_at" IS NOT NULL
  GROUP BY
    "airport",
    "departed_at",
    "flight_id"
  HAVING
    COUNT(*) > 1
) AS "alike";
