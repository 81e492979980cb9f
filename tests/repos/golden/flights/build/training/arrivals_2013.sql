-- saved_dataset/arrivals_2013 of project flights: duckdb for target local, not applied yet.
-- Every departure of 2013 as it looked two hours before its scheduled time, and whether it came late.
-- Made by asof compile: edit the definition, not this file.
SET TimeZone = 'UTC';
WITH "schedule" AS (
  /* the rows of the source, times in UTC */
  SELECT
    CASE
      WHEN TYPEOF("flight_id") LIKE '%INT%' OR CAST("flight_id" AS DOUBLE) = CAST("flight_id" AS INT)
      THEN CAST("flight_id" AS INT)
      ELSE ERROR("filename" || ': column flight_id holds ' || CAST("flight_id" AS TEXT) || ', not int32')
    END AS "flight_id",
    CAST("carrier" AS TEXT) AS "carrier",
    CASE
      WHEN TYPEOF("flight_number") LIKE '%INT%'
      OR CAST("flight_number" AS DOUBLE) = CAST("flight_number" AS INT)
      THEN CAST("flight_number" AS INT)
      ELSE ERROR("filename" || ': column flight_number holds ' || CAST("flight_number" AS TEXT) || ', not int32')
    END AS "flight_number",
    CAST("tailnum" AS TEXT) AS "tailnum",
    CAST("origin" AS TEXT) AS "origin",
    CAST("dest" AS TEXT) AS "dest",
    CASE
      WHEN TYPEOF("distance_miles") LIKE '%INT%'
      OR CAST("distance_miles" AS DOUBLE) = CAST("distance_miles" AS INT)
      THEN CAST("distance_miles" AS INT)
      ELSE ERROR("filename" || ': column distance_miles holds ' || CAST("distance_miles" AS TEXT) || ', not int32')
    END AS "distance_miles",
    CAST("scheduled_departure" AS TIMESTAMPTZ) AS "scheduled_departure"
  FROM READ_PARQUET('data/flights.parquet')
), "landings" AS (
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
), "carrier_questions" AS (
  /* whom each row of the spine asks about, and when */
  SELECT
    "spine"."_row",
    "spine"."carrier",
    "spine"."_at"
  FROM "spine"
  WHERE
    "spine"."carrier" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "carrier_delays_edges" AS (
  /* each question once for every edge of its windows */
  SELECT
    "_row",
    'before now' AS "_edge",
    "carrier",
    "_at" - INTERVAL '1' MICROSECOND AS "_at"
  FROM "carrier_questions"
  UNION ALL
  SELECT
    "_row",
    'before 1d ago' AS "_edge",
    "carrier",
    "_at" - INTERVAL '86400000001' MICROSECOND AS "_at"
  FROM "carrier_questions"
  UNION ALL
  SELECT
    "_row",
    'before 7d ago' AS "_edge",
    "carrier",
    "_at" - INTERVAL '604800000001' MICROSECOND AS "_at"
  FROM "carrier_questions"
  UNION ALL
  SELECT
    "_row",
    'before 30d ago' AS "_edge",
    "carrier",
    "_at" - INTERVAL '2592000000001' MICROSECOND AS "_at"
  FROM "carrier_questions"
), "carrier_buckets" AS (
  /* the keys that are asked about, by the stretches of 29d23h59m59s999ms999us they reach */
  SELECT
    "carrier",
    EPOCH_US("_at" - INTERVAL '30' DAY) // 2591999999999 AS "_bucket"
  FROM "carrier_questions"
  UNION
  SELECT
    "carrier",
    EPOCH_US("_at" - INTERVAL '1' MICROSECOND) // 2591999999999 AS "_bucket"
  FROM "carrier_questions"
), "carrier_delays_timeline" AS (
  /* rows and edges on one time line; a total includes the rows of its instant */
  SELECT
    NULL AS "_row",
    NULL AS "_edge",
    "carrier_delays_rows"."carrier",
    "carrier_delays_rows"."_event" AS "_at",
    "carrier_delays_rows"."_event",
    "carrier_delays_rows"."carrier_late_landings_input",
    "carrier_delays_rows"."arrival_delay_minutes"
  FROM "carrier_delays_rows"
  JOIN "carrier_buckets"
    ON "carrier_buckets"."carrier" = "carrier_delays_rows"."carrier"
    AND "carrier_buckets"."_bucket" = EPOCH_US("carrier_delays_rows"."_event") // 2591999999999
  WHERE
    "carrier_delays_rows"."_event" <= (
      SELECT
        MAX("_at")
      FROM "spine"
    )
    AND "carrier_delays_rows"."_event" >= (
      SELECT
        MIN("_at") - INTERVAL '30' DAY
      FROM "spine"
    )
  UNION ALL
  SELECT
    "_row",
    "_edge",
    "carrier",
    "_at",
    NULL AS "_event",
    NULL AS "carrier_late_landings_input",
    NULL AS "arrival_delay_minutes"
  FROM "carrier_delays_edges"
), "carrier_delays_running" AS (
  /* what a key has come to at each edge of a window */
  SELECT
    "_row",
    "_edge",
    COUNT("_event") OVER "so_far" AS "_event_count",
    COUNT("carrier_late_landings_input") OVER "so_far" AS "carrier_late_landings_input_count",
    COUNT("arrival_delay_minutes") OVER "so_far" AS "arrival_delay_minutes_count",
    SUM("arrival_delay_minutes") OVER "so_far" AS "arrival_delay_minutes_sum",
    SUM(CAST("arrival_delay_minutes" AS BIGINT) * CAST("arrival_delay_minutes" AS BIGINT)) OVER "so_far" AS "arrival_delay_minutes_squares"
  FROM "carrier_delays_timeline"
  WINDOW "so_far" AS (PARTITION BY "carrier" ORDER BY "_at" ASC RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
), "carrier_delays_sums" AS (
  /* each window: the total at its end less that before its start */
  SELECT
    "_row",
    MAX(CASE WHEN "_edge" = 'before now' THEN "_event_count" END) - MAX(CASE WHEN "_edge" = 'before 1d ago' THEN "_event_count" END) AS "_event_count_1d",
    MAX(CASE WHEN "_edge" = 'before now' THEN "_event_count" END) - MAX(CASE WHEN "_edge" = 'before 7d ago' THEN "_event_count" END) AS "_event_count_7d",
    MAX(CASE WHEN "_edge" = 'before now' THEN "_event_count" END) - MAX(CASE WHEN "_edge" = 'before 30d ago' THEN "_event_count" END) AS "_event_count_30d",
    MAX(CASE WHEN "_edge" = 'before now' THEN "carrier_late_landings_input_count" END) - MAX(CASE WHEN "_edge" = 'before 1d ago' THEN "carrier_late_landings_input_count" END) AS "carrier_late_landings_input_count_1d",
    MAX(CASE WHEN "_edge" = 'before now' THEN "carrier_late_landings_input_count" END) - MAX(CASE WHEN "_edge" = 'before 7d ago' THEN "carrier_late_landings_input_count" END) AS "carrier_late_landings_input_count_7d",
    MAX(CASE WHEN "_edge" = 'before now' THEN "carrier_late_landings_input_count" END) - MAX(CASE WHEN "_edge" = 'before 30d ago' THEN "carrier_late_landings_input_count" END) AS "carrier_late_landings_input_count_30d",
    MAX(CASE WHEN "_edge" = 'before now' THEN "arrival_delay_minutes_count" END) - MAX(CASE WHEN "_edge" = 'before 1d ago' THEN "arrival_delay_minutes_count" END) AS "arrival_delay_minutes_count_1d",
    COALESCE(MAX(CASE WHEN "_edge" = 'before now' THEN "arrival_delay_minutes_sum" END), 0) - COALESCE(MAX(CASE WHEN "_edge" = 'before 1d ago' THEN "arrival_delay_minutes_sum" END), 0) AS "arrival_delay_minutes_sum_1d",
    MAX(CASE WHEN "_edge" = 'before now' THEN "arrival_delay_minutes_count" END) - MAX(CASE WHEN "_edge" = 'before 7d ago' THEN "arrival_delay_minutes_count" END) AS "arrival_delay_minutes_count_7d",
    COALESCE(MAX(CASE WHEN "_edge" = 'before now' THEN "arrival_delay_minutes_sum" END), 0) - COALESCE(MAX(CASE WHEN "_edge" = 'before 7d ago' THEN "arrival_delay_minutes_sum" END), 0) AS "arrival_delay_minutes_sum_7d",
    MAX(CASE WHEN "_edge" = 'before now' THEN "arrival_delay_minutes_count" END) - MAX(CASE WHEN "_edge" = 'before 30d ago' THEN "arrival_delay_minutes_count" END) AS "arrival_delay_minutes_count_30d",
    COALESCE(MAX(CASE WHEN "_edge" = 'before now' THEN "arrival_delay_minutes_sum" END), 0) - COALESCE(MAX(CASE WHEN "_edge" = 'before 30d ago' THEN "arrival_delay_minutes_sum" END), 0) AS "arrival_delay_minutes_sum_30d",
    COALESCE(MAX(CASE WHEN "_edge" = 'before now' THEN "arrival_delay_minutes_squares" END), 0) - COALESCE(MAX(CASE WHEN "_edge" = 'before 7d ago' THEN "arrival_delay_minutes_squares" END), 0) AS "arrival_delay_minutes_squares_7d",
    COALESCE(MAX(CASE WHEN "_edge" = 'before now' THEN "arrival_delay_minutes_squares" END), 0) - COALESCE(MAX(CASE WHEN "_edge" = 'before 30d ago' THEN "arrival_delay_minutes_squares" END), 0) AS "arrival_delay_minutes_squares_30d"
  FROM "carrier_delays_running"
  WHERE
    "_row" IS NOT NULL
  GROUP BY
    "_row"
), "carrier_delays_totals" AS (
  /* a sum of no rows is NULL */
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
  FROM "carrier_delays_sums"
), "carrier_buckets_2" AS (
  /* the keys that are asked about, by the stretches of 6d23h59m59s999ms999us they reach */
  SELECT
    "carrier",
    EPOCH_US("_at" - INTERVAL '7' DAY) // 604799999999 AS "_bucket"
  FROM "carrier_questions"
  UNION
  SELECT
    "carrier",
    EPOCH_US("_at" - INTERVAL '1' MICROSECOND) // 604799999999 AS "_bucket"
  FROM "carrier_questions"
), "carrier_delays_timeline_2" AS (
  /* rows and questions on one time line, each at its own instant */
  SELECT
    NULL AS "_row",
    "carrier_delays_rows"."carrier",
    "carrier_delays_rows"."_event" AS "_at",
    "carrier_delays_rows"."arrival_delay_minutes"
  FROM "carrier_delays_rows"
  JOIN "carrier_buckets_2"
    ON "carrier_buckets_2"."carrier" = "carrier_delays_rows"."carrier"
    AND "carrier_buckets_2"."_bucket" = EPOCH_US("carrier_delays_rows"."_event") // 604799999999
  WHERE
    "carrier_delays_rows"."_event" <= (
      SELECT
        MAX("_at")
      FROM "spine"
    )
    AND "carrier_delays_rows"."_event" >= (
      SELECT
        MIN("_at") - INTERVAL '7' DAY
      FROM "spine"
    )
  UNION ALL
  SELECT
    "_row",
    "carrier",
    "_at",
    NULL AS "arrival_delay_minutes"
  FROM "carrier_questions"
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
    FROM "carrier_delays_timeline_2"
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
), "origin_dest_questions" AS (
  /* whom each row of the spine asks about, and when */
  SELECT
    "spine"."_row",
    "spine"."origin",
    "spine"."dest",
    "spine"."_at"
  FROM "spine"
  WHERE
    "spine"."origin" IS NOT NULL AND "spine"."dest" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "route_delays_edges" AS (
  /* each question once for every edge of its windows */
  SELECT
    "_row",
    'before now' AS "_edge",
    "origin",
    "dest",
    "_at" - INTERVAL '1' MICROSECOND AS "_at"
  FROM "origin_dest_questions"
  UNION ALL
  SELECT
    "_row",
    'before 7d ago' AS "_edge",
    "origin",
    "dest",
    "_at" - INTERVAL '604800000001' MICROSECOND AS "_at"
  FROM "origin_dest_questions"
  UNION ALL
  SELECT
    "_row",
    'before 30d ago' AS "_edge",
    "origin",
    "dest",
    "_at" - INTERVAL '2592000000001' MICROSECOND AS "_at"
  FROM "origin_dest_questions"
), "origin_dest_buckets" AS (
  /* the keys that are asked about, by the stretches of 29d23h59m59s999ms999us they reach */
  SELECT
    "origin",
    "dest",
    EPOCH_US("_at" - INTERVAL '30' DAY) // 2591999999999 AS "_bucket"
  FROM "origin_dest_questions"
  UNION
  SELECT
    "origin",
    "dest",
    EPOCH_US("_at" - INTERVAL '1' MICROSECOND) // 2591999999999 AS "_bucket"
  FROM "origin_dest_questions"
), "route_delays_timeline" AS (
  /* rows and edges on one time line; a total includes the rows of its instant */
  SELECT
    NULL AS "_row",
    NULL AS "_edge",
    "route_delays_rows"."origin",
    "route_delays_rows"."dest",
    "route_delays_rows"."_event" AS "_at",
    "route_delays_rows"."_event",
    "route_delays_rows"."arrival_delay_minutes",
    "route_delays_rows"."air_time_minutes"
  FROM "route_delays_rows"
  JOIN "origin_dest_buckets"
    ON "origin_dest_buckets"."origin" = "route_delays_rows"."origin"
    AND "origin_dest_buckets"."dest" = "route_delays_rows"."dest"
    AND "origin_dest_buckets"."_bucket" = EPOCH_US("route_delays_rows"."_event") // 2591999999999
  WHERE
    "route_delays_rows"."_event" <= (
      SELECT
        MAX("_at")
      FROM "spine"
    )
    AND "route_delays_rows"."_event" >= (
      SELECT
        MIN("_at") - INTERVAL '30' DAY
      FROM "spine"
    )
  UNION ALL
  SELECT
    "_row",
    "_edge",
    "origin",
    "dest",
    "_at",
    NULL AS "_event",
    NULL AS "arrival_delay_minutes",
    NULL AS "air_time_minutes"
  FROM "route_delays_edges"
), "route_delays_running" AS (
  /* what a key has come to at each edge of a window */
  SELECT
    "_row",
    "_edge",
    COUNT("_event") OVER "so_far" AS "_event_count",
    COUNT("arrival_delay_minutes") OVER "so_far" AS "arrival_delay_minutes_count",
    SUM("arrival_delay_minutes") OVER "so_far" AS "arrival_delay_minutes_sum",
    COUNT("air_time_minutes") OVER "so_far" AS "air_time_minutes_count",
    SUM("air_time_minutes") OVER "so_far" AS "air_time_minutes_sum"
  FROM "route_delays_timeline"
  WINDOW "so_far" AS (PARTITION BY "origin", "dest" ORDER BY "_at" ASC RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
), "route_delays_sums" AS (
  /* each window: the total at its end less that before its start */
  SELECT
    "_row",
    MAX(CASE WHEN "_edge" = 'before now' THEN "_event_count" END) - MAX(CASE WHEN "_edge" = 'before 7d ago' THEN "_event_count" END) AS "_event_count_7d",
    MAX(CASE WHEN "_edge" = 'before now' THEN "_event_count" END) - MAX(CASE WHEN "_edge" = 'before 30d ago' THEN "_event_count" END) AS "_event_count_30d",
    MAX(CASE WHEN "_edge" = 'before now' THEN "arrival_delay_minutes_count" END) - MAX(CASE WHEN "_edge" = 'before 7d ago' THEN "arrival_delay_minutes_count" END) AS "arrival_delay_minutes_count_7d",
    COALESCE(MAX(CASE WHEN "_edge" = 'before now' THEN "arrival_delay_minutes_sum" END), 0) - COALESCE(MAX(CASE WHEN "_edge" = 'before 7d ago' THEN "arrival_delay_minutes_sum" END), 0) AS "arrival_delay_minutes_sum_7d",
    MAX(CASE WHEN "_edge" = 'before now' THEN "arrival_delay_minutes_count" END) - MAX(CASE WHEN "_edge" = 'before 30d ago' THEN "arrival_delay_minutes_count" END) AS "arrival_delay_minutes_count_30d",
    COALESCE(MAX(CASE WHEN "_edge" = 'before now' THEN "arrival_delay_minutes_sum" END), 0) - COALESCE(MAX(CASE WHEN "_edge" = 'before 30d ago' THEN "arrival_delay_minutes_sum" END), 0) AS "arrival_delay_minutes_sum_30d",
    MAX(CASE WHEN "_edge" = 'before now' THEN "air_time_minutes_count" END) - MAX(CASE WHEN "_edge" = 'before 30d ago' THEN "air_time_minutes_count" END) AS "air_time_minutes_count_30d",
    COALESCE(MAX(CASE WHEN "_edge" = 'before now' THEN "air_time_minutes_sum" END), 0) - COALESCE(MAX(CASE WHEN "_edge" = 'before 30d ago' THEN "air_time_minutes_sum" END), 0) AS "air_time_minutes_sum_30d"
  FROM "route_delays_running"
  WHERE
    "_row" IS NOT NULL
  GROUP BY
    "_row"
), "route_delays_totals" AS (
  /* a sum of no rows is NULL */
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
  FROM "route_delays_sums"
), "route_delays_timeline_2" AS (
  /* rows and questions on one time line, each at its own instant */
  SELECT
    NULL AS "_row",
    "route_delays_rows"."origin",
    "route_delays_rows"."dest",
    "route_delays_rows"."_event" AS "_at",
    "route_delays_rows"."arrival_delay_minutes"
  FROM "route_delays_rows"
  JOIN "origin_dest_buckets"
    ON "origin_dest_buckets"."origin" = "route_delays_rows"."origin"
    AND "origin_dest_buckets"."dest" = "route_delays_rows"."dest"
    AND "origin_dest_buckets"."_bucket" = EPOCH_US("route_delays_rows"."_event") // 2591999999999
  WHERE
    "route_delays_rows"."_event" <= (
      SELECT
        MAX("_at")
      FROM "spine"
    )
    AND "route_delays_rows"."_event" >= (
      SELECT
        MIN("_at") - INTERVAL '30' DAY
      FROM "spine"
    )
  UNION ALL
  SELECT
    "_row",
    "origin",
    "dest",
    "_at",
    NULL AS "arrival_delay_minutes"
  FROM "origin_dest_questions"
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
    FROM "route_delays_timeline_2"
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
), "origin_questions" AS (
  /* whom each row of the spine asks about, and when */
  SELECT
    "spine"."_row",
    "spine"."origin" AS "airport",
    "spine"."_at"
  FROM "spine"
  WHERE
    "spine"."origin" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "airport_traffic_edges" AS (
  /* each question once for every edge of its windows */
  SELECT
    "_row",
    'before now' AS "_edge",
    "airport",
    "_at" - INTERVAL '1' MICROSECOND AS "_at"
  FROM "origin_questions"
  UNION ALL
  SELECT
    "_row",
    'before 1h ago' AS "_edge",
    "airport",
    "_at" - INTERVAL '3600000001' MICROSECOND AS "_at"
  FROM "origin_questions"
  UNION ALL
  SELECT
    "_row",
    'before 3h ago' AS "_edge",
    "airport",
    "_at" - INTERVAL '10800000001' MICROSECOND AS "_at"
  FROM "origin_questions"
), "origin_buckets" AS (
  /* the keys that are asked about, by the stretches of 2h59m59s999ms999us they reach */
  SELECT
    "airport",
    EPOCH_US("_at" - INTERVAL '3' HOUR) // 10799999999 AS "_bucket"
  FROM "origin_questions"
  UNION
  SELECT
    "airport",
    EPOCH_US("_at" - INTERVAL '1' MICROSECOND) // 10799999999 AS "_bucket"
  FROM "origin_questions"
), "airport_traffic_timeline" AS (
  /* rows and edges on one time line; a total includes the rows of its instant */
  SELECT
    NULL AS "_row",
    NULL AS "_edge",
    "airport_traffic_rows"."airport",
    "airport_traffic_rows"."_event" AS "_at",
    "airport_traffic_rows"."_event",
    "airport_traffic_rows"."departure_delay_minutes"
  FROM "airport_traffic_rows"
  JOIN "origin_buckets"
    ON "origin_buckets"."airport" = "airport_traffic_rows"."airport"
    AND "origin_buckets"."_bucket" = EPOCH_US("airport_traffic_rows"."_event") // 10799999999
  WHERE
    "airport_traffic_rows"."_event" <= (
      SELECT
        MAX("_at")
      FROM "spine"
    )
    AND "airport_traffic_rows"."_event" >= (
      SELECT
        MIN("_at") - INTERVAL '3' HOUR
      FROM "spine"
    )
  UNION ALL
  SELECT
    "_row",
    "_edge",
    "airport",
    "_at",
    NULL AS "_event",
    NULL AS "departure_delay_minutes"
  FROM "airport_traffic_edges"
), "airport_traffic_running" AS (
  /* what a key has come to at each edge of a window */
  SELECT
    "_row",
    "_edge",
    COUNT("_event") OVER "so_far" AS "_event_count",
    COUNT("departure_delay_minutes") OVER "so_far" AS "departure_delay_minutes_count",
    SUM("departure_delay_minutes") OVER "so_far" AS "departure_delay_minutes_sum"
  FROM "airport_traffic_timeline"
  WINDOW "so_far" AS (PARTITION BY "airport" ORDER BY "_at" ASC RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
), "airport_traffic_sums" AS (
  /* each window: the total at its end less that before its start */
  SELECT
    "_row",
    MAX(CASE WHEN "_edge" = 'before now' THEN "_event_count" END) - MAX(CASE WHEN "_edge" = 'before 1h ago' THEN "_event_count" END) AS "_event_count_1h",
    MAX(CASE WHEN "_edge" = 'before now' THEN "_event_count" END) - MAX(CASE WHEN "_edge" = 'before 3h ago' THEN "_event_count" END) AS "_event_count_3h",
    MAX(CASE WHEN "_edge" = 'before now' THEN "departure_delay_minutes_count" END) - MAX(CASE WHEN "_edge" = 'before 1h ago' THEN "departure_delay_minutes_count" END) AS "departure_delay_minutes_count_1h",
    COALESCE(MAX(CASE WHEN "_edge" = 'before now' THEN "departure_delay_minutes_sum" END), 0) - COALESCE(MAX(CASE WHEN "_edge" = 'before 1h ago' THEN "departure_delay_minutes_sum" END), 0) AS "departure_delay_minutes_sum_1h",
    MAX(CASE WHEN "_edge" = 'before now' THEN "departure_delay_minutes_count" END) - MAX(CASE WHEN "_edge" = 'before 3h ago' THEN "departure_delay_minutes_count" END) AS "departure_delay_minutes_count_3h",
    COALESCE(MAX(CASE WHEN "_edge" = 'before now' THEN "departure_delay_minutes_sum" END), 0) - COALESCE(MAX(CASE WHEN "_edge" = 'before 3h ago' THEN "departure_delay_minutes_sum" END), 0) AS "departure_delay_minutes_sum_3h"
  FROM "airport_traffic_running"
  WHERE
    "_row" IS NOT NULL
  GROUP BY
    "_row"
), "airport_traffic_totals" AS (
  /* a sum of no rows is NULL */
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
  FROM "airport_traffic_sums"
), "weather_observations" AS (
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
), "origin_asked" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "spine"."_row",
    "spine"."origin" AS "airport",
    "spine"."_at",
    "spine"."_at" - INTERVAL '3' HOUR AS "_since",
    "spine"."_at" - INTERVAL '10' MINUTE AS "_until"
  FROM "spine"
  WHERE
    "spine"."origin" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "origin_buckets_2" AS (
  /* the keys that are asked about, by the stretches of 2h50m they reach */
  SELECT
    "airport",
    EPOCH_US("_at" - INTERVAL '3' HOUR) // 10200000000 AS "_bucket"
  FROM "origin_asked"
  UNION
  SELECT
    "airport",
    EPOCH_US("_at" - INTERVAL '10' MINUTE) // 10200000000 AS "_bucket"
  FROM "origin_asked"
), "weather_events" AS (
  /* when something happened to a key that is asked about */
  SELECT
    "weather_rows"."airport",
    "weather_rows"."_event"
  FROM "weather_rows"
  JOIN "origin_buckets_2"
    ON "origin_buckets_2"."airport" = "weather_rows"."airport"
    AND "origin_buckets_2"."_bucket" = EPOCH_US("weather_rows"."_event") // 10200000000
), "weather_found" AS (
  /* when the latest visible row of each question happened */
  SELECT
    "origin_asked"."_row",
    "origin_asked"."airport",
    "weather_events"."_event"
  FROM "origin_asked"
  ASOF JOIN "weather_events"
    ON "origin_asked"."airport" = "weather_events"."airport"
    AND "origin_asked"."_until" >= "weather_events"."_event"
  WHERE
    "weather_events"."_event" >= "origin_asked"."_since"
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
        ORDER BY "weather_rows"."temp_f" DESC, "weather_rows"."wind_dir_deg" DESC, "weather_rows"."wind_speed_mph" DESC, "weather_rows"."precip_in" DESC, "weather_rows"."pressure_mbar" DESC, "weather_rows"."visibility_miles" DESC
      ) AS "_rank"
    FROM "weather_rows"
    JOIN "weather_found"
      ON "weather_found"."airport" = "weather_rows"."airport"
      AND "weather_found"."_event" = "weather_rows"."_event"
  ) AS "ranked"
  WHERE
    "_rank" = 1
), "airports" AS (
  /* the rows of the source, times in UTC */
  SELECT
    CAST("airport" AS TEXT) AS "airport",
    CAST("name" AS TEXT) AS "name",
    CAST("lat" AS DOUBLE) AS "lat",
    CAST("lon" AS DOUBLE) AS "lon",
    CASE
      WHEN TYPEOF("alt") LIKE '%INT%' OR CAST("alt" AS DOUBLE) = CAST("alt" AS BIGINT)
      THEN CAST("alt" AS BIGINT)
      ELSE ERROR("filename" || ': column alt holds ' || CAST("alt" AS TEXT) || ', not int64')
    END AS "alt",
    CAST("tzone" AS TEXT) AS "tzone"
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
), "dest_asked" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "spine"."_row",
    "spine"."dest" AS "airport",
    "spine"."_at",
    "spine"."_at" AS "_until"
  FROM "spine"
  WHERE
    "spine"."dest" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "dest_keys" AS (
  /* the keys that are asked about */
  SELECT DISTINCT
    "airport"
  FROM "dest_asked"
), "destination_events" AS (
  /* when something happened to a key that is asked about */
  SELECT
    "airport_site_rows"."airport",
    "airport_site_rows"."_event"
  FROM "airport_site_rows"
  JOIN "dest_keys"
    ON "dest_keys"."airport" = "airport_site_rows"."airport"
), "destination_found" AS (
  /* when the latest visible row of each question happened */
  SELECT
    "dest_asked"."_row",
    "dest_asked"."airport",
    "destination_events"."_event"
  FROM "dest_asked"
  ASOF JOIN "destination_events"
    ON "dest_asked"."airport" = "destination_events"."airport"
    AND "dest_asked"."_until" >= "destination_events"."_event"
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
        ORDER BY "airport_site_rows"."lat" DESC, "airport_site_rows"."lon" DESC, "airport_site_rows"."altitude_feet" DESC
      ) AS "_rank"
    FROM "airport_site_rows"
    JOIN "destination_found"
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
), "tailnum_asked" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "spine"."_row",
    "spine"."tailnum",
    "spine"."_at",
    "spine"."_at" - INTERVAL '2' DAY AS "_since",
    "spine"."_at" AS "_until"
  FROM "spine"
  WHERE
    "spine"."tailnum" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "tailnum_buckets" AS (
  /* the keys that are asked about, by the stretches of 2d they reach */
  SELECT
    "tailnum",
    EPOCH_US("_at" - INTERVAL '2' DAY) // 172800000000 AS "_bucket"
  FROM "tailnum_asked"
  UNION
  SELECT
    "tailnum",
    EPOCH_US("_at") // 172800000000 AS "_bucket"
  FROM "tailnum_asked"
), "last_arrival_events" AS (
  /* when something happened to a key that is asked about */
  SELECT
    "last_arrival_rows"."tailnum",
    "last_arrival_rows"."_event"
  FROM "last_arrival_rows"
  JOIN "tailnum_buckets"
    ON "tailnum_buckets"."tailnum" = "last_arrival_rows"."tailnum"
    AND "tailnum_buckets"."_bucket" = EPOCH_US("last_arrival_rows"."_event") // 172800000000
), "last_arrival_found" AS (
  /* when the latest visible row of each question happened */
  SELECT
    "tailnum_asked"."_row",
    "tailnum_asked"."tailnum",
    "last_arrival_events"."_event"
  FROM "tailnum_asked"
  ASOF JOIN "last_arrival_events"
    ON "tailnum_asked"."tailnum" = "last_arrival_events"."tailnum"
    AND "tailnum_asked"."_until" >= "last_arrival_events"."_event"
  WHERE
    "last_arrival_events"."_event" >= "tailnum_asked"."_since"
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
        ORDER BY "last_arrival_rows"."flight_id" DESC, "last_arrival_rows"."last_landed_at" DESC, "last_arrival_rows"."last_airport" DESC, "last_arrival_rows"."last_arrival_delay_minutes" DESC
      ) AS "_rank"
    FROM "last_arrival_rows"
    JOIN "last_arrival_found"
      ON "last_arrival_found"."tailnum" = "last_arrival_rows"."tailnum"
      AND "last_arrival_found"."_event" = "last_arrival_rows"."_event"
  ) AS "ranked"
  WHERE
    "_rank" = 1
), "planes" AS (
  /* the rows of the source, times in UTC */
  SELECT
    CAST("tailnum" AS TEXT) AS "tailnum",
    CASE
      WHEN TYPEOF("built_year") LIKE '%INT%' OR CAST("built_year" AS DOUBLE) = CAST("built_year" AS INT)
      THEN CAST("built_year" AS INT)
      ELSE ERROR("filename" || ': column built_year holds ' || CAST("built_year" AS TEXT) || ', not int32')
    END AS "built_year",
    CAST("type" AS TEXT) AS "type",
    CAST("manufacturer" AS TEXT) AS "manufacturer",
    CAST("model" AS TEXT) AS "model",
    CASE
      WHEN TYPEOF("engines") LIKE '%INT%' OR CAST("engines" AS DOUBLE) = CAST("engines" AS INT)
      THEN CAST("engines" AS INT)
      ELSE ERROR("filename" || ': column engines holds ' || CAST("engines" AS TEXT) || ', not int32')
    END AS "engines",
    CASE
      WHEN TYPEOF("seats") LIKE '%INT%' OR CAST("seats" AS DOUBLE) = CAST("seats" AS INT)
      THEN CAST("seats" AS INT)
      ELSE ERROR("filename" || ': column seats holds ' || CAST("seats" AS TEXT) || ', not int32')
    END AS "seats",
    CAST("engine" AS TEXT) AS "engine"
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
), "tailnum_asked_2" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "spine"."_row",
    "spine"."tailnum",
    "spine"."_at",
    "spine"."_at" AS "_until"
  FROM "spine"
  WHERE
    "spine"."tailnum" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "tailnum_keys" AS (
  /* the keys that are asked about */
  SELECT DISTINCT
    "tailnum"
  FROM "tailnum_asked_2"
), "airframe_events" AS (
  /* when something happened to a key that is asked about */
  SELECT
    "airframe_rows"."tailnum",
    "airframe_rows"."_event"
  FROM "airframe_rows"
  JOIN "tailnum_keys"
    ON "tailnum_keys"."tailnum" = "airframe_rows"."tailnum"
), "airframe_found" AS (
  /* when the latest visible row of each question happened */
  SELECT
    "tailnum_asked_2"."_row",
    "tailnum_asked_2"."tailnum",
    "airframe_events"."_event"
  FROM "tailnum_asked_2"
  ASOF JOIN "airframe_events"
    ON "tailnum_asked_2"."tailnum" = "airframe_events"."tailnum"
    AND "tailnum_asked_2"."_until" >= "airframe_events"."_event"
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
        ORDER BY "airframe_rows"."built_year" DESC, "airframe_rows"."seats" DESC, "airframe_rows"."engines" DESC
      ) AS "_rank"
    FROM "airframe_rows"
    JOIN "airframe_found"
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
