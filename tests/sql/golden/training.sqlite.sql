WITH "spine" AS MATERIALIZED (
  /* the rows to be enriched, numbered once, each at its own instant */
  SELECT
    ROW_NUMBER() OVER () AS "_row",
    "given"."driver",
    "given"."asked_at",
    "given"."asked_at" AS "_at"
  FROM "bookings" AS "given"
), "rides_source" AS NOT MATERIALIZED (
  /* the rows of the source, times in UTC */
  SELECT
    "driver",
    "ended_at",
    "loaded_at",
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
), "last_ride_found" AS (
  /* when the latest visible row of each question happened */
  SELECT
    "_row",
    "driver",
    "_event"
  FROM (
    SELECT
      "_row",
      "driver",
      "_since",
      MAX("_event") OVER (PARTITION BY "driver" ORDER BY "_at" ASC RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS "_event"
    FROM (
      SELECT
        NULL AS "_row",
        "last_ride_rows"."driver",
        "last_ride_rows"."_event" AS "_at",
        "last_ride_rows"."_event",
        NULL AS "_since"
      FROM "last_ride_rows"
      JOIN "driver_keys"
        ON "driver_keys"."driver" = "last_ride_rows"."driver"
      UNION ALL
      SELECT
        "driver_asked"."_row",
        "driver_asked"."driver",
        "driver_asked"."_until" AS "_at",
        NULL AS "_event",
        "driver_asked"."_since"
      FROM "driver_asked"
    ) AS "timeline"
  ) AS "newest"
  WHERE
    "_row" IS NOT NULL AND "_event" IS NOT NULL AND "_event" >= "_since"
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
), "earnings_rows" AS NOT MATERIALIZED (
  /* what each row says, and when it happened */
  SELECT
    "driver",
    "ended_at" AS "_event",
    "loaded_at" AS "_created",
    "ride",
    "rating",
    "fare",
    CASE WHEN "fare" > 1.0 THEN "rating" END AS "rating_sum_input"
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
), "driver_keys_2" AS (
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
    "driver",
    "_at",
    NULL AS "_event",
    NULL AS "rating_sum_input"
  FROM "driver_questions"
), "earnings_windows" AS (
  /* every window ends before the instant it is asked at */
  SELECT
    "_row",
    "rides_1d",
    "rides_lifetime",
    "rating_sum_1d"
  FROM (
    SELECT
      "_row",
      COUNT("_event") OVER "1d" AS "rides_1d",
      COUNT("_event") OVER "lifetime" AS "rides_lifetime",
      CASE
        WHEN (
          (
            (
              SUM((
                "rating_sum_input" >> 32
              )) OVER "1d" + (
                SUM((
                  "rating_sum_input" & 4294967295
                )) OVER "1d" >> 32
              )
            ) + 2147483648
          ) >> 32
        ) = 0
        THEN (
          SUM((
            "rating_sum_input" >> 32
          )) OVER "1d" + (
            SUM((
              "rating_sum_input" & 4294967295
            )) OVER "1d" >> 32
          )
        ) * 4294967296 + (
          SUM((
            "rating_sum_input" & 4294967295
          )) OVER "1d" & 4294967295
        )
        WHEN NOT SUM((
          "rating_sum_input" & 4294967295
        )) OVER "1d" IS NULL
        THEN ABS(-9223372036854775807 - 1 + 0 * SUM((
          "rating_sum_input" & 4294967295
        )) OVER "1d")
      END AS "rating_sum_1d"
    FROM "earnings_timeline"
    WINDOW "1d" AS (PARTITION BY "driver" ORDER BY "_at" ASC RANGE BETWEEN 86400000000 PRECEDING AND 600000000 PRECEDING), "lifetime" AS (PARTITION BY "driver" ORDER BY "_at" ASC RANGE BETWEEN UNBOUNDED PRECEDING AND 600000000 PRECEDING)
  ) AS "framed"
  WHERE
    "_row" IS NOT NULL
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
    CAST("_in_fare_7d" AS REAL) - AVG(CAST("_in_fare_7d" AS REAL)) OVER (PARTITION BY "_row") AS "_rank_off_mean_fare_7d",
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
      SUM("_rank_off_mean_fare_7d" * "_rank_off_mean_fare_7d") / CASE WHEN COUNT("_in_fare_7d") > 1 THEN COUNT("_in_fare_7d") - 1 END
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
  "earnings_windows"."rides_1d",
  "earnings_windows"."rides_lifetime",
  "earnings_windows"."rating_sum_1d",
  "earnings_exact"."fare_stddev_samp_7d",
  "earnings_exact"."rating_last_7d",
  CAST(CAST("last_ride_latest"."fare" AS REAL) / CAST(NULLIF("earnings_windows"."rides_1d", 0) AS REAL) AS REAL) AS "share"
FROM "spine"
LEFT JOIN "last_ride_latest"
  ON "last_ride_latest"."_row" = "spine"."_row"
LEFT JOIN "earnings_windows"
  ON "earnings_windows"."_row" = "spine"."_row"
LEFT JOIN "earnings_exact"
  ON "earnings_exact"."_row" = "spine"."_row"
ORDER BY
  "spine"."_row" ASC;
