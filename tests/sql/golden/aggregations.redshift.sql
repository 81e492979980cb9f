SET timezone TO 'UTC';
SET enable_case_sensitive_identifier TO TRUE;
WITH "spine" AS (
  /* the rows to be enriched, numbered once, each at its own instant */
  SELECT
    ROW_NUMBER() OVER (ORDER BY "given"."asked_at" ASC, "given"."driver" ASC) AS "_row",
    "given"."driver",
    "given"."asked_at",
    CAST("given"."asked_at" AS TIMESTAMP WITH TIME ZONE) AS "_at"
  FROM "bookings" AS "given"
), "rides_source" AS (
  /* the rows of the source, times in UTC */
  SELECT
    "driver",
    CAST("ended_at" AS TIMESTAMP WITH TIME ZONE) AS "ended_at",
    CAST("loaded_at" AS TIMESTAMP WITH TIME ZONE) AS "loaded_at",
    "ride",
    "fare",
    "rating"
  FROM "rides"
), "habits_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "driver",
    "ended_at" AS "_event",
    "loaded_at" AS "_created",
    "ride",
    "rating",
    "fare"
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
), "habits_pairs" AS (
  /* each question with the rows that its widest window can hold */
  SELECT
    "driver_asked"."_row",
    "driver_asked"."_at",
    "habits_rows"."_event",
    "habits_rows"."rating",
    "habits_rows"."fare",
    "habits_rows"."ride",
    "habits_rows"."_created"
  FROM "driver_asked"
  LEFT JOIN "habits_rows"
    ON "driver_asked"."driver" = "habits_rows"."driver"
    AND "habits_rows"."_event" <= "driver_asked"."_until"
    AND "habits_rows"."_event" >= "driver_asked"."_since"
), "habits_seen" AS (
  /* the values that each window sees, NULL where the row lies outside */
  SELECT
    *,
    CASE
      WHEN "_event" <= "_at" - INTERVAL '10 MINUTE' AND "_event" >= "_at" - INTERVAL '7 DAY'
      THEN "rating"
    END AS "_in_rating_7d",
    CASE
      WHEN "_event" <= "_at" - INTERVAL '10 MINUTE' AND "_event" >= "_at" - INTERVAL '7 DAY'
      THEN "fare"
    END AS "_in_fare_7d"
  FROM "habits_pairs"
), "habits_ranked" AS (
  /* ranks, counts and means among the rows of one question */
  SELECT
    *,
    COUNT("_in_rating_7d") OVER (PARTITION BY "_row", "_in_rating_7d") AS "_rank_times_rating_7d",
    CAST("_in_fare_7d" AS DOUBLE PRECISION) - AVG(CAST(CAST("_in_fare_7d" AS DOUBLE PRECISION) AS DOUBLE PRECISION)) OVER (PARTITION BY "_row") AS "_rank_off_mean_fare_7d"
  FROM "habits_seen"
), "habits_ranked_again" AS (
  /* ranks and distances that follow from those */
  SELECT
    *,
    ROW_NUMBER() OVER (PARTITION BY "_row" ORDER BY "_rank_times_rating_7d" DESC NULLS LAST, "_in_rating_7d" ASC NULLS FIRST) AS "_rank_most_frequent_rating_7d"
  FROM "habits_ranked"
), "habits_exact" AS (
  /* every window picks its own rows */
  SELECT
    "_row",
    MAX(CASE WHEN "_rank_most_frequent_rating_7d" = 1 THEN "_in_rating_7d" END) AS "rating_mode_7d",
    CASE
      WHEN COUNT("_in_fare_7d") >= 3 AND MIN("_in_fare_7d") < MAX("_in_fare_7d")
      THEN AVG(
        CAST("_rank_off_mean_fare_7d" * "_rank_off_mean_fare_7d" * "_rank_off_mean_fare_7d" AS DOUBLE PRECISION)
      ) / NULLIF(
        (
          AVG(CAST("_rank_off_mean_fare_7d" * "_rank_off_mean_fare_7d" AS DOUBLE PRECISION)) * SQRT(AVG(CAST("_rank_off_mean_fare_7d" * "_rank_off_mean_fare_7d" AS DOUBLE PRECISION)))
        ),
        0
      )
    END AS "fare_skew_7d",
    COUNT(
      DISTINCT CASE
        WHEN "_event" <= "_at" - INTERVAL '10 MINUTE' AND "_event" >= "_at" - INTERVAL '7 DAY'
        THEN "ride"
      END
    ) AS "ride_approx_count_distinct_7d"
  FROM "habits_ranked_again"
  GROUP BY
    "_row"
)
SELECT
  "spine"."driver",
  "spine"."asked_at",
  "habits_exact"."rating_mode_7d",
  "habits_exact"."fare_skew_7d",
  "habits_exact"."ride_approx_count_distinct_7d"
FROM "spine"
LEFT JOIN "habits_exact"
  ON "habits_exact"."_row" = "spine"."_row"
ORDER BY
  "spine"."_row" ASC;
