-- feature_view/last_arrival of project flights: duckdb for target local, not applied yet.
-- Where and how late the aircraft last landed, within two days.
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
), "last_arrival" AS (
  /* the query of the view */
  SELECT
    "tailnum",
    "flight_id",
    "landed_at",
    "landed_at" AS "last_landed_at",
    "dest" AS "last_airport",
    "arrival_delay_minutes" AS "last_arrival_delay_minutes"
  FROM "landings"
)
SELECT
  "tailnum",
  "landed_at",
  "flight_id",
  "last_landed_at",
  "last_airport",
  "last_arrival_delay_minutes"
FROM "last_arrival";
