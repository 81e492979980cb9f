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
  "airport",
  "departed_at",
  "flight_id",
  "departure_delay_minutes"
FROM "airport_traffic";
