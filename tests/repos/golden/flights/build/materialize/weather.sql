-- feature_view/weather of project flights: duckdb for target local, not applied yet.
-- The latest weather at an airport, unless it is older than three hours.
-- Made by asof compile: edit the definition, not this file.
-- Parameter: as_of, the instant (UTC) as of which rows are taken.
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
), "weather_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "airport",
    CAST("observed_at" AS TIMESTAMPTZ) AS "_event",
    "temp_f",
    "wind_dir_deg",
    "wind_speed_mph",
    "precip_in",
    "pressure_mbar",
    "visibility_miles"
  FROM "weather"
  WHERE
    "airport" IS NOT NULL AND CAST("observed_at" AS TIMESTAMPTZ) IS NOT NULL
), "entities" AS MATERIALIZED (
  /* whom the source has rows of, each asked about once */
  SELECT
    ROW_NUMBER() OVER () AS "_row",
    "airport",
    CAST($as_of AS TIMESTAMPTZ) AS "_at"
  FROM (
    SELECT DISTINCT
      "airport"
    FROM "weather_rows"
  ) AS "seen"
), "airport_asked" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "entities"."_row",
    "entities"."airport",
    "entities"."_at",
    "entities"."_at" - INTERVAL '10' MINUTE AS "_until"
  FROM "entities"
  WHERE
    "entities"."airport" IS NOT NULL AND "entities"."_at" IS NOT NULL
), "weather_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "_event",
    "temp_f",
    "wind_dir_deg",
    "wind_speed_mph",
    "precip_in",
    "pressure_mbar",
    "visibility_miles"
  FROM (
    SELECT
      "airport_asked"."_row",
      "weather_rows"."_event",
      "weather_rows"."temp_f",
      "weather_rows"."wind_dir_deg",
      "weather_rows"."wind_speed_mph",
      "weather_rows"."precip_in",
      "weather_rows"."pressure_mbar",
      "weather_rows"."visibility_miles",
      ROW_NUMBER() OVER (
        PARTITION BY "airport_asked"."_row"
        ORDER BY "weather_rows"."_event" DESC, "weather_rows"."temp_f" DESC, "weather_rows"."wind_dir_deg" DESC, "weather_rows"."wind_speed_mph" DESC, "weather_rows"."precip_in" DESC, "weather_rows"."pressure_mbar" DESC, "weather_rows"."visibility_miles" DESC
      ) AS "_rank"
    FROM "airport_asked"
    JOIN "weather_rows"
      ON "airport_asked"."airport" = "weather_rows"."airport"
      AND "weather_rows"."_event" <= "airport_asked"."_until"
  ) AS "ranked"
  WHERE
    "_rank" = 1
)
SELECT
  "entities"."airport",
  "weather_latest"."_event" AS "event_timestamp",
  CAST(NULL AS TIMESTAMPTZ) AS "created_timestamp",
  "weather_latest"."temp_f",
  "weather_latest"."wind_dir_deg",
  "weather_latest"."wind_speed_mph",
  "weather_latest"."precip_in",
  "weather_latest"."pressure_mbar",
  "weather_latest"."visibility_miles"
FROM "entities"
JOIN "weather_latest"
  ON "weather_latest"."_row" = "entities"."_row";
