-- saved_dataset/arrivals_2013 of project flights, target local, registry serial 0.
-- Every departure of 2013 as it looked two hours before its scheduled time, and whether it came late.
-- Made by asof compile: edit the definition, not this file.
SET TimeZone = 'UTC';
WITH "schedule" AS (
  /* the rows of the source, times in UTC */
  SELECT
    "flight_id",
    "carrier",
    "flight_number",
    "tailnum",
    "origin",
    "dest",
    "distance_miles",
    CAST("scheduled_departure" AS TIMESTAMPTZ) AS "scheduled_departure"
  FROM READ_PARQUET('data/flights.parquet')
), "landings" AS (
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
), "spine" AS MATERIALIZED (
  /* the rows to be enriched, numbered once, each at its own instant */
  SELECT
    ROW_NUMBER() OVER () AS "_row",
    "given"."flight_id",
    "given"."carrier",
    "given"."tailnum",
    "given"."origin",
    "given"."dest",
    "given"."distance_miles",
    "given"."scheduled_departure",
    "given"."prediction_time",
    "given"."arrived_late",
    CAST("given"."prediction_time" AS TIMESTAMPTZ) AS "_at"
  FROM (
    SELECT
      "s"."flight_id",
      "s"."carrier",
      "s"."tailnum",
      "s"."origin",
      "s"."dest",
      "s"."distance_miles",
      "s"."scheduled_departure",
      "s"."scheduled_departure" - INTERVAL '2' HOURS AS "prediction_time",
      "l"."arrival_delay_minutes" > 15 AS "arrived_late"
    FROM "schedule" AS "s"
    LEFT JOIN "landings" AS "l"
      ON "l"."flight_id" = "s"."flight_id"
  ) AS "given"
), "carrier_delays_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "carrier",
    "landed_at" AS "_event",
    "flight_id",
    "arrival_delay_minutes",
    CASE WHEN "arrival_delay_minutes" > 15 THEN 1 END AS "carrier_late_landings_input"
  FROM "landings"
  WHERE
    "carrier" IS NOT NULL AND "landed_at" IS NOT NULL
), "carrier_delays_running" AS (
  /* running totals of each key, as of each of its rows */
  SELECT
    "carrier",
    "_event",
    COUNT("_event") OVER "so_far" AS "_event_count",
    COUNT("carrier_late_landings_input") OVER "so_far" AS "carrier_late_landings_input_count",
    COUNT("arrival_delay_minutes") OVER "so_far" AS "arrival_delay_minutes_count",
    SUM("arrival_delay_minutes") OVER "so_far" AS "arrival_delay_minutes_sum",
    SUM(CAST("arrival_delay_minutes" AS BIGINT) * CAST("arrival_delay_minutes" AS BIGINT)) OVER "so_far" AS "arrival_delay_minutes_squares"
  FROM "carrier_delays_rows"
  WHERE
    "_event" <= (
      SELECT
        MAX("_at")
      FROM "spine"
    )
    AND "_event" >= (
      SELECT
        MIN("_at") - INTERVAL '30' DAY
      FROM "spine"
    )
  WINDOW "so_far" AS (PARTITION BY "carrier" ORDER BY "_event" ASC RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
), "carrier_delays_totals" AS (
  /* what each window adds up to: the total at its end less that before its start */
  SELECT
    "_row",
    "_event_count_1d" AS "carrier_landings_1d",
    "_event_count_7d" AS "carrier_landings_7d",
    "_event_count_30d" AS "carrier_landings_30d",
    "carrier_late_landings_input_count_1d" AS "carrier_late_landings_1d",
    "carrier_late_landings_input_count_7d" AS "carrier_late_landings_7d",
    "carrier_late_landings_input_count_30d" AS "carrier_late_landings_30d",
    CASE
      WHEN "arrival_delay_minutes_count_1d" > 0
      THEN CAST("arrival_delay_minutes_sum_1d" AS DOUBLE) / "arrival_delay_minutes_count_1d"
    END AS "carrier_delay_mean_1d",
    CASE
      WHEN "arrival_delay_minutes_count_7d" > 0
      THEN CAST("arrival_delay_minutes_sum_7d" AS DOUBLE) / "arrival_delay_minutes_count_7d"
    END AS "carrier_delay_mean_7d",
    CASE
      WHEN "arrival_delay_minutes_count_30d" > 0
      THEN CAST("arrival_delay_minutes_sum_30d" AS DOUBLE) / "arrival_delay_minutes_count_30d"
    END AS "carrier_delay_mean_30d",
    CASE
      WHEN "arrival_delay_minutes_count_7d" > 1
      THEN SQRT(
        CAST("arrival_delay_minutes_count_7d" * "arrival_delay_minutes_squares_7d" - "arrival_delay_minutes_sum_7d" * "arrival_delay_minutes_sum_7d" AS DOUBLE) / (
          "arrival_delay_minutes_count_7d" * (
            "arrival_delay_minutes_count_7d" - 1
          )
        )
      )
    END AS "carrier_delay_stddev_7d",
    CASE
      WHEN "arrival_delay_minutes_count_30d" > 1
      THEN SQRT(
        CAST("arrival_delay_minutes_count_30d" * "arrival_delay_minutes_squares_30d" - "arrival_delay_minutes_sum_30d" * "arrival_delay_minutes_sum_30d" AS DOUBLE) / (
          "arrival_delay_minutes_count_30d" * (
            "arrival_delay_minutes_count_30d" - 1
          )
        )
      )
    END AS "carrier_delay_stddev_30d"
  FROM (
    SELECT
      "spine"."_row",
      COALESCE("until_1us"."_event_count", 0) - COALESCE("before_1d"."_event_count", 0) AS "_event_count_1d",
      COALESCE("until_1us"."_event_count", 0) - COALESCE("before_7d"."_event_count", 0) AS "_event_count_7d",
      COALESCE("until_1us"."_event_count", 0) - COALESCE("before_30d"."_event_count", 0) AS "_event_count_30d",
      COALESCE("until_1us"."carrier_late_landings_input_count", 0) - COALESCE("before_1d"."carrier_late_landings_input_count", 0) AS "carrier_late_landings_input_count_1d",
      COALESCE("until_1us"."carrier_late_landings_input_count", 0) - COALESCE("before_7d"."carrier_late_landings_input_count", 0) AS "carrier_late_landings_input_count_7d",
      COALESCE("until_1us"."carrier_late_landings_input_count", 0) - COALESCE("before_30d"."carrier_late_landings_input_count", 0) AS "carrier_late_landings_input_count_30d",
      COALESCE("until_1us"."arrival_delay_minutes_count", 0) - COALESCE("before_1d"."arrival_delay_minutes_count", 0) AS "arrival_delay_minutes_count_1d",
      COALESCE("until_1us"."arrival_delay_minutes_sum", 0) - COALESCE("before_1d"."arrival_delay_minutes_sum", 0) AS "arrival_delay_minutes_sum_1d",
      COALESCE("until_1us"."arrival_delay_minutes_count", 0) - COALESCE("before_7d"."arrival_delay_minutes_count", 0) AS "arrival_delay_minutes_count_7d",
      COALESCE("until_1us"."arrival_delay_minutes_sum", 0) - COALESCE("before_7d"."arrival_delay_minutes_sum", 0) AS "arrival_delay_minutes_sum_7d",
      COALESCE("until_1us"."arrival_delay_minutes_count", 0) - COALESCE("before_30d"."arrival_delay_minutes_count", 0) AS "arrival_delay_minutes_count_30d",
      COALESCE("until_1us"."arrival_delay_minutes_sum", 0) - COALESCE("before_30d"."arrival_delay_minutes_sum", 0) AS "arrival_delay_minutes_sum_30d",
      COALESCE("until_1us"."arrival_delay_minutes_squares", 0) - COALESCE("before_7d"."arrival_delay_minutes_squares", 0) AS "arrival_delay_minutes_squares_7d",
      COALESCE("until_1us"."arrival_delay_minutes_squares", 0) - COALESCE("before_30d"."arrival_delay_minutes_squares", 0) AS "arrival_delay_minutes_squares_30d"
    FROM "spine"
    ASOF LEFT JOIN "carrier_delays_running" AS "until_1us"
      ON "spine"."carrier" = "until_1us"."carrier"
      AND "spine"."_at" - INTERVAL '1' MICROSECOND >= "until_1us"."_event"
    ASOF LEFT JOIN "carrier_delays_running" AS "before_1d"
      ON "spine"."carrier" = "before_1d"."carrier" AND "spine"."_at" - INTERVAL '1' DAY > "before_1d"."_event"
    ASOF LEFT JOIN "carrier_delays_running" AS "before_7d"
      ON "spine"."carrier" = "before_7d"."carrier" AND "spine"."_at" - INTERVAL '7' DAY > "before_7d"."_event"
    ASOF LEFT JOIN "carrier_delays_running" AS "before_30d"
      ON "spine"."carrier" = "before_30d"."carrier"
      AND "spine"."_at" - INTERVAL '30' DAY > "before_30d"."_event"
    WHERE
      "spine"."carrier" IS NOT NULL AND "spine"."_at" IS NOT NULL
  ) AS "sums"
), "carrier_delays_timeline" AS (
  SELECT
    NULL AS "_row",
    "carrier",
    "_event" AS "_at",
    "arrival_delay_minutes"
  FROM "carrier_delays_rows"
  WHERE
    "_event" <= (
      SELECT
        MAX("_at")
      FROM "spine"
    )
    AND "_event" >= (
      SELECT
        MIN("_at") - INTERVAL '7' DAY
      FROM "spine"
    )
  /* rows and questions on one time line, each at its own instant */
  UNION ALL
  SELECT
    "spine"."_row",
    "spine"."carrier",
    "spine"."_at",
    NULL AS "arrival_delay_minutes"
  FROM "spine"
  WHERE
    "spine"."carrier" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "carrier_delays_windows" AS (
  /* every window ends before the instant it is asked at */
  SELECT
    "_row",
    "carrier_delay_max_1d",
    "carrier_delay_max_7d"
  FROM (
    SELECT
      "_row",
      MAX("arrival_delay_minutes") OVER "1d" AS "carrier_delay_max_1d",
      MAX("arrival_delay_minutes") OVER "7d" AS "carrier_delay_max_7d"
    FROM "carrier_delays_timeline"
    WINDOW "1d" AS (
      PARTITION BY "carrier"
      ORDER BY "_at" ASC
      RANGE BETWEEN INTERVAL '1' DAY PRECEDING AND INTERVAL '1' MICROSECOND PRECEDING
    ), "7d" AS (
      PARTITION BY "carrier"
      ORDER BY "_at" ASC
      RANGE BETWEEN INTERVAL '7' DAY PRECEDING AND INTERVAL '1' MICROSECOND PRECEDING
    )
  ) AS "framed"
  WHERE
    "_row" IS NOT NULL
), "route_delays_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "origin",
    "dest",
    "landed_at" AS "_event",
    "flight_id",
    "arrival_delay_minutes",
    "air_time_minutes"
  FROM "landings"
  WHERE
    "origin" IS NOT NULL AND "dest" IS NOT NULL AND "landed_at" IS NOT NULL
), "route_delays_running" AS (
  /* running totals of each key, as of each of its rows */
  SELECT
    "origin",
    "dest",
    "_event",
    COUNT("_event") OVER "so_far" AS "_event_count",
    COUNT("arrival_delay_minutes") OVER "so_far" AS "arrival_delay_minutes_count",
    SUM("arrival_delay_minutes") OVER "so_far" AS "arrival_delay_minutes_sum",
    COUNT("air_time_minutes") OVER "so_far" AS "air_time_minutes_count",
    SUM("air_time_minutes") OVER "so_far" AS "air_time_minutes_sum"
  FROM "route_delays_rows"
  WHERE
    "_event" <= (
      SELECT
        MAX("_at")
      FROM "spine"
    )
    AND "_event" >= (
      SELECT
        MIN("_at") - INTERVAL '30' DAY
      FROM "spine"
    )
  WINDOW "so_far" AS (PARTITION BY "origin", "dest" ORDER BY "_event" ASC RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
), "route_delays_totals" AS (
  /* what each window adds up to: the total at its end less that before its start */
  SELECT
    "_row",
    "_event_count_7d" AS "route_landings_7d",
    "_event_count_30d" AS "route_landings_30d",
    CASE
      WHEN "arrival_delay_minutes_count_7d" > 0
      THEN CAST("arrival_delay_minutes_sum_7d" AS DOUBLE) / "arrival_delay_minutes_count_7d"
    END AS "route_delay_mean_7d",
    CASE
      WHEN "arrival_delay_minutes_count_30d" > 0
      THEN CAST("arrival_delay_minutes_sum_30d" AS DOUBLE) / "arrival_delay_minutes_count_30d"
    END AS "route_delay_mean_30d",
    CASE
      WHEN "air_time_minutes_count_30d" > 0
      THEN CAST("air_time_minutes_sum_30d" AS DOUBLE) / "air_time_minutes_count_30d"
    END AS "route_air_time_mean_30d"
  FROM (
    SELECT
      "spine"."_row",
      COALESCE("until_1us"."_event_count", 0) - COALESCE("before_7d"."_event_count", 0) AS "_event_count_7d",
      COALESCE("until_1us"."_event_count", 0) - COALESCE("before_30d"."_event_count", 0) AS "_event_count_30d",
      COALESCE("until_1us"."arrival_delay_minutes_count", 0) - COALESCE("before_7d"."arrival_delay_minutes_count", 0) AS "arrival_delay_minutes_count_7d",
      COALESCE("until_1us"."arrival_delay_minutes_sum", 0) - COALESCE("before_7d"."arrival_delay_minutes_sum", 0) AS "arrival_delay_minutes_sum_7d",
      COALESCE("until_1us"."arrival_delay_minutes_count", 0) - COALESCE("before_30d"."arrival_delay_minutes_count", 0) AS "arrival_delay_minutes_count_30d",
      COALESCE("until_1us"."arrival_delay_minutes_sum", 0) - COALESCE("before_30d"."arrival_delay_minutes_sum", 0) AS "arrival_delay_minutes_sum_30d",
      COALESCE("until_1us"."air_time_minutes_count", 0) - COALESCE("before_30d"."air_time_minutes_count", 0) AS "air_time_minutes_count_30d",
      COALESCE("until_1us"."air_time_minutes_sum", 0) - COALESCE("before_30d"."air_time_minutes_sum", 0) AS "air_time_minutes_sum_30d"
    FROM "spine"
    ASOF LEFT JOIN "route_delays_running" AS "until_1us"
      ON "spine"."origin" = "until_1us"."origin"
      AND "spine"."dest" = "until_1us"."dest"
      AND "spine"."_at" - INTERVAL '1' MICROSECOND >= "until_1us"."_event"
    ASOF LEFT JOIN "route_delays_running" AS "before_7d"
      ON "spine"."origin" = "before_7d"."origin"
      AND "spine"."dest" = "before_7d"."dest"
      AND "spine"."_at" - INTERVAL '7' DAY > "before_7d"."_event"
    ASOF LEFT JOIN "route_delays_running" AS "before_30d"
      ON "spine"."origin" = "before_30d"."origin"
      AND "spine"."dest" = "before_30d"."dest"
      AND "spine"."_at" - INTERVAL '30' DAY > "before_30d"."_event"
    WHERE
      "spine"."origin" IS NOT NULL AND "spine"."dest" IS NOT NULL AND "spine"."_at" IS NOT NULL
  ) AS "sums"
), "route_delays_timeline" AS (
  SELECT
    NULL AS "_row",
    "origin",
    "dest",
    "_event" AS "_at",
    "arrival_delay_minutes"
  FROM "route_delays_rows"
  WHERE
    "_event" <= (
      SELECT
        MAX("_at")
      FROM "spine"
    )
    AND "_event" >= (
      SELECT
        MIN("_at") - INTERVAL '30' DAY
      FROM "spine"
    )
  /* rows and questions on one time line, each at its own instant */
  UNION ALL
  SELECT
    "spine"."_row",
    "spine"."origin",
    "spine"."dest",
    "spine"."_at",
    NULL AS "arrival_delay_minutes"
  FROM "spine"
  WHERE
    "spine"."origin" IS NOT NULL AND "spine"."dest" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "route_delays_windows" AS (
  /* every window ends before the instant it is asked at */
  SELECT
    "_row",
    "route_delay_max_7d",
    "route_delay_max_30d"
  FROM (
    SELECT
      "_row",
      MAX("arrival_delay_minutes") OVER "7d" AS "route_delay_max_7d",
      MAX("arrival_delay_minutes") OVER "30d" AS "route_delay_max_30d"
    FROM "route_delays_timeline"
    WINDOW "7d" AS (
      PARTITION BY "origin", "dest"
      ORDER BY "_at" ASC
      RANGE BETWEEN INTERVAL '7' DAY PRECEDING AND INTERVAL '1' MICROSECOND PRECEDING
    ), "30d" AS (
      PARTITION BY "origin", "dest"
      ORDER BY "_at" ASC
      RANGE BETWEEN INTERVAL '30' DAY PRECEDING AND INTERVAL '1' MICROSECOND PRECEDING
    )
  ) AS "framed"
  WHERE
    "_row" IS NOT NULL
), "departures" AS (
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
), "airport_traffic_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "airport",
    CAST("departed_at" AS TIMESTAMPTZ) AS "_event",
    "flight_id",
    "departure_delay_minutes"
  FROM "airport_traffic"
  WHERE
    "airport" IS NOT NULL AND CAST("departed_at" AS TIMESTAMPTZ) IS NOT NULL
), "airport_traffic_running" AS (
  /* running totals of each key, as of each of its rows */
  SELECT
    "airport",
    "_event",
    COUNT("_event") OVER "so_far" AS "_event_count",
    COUNT("departure_delay_minutes") OVER "so_far" AS "departure_delay_minutes_count",
    SUM("departure_delay_minutes") OVER "so_far" AS "departure_delay_minutes_sum"
  FROM "airport_traffic_rows"
  WHERE
    "_event" <= (
      SELECT
        MAX("_at")
      FROM "spine"
    )
    AND "_event" >= (
      SELECT
        MIN("_at") - INTERVAL '3' HOUR
      FROM "spine"
    )
  WINDOW "so_far" AS (PARTITION BY "airport" ORDER BY "_event" ASC RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
), "airport_traffic_totals" AS (
  /* what each window adds up to: the total at its end less that before its start */
  SELECT
    "_row",
    "_event_count_1h" AS "departures_1h",
    "_event_count_3h" AS "departures_3h",
    CASE
      WHEN "departure_delay_minutes_count_1h" > 0
      THEN CAST("departure_delay_minutes_sum_1h" AS DOUBLE) / "departure_delay_minutes_count_1h"
    END AS "departure_delay_mean_1h",
    CASE
      WHEN "departure_delay_minutes_count_3h" > 0
      THEN CAST("departure_delay_minutes_sum_3h" AS DOUBLE) / "departure_delay_minutes_count_3h"
    END AS "departure_delay_mean_3h"
  FROM (
    SELECT
      "spine"."_row",
      COALESCE("until_1us"."_event_count", 0) - COALESCE("before_1h"."_event_count", 0) AS "_event_count_1h",
      COALESCE("until_1us"."_event_count", 0) - COALESCE("before_3h"."_event_count", 0) AS "_event_count_3h",
      COALESCE("until_1us"."departure_delay_minutes_count", 0) - COALESCE("before_1h"."departure_delay_minutes_count", 0) AS "departure_delay_minutes_count_1h",
      COALESCE("until_1us"."departure_delay_minutes_sum", 0) - COALESCE("before_1h"."departure_delay_minutes_sum", 0) AS "departure_delay_minutes_sum_1h",
      COALESCE("until_1us"."departure_delay_minutes_count", 0) - COALESCE("before_3h"."departure_delay_minutes_count", 0) AS "departure_delay_minutes_count_3h",
      COALESCE("until_1us"."departure_delay_minutes_sum", 0) - COALESCE("before_3h"."departure_delay_minutes_sum", 0) AS "departure_delay_minutes_sum_3h"
    FROM "spine"
    ASOF LEFT JOIN "airport_traffic_running" AS "until_1us"
      ON "spine"."origin" = "until_1us"."airport"
      AND "spine"."_at" - INTERVAL '1' MICROSECOND >= "until_1us"."_event"
    ASOF LEFT JOIN "airport_traffic_running" AS "before_1h"
      ON "spine"."origin" = "before_1h"."airport" AND "spine"."_at" - INTERVAL '1' HOUR > "before_1h"."_event"
    ASOF LEFT JOIN "airport_traffic_running" AS "before_3h"
      ON "spine"."origin" = "before_3h"."airport" AND "spine"."_at" - INTERVAL '3' HOUR > "before_3h"."_event"
    WHERE
      "spine"."origin" IS NOT NULL AND "spine"."_at" IS NOT NULL
  ) AS "sums"
), "weather_observations" AS (
  /* the rows of the source, times in UTC */
  SELECT
    "airport",
    CAST("observed_at" AS TIMESTAMPTZ) AS "observed_at",
    "temp_f",
    "dew_point_f",
    "humidity_pct",
    "wind_dir_deg",
    "wind_speed_mph",
    "wind_gust_mph",
    "precip_in",
    "pressure_mbar",
    "visibility_miles"
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
), "weather_asked" AS (
  /* whom each row of the spine asks about, and from when to when rows count */
  SELECT
    "spine"."_row",
    "spine"."origin" AS "airport",
    "spine"."_at",
    "spine"."_at" - INTERVAL '3' HOUR AS "_since",
    "spine"."_at" - INTERVAL '10' MINUTE AS "_until"
  FROM "spine"
  WHERE
    "spine"."origin" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "weather_found" AS (
  /* when the latest visible row of each question happened */
  SELECT
    "weather_asked"."_row",
    "weather_asked"."airport",
    "weather_rows"."_event"
  FROM "weather_asked"
  ASOF JOIN "weather_rows"
    ON "weather_asked"."airport" = "weather_rows"."airport"
    AND "weather_asked"."_until" >= "weather_rows"."_event"
  WHERE
    "weather_rows"."_event" >= "weather_asked"."_since"
), "weather_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "temp_f",
    "wind_dir_deg",
    "wind_speed_mph",
    "precip_in",
    "pressure_mbar",
    "visibility_miles"
  FROM (
    SELECT
      "weather_found"."_row",
      "weather_rows"."temp_f",
      "weather_rows"."wind_dir_deg",
      "weather_rows"."wind_speed_mph",
      "weather_rows"."precip_in",
      "weather_rows"."pressure_mbar",
      "weather_rows"."visibility_miles",
      ROW_NUMBER() OVER (
        PARTITION BY "weather_found"."_row"
        ORDER BY "weather_rows"."_event" DESC, "weather_rows"."temp_f" DESC, "weather_rows"."wind_dir_deg" DESC, "weather_rows"."wind_speed_mph" DESC, "weather_rows"."precip_in" DESC, "weather_rows"."pressure_mbar" DESC, "weather_rows"."visibility_miles" DESC
      ) AS "_rank"
    FROM "weather_found"
    JOIN "weather_rows"
      ON "weather_found"."airport" = "weather_rows"."airport"
      AND "weather_found"."_event" = "weather_rows"."_event"
  ) AS "ranked"
  WHERE
    "_rank" = 1
), "airports" AS (
  /* the rows of the source, times in UTC */
  SELECT
    "airport",
    "name",
    "lat",
    "lon",
    "alt",
    "tzone"
  FROM READ_PARQUET('data/airports.parquet')
), "airport_site" AS (
  /* the query of the view */
  SELECT
    "airport",
    CAST('2000-01-01 00:00:00+00' AS TIMESTAMPTZ) AS "known_since",
    "lat",
    "lon",
    "alt" AS "altitude_feet"
  FROM "airports"
), "airport_site_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "airport",
    CAST("known_since" AS TIMESTAMPTZ) AS "_event",
    "lat",
    "lon",
    "altitude_feet"
  FROM "airport_site"
  WHERE
    "airport" IS NOT NULL AND CAST("known_since" AS TIMESTAMPTZ) IS NOT NULL
), "destination_asked" AS (
  /* whom each row of the spine asks about, and from when to when rows count */
  SELECT
    "spine"."_row",
    "spine"."dest" AS "airport",
    "spine"."_at",
    "spine"."_at" AS "_until"
  FROM "spine"
  WHERE
    "spine"."dest" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "destination_found" AS (
  /* when the latest visible row of each question happened */
  SELECT
    "destination_asked"."_row",
    "destination_asked"."airport",
    "airport_site_rows"."_event"
  FROM "destination_asked"
  ASOF JOIN "airport_site_rows"
    ON "destination_asked"."airport" = "airport_site_rows"."airport"
    AND "destination_asked"."_until" >= "airport_site_rows"."_event"
), "destination_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "lat",
    "lon",
    "altitude_feet"
  FROM (
    SELECT
      "destination_found"."_row",
      "airport_site_rows"."lat",
      "airport_site_rows"."lon",
      "airport_site_rows"."altitude_feet",
      ROW_NUMBER() OVER (
        PARTITION BY "destination_found"."_row"
        ORDER BY "airport_site_rows"."_event" DESC, "airport_site_rows"."lat" DESC, "airport_site_rows"."lon" DESC, "airport_site_rows"."altitude_feet" DESC
      ) AS "_rank"
    FROM "destination_found"
    JOIN "airport_site_rows"
      ON "destination_found"."airport" = "airport_site_rows"."airport"
      AND "destination_found"."_event" = "airport_site_rows"."_event"
  ) AS "ranked"
  WHERE
    "_rank" = 1
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
), "last_arrival_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "tailnum",
    CAST("landed_at" AS TIMESTAMPTZ) AS "_event",
    "flight_id",
    "last_landed_at",
    "last_airport",
    "last_arrival_delay_minutes"
  FROM "last_arrival"
  WHERE
    "tailnum" IS NOT NULL AND CAST("landed_at" AS TIMESTAMPTZ) IS NOT NULL
), "last_arrival_asked" AS (
  /* whom each row of the spine asks about, and from when to when rows count */
  SELECT
    "spine"."_row",
    "spine"."tailnum",
    "spine"."_at",
    "spine"."_at" - INTERVAL '2' DAY AS "_since",
    "spine"."_at" AS "_until"
  FROM "spine"
  WHERE
    "spine"."tailnum" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "last_arrival_found" AS (
  /* when the latest visible row of each question happened */
  SELECT
    "last_arrival_asked"."_row",
    "last_arrival_asked"."tailnum",
    "last_arrival_rows"."_event"
  FROM "last_arrival_asked"
  ASOF JOIN "last_arrival_rows"
    ON "last_arrival_asked"."tailnum" = "last_arrival_rows"."tailnum"
    AND "last_arrival_asked"."_until" >= "last_arrival_rows"."_event"
  WHERE
    "last_arrival_rows"."_event" >= "last_arrival_asked"."_since"
), "last_arrival_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "last_landed_at",
    "last_airport",
    "last_arrival_delay_minutes"
  FROM (
    SELECT
      "last_arrival_found"."_row",
      "last_arrival_rows"."last_landed_at",
      "last_arrival_rows"."last_airport",
      "last_arrival_rows"."last_arrival_delay_minutes",
      ROW_NUMBER() OVER (
        PARTITION BY "last_arrival_found"."_row"
        ORDER BY "last_arrival_rows"."_event" DESC, "last_arrival_rows"."flight_id" DESC, "last_arrival_rows"."last_landed_at" DESC, "last_arrival_rows"."last_airport" DESC, "last_arrival_rows"."last_arrival_delay_minutes" DESC
      ) AS "_rank"
    FROM "last_arrival_found"
    JOIN "last_arrival_rows"
      ON "last_arrival_found"."tailnum" = "last_arrival_rows"."tailnum"
      AND "last_arrival_found"."_event" = "last_arrival_rows"."_event"
  ) AS "ranked"
  WHERE
    "_rank" = 1
), "planes" AS (
  /* the rows of the source, times in UTC */
  SELECT
    "tailnum",
    "built_year",
    "type",
    "manufacturer",
    "model",
    "engines",
    "seats",
    "engine"
  FROM READ_PARQUET('data/planes.parquet')
), "airframe" AS (
  /* the query of the view */
  SELECT
    "tailnum",
    CAST('2000-01-01 00:00:00+00' AS TIMESTAMPTZ) AS "known_since",
    "built_year",
    "seats",
    "engines"
  FROM "planes"
), "airframe_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "tailnum",
    CAST("known_since" AS TIMESTAMPTZ) AS "_event",
    "built_year",
    "seats",
    "engines"
  FROM "airframe"
  WHERE
    "tailnum" IS NOT NULL AND CAST("known_since" AS TIMESTAMPTZ) IS NOT NULL
), "airframe_asked" AS (
  /* whom each row of the spine asks about, and from when to when rows count */
  SELECT
    "spine"."_row",
    "spine"."tailnum",
    "spine"."_at",
    "spine"."_at" AS "_until"
  FROM "spine"
  WHERE
    "spine"."tailnum" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "airframe_found" AS (
  /* when the latest visible row of each question happened */
  SELECT
    "airframe_asked"."_row",
    "airframe_asked"."tailnum",
    "airframe_rows"."_event"
  FROM "airframe_asked"
  ASOF JOIN "airframe_rows"
    ON "airframe_asked"."tailnum" = "airframe_rows"."tailnum"
    AND "airframe_asked"."_until" >= "airframe_rows"."_event"
), "airframe_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "built_year",
    "seats",
    "engines"
  FROM (
    SELECT
      "airframe_found"."_row",
      "airframe_rows"."built_year",
      "airframe_rows"."seats",
      "airframe_rows"."engines",
      ROW_NUMBER() OVER (
        PARTITION BY "airframe_found"."_row"
        ORDER BY "airframe_rows"."_event" DESC, "airframe_rows"."built_year" DESC, "airframe_rows"."seats" DESC, "airframe_rows"."engines" DESC
      ) AS "_rank"
    FROM "airframe_found"
    JOIN "airframe_rows"
      ON "airframe_found"."tailnum" = "airframe_rows"."tailnum"
      AND "airframe_found"."_event" = "airframe_rows"."_event"
  ) AS "ranked"
  WHERE
    "_rank" = 1
)
SELECT
  "spine"."flight_id",
  "spine"."carrier",
  "spine"."tailnum",
  "spine"."origin",
  "spine"."dest",
  "spine"."distance_miles",
  "spine"."scheduled_departure",
  "spine"."prediction_time",
  "spine"."arrived_late",
  "carrier_delays_totals"."carrier_landings_1d",
  "carrier_delays_totals"."carrier_landings_7d",
  "carrier_delays_totals"."carrier_landings_30d",
  "carrier_delays_totals"."carrier_late_landings_1d",
  "carrier_delays_totals"."carrier_late_landings_7d",
  "carrier_delays_totals"."carrier_late_landings_30d",
  "carrier_delays_totals"."carrier_delay_mean_1d",
  "carrier_delays_totals"."carrier_delay_mean_7d",
  "carrier_delays_totals"."carrier_delay_mean_30d",
  "carrier_delays_totals"."carrier_delay_stddev_7d",
  "carrier_delays_totals"."carrier_delay_stddev_30d",
  "carrier_delays_windows"."carrier_delay_max_1d",
  "carrier_delays_windows"."carrier_delay_max_7d",
  "route_delays_totals"."route_landings_7d",
  "route_delays_totals"."route_landings_30d",
  "route_delays_totals"."route_delay_mean_7d",
  "route_delays_totals"."route_delay_mean_30d",
  "route_delays_windows"."route_delay_max_7d",
  "route_delays_windows"."route_delay_max_30d",
  "route_delays_totals"."route_air_time_mean_30d",
  "airport_traffic_totals"."departures_1h",
  "airport_traffic_totals"."departures_3h",
  "airport_traffic_totals"."departure_delay_mean_1h",
  "airport_traffic_totals"."departure_delay_mean_3h",
  "weather_latest"."temp_f",
  "weather_latest"."wind_dir_deg",
  "weather_latest"."wind_speed_mph",
  "weather_latest"."precip_in",
  "weather_latest"."pressure_mbar",
  "weather_latest"."visibility_miles",
  "destination_latest"."lat",
  "destination_latest"."lon",
  "destination_latest"."altitude_feet",
  "last_arrival_latest"."last_landed_at",
  "last_arrival_latest"."last_airport",
  "last_arrival_latest"."last_arrival_delay_minutes",
  "airframe_latest"."built_year",
  "airframe_latest"."seats",
  "airframe_latest"."engines",
  CAST(DATE_DIFF(
    'MINUTE',
    CAST("spine"."prediction_time" AS TIMESTAMPTZ),
    CAST("spine"."scheduled_departure" AS TIMESTAMPTZ)
  ) / 60.0 AS DOUBLE) AS "hours_until_departure",
  CAST("carrier_delays_totals"."carrier_late_landings_7d" / NULLIF("carrier_delays_totals"."carrier_landings_7d", 0) AS DOUBLE) AS "carrier_late_share_7d",
  CAST("weather_latest"."wind_speed_mph" * ABS(
    SIN(
      RADIANS(
        "weather_latest"."wind_dir_deg" - CASE "spine"."origin" WHEN 'JFK' THEN 121 WHEN 'EWR' THEN 26 ELSE 32 END
      )
    )
  ) AS DOUBLE) AS "crosswind_mph",
  CAST(DATE_DIFF('MINUTE', "last_arrival_latest"."last_landed_at", CAST("spine"."prediction_time" AS TIMESTAMPTZ)) / 60.0 AS DOUBLE) AS "hours_since_landing"
FROM "spine"
LEFT JOIN "carrier_delays_totals"
  ON "carrier_delays_totals"."_row" = "spine"."_row"
LEFT JOIN "carrier_delays_windows"
  ON "carrier_delays_windows"."_row" = "spine"."_row"
LEFT JOIN "route_delays_totals"
  ON "route_delays_totals"."_row" = "spine"."_row"
LEFT JOIN "route_delays_windows"
  ON "route_delays_windows"."_row" = "spine"."_row"
LEFT JOIN "airport_traffic_totals"
  ON "airport_traffic_totals"."_row" = "spine"."_row"
LEFT JOIN "weather_latest"
  ON "weather_latest"."_row" = "spine"."_row"
LEFT JOIN "destination_latest"
  ON "destination_latest"."_row" = "spine"."_row"
LEFT JOIN "last_arrival_latest"
  ON "last_arrival_latest"."_row" = "spine"."_row"
LEFT JOIN "airframe_latest"
  ON "airframe_latest"."_row" = "spine"."_row"
ORDER BY
  "spine"."_row" ASC;
