-- feature_view/carrier_delays of project flights: duckdb for target local, not applied yet.
-- How late a carrier's flights have landed lately.
-- Made by asof compile: edit the definition, not this file.
SET TimeZone = 'UTC';
WITH "landings" AS (
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
    CAST("landed_at" AS TIMESTAMPTZ) AS "landed_at",
    CASE
      WHEN TYPEOF("arrival_delay_minutes") LIKE '%INT%'
      OR CAST("arrival_delay_minutes" AS DOUBLE) = CAST("arrival_delay_minutes" AS INT)
      THEN CAST("arrival_delay_minutes" AS INT)
      ELSE ERROR(
        "filename" || ': column arrival_delay_minutes holds ' || CAST("arrival_delay_minutes" AS TEXT) || ', not int32'
      )
    END AS "arrival_delay_minutes",
    CASE
      WHEN TYPEOF("air_time_minutes") LIKE '%INT%'
      OR CAST("air_time_minutes" AS DOUBLE) = CAST("air_time_minutes" AS INT)
      THEN CAST("air_time_minutes" AS INT)
      ELSE ERROR(
        "filename" || ': column air_time_minutes holds ' || CAST("air_time_minutes" AS TEXT) || ', not int32'
      )
    END AS "air_time_minutes"
  FROM READ_PARQUET('data/flights.parquet')
)
SELECT
  CAST('carrier is null' AS TEXT) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "landings"
WHERE
  "carrier" IS NULL
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
    "carrier" IS NOT NULL AND "landed_at" IS NOT NULL
  GROUP BY
    "carrier",
    "landed_at",
    "flight_id"
  HAVING
    COUNT(*) > 1
) AS "alike";
