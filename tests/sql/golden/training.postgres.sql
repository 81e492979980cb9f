SET TimeZone = 'UTC';
WITH "spine" AS MATERIALIZED (
  /* the rows to be enriched, numbered once, each at its own instant */
  SELECT
    ROW_NUMBER() OVER () AS "_row",
    "given"."driver",
    "given"."asked_at",
    CAST("given"."asked_at" AS TIMESTAMPTZ) AS "_at"
  FROM "bookings" AS "given"
), "rides_source" AS NOT MATERIALIZED (
  /* the rows of the source, times in UTC */
  SELECT
    "driver",
    CAST("ended_at" AS TIMESTAMPTZ) AS "ended_at",
    CAST("loaded_at" AS TIMESTAMPTZ) AS "loaded_at",
    "ride",
    "fare",
    "rating"
  FROM "rides"
), "last_ride_rows" AS NOT MATERIALIZED (
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
    "spine"."_at" - INTERVAL '7 DAY' AS "_since",
    "spine"."_at" - INTERVAL '10 MINUTE' AS "_until"
  FROM "spine"
  WHERE
    "spine"."driver" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "last_ride_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "driver_asked"."_row",
    "newest"."fare",
    "newest"."rating"
  FROM "driver_asked"
  JOIN LATERAL (
    SELECT
      "last_ride_rows"."fare",
      "last_ride_rows"."rating"
    FROM "last_ride_rows"
    WHERE
      "last_ride_rows"."driver" = "driver_asked"."driver"
      AND "last_ride_rows"."_event" <= "driver_asked"."_until"
      AND "last_ride_rows"."_event" >= "driver_asked"."_since"
    ORDER BY
      "last_ride_rows"."_event" DESC,
      "last_ride_rows"."_created" DESC NULLS LAST,
      "last_ride_rows"."ride" DESC NULLS LAST,
      "last_ride_rows"."fare" DESC NULLS LAST,
      "last_ride_rows"."rating" DESC NULLS LAST
    LIMIT 1
  ) AS "newest"
    ON TRUE
), "earnings_rows" AS NOT MATERIALIZED (
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
), "driver_keys" AS (
  /* the keys that are asked about */
  SELECT DISTINCT
    "driver"
  FROM "driver_questions"
), "earnings_timeline" AS (
  /* rows and questions on one time line, each at its own instant */
  SELECT
    NULL AS "_row",
    "earnings_rows"."driver",
    "earnings_rows"."_event" AS "_at",
    "earnings_rows"."_event",
    "earnings_rows"."rating_sum_input",
    "earnings_rows"."fare"
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
    "driver",
    "_at",
    NULL AS "_event",
    NULL AS "rating_sum_input",
    NULL AS "fare"
  FROM "driver_questions"
), "earnings_windows" AS (
  /* every window ends before the instant it is asked at */
  SELECT
    "_row",
    "rides_1d",
    "rides_lifetime",
    "rating_sum_1d",
    "fare_stddev_samp_7d"
  FROM (
    SELECT
      "_row",
      COUNT("_event") OVER "1d" AS "rides_1d",
      COUNT("_event") OVER "lifetime" AS "rides_lifetime",
      CAST(SUM("rating_sum_input") OVER "1d" AS BIGINT) AS "rating_sum_1d",
      CAST(STDDEV_SAMP("fare") OVER "7d" AS DOUBLE PRECISION) AS "fare_stddev_samp_7d"
    FROM "earnings_timeline"
    WINDOW "1d" AS (
      PARTITION BY "driver"
      ORDER BY "_at" ASC
      RANGE BETWEEN INTERVAL '1 DAY' PRECEDING AND INTERVAL '10 MINUTE' PRECEDING
    ), "lifetime" AS (
      PARTITION BY "driver"
      ORDER BY "_at" ASC
      RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL '10 MINUTE' PRECEDING
    ), "7d" AS (
      PARTITION BY "driver"
      ORDER BY "_at" ASC
      RANGE BETWEEN INTERVAL '7 DAY' PRECEDING AND INTERVAL '10 MINUTE' PRECEDING
    )
  ) AS "framed"
  WHERE
    "_row" IS NOT NULL
), "earnings_pairs" AS (
  /* each question with the rows that its widest window can hold */
  SELECT
    "driver_asked"."_row",
    "driver_asked"."_at",
    "earnings_rows"."_event",
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
    CASE
      WHEN "_event" <= "_at" - INTERVAL '10 MINUTE' AND "_event" >= "_at" - INTERVAL '7 DAY'
      THEN "rating"
    END AS "_in_rating_7d"
  FROM "earnings_pairs"
), "earnings_ranked" AS (
  /* ranks, counts and means among the rows of one question */
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY "_row", CASE WHEN "_in_rating_7d" IS NOT NULL THEN 1 END
      ORDER BY "_event" DESC NULLS LAST, "_created" DESC NULLS LAST, "ride" DESC NULLS LAST, "rating" DESC NULLS LAST
    ) AS "_rank_latest_rating_7d"
  FROM "earnings_seen"
), "earnings_exact" AS (
  /* every window picks its own rows */
  SELECT
    "_row",
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
  "earnings_windows"."rides_1d",
  "earnings_windows"."rides_lifetime",
  "earnings_windows"."rating_sum_1d",
  "earnings_windows"."fare_stddev_samp_7d",
  "earnings_exact"."rating_last_7d",
  CAST("last_ride_latest"."fare" / CAST(NULLIF("earnings_windows"."rides_1d", 0) AS DOUBLE PRECISION) AS DOUBLE PRECISION) AS "share"
FROM "spine"
LEFT JOIN "last_ride_latest"
  ON "last_ride_latest"."_row" = "spine"."_row"
LEFT JOIN "earnings_windows"
  ON "earnings_windows"."_row" = "spine"."_row"
LEFT JOIN "earnings_exact"
  ON "earnings_exact"."_row" = "spine"."_row"
ORDER BY
  "spine"."_row" ASC;
