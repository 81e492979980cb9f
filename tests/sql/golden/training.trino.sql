WITH "spine" AS (
  /* the rows to be enriched, numbered once, each at its own instant */
  SELECT
    ROW_NUMBER() OVER (ORDER BY "given"."asked_at" ASC, "given"."driver" ASC) AS "_row",
    "given"."driver",
    "given"."asked_at",
    DATE_DIFF(
      'millisecond',
      CAST('1970-01-01 00:00:00+00:00' AS TIMESTAMP(6) WITH TIME ZONE),
      CAST("given"."asked_at" AS TIMESTAMP(6) WITH TIME ZONE)
    ) * 1000 + CAST(ROUND(
      (
        TO_UNIXTIME(CAST("given"."asked_at" AS TIMESTAMP(6) WITH TIME ZONE)) - TO_UNIXTIME(DATE_TRUNC('millisecond', CAST("given"."asked_at" AS TIMESTAMP(6) WITH TIME ZONE)))
      ) * 1000000
    ) AS BIGINT) AS "_at"
  FROM "bookings" AS "given"
), "rides_source" AS (
  /* the rows of the source, times in UTC */
  SELECT
    "driver",
    CAST("ended_at" AS TIMESTAMP(6) WITH TIME ZONE) AS "ended_at",
    CAST("loaded_at" AS TIMESTAMP(6) WITH TIME ZONE) AS "loaded_at",
    "ride",
    "fare",
    "rating"
  FROM "rides"
), "last_ride_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "driver",
    DATE_DIFF('millisecond', CAST('1970-01-01 00:00:00+00:00' AS TIMESTAMP(6) WITH TIME ZONE), "ended_at") * 1000 + CAST(ROUND((
      TO_UNIXTIME("ended_at") - TO_UNIXTIME(DATE_TRUNC('millisecond', "ended_at"))
    ) * 1000000) AS BIGINT) AS "_event",
    DATE_DIFF('millisecond', CAST('1970-01-01 00:00:00+00:00' AS TIMESTAMP(6) WITH TIME ZONE), "loaded_at") * 1000 + CAST(ROUND((
      TO_UNIXTIME("loaded_at") - TO_UNIXTIME(DATE_TRUNC('millisecond', "loaded_at"))
    ) * 1000000) AS BIGINT) AS "_created",
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
), "earnings_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "driver",
    DATE_DIFF('millisecond', CAST('1970-01-01 00:00:00+00:00' AS TIMESTAMP(6) WITH TIME ZONE), "ended_at") * 1000 + CAST(ROUND((
      TO_UNIXTIME("ended_at") - TO_UNIXTIME(DATE_TRUNC('millisecond', "ended_at"))
    ) * 1000000) AS BIGINT) AS "_event",
    DATE_DIFF('millisecond', CAST('1970-01-01 00:00:00+00:00' AS TIMESTAMP(6) WITH TIME ZONE), "loaded_at") * 1000 + CAST(ROUND((
      TO_UNIXTIME("loaded_at") - TO_UNIXTIME(DATE_TRUNC('millisecond', "loaded_at"))
    ) * 1000000) AS BIGINT) AS "_created",
    "ride",
    "rating",
    "fare",
    CASE WHEN "fare" > 1 THEN "rating" END AS "rating_sum_input"
  FROM "rides_source"
  WHERE
    "driver" IS NOT NULL AND "ended_at" IS NOT NULL
), "driver_asked_2" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "spine"."_row",
    "spine"."driver",
    "spine"."_at",
    "spine"."_at" - 600000000 AS "_until"
  FROM "spine"
  WHERE
    "spine"."driver" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "earnings_pairs" AS (
  /* each question with the rows that its widest window can hold */
  SELECT
    "driver_asked_2"."_row",
    "driver_asked_2"."_at",
    "earnings_rows"."_event",
    "earnings_rows"."rating_sum_input",
    "earnings_rows"."fare",
    "earnings_rows"."rating",
    "earnings_rows"."_created",
    "earnings_rows"."ride"
  FROM "driver_asked_2"
  LEFT JOIN "earnings_rows"
    ON "driver_asked_2"."driver" = "earnings_rows"."driver"
    AND "earnings_rows"."_event" <= "driver_asked_2"."_until"
), "earnings_seen" AS (
  /* the values that each window sees, NULL where the row lies outside */
  SELECT
    *,
    CASE WHEN "_event" <= "_at" - 600000000 AND "_event" >= "_at" - 604800000000 THEN "rating" END AS "_in_rating_7d"
  FROM "earnings_pairs"
), "earnings_ranked" AS (
  /* ranks, counts and means among the rows of one question */
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY "_row", CASE WHEN "_in_rating_7d" IS NOT NULL THEN 1 END
      ORDER BY "_event" DESC, "_created" DESC, "ride" DESC, "rating" DESC
    ) AS "_rank_latest_rating_7d"
  FROM "earnings_seen"
), "earnings_exact" AS (
  /* every window picks its own rows */
  SELECT
    "_row",
    COUNT(CASE WHEN "_event" <= "_at" - 600000000 AND "_event" >= "_at" - 86400000000 THEN "_event" END) AS "rides_1d",
    COUNT(CASE WHEN "_event" <= "_at" - 600000000 THEN "_event" END) AS "rides_lifetime",
    CAST(SUM(
      CASE WHEN "_event" <= "_at" - 600000000 AND "_event" >= "_at" - 86400000000 THEN "rating_sum_input" END
    ) AS BIGINT) AS "rating_sum_1d",
    CAST(STDDEV_SAMP(CASE WHEN "_event" <= "_at" - 600000000 AND "_event" >= "_at" - 604800000000 THEN "fare" END) AS DOUBLE) AS "fare_stddev_samp_7d",
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
  "earnings_exact"."rides_1d",
  "earnings_exact"."rides_lifetime",
  "earnings_exact"."rating_sum_1d",
  "earnings_exact"."fare_stddev_samp_7d",
  "earnings_exact"."rating_last_7d",
  CAST("last_ride_latest"."fare" / CAST(NULLIF("earnings_exact"."rides_1d", 0) AS DOUBLE) AS DOUBLE) AS "share"
FROM "spine"
LEFT JOIN "last_ride_latest"
  ON "last_ride_latest"."_row" = "spine"."_row"
LEFT JOIN "earnings_exact"
  ON "earnings_exact"."_row" = "spine"."_row"
ORDER BY
  "spine"."_row" ASC;
