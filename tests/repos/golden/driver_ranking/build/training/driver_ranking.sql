-- feature_service/driver_ranking of project driver_ranking: duckdb for target local, not applied yet.
-- Ranks the drivers near a rider.
-- Made by asof compile: edit the definition, not this file.
-- Parameter: the table spine (driver_id, pickup_km, event_timestamp).
SET TimeZone = 'UTC';
WITH "spine_2" AS MATERIALIZED (
  /* the rows to be enriched, numbered once, each at its own instant */
  SELECT
    ROW_NUMBER() OVER () AS "_row",
    "given"."driver_id",
    "given"."pickup_km",
    "given"."event_timestamp",
    CAST("given"."event_timestamp" AS TIMESTAMPTZ) AS "_at"
  FROM "spine" AS "given"
), "driver_hours" AS (
  /* the rows of the source, times in UTC */
  SELECT
    CASE
      WHEN REGEXP_FULL_MATCH("driver_id", ' *[+-]?[0-9]+([.]0*)? *')
      THEN CAST("driver_id" AS BIGINT)
      ELSE ERROR("filename" || ': column driver_id holds ' || CAST("driver_id" AS TEXT) || ', not int64')
    END AS "driver_id",
    CAST("event_timestamp" AS TIMESTAMPTZ) AS "event_timestamp",
    CAST("created" AS TIMESTAMPTZ) AS "created",
    "conv_rate",
    "acc_rate",
    CASE
      WHEN REGEXP_FULL_MATCH("trips", ' *[+-]?[0-9]+([.]0*)? *')
      THEN CAST("trips" AS BIGINT)
      ELSE ERROR("filename" || ': column trips holds ' || CAST("trips" AS TEXT) || ', not int64')
    END AS "trips"
  FROM READ_CSV(
    'data/driver_hours.csv',
    "header" = TRUE,
    "types" = {'driver_id': 'VARCHAR', 'event_timestamp': 'TIMESTAMPTZ', 'created': 'TIMESTAMPTZ', 'conv_rate': 'DOUBLE', 'acc_rate': 'DOUBLE', 'trips': 'VARCHAR'}
  )
), "driver_hourly_stats_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "driver_id",
    "event_timestamp" AS "_event",
    "created" AS "_created",
    "conv_rate",
    "acc_rate",
    "trips"
  FROM "driver_hours"
  WHERE
    "driver_id" IS NOT NULL AND "event_timestamp" IS NOT NULL
), "driver_id_asked" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "spine_2"."_row",
    "spine_2"."driver_id",
    "spine_2"."_at",
    "spine_2"."_at" - INTERVAL '1' DAY AS "_since",
    "spine_2"."_at" AS "_until"
  FROM "spine_2"
  WHERE
    "spine_2"."driver_id" IS NOT NULL AND "spine_2"."_at" IS NOT NULL
), "driver_id_buckets" AS (
  /* the keys that are asked about, by the stretches of 1d they reach */
  SELECT
    "driver_id",
    EPOCH_US("_at" - INTERVAL '1' DAY) // 86400000000 AS "_bucket"
  FROM "driver_id_asked"
  UNION
  SELECT
    "driver_id",
    EPOCH_US("_at") // 86400000000 AS "_bucket"
  FROM "driver_id_asked"
), "driver_hourly_stats_events" AS (
  /* when something happened to a key that is asked about */
  SELECT
    "driver_hourly_stats_rows"."driver_id",
    "driver_hourly_stats_rows"."_event"
  FROM "driver_hourly_stats_rows"
  JOIN "driver_id_buckets"
    ON "driver_id_buckets"."driver_id" = "driver_hourly_stats_rows"."driver_id"
    AND "driver_id_buckets"."_bucket" = EPOCH_US("driver_hourly_stats_rows"."_event") // 86400000000
), "driver_hourly_stats_found" AS (
  /* when the latest visible row of each question happened */
  SELECT
    "driver_id_asked"."_row",
    "driver_id_asked"."driver_id",
    "driver_hourly_stats_events"."_event"
  FROM "driver_id_asked"
  ASOF JOIN "driver_hourly_stats_events"
    ON "driver_id_asked"."driver_id" = "driver_hourly_stats_events"."driver_id"
    AND "driver_id_asked"."_until" >= "driver_hourly_stats_events"."_event"
  WHERE
    "driver_hourly_stats_events"."_event" >= "driver_id_asked"."_since"
), "driver_hourly_stats_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "conv_rate",
    "acc_rate",
    "trips"
  FROM (
    SELECT
      "driver_hourly_stats_found"."_row",
      "driver_hourly_stats_rows"."conv_rate",
      "driver_hourly_stats_rows"."acc_rate",
      "driver_hourly_stats_rows"."trips",
      ROW_NUMBER() OVER (
        PARTITION BY "driver_hourly_stats_found"."_row"
        ORDER BY "driver_hourly_stats_rows"."_created" DESC, "driver_hourly_stats_rows"."conv_rate" DESC, "driver_hourly_stats_rows"."acc_rate" DESC, "driver_hourly_stats_rows"."trips" DESC
      ) AS "_rank"
    FROM "driver_hourly_stats_rows"
    JOIN "driver_hourly_stats_found"
      ON "driver_hourly_stats_found"."driver_id" = "driver_hourly_stats_rows"."driver_id"
      AND "driver_hourly_stats_found"."_event" = "driver_hourly_stats_rows"."_event"
  ) AS "ranked"
  WHERE
    "_rank" = 1
), "driver_activity_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "driver_id",
    "event_timestamp" AS "_event",
    "created" AS "_created",
    "trips",
    "conv_rate"
  FROM "driver_hours"
  WHERE
    "driver_id" IS NOT NULL AND "event_timestamp" IS NOT NULL
), "driver_id_questions" AS (
  /* whom each row of the spine asks about, and when */
  SELECT
    "spine_2"."_row",
    "spine_2"."driver_id",
    "spine_2"."_at"
  FROM "spine_2"
  WHERE
    "spine_2"."driver_id" IS NOT NULL AND "spine_2"."_at" IS NOT NULL
), "driver_activity_edges" AS (
  /* each question once for every edge of its windows */
  SELECT
    "_row",
    'before now' AS "_edge",
    "driver_id",
    "_at" - INTERVAL '1' MICROSECOND AS "_at"
  FROM "driver_id_questions"
  UNION ALL
  SELECT
    "_row",
    'before 6h ago' AS "_edge",
    "driver_id",
    "_at" - INTERVAL '21600000001' MICROSECOND AS "_at"
  FROM "driver_id_questions"
  UNION ALL
  SELECT
    "_row",
    'before 1d ago' AS "_edge",
    "driver_id",
    "_at" - INTERVAL '86400000001' MICROSECOND AS "_at"
  FROM "driver_id_questions"
), "driver_id_buckets_2" AS (
  /* the keys that are asked about, by the stretches of 23h59m59s999ms999us they reach */
  SELECT
    "driver_id",
    EPOCH_US("_at" - INTERVAL '1' DAY) // 86399999999 AS "_bucket"
  FROM "driver_id_questions"
  UNION
  SELECT
    "driver_id",
    EPOCH_US("_at" - INTERVAL '1' MICROSECOND) // 86399999999 AS "_bucket"
  FROM "driver_id_questions"
), "driver_activity_timeline" AS (
  /* rows and edges on one time line; a total includes the rows of its instant */
  SELECT
    NULL AS "_row",
    NULL AS "_edge",
    "driver_activity_rows"."driver_id",
    "driver_activity_rows"."_event" AS "_at",
    "driver_activity_rows"."trips"
  FROM "driver_activity_rows"
  JOIN "driver_id_buckets_2"
    ON "driver_id_buckets_2"."driver_id" = "driver_activity_rows"."driver_id"
    AND "driver_id_buckets_2"."_bucket" = EPOCH_US("driver_activity_rows"."_event") // 86399999999
  WHERE
    "driver_activity_rows"."_event" <= (
      SELECT
        MAX("_at")
      FROM "spine_2"
    )
    AND "driver_activity_rows"."_event" >= (
      SELECT
        MIN("_at") - INTERVAL '1' DAY
      FROM "spine_2"
    )
  UNION ALL
  SELECT
    "_row",
    "_edge",
    "driver_id",
    "_at",
    NULL AS "trips"
  FROM "driver_activity_edges"
), "driver_activity_running" AS (
  /* what a key has come to at each edge of a window */
  SELECT
    "_row",
    "_edge",
    COUNT("trips") OVER "so_far" AS "trips_count",
    SUM("trips") OVER "so_far" AS "trips_sum"
  FROM "driver_activity_timeline"
  WINDOW "so_far" AS (PARTITION BY "driver_id" ORDER BY "_at" ASC RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
), "driver_activity_sums" AS (
  /* each window: the total at its end less that before its start */
  SELECT
    "_row",
    MAX(CASE WHEN "_edge" = 'before now' THEN "trips_count" END) - MAX(CASE WHEN "_edge" = 'before 6h ago' THEN "trips_count" END) AS "trips_count_6h",
    COALESCE(MAX(CASE WHEN "_edge" = 'before now' THEN "trips_sum" END), 0) - COALESCE(MAX(CASE WHEN "_edge" = 'before 6h ago' THEN "trips_sum" END), 0) AS "trips_sum_6h",
    MAX(CASE WHEN "_edge" = 'before now' THEN "trips_count" END) - MAX(CASE WHEN "_edge" = 'before 1d ago' THEN "trips_count" END) AS "trips_count_1d",
    COALESCE(MAX(CASE WHEN "_edge" = 'before now' THEN "trips_sum" END), 0) - COALESCE(MAX(CASE WHEN "_edge" = 'before 1d ago' THEN "trips_sum" END), 0) AS "trips_sum_1d"
  FROM "driver_activity_running"
  WHERE
    "_row" IS NOT NULL
  GROUP BY
    "_row"
), "driver_activity_totals" AS (
  /* a sum of no rows is NULL */
  SELECT
    "_row",
    CASE WHEN "trips_count_6h" > 0 THEN CAST("trips_sum_6h" AS BIGINT) END AS "trips_sum_6h",
    CASE WHEN "trips_count_1d" > 0 THEN CAST("trips_sum_1d" AS BIGINT) END AS "trips_sum_1d"
  FROM "driver_activity_sums"
), "driver_activity_timeline_2" AS (
  /* rows and questions on one time line, each at its own instant */
  SELECT
    NULL AS "_row",
    "driver_activity_rows"."driver_id",
    "driver_activity_rows"."_event" AS "_at",
    "driver_activity_rows"."conv_rate"
  FROM "driver_activity_rows"
  JOIN "driver_id_buckets_2"
    ON "driver_id_buckets_2"."driver_id" = "driver_activity_rows"."driver_id"
    AND "driver_id_buckets_2"."_bucket" = EPOCH_US("driver_activity_rows"."_event") // 86399999999
  WHERE
    "driver_activity_rows"."_event" <= (
      SELECT
        MAX("_at")
      FROM "spine_2"
    )
    AND "driver_activity_rows"."_event" >= (
      SELECT
        MIN("_at") - INTERVAL '1' DAY
      FROM "spine_2"
    )
  UNION ALL
  SELECT
    "_row",
    "driver_id",
    "_at",
    NULL AS "conv_rate"
  FROM "driver_id_questions"
), "driver_activity_windows" AS (
  /* every window ends before the instant it is asked at */
  SELECT
    "_row",
    "conv_rate_mean_1d"
  FROM (
    SELECT
      "_row",
      CAST(AVG("conv_rate") OVER "1d" AS DOUBLE) AS "conv_rate_mean_1d"
    FROM "driver_activity_timeline_2"
    WINDOW "1d" AS (
      PARTITION BY "driver_id"
      ORDER BY "_at" ASC
      RANGE BETWEEN INTERVAL '1' DAY PRECEDING AND INTERVAL '1' MICROSECOND PRECEDING
    )
  ) AS "framed"
  WHERE
    "_row" IS NOT NULL
)
SELECT
  "spine_2"."driver_id",
  "spine_2"."pickup_km",
  "spine_2"."event_timestamp",
  "driver_hourly_stats_latest"."conv_rate",
  "driver_hourly_stats_latest"."acc_rate",
  "driver_hourly_stats_latest"."trips",
  "driver_activity_totals"."trips_sum_6h",
  "driver_activity_totals"."trips_sum_1d",
  "driver_activity_windows"."conv_rate_mean_1d",
  CAST("driver_hourly_stats_latest"."conv_rate" / (
    1 + "spine_2"."pickup_km"
  ) AS DOUBLE) AS "conv_rate_by_distance"
FROM "spine_2"
LEFT JOIN "driver_hourly_stats_latest"
  ON "driver_hourly_stats_latest"."_row" = "spine_2"."_row"
LEFT JOIN "driver_activity_totals"
  ON "driver_activity_totals"."_row" = "spine_2"."_row"
LEFT JOIN "driver_activity_windows"
  ON "driver_activity_windows"."_row" = "spine_2"."_row"
ORDER BY
  "spine_2"."_row" ASC;
