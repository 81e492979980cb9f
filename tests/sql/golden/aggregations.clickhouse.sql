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
), "habits_rows" AS (
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
    ROW_NUMBER() OVER (
      PARTITION BY "_row", "_in_rating_7d"
      ORDER BY "_event" ASC NULLS FIRST, "_created" ASC NULLS FIRST, "ride" ASC NULLS FIRST, "rating" ASC NULLS FIRST
    ) AS "_rank_first_time_rating_7d",
    COUNT("_in_rating_7d") OVER (PARTITION BY "_row", "_in_rating_7d") AS "_rank_times_rating_7d",
    COUNT("_in_fare_7d") OVER (PARTITION BY "_row") AS "_rank_count_fare_7d",
    ROW_NUMBER() OVER (PARTITION BY "_row" ORDER BY "_in_fare_7d" ASC) AS "_rank_smallest_fare_7d",
    CAST("_in_fare_7d" AS Nullable(Float64)) - AVG(CAST("_in_fare_7d" AS Nullable(Float64))) OVER (PARTITION BY "_row") AS "_rank_off_mean_fare_7d"
  FROM "habits_seen"
), "habits_ranked_again" AS (
  /* ranks and distances that follow from those */
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY "_row", CASE WHEN "_in_rating_7d" IS NOT NULL AND "_rank_last_time_rating_7d" = 1 THEN 1 END
      ORDER BY "_event" DESC, "_created" DESC, "ride" DESC, "rating" DESC
    ) AS "_rank_distinct_latest_rating_7d",
    ROW_NUMBER() OVER (PARTITION BY "_row" ORDER BY "_rank_times_rating_7d" DESC, "_in_rating_7d" ASC NULLS FIRST) AS "_rank_most_frequent_rating_7d",
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
), "habits_exact" AS (
  /* every window picks its own rows */
  SELECT
    "_row",
    tupleElement(
      arraySort(
        groupArrayIf(
          tuple(-"_rank_latest_fare_7d", "_in_fare_7d"),
          "_in_fare_7d" IS NOT NULL AND "_rank_latest_fare_7d" <= 3
        )
      ),
      2
    ) AS "fare_last_n_7d",
    tupleElement(
      arraySort(
        groupArrayIf(
          tuple("_rank_distinct_latest_rating_7d", "_in_rating_7d"),
          "_in_rating_7d" IS NOT NULL
          AND "_rank_last_time_rating_7d" = 1
          AND "_rank_distinct_latest_rating_7d" <= 2
        )
      ),
      2
    ) AS "rating_last_distinct_n_7d",
    tupleElement(
      arraySort(
        groupArrayIf(
          tuple("_rank_greatest_fare_7d", "_in_fare_7d"),
          "_in_fare_7d" IS NOT NULL AND "_rank_greatest_fare_7d" <= 3
        )
      ),
      2
    ) AS "fare_top_n_7d",
    tupleElement(
      arraySort(
        groupArrayIf(
          tuple("_rank_greatest_fare_lifetime", "_in_fare_lifetime"),
          "_in_fare_lifetime" IS NOT NULL AND "_rank_greatest_fare_lifetime" <= 3
        )
      ),
      2
    ) AS "fare_top_n_lifetime",
    mapFromArrays(
      tupleElement(
        groupArrayIf(
          tuple(assumeNotNull(CAST("_in_rating_7d" AS Nullable(String))), "_rank_times_rating_7d"),
          "_in_rating_7d" IS NOT NULL AND "_rank_first_time_rating_7d" = 1
        ),
        1
      ),
      tupleElement(
        groupArrayIf(
          tuple(assumeNotNull(CAST("_in_rating_7d" AS Nullable(String))), "_rank_times_rating_7d"),
          "_in_rating_7d" IS NOT NULL AND "_rank_first_time_rating_7d" = 1
        ),
        2
      )
    ) AS "rating_histogram_7d",
    MAX(CASE WHEN "_rank_most_frequent_rating_7d" = 1 THEN "_in_rating_7d" END) AS "rating_mode_7d",
    CASE
      WHEN COUNT("_in_fare_7d") > 0
      THEN array(
        SUM(
          CASE
            WHEN "_rank_off_500000000_fare_7d" < 1000000000
            THEN CAST("_in_fare_7d" AS Nullable(Float64)) * CAST(1000000000 - "_rank_off_500000000_fare_7d" AS Nullable(Float64)) * 1e-9
          END
        ),
        SUM(
          CASE
            WHEN "_rank_off_950000000_fare_7d" < 1000000000
            THEN CAST("_in_fare_7d" AS Nullable(Float64)) * CAST(1000000000 - "_rank_off_950000000_fare_7d" AS Nullable(Float64)) * 1e-9
          END
        )
      )
      ELSE array()
    END AS "fare_percentile_7d",
    CASE
      WHEN COUNT("_in_fare_7d") >= 3 AND MIN("_in_fare_7d") < MAX("_in_fare_7d")
      THEN AVG("_rank_off_mean_fare_7d" * "_rank_off_mean_fare_7d" * "_rank_off_mean_fare_7d") / nullIf(
        (
          AVG("_rank_off_mean_fare_7d" * "_rank_off_mean_fare_7d") * SQRT(AVG("_rank_off_mean_fare_7d" * "_rank_off_mean_fare_7d"))
        ),
        0
      )
    END AS "fare_skew_7d",
    CAST(uniq(CASE WHEN "_event" <= "_at" - 600000000 AND "_event" >= "_at" - 604800000000 THEN "ride" END) AS Nullable(Int64)) AS "ride_approx_count_distinct_7d"
  FROM "habits_ranked_again"
  GROUP BY
    "_row"
), "habits_by_rating" AS (
  /* each window, by rating */
  SELECT
    "_row",
    "rating",
    CAST(SUM(CASE WHEN "_event" <= "_at" - 600000000 AND "_event" >= "_at" - 604800000000 THEN "fare" END) AS Nullable(Float64)) AS "fare_sum_7d"
  FROM "habits_ranked_again"
  GROUP BY
    "_row",
    "rating"
), "habits_maps" AS (
  /* the maps: an entry for each key with something to say */
  SELECT
    "_row",
    mapFromArrays(
      tupleElement(
        groupArrayIf(
          tuple(assumeNotNull(CAST("rating" AS Nullable(String))), "fare_sum_7d"),
          "rating" IS NOT NULL AND "fare_sum_7d" IS NOT NULL
        ),
        1
      ),
      tupleElement(
        groupArrayIf(
          tuple(assumeNotNull(CAST("rating" AS Nullable(String))), "fare_sum_7d"),
          "rating" IS NOT NULL AND "fare_sum_7d" IS NOT NULL
        ),
        2
      )
    ) AS "fare_sum_7d"
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
