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
), "habits_rows" AS NOT MATERIALIZED (
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
    "spine"."_at" - 600000000 AS "_until"
  FROM "spine"
  WHERE
    "spine"."driver" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "habits_pairs" AS (
  /* each question with the rows that its widest window can hold */
  SELECT
    "driver_asked"."_row",
    "driver_asked"."_at",
    "habits_rows"."_event",
    "habits_rows"."fare",
    "habits_rows"."rating",
    "habits_rows"."ride",
    "habits_rows"."_created"
  FROM "driver_asked"
  LEFT JOIN "habits_rows"
    ON "driver_asked"."driver" = "habits_rows"."driver"
    AND "habits_rows"."_event" <= "driver_asked"."_until"
), "habits_seen" AS (
  /* the values that each window sees, NULL where the row lies outside */
  SELECT
    *,
    CASE WHEN "_event" <= "_at" - 600000000 AND "_event" >= "_at" - 604800000000 THEN "fare" END AS "_in_fare_7d",
    CASE WHEN "_event" <= "_at" - 600000000 AND "_event" >= "_at" - 604800000000 THEN "rating" END AS "_in_rating_7d",
    CASE WHEN "_event" <= "_at" - 600000000 THEN "fare" END AS "_in_fare_lifetime"
  FROM "habits_pairs"
), "habits_ranked" AS (
  /* ranks, counts and means among the rows of one question */
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY "_row", CASE WHEN "_in_fare_7d" IS NOT NULL THEN 1 END
      ORDER BY "_event" DESC, "_created" DESC, "ride" DESC, "fare" DESC
    ) AS "_rank_latest_fare_7d",
    ROW_NUMBER() OVER (
      PARTITION BY "_row", "_in_rating_7d"
      ORDER BY "_event" DESC, "_created" DESC, "ride" DESC, "rating" DESC
    ) AS "_rank_last_time_rating_7d",
    ROW_NUMBER() OVER (PARTITION BY "_row" ORDER BY "_in_fare_7d" DESC) AS "_rank_greatest_fare_7d",
    ROW_NUMBER() OVER (PARTITION BY "_row" ORDER BY "_in_fare_lifetime" DESC) AS "_rank_greatest_fare_lifetime",
    ROW_NUMBER() OVER (PARTITION BY "_row", "_in_rating_7d" ORDER BY "_event" ASC, "_created" ASC, "ride" ASC, "rating" ASC) AS "_rank_first_time_rating_7d",
    COUNT("_in_rating_7d") OVER (PARTITION BY "_row", "_in_rating_7d") AS "_rank_times_rating_7d",
    COUNT("_in_fare_7d") OVER (PARTITION BY "_row") AS "_rank_count_fare_7d",
    ROW_NUMBER() OVER (PARTITION BY "_row" ORDER BY "_in_fare_7d" ASC NULLS LAST) AS "_rank_smallest_fare_7d",
    CAST("_in_fare_7d" AS REAL) - AVG(CAST("_in_fare_7d" AS REAL)) OVER (PARTITION BY "_row") AS "_rank_off_mean_fare_7d"
  FROM "habits_seen"
), "habits_ranked_again" AS (
  /* ranks and distances that follow from those */
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY "_row", CASE WHEN "_in_rating_7d" IS NOT NULL AND "_rank_last_time_rating_7d" = 1 THEN 1 END
      ORDER BY "_event" DESC, "_created" DESC, "ride" DESC, "rating" DESC
    ) AS "_rank_distinct_latest_rating_7d",
    ROW_NUMBER() OVER (PARTITION BY "_row" ORDER BY "_rank_times_rating_7d" DESC, "_in_rating_7d" ASC) AS "_rank_most_frequent_rating_7d",
    ABS((
      "_rank_smallest_fare_7d" - 1
    ) * 1000000000 - 500000000 * (
      "_rank_count_fare_7d" - 1
    )) AS "_rank_off_500000000_fare_7d",
    ABS((
      "_rank_smallest_fare_7d" - 1
    ) * 1000000000 - 950000000 * (
      "_rank_count_fare_7d" - 1
    )) AS "_rank_off_950000000_fare_7d"
  FROM "habits_ranked"
), "habits_listed" AS (
  /* the lists, beside each of their rows */
  SELECT
    *,
    JSON_GROUP_ARRAY(CASE WHEN "_in_fare_7d" IS NOT NULL THEN PRINTF('%!.19g', "_in_fare_7d") END) OVER (
      PARTITION BY "_row", CASE WHEN "_in_fare_7d" IS NOT NULL AND "_rank_latest_fare_7d" <= 3 THEN 1 END
      ORDER BY -"_rank_latest_fare_7d" ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) AS "_rank_last_n_3_asc_fare_7d",
    JSON_GROUP_ARRAY("_in_rating_7d") OVER (
      PARTITION BY "_row", CASE
        WHEN "_in_rating_7d" IS NOT NULL
        AND "_rank_last_time_rating_7d" = 1
        AND "_rank_distinct_latest_rating_7d" <= 2
        THEN 1
      END
      ORDER BY "_rank_distinct_latest_rating_7d" ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) AS "_rank_last_distinct_n_2_desc_rating_7d",
    JSON_GROUP_ARRAY(CASE WHEN "_in_fare_7d" IS NOT NULL THEN PRINTF('%!.19g', "_in_fare_7d") END) OVER (
      PARTITION BY "_row", CASE WHEN "_in_fare_7d" IS NOT NULL AND "_rank_greatest_fare_7d" <= 3 THEN 1 END
      ORDER BY "_rank_greatest_fare_7d" ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) AS "_rank_top_n_3_asc_fare_7d",
    JSON_GROUP_ARRAY(CASE WHEN "_in_fare_lifetime" IS NOT NULL THEN PRINTF('%!.19g', "_in_fare_lifetime") END) OVER (
      PARTITION BY "_row", CASE WHEN "_in_fare_lifetime" IS NOT NULL AND "_rank_greatest_fare_lifetime" <= 3 THEN 1 END
      ORDER BY "_rank_greatest_fare_lifetime" ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) AS "_rank_top_n_3_asc_fare_lifetime"
  FROM "habits_ranked_again"
), "habits_exact" AS (
  /* every window picks its own rows */
  SELECT
    "_row",
    MAX(
      CASE
        WHEN "_in_fare_7d" IS NOT NULL AND "_rank_latest_fare_7d" <= 3
        THEN "_rank_last_n_3_asc_fare_7d"
      END
    ) AS "fare_last_n_7d",
    MAX(
      CASE
        WHEN "_in_rating_7d" IS NOT NULL
        AND "_rank_last_time_rating_7d" = 1
        AND "_rank_distinct_latest_rating_7d" <= 2
        THEN "_rank_last_distinct_n_2_desc_rating_7d"
      END
    ) AS "rating_last_distinct_n_7d",
    MAX(
      CASE
        WHEN "_in_fare_7d" IS NOT NULL AND "_rank_greatest_fare_7d" <= 3
        THEN "_rank_top_n_3_asc_fare_7d"
      END
    ) AS "fare_top_n_7d",
    MAX(
      CASE
        WHEN "_in_fare_lifetime" IS NOT NULL AND "_rank_greatest_fare_lifetime" <= 3
        THEN "_rank_top_n_3_asc_fare_lifetime"
      END
    ) AS "fare_top_n_lifetime",
    CASE
      WHEN MAX(CASE WHEN "_in_rating_7d" IS NOT NULL AND "_rank_first_time_rating_7d" = 1 THEN 1 END) = 1
      THEN JSON_GROUP_OBJECT(CAST("_in_rating_7d" AS TEXT), "_rank_times_rating_7d") FILTER(WHERE
        "_in_rating_7d" IS NOT NULL AND "_rank_first_time_rating_7d" = 1)
    END AS "rating_histogram_7d",
    MAX(CASE WHEN "_rank_most_frequent_rating_7d" = 1 THEN "_in_rating_7d" END) AS "rating_mode_7d",
    CASE
      WHEN COUNT("_in_fare_7d") > 0
      THEN JSON_ARRAY(
        CASE
          WHEN SUM(
            CASE
              WHEN "_rank_off_500000000_fare_7d" < 1000000000
              THEN CAST("_in_fare_7d" AS REAL) * CAST(1000000000 - "_rank_off_500000000_fare_7d" AS REAL) * 1e-9
            END
          ) IS NOT NULL
          THEN PRINTF(
            '%!.19g',
            SUM(
              CASE
                WHEN "_rank_off_500000000_fare_7d" < 1000000000
                THEN CAST("_in_fare_7d" AS REAL) * CAST(1000000000 - "_rank_off_500000000_fare_7d" AS REAL) * 1e-9
              END
            )
          )
        END,
        CASE
          WHEN SUM(
            CASE
              WHEN "_rank_off_950000000_fare_7d" < 1000000000
              THEN CAST("_in_fare_7d" AS REAL) * CAST(1000000000 - "_rank_off_950000000_fare_7d" AS REAL) * 1e-9
            END
          ) IS NOT NULL
          THEN PRINTF(
            '%!.19g',
            SUM(
              CASE
                WHEN "_rank_off_950000000_fare_7d" < 1000000000
                THEN CAST("_in_fare_7d" AS REAL) * CAST(1000000000 - "_rank_off_950000000_fare_7d" AS REAL) * 1e-9
              END
            )
          )
        END
      )
    END AS "fare_percentile_7d",
    CASE
      WHEN COUNT("_in_fare_7d") >= 3 AND MIN("_in_fare_7d") < MAX("_in_fare_7d")
      THEN AVG("_rank_off_mean_fare_7d" * "_rank_off_mean_fare_7d" * "_rank_off_mean_fare_7d") / (
        AVG("_rank_off_mean_fare_7d" * "_rank_off_mean_fare_7d") * SQRT(AVG("_rank_off_mean_fare_7d" * "_rank_off_mean_fare_7d"))
      )
    END AS "fare_skew_7d",
    COUNT(
      DISTINCT CASE WHEN "_event" <= "_at" - 600000000 AND "_event" >= "_at" - 604800000000 THEN "ride" END
    ) AS "ride_approx_count_distinct_7d"
  FROM "habits_listed"
  GROUP BY
    "_row"
), "habits_by_rating" AS (
  /* each window, by rating */
  SELECT
    "_row",
    "rating",
    CAST(SUM(CASE WHEN "_event" <= "_at" - 600000000 AND "_event" >= "_at" - 604800000000 THEN "fare" END) AS REAL) AS "fare_sum_7d"
  FROM "habits_listed"
  GROUP BY
    "_row",
    "rating"
), "habits_maps" AS (
  /* the maps: an entry for each key with something to say */
  SELECT
    "_row",
    CASE
      WHEN MAX(CASE WHEN "rating" IS NOT NULL AND "fare_sum_7d" IS NOT NULL THEN 1 END) = 1
      THEN JSON_GROUP_OBJECT(CAST("rating" AS TEXT), CASE WHEN "fare_sum_7d" IS NOT NULL THEN PRINTF('%!.19g', "fare_sum_7d") END) FILTER(WHERE
        "rating" IS NOT NULL AND "fare_sum_7d" IS NOT NULL)
    END AS "fare_sum_7d"
  FROM "habits_by_rating"
  GROUP BY
    "_row"
)
SELECT
  "spine"."driver",
  "spine"."asked_at",
  "habits_exact"."fare_last_n_7d",
  "habits_exact"."rating_last_distinct_n_7d",
  "habits_exact"."fare_top_n_7d",
  "habits_exact"."fare_top_n_lifetime",
  "habits_exact"."rating_histogram_7d",
  "habits_exact"."rating_mode_7d",
  "habits_exact"."fare_percentile_7d",
  "habits_exact"."fare_skew_7d",
  "habits_maps"."fare_sum_7d",
  "habits_exact"."ride_approx_count_distinct_7d"
FROM "spine"
LEFT JOIN "habits_exact"
  ON "habits_exact"."_row" = "spine"."_row"
LEFT JOIN "habits_maps"
  ON "habits_maps"."_row" = "spine"."_row"
ORDER BY
  "spine"."_row" ASC;
