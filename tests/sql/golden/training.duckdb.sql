SET TimeZone = 'UTC';
WITH "spine" AS MATERIALIZED (
  /* the rows to be enriched, numbered once, each at its own instant */
  SELECT
    ROW_NUMBER() OVER () AS "_row",
    "given"."driver",
    "given"."asked_at",
    CAST("given"."asked_at" AS TIMESTAMPTZ) AS "_at"
  FROM "bookings" AS "given"
), "rides_source" AS (
  /* the rows of the source, times in UTC */
  SELECT
    "driver",
    CAST("ended_at" AS TIMESTAMPTZ) AS "ended_at",
    CAST("loaded_at" AS TIMESTAMPTZ) AS "loaded_at",
    "ride",
    "fare",
    "rating"
  FROM "rides"
), "last_ride_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "driver",
    "ended_at" AS "_event",
    "loaded_at" AS "_created",
    "ride",
    "fare",
    "rating"
  FROM "rides_source"
  WHERE
    "driver" IS NOT NULL AND "ended_at" IS NOT NULL
), "driver_asked" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "spine"."_row",
    "spine"."driver",
    "spine"."_at",
    "spine"."_at" - INTERVAL '7' DAY AS "_since",
    "spine"."_at" - INTERVAL '10' MINUTE AS "_until"
  FROM "spine"
  WHERE
    "spine"."driver" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "driver_buckets" AS (
  /* the keys that are asked about, by the stretches of 6d23h50m they reach */
  SELECT
    "driver",
    EPOCH_US("_at" - INTERVAL '7' DAY) // 604200000000 AS "_bucket"
  FROM "driver_asked"
  UNION
  SELECT
    "driver",
    EPOCH_US("_at" - INTERVAL '10' MINUTE) // 604200000000 AS "_bucket"
  FROM "driver_asked"
), "last_ride_events" AS (
  /* when something happened to a key that is asked about */
  SELECT
    "last_ride_rows"."driver",
    "last_ride_rows"."_event"
  FROM "last_ride_rows"
  JOIN "driver_buckets"
    ON "driver_buckets"."driver" = "last_ride_rows"."driver"
    AND "driver_buckets"."_bucket" = EPOCH_US("last_ride_rows"."_event") // 604200000000
), "last_ride_found" AS (
  /* when the latest visible row of each question happened */
  SELECT
    "driver_asked"."_row",
    "driver_asked"."driver",
    "last_ride_events"."_event"
  FROM "driver_asked"
  ASOF JOIN "last_ride_events"
    ON "driver_asked"."driver" = "last_ride_events"."driver"
    AND "driver_asked"."_until" >= "last_ride_events"."_event"
  WHERE
    "last_ride_events"."_event" >= "driver_asked"."_since"
), "last_ride_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "fare",
    "rating"
  FROM (
    SELECT
      "last_ride_found"."_row",
      "last_ride_rows"."fare",
      "last_ride_rows"."rating",
      ROW_NUMBER() OVER (
        PARTITION BY "last_ride_found"."_row"
        ORDER BY "last_ride_rows"."_created" DESC, "last_ride_rows"."ride" DESC, "last_ride_rows"."fare" DESC, "last_ride_rows"."rating" DESC
      ) AS "_rank"
    FROM "last_ride_rows"
    JOIN "last_ride_found"
      ON "last_ride_found"."driver" = "last_ride_rows"."driver"
      AND "last_ride_found"."_event" = "last_ride_rows"."_event"
  ) AS "ranked"
  WHERE
    "_rank" = 1
), "earnings_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "driver",
    "ended_at" AS "_event",
    "loaded_at" AS "_created",
    "ride",
    "rating",
    "fare",
    CASE WHEN "fare" > 1 THEN "rating" END AS "rating_sum_input"
  FROM "rides_source"
  WHERE
    "driver" IS NOT NULL AND "ended_at" IS NOT NULL
), "driver_questions" AS (
  /* whom each row of the spine asks about, and when */
  SELECT
    "spine"."_row",
    "spine"."driver",
    "spine"."_at"
  FROM "spine"
  WHERE
    "spine"."driver" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "earnings_edges" AS (
  /* each question once for every edge of its windows */
  SELECT
    "_row",
    'until 10m ago' AS "_edge",
    "driver",
    "_at" - INTERVAL '10' MINUTE AS "_at"
  FROM "driver_questions"
  UNION ALL
  SELECT
    "_row",
    'before 1d ago' AS "_edge",
    "driver",
    "_at" - INTERVAL '86400000001' MICROSECOND AS "_at"
  FROM "driver_questions"
), "driver_keys" AS (
  /* the keys that are asked about */
  SELECT DISTINCT
    "driver"
  FROM "driver_questions"
), "earnings_timeline" AS (
  /* rows and edges on one time line; a total includes the rows of its instant */
  SELECT
    NULL AS "_row",
    NULL AS "_edge",
    "earnings_rows"."driver",
    "earnings_rows"."_event" AS "_at",
    "earnings_rows"."_event",
    "earnings_rows"."rating_sum_input"
  FROM "earnings_rows"
  JOIN "driver_keys"
    ON "driver_keys"."driver" = "earnings_rows"."driver"
  WHERE
    "earnings_rows"."_event" <= (
      SELECT
        MAX("_at")
      FROM "spine"
    )
  UNION ALL
  SELECT
    "_row",
    "_edge",
    "driver",
    "_at",
    NULL AS "_event",
    NULL AS "rating_sum_input"
  FROM "earnings_edges"
), "earnings_running" AS (
  /* what a key has come to at each edge of a window */
  SELECT
    "_row",
    "_edge",
    COUNT("_event") OVER "so_far" AS "_event_count",
    COUNT("rating_sum_input") OVER "so_far" AS "rating_sum_input_count",
    SUM("rating_sum_input") OVER "so_far" AS "rating_sum_input_sum"
  FROM "earnings_timeline"
  WINDOW "so_far" AS (PARTITION BY "driver" ORDER BY "_at" ASC RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
), "earnings_sums" AS (
  /* each window: the total at its end less that before its start */
  SELECT
    "_row",
    MAX(CASE WHEN "_edge" = 'until 10m ago' THEN "_event_count" END) - MAX(CASE WHEN "_edge" = 'before 1d ago' THEN "_event_count" END) AS "_event_count_1d",
    MAX(CASE WHEN "_edge" = 'until 10m ago' THEN "_event_count" END) AS "_event_count_lifetime",
    MAX(CASE WHEN "_edge" = 'until 10m ago' THEN "rating_sum_input_count" END) - MAX(CASE WHEN "_edge" = 'before 1d ago' THEN "rating_sum_input_count" END) AS "rating_sum_input_count_1d",
    COALESCE(MAX(CASE WHEN "_edge" = 'until 10m ago' THEN "rating_sum_input_sum" END), 0) - COALESCE(MAX(CASE WHEN "_edge" = 'before 1d ago' THEN "rating_sum_input_sum" END), 0) AS "rating_sum_input_sum_1d"
  FROM "earnings_running"
  WHERE
    "_row" IS NOT NULL
  GROUP BY
    "_row"
), "earnings_totals" AS (
  /* a sum of no rows is NULL */
  SELECT
    "_row",
    "_event_count_1d" AS "rides_1d",
    "_event_count_lifetime" AS "rides_lifetime",
    CASE WHEN "rating_sum_input_count_1d" > 0 THEN CAST("rating_sum_input_sum_1d" AS BIGINT) END AS "rating_sum_1d"
  FROM "earnings_sums"
), "driver_buckets_2" AS (
  /* the keys that are asked about, by the stretches of 6d23h50m they reach */
  SELECT
    "driver",
    EPOCH_US("_at" - INTERVAL '7' DAY) // 604200000000 AS "_bucket"
  FROM "driver_questions"
  UNION
  SELECT
    "driver",
    EPOCH_US("_at" - INTERVAL '10' MINUTE) // 604200000000 AS "_bucket"
  FROM "driver_questions"
), "earnings_timeline_2" AS (
  /* rows and questions on one time line, each at its own instant */
  SELECT
    NULL AS "_row",
    "earnings_rows"."driver",
    "earnings_rows"."_event" AS "_at",
    "earnings_rows"."fare",
    "earnings_rows"."rating",
    "earnings_rows"."_event",
    "earnings_rows"."_created",
    "earnings_rows"."ride"
  FROM "earnings_rows"
  JOIN "driver_buckets_2"
    ON "driver_buckets_2"."driver" = "earnings_rows"."driver"
    AND "driver_buckets_2"."_bucket" = EPOCH_US("earnings_rows"."_event") // 604200000000
  WHERE
    "earnings_rows"."_event" <= (
      SELECT
        MAX("_at")
      FROM "spine"
    )
    AND "earnings_rows"."_event" >= (
      SELECT
        MIN("_at") - INTERVAL '7' DAY
      FROM "spine"
    )
  UNION ALL
  SELECT
    "_row",
    "driver",
    "_at",
    NULL AS "fare",
    NULL AS "rating",
    NULL AS "_event",
    NULL AS "_created",
    NULL AS "ride"
  FROM "driver_questions"
), "earnings_windows" AS (
  /* every window ends before the instant it is asked at */
  SELECT
    "_row",
    "fare_stddev_samp_7d",
    "rating_last_7d"
  FROM (
    SELECT
      "_row",
      CAST(STDDEV_SAMP("fare") OVER "7d" AS DOUBLE) AS "fare_stddev_samp_7d",
      ARG_MAX(
        "rating",
        ROW("_event", "_created" IS NOT NULL, "_created", "ride" IS NOT NULL, "ride", "rating" IS NOT NULL, "rating")
      ) OVER "7d" AS "rating_last_7d"
    FROM "earnings_timeline_2"
    WINDOW "7d" AS (
      PARTITION BY "driver"
      ORDER BY "_at" ASC
      RANGE BETWEEN INTERVAL '7' DAY PRECEDING AND INTERVAL '10' MINUTE PRECEDING
    )
  ) AS "framed"
  WHERE
    "_row" IS NOT NULL
)
SELECT
  "spine"."driver",
  "spine"."asked_at",
  "last_ride_latest"."fare",
  "last_ride_latest"."rating",
  "earnings_totals"."rides_1d",
  "earnings_totals"."rides_lifetime",
  "earnings_totals"."rating_sum_1d",
  "earnings_windows"."fare_stddev_samp_7d",
  "earnings_windows"."rating_last_7d",
  CAST("last_ride_latest"."fare" / NULLIF("earnings_totals"."rides_1d", 0) AS DOUBLE) AS "share"
FROM "spine"
LEFT JOIN "last_ride_latest"
  ON "last_ride_latest"."_row" = "spine"."_row"
LEFT JOIN "earnings_totals"
  ON "earnings_totals"."_row" = "spine"."_row"
LEFT JOIN "earnings_windows"
  ON "earnings_windows"."_row" = "spine"."_row"
ORDER BY
  "spine"."_row" ASC;
