SET join_use_nulls = 1;
SET prefer_column_name_to_alias = 1;
WITH "spine" AS (
  /* the rows to be enriched, numbered once, each at its own instant */
  SELECT
    ROW_NUMBER() OVER (ORDER BY "given"."asked_at" ASC, "given"."driver" ASC) AS "_row",
    "given"."driver",
    "given"."asked_at",
    toUnixTimestamp64Micro(CAST("given"."asked_at" AS Nullable(DateTime64(6, 'UTC')))) AS "_at"
  FROM "bookings" AS "given"
), "rides_source" AS (
  /* the rows of the source, times in UTC */
  SELECT
    "driver",
    CAST("ended_at" AS Nullable(DateTime64(6, 'UTC'))) AS "ended_at",
    CAST("loaded_at" AS Nullable(DateTime64(6, 'UTC'))) AS "loaded_at",
    "ride",
    "fare",
    "rating"
  FROM "rides"
), "last_ride_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "driver",
    assumeNotNull(toUnixTimestamp64Micro("ended_at")) AS "_event",
    toUnixTimestamp64Micro("loaded_at") AS "_created",
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
    "spine"."_at" - 604800000000 AS "_since",
    "spine"."_at" - 600000000 AS "_until"
  FROM "spine"
  WHERE
    "spine"."driver" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "driver_keys" AS (
  /* the keys that are asked about */
  SELECT DISTINCT
    "driver"
  FROM "driver_asked"
), "last_ride_events" AS (
  /* when something happened to a key that is asked about */
  SELECT
    "last_ride_rows"."driver",
    "last_ride_rows"."_event"
  FROM "last_ride_rows"
  JOIN "driver_keys"
    ON "driver_keys"."driver" = "last_ride_rows"."driver"
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
    assumeNotNull(toUnixTimestamp64Micro("ended_at")) AS "_event",
    toUnixTimestamp64Micro("loaded_at") AS "_created",
    "ride",
    "rating",
    "fare",
    CASE WHEN "fare" > 1 OR isNaN("fare") THEN "rating" END AS "rating_sum_input"
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
    "_at" - 600000000 AS "_at"
  FROM "driver_questions"
  UNION ALL
  SELECT
    "_row",
    'before 1d ago' AS "_edge",
    "driver",
    "_at" - 86400000001 AS "_at"
  FROM "driver_questions"
), "driver_keys_2" AS (
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
  JOIN "driver_keys_2"
    ON "driver_keys_2"."driver" = "earnings_rows"."driver"
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
    SUM(CAST("rating_sum_input" AS Nullable(Int128))) OVER "so_far" AS "rating_sum_input_sum"
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
    CASE
      WHEN "rating_sum_input_count_1d" > 0
      THEN accurateCast("rating_sum_input_sum_1d", 'Nullable(Int64)')
    END AS "rating_sum_1d"
  FROM "earnings_sums"
), "earnings_pairs" AS (
  /* each question with the rows that its widest window can hold */
  SELECT
    "driver_asked"."_row",
    "driver_asked"."_at",
    "earnings_rows"."_event",
    "earnings_rows"."fare",
    "earnings_rows"."rating",
    "earnings_rows"."_created",
    "earnings_rows"."ride"
  FROM "driver_asked"
  LEFT JOIN "earnings_rows"
    ON "driver_asked"."driver" = "earnings_rows"."driver"
    AND "earnings_rows"."_event" <= "driver_asked"."_until"
    AND "earnings_rows"."_event" >= "driver_asked"."_since"
), "earnings_seen" AS (
  /* the values that each window sees, NULL where the row lies outside */
  SELECT
    *,
    CASE WHEN "_event" <= "_at" - 600000000 AND "_event" >= "_at" - 604800000000 THEN "fare" END AS "_in_fare_7d",
    CASE WHEN "_event" <= "_at" - 600000000 AND "_event" >= "_at" - 604800000000 THEN "rating" END AS "_in_rating_7d"
  FROM "earnings_pairs"
), "earnings_ranked" AS (
  /* ranks, counts and means among the rows of one question */
  SELECT
    *,
    CAST("_in_fare_7d" AS Nullable(Float64)) - AVG(CAST("_in_fare_7d" AS Nullable(Float64))) OVER (PARTITION BY "_row") AS "_rank_off_mean_fare_7d",
    ROW_NUMBER() OVER (
      PARTITION BY "_row", CASE WHEN "_in_rating_7d" IS NOT NULL THEN 1 END
      ORDER BY "_event" DESC, "_created" DESC, "ride" DESC, "rating" DESC
    ) AS "_rank_latest_rating_7d"
  FROM "earnings_seen"
), "earnings_exact" AS (
  /* every window picks its own rows */
  SELECT
    "_row",
    SQRT(
      SUM("_rank_off_mean_fare_7d" * "_rank_off_mean_fare_7d") / nullIf(CASE WHEN COUNT("_in_fare_7d") > 1 THEN COUNT("_in_fare_7d") - 1 END, 0)
    ) AS "fare_stddev_samp_7d",
    MAX(CASE WHEN "_rank_latest_rating_7d" = 1 THEN "_in_rating_7d" END) AS "rating_last_7d"
  FROM "earnings_ranked"
  GROUP BY
    "_row"
)
SELECT
  "spine"."driver",
  "spine"."asked_at",
  "last_ride_latest"."fare",
  "last_ride_latest"."rating",
  "earnings_totals"."rides_1d",
  "earnings_totals"."rides_lifetime",
  "earnings_totals"."rating_sum_1d",
  "earnings_exact"."fare_stddev_samp_7d",
  "earnings_exact"."rating_last_7d",
  CAST("last_ride_latest"."fare" / CAST(nullIf("earnings_totals"."rides_1d", 0) AS Nullable(Float64)) AS Nullable(Float64)) AS "share"
FROM "spine"
LEFT JOIN "last_ride_latest"
  ON "last_ride_latest"."_row" = "spine"."_row"
LEFT JOIN "earnings_totals"
  ON "earnings_totals"."_row" = "spine"."_row"
LEFT JOIN "earnings_exact"
  ON "earnings_exact"."_row" = "spine"."_row"
ORDER BY
  "spine"."_row" ASC;
