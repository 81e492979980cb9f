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
), "last_ride_asked" AS (
  /* whom each row of the spine asks about, and from when to when rows count */
  SELECT
    "spine"."_row",
    "spine"."driver",
    "spine"."_at",
    "spine"."_at" - INTERVAL '7' DAY AS "_since",
    "spine"."_at" - INTERVAL '10' MINUTE AS "_until"
  FROM "spine"
  WHERE
    "spine"."driver" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "last_ride_found" AS (
  /* when the latest visible row of each question happened */
  SELECT
    "last_ride_asked"."_row",
    "last_ride_asked"."driver",
    "last_ride_rows"."_event"
  FROM "last_ride_asked"
  ASOF JOIN "last_ride_rows"
    ON "last_ride_asked"."driver" = "last_ride_rows"."driver"
    AND "last_ride_asked"."_until" >= "last_ride_rows"."_event"
  WHERE
    "last_ride_rows"."_event" >= "last_ride_asked"."_since"
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
        ORDER BY "last_ride_rows"."_event" DESC, "last_ride_rows"."_created" DESC, "last_ride_rows"."ride" DESC, "last_ride_rows"."fare" DESC, "last_ride_rows"."rating" DESC
      ) AS "_rank"
    FROM "last_ride_found"
    JOIN "last_ride_rows"
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
), "earnings_running" AS (
  /* running totals of each key, as of each of its rows */
  SELECT
    "driver",
    "_event",
    COUNT("_event") OVER "so_far" AS "_event_count",
    COUNT("rating_sum_input") OVER "so_far" AS "rating_sum_input_count",
    SUM("rating_sum_input") OVER "so_far" AS "rating_sum_input_sum"
  FROM "earnings_rows"
  WHERE
    "_event" <= (
      SELECT
        MAX("_at")
      FROM "spine"
    )
  WINDOW "so_far" AS (PARTITION BY "driver" ORDER BY "_event" ASC RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
), "earnings_totals" AS (
  /* what each window adds up to: the total at its end less that before its start */
  SELECT
    "_row",
    "_event_count_1d" AS "rides_1d",
    "_event_count_lifetime" AS "rides_lifetime",
    CASE WHEN "rating_sum_input_count_1d" > 0 THEN CAST("rating_sum_input_sum_1d" AS BIGINT) END AS "rating_sum_1d"
  FROM (
    SELECT
      "spine"."_row",
      COALESCE("until_10m"."_event_count", 0) - COALESCE("before_1d"."_event_count", 0) AS "_event_count_1d",
      COALESCE("until_10m"."_event_count", 0) AS "_event_count_lifetime",
      COALESCE("until_10m"."rating_sum_input_count", 0) - COALESCE("before_1d"."rating_sum_input_count", 0) AS "rating_sum_input_count_1d",
      COALESCE("until_10m"."rating_sum_input_sum", 0) - COALESCE("before_1d"."rating_sum_input_sum", 0) AS "rating_sum_input_sum_1d"
    FROM "spine"
    ASOF LEFT JOIN "earnings_running" AS "until_10m"
      ON "spine"."driver" = "until_10m"."driver"
      AND "spine"."_at" - INTERVAL '10' MINUTE >= "until_10m"."_event"
    ASOF LEFT JOIN "earnings_running" AS "before_1d"
      ON "spine"."driver" = "before_1d"."driver" AND "spine"."_at" - INTERVAL '1' DAY > "before_1d"."_event"
    WHERE
      "spine"."driver" IS NOT NULL AND "spine"."_at" IS NOT NULL
  ) AS "sums"
), "earnings_timeline" AS (
  SELECT
    NULL AS "_row",
    "driver",
    "_event" AS "_at",
    "fare",
    "rating",
    "_event",
    "_created",
    "ride"
  FROM "earnings_rows"
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
    "spine"."driver",
    "spine"."_at",
    NULL AS "fare",
    NULL AS "rating",
    NULL AS "_event",
    NULL AS "_created",
    NULL AS "ride"
  FROM "spine"
  WHERE
    "spine"."driver" IS NOT NULL AND "spine"."_at" IS NOT NULL
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
    FROM "earnings_timeline"
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
