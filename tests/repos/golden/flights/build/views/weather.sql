-- feature_view/weather of project flights: duckdb for target local, not applied yet.
-- The latest weather at an airport, unless it is older than three hours.
-- Made by asof compile: edit the definition, not this file.
SET TimeZone = 'UTC';
WITH "weather_observations" AS (
  /* the rows of the source, times in UTC */
  SELECT
    CAST("airport" AS TEXT) AS "airport",
    CAST("observed_at" AS TIMESTAMPTZ) AS "observed_at",
    CAST("temp_f" AS DOUBLE) AS "temp_f",
    CAST("dew_point_f" AS DOUBLE) AS "dew_point_f",
    CAST("humidity_pct" AS DOUBLE) AS "humidity_pct",
    CAST("wind_dir_deg" AS DOUBLE) AS "wind_dir_deg",
    CAST("wind_speed_mph" AS DOUBLE) AS "wind_speed_mph",
    CAST("wind_gust_mph" AS DOUBLE) AS "wind_gust_mph",
    CAST("precip_in" AS DOUBLE) AS "precip_in",
    CAST("pressure_mbar" AS DOUBLE) AS "pressure_mbar",
    CAST("visibility_miles" AS DOUBLE) AS "visibility_miles"
  FROM READ_PARQUET('data/weather.parquet')
), "weather" AS (
  /* the query of the view */
  SELECT
    "airport",
    "observed_at",
    "temp_f",
    "wind_dir_deg",
    CASE WHEN "wind_speed_mph" < 200 THEN "wind_speed_mph" END AS "wind_speed_mph",
    "precip_in",
    "pressure_mbar",
    "visibility_miles"
  FROM "weather_observations"
)
SELECT
  "airport",
  "observed_at",
  "temp_f",
  "wind_dir_deg",
  "wind_speed_mph",
  "precip_in",
  "pressure_mbar",
  "visibility_miles"
FROM "weather";
