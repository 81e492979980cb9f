-- feature_service/driver_ranking of project driver_ranking, target local, registry serial 0.
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
    "driver_id",
    CAST("event_timestamp" AS TIMESTAMPTZ) AS "event_timestamp",
    CAST("created" AS TIMESTAMPTZ) AS "created",
    "conv_rate",
    "acc_rate",
    "trips"
  FROM READ_CSV('data/driver_hours.csv')
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
), "driver_hourly_stats_asked" AS (
  /* whom each row of the spine asks about, and from when to when rows count */
  SELECT
    "spine_2"."_row",
    "spine_2"."driver_id",
    "spine_2"."_at",
    "spine_2"."_at" - INTERVAL '1' DAY AS "_since",
    "spine_2"."_at" AS "_until"
  FROM "spine_2"
  WHERE
    "spine_2"."driver_id" IS NOT NULL AND "spine_2"."_at" IS NOT NULL
), "driver_hourly_stats_found" AS (
  /* when the latest visible row of each question happened */
  SELECT
    "driver_hourly_stats_asked"."_row",
    "driver_hourly_stats_asked"."driver_id",
    "driver_hourly_stats_rows"."_event"
  FROM "driver_hourly_stats_asked"
  ASOF JOIN "driver_hourly_stats_rows"
    ON "driver_hourly_stats_asked"."driver_id" = "driver_hourly_stats_rows"."driver_id"
    AND "driver_hourly_stats_asked"."_until" >= "driver_hourly_stats_rows"."_event"
  WHERE
    "driver_hourly_stats_rows"."_event" >= "driver_hourly_stats_asked"."_since"
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
        ORDER BY "driver_hourly_stats_rows"."_event" DESC, "driver_hourly_stats_rows"."_created" DESC, "driver_hourly_stats_rows"."conv_rate" DESC, "driver_hourly_stats_rows"."acc_rate" DESC, "driver_hourly_stats_rows"."trips" DESC
      ) AS "_rank"
    FROM "driver_hourly_stats_found"
    JOIN "driver_hourly_stats_rows"
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
), "driver_activity_running" AS (
  /* running totals of each key, as of each of its rows */
  SELECT
    "driver_id",
    "_event",
    COUNT("trips") OVER "so_far" AS "trips_count",
    SUM("trips") OVER "so_far" AS "trips_sum"
  FROM "driver_activity_rows"
  WHERE
    "_event" <= (
      SELECT
        MAX("_at")
      FROM "spine_2"
    )
    AND "_event" >= (
      SELECT
        MIN("_at") - INTERVAL '1' DAY
      FROM "spine_2"
    )
  WINDOW "so_far" AS (PARTITION BY "driver_id" ORDER BY "_event" ASC RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
), "driver_activity_totals" AS (
  /* what each window adds up to: the total at its end less that before its start */
  SELECT
    "_row",
    CASE WHEN "trips_count_6h" > 0 THEN CAST("trips_sum_6h" AS BIGINT) END AS "trips_sum_6h",
    CASE WHEN "trips_count_1d" > 0 THEN CAST("trips_sum_1d" AS BIGINT) END AS "trips_sum_1d"
  FROM (
    SELECT
      "spine_2"."_row",
      COALESCE("until_1us"."trips_count", 0) - COALESCE("before_6h"."trips_count", 0) AS "trips_count_6h",
      COALESCE("until_1us"."trips_sum", 0) - COALESCE("before_6h"."trips_sum", 0) AS "trips_sum_6h",
      COALESCE("until_1us"."trips_count", 0) - COALESCE("before_1d"."trips_count", 0) AS "trips_count_1d",
      COALESCE("until_1us"."trips_sum", 0) - COALESCE("before_1d"."trips_sum", 0) AS "trips_sum_1d"
    FROM "spine_2"
    ASOF LEFT JOIN "driver_activity_running" AS "until_1us"
      ON "spine_2"."driver_id" = "until_1us"."driver_id"
      AND "spine_2"."_at" - INTERVAL '1' MICROSECOND >= "until_1us"."_event"
    ASOF LEFT JOIN "driver_activity_running" AS "before_6h"
      ON "spine_2"."driver_id" = "before_6h"."driver_id"
      AND "spine_2"."_at" - INTERVAL '6' HOUR > "before_6h"."_event"
    ASOF LEFT JOIN "driver_activity_running" AS "before_1d"
      ON "spine_2"."driver_id" = "before_1d"."driver_id"
      AND "spine_2"."_at" - INTERVAL '1' DAY > "before_1d"."_event"
    WHERE
      "spine_2"."driver_id" IS NOT NULL AND "spine_2"."_at" IS NOT NULL
  ) AS "sums"
), "driver_activity_timeline" AS (
  SELECT
    NULL AS "_row",
    "driver_id",
    "_event" AS "_at",
    "conv_rate"
  FROM "driver_activity_rows"
  WHERE
    "_event" <= (
      SELECT
        MAX("_at")
      FROM "spine_2"
    )
    AND "_event" >= (
      SELECT
        MIN("_at") - INTERVAL '1' DAY
      FROM "spine_2"
    )
  /* rows and questions on one time line, each at its own instant */
  UNION ALL
  SELECT
    "spine_2"."_row",
    "spine_2"."driver_id",
    "spine_2"."_at",
    NULL AS "conv_rate"
  FROM "spine_2"
  WHERE
    "spine_2"."driver_id" IS NOT NULL AND "spine_2"."_at" IS NOT NULL
), "driver_activity_windows" AS (
  /* every window ends before the instant it is asked at */
  SELECT
    "_row",
    "conv_rate_mean_1d"
  FROM (
    SELECT
      "_row",
      CAST(AVG("conv_rate") OVER "1d" AS DOUBLE) AS "conv_rate_mean_1d"
    FROM "driver_activity_timeline"
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
