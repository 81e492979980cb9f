-- feature_view/airport_traffic of project flights: duckdb for target local, not applied yet.
-- How busy an airport is right now, and how far behind its schedule.
-- Made by asof compile: edit the definition, not this file.
SET TimeZone = 'UTC';
WITH "departures" AS (
  /* the rows of the source, times in UTC */
  SELECT
    CASE
      WHEN TYPEOF("flight_id") LIKE '%INT%' OR CAST("flight_id" AS DOUBLE) = CAST("flight_id" AS INT)
      THEN CAST("flight_id" AS INT)
      ELSE ERROR("filename" || ': column flight_id holds ' || CAST("flight_id" AS TEXT) || ', not int32')
    END AS "flight_id",
    CAST("carrier" AS TEXT) AS "carrier",
    CAST("tailnum" AS TEXT) AS "tailnum",
    CAST("origin" AS TEXT) AS "origin",
    CAST("dest" AS TEXT) AS "dest",
    CAST("departed_at" AS TIMESTAMPTZ) AS "departed_at",
    CASE
      WHEN TYPEOF("departure_delay_minutes") LIKE '%INT%'
      OR CAST("departure_delay_minutes" AS DOUBLE) = CAST("departure_delay_minutes" AS INT)
      THEN CAST("departure_delay_minutes" AS INT)
      ELSE ERROR(
        "filename" || ': column departure_delay_minutes holds ' || CAST("departure_delay_minutes" AS TEXT) || ', not int32'
      )
    END AS "departure_delay_minutes"
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
