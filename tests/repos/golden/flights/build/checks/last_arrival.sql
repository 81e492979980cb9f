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
  CAST('tailnum is null' AS TEXT) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "last_arrival"
WHERE
  "tailnum" IS NULL
UNION ALL
SELECT
  CAST('landed_at is null' AS TEXT) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "last_arrival"
WHERE
  "landed_at" IS NULL
UNION ALL
SELECT
  CAST('a tie that only feature values decide' AS TEXT) AS "check",
  CAST(COALESCE(SUM("rows"), 0) AS BIGINT) AS "rows"
FROM (
  SELECT
    COUNT(*) AS "rows"
  FROM "last_arrival"
  WHERE
    "tailnum" IS NOT NULL AND "landed_at" IS NOT NULL
  GROUP BY
    "tailnum",
    "landed_at",
    "flight_id"
  HAVING
    COUNT(*) > 1
) AS "alike";
