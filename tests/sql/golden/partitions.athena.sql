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
), "days_source" AS (
  /* the rows of the source, times in UTC, of the days that can matter */
  SELECT
    "driver",
    CAST("ended_at" AS TIMESTAMP(6) WITH TIME ZONE) AS "ended_at",
    CAST("loaded_at" AS TIMESTAMP(6) WITH TIME ZONE) AS "loaded_at",
    "ride",
    "fare",
    "rating",
    "ds"
  FROM "days"
  WHERE
    (
      "ds" >= (
        SELECT
          CAST(CAST(FROM_UNIXTIME_NANOS((
            MIN("_at") - 691200000000
          ) * 1000) AS TIMESTAMP(6) WITH TIME ZONE) AS DATE)
        FROM "spine"
      )
      AND "ds" <= (
        SELECT
          CAST(CAST(FROM_UNIXTIME_NANOS((
            MAX("_at") + 85800000000
          ) * 1000) AS TIMESTAMP(6) WITH TIME ZONE) AS DATE)
        FROM "spine"
      )
    )
    OR "ds" IS NULL
), "by_day_rows" AS (
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
  FROM "days_source"
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
), "by_day_found" AS (
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
        "by_day_rows"."driver",
        "by_day_rows"."_event" AS "_at",
        "by_day_rows"."_event",
        NULL AS "_since"
      FROM "by_day_rows"
      JOIN "driver_keys"
        ON "driver_keys"."driver" = "by_day_rows"."driver"
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
), "by_day_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "fare",
    "rating"
  FROM (
    SELECT
      "by_day_found"."_row",
      "by_day_rows"."fare",
      "by_day_rows"."rating",
      ROW_NUMBER() OVER (
        PARTITION BY "by_day_found"."_row"
        ORDER BY "by_day_rows"."_created" DESC, "by_day_rows"."ride" DESC, "by_day_rows"."fare" DESC, "by_day_rows"."rating" DESC
      ) AS "_rank"
    FROM "by_day_rows"
    JOIN "by_day_found"
      ON "by_day_found"."driver" = "by_day_rows"."driver" AND "by_day_found"."_event" = "by_day_rows"."_event"
  ) AS "ranked"
  WHERE
    "_rank" = 1
), "nights_source" AS (
  /* the rows of the source, times in UTC, of the days that can matter */
  SELECT
    "driver",
    CAST("ended_at" AS TIMESTAMP(6) WITH TIME ZONE) AS "ended_at",
    CAST("loaded_at" AS TIMESTAMP(6) WITH TIME ZONE) AS "loaded_at",
    "ride",
    "fare",
    "rating",
    "ds"
  FROM "nights"
  WHERE
    (
      "ds" >= (
        SELECT
          CASE
            WHEN CAST(CAST(FROM_UNIXTIME_NANOS((
              MIN("_at") - 691200000000
            ) * 1000) AS TIMESTAMP(6) WITH TIME ZONE) AS DATE) < CAST('0001-01-01' AS DATE)
            THEN ''
            ELSE CAST(CAST(CAST(FROM_UNIXTIME_NANOS((
              MIN("_at") - 691200000000
            ) * 1000) AS TIMESTAMP(6) WITH TIME ZONE) AS DATE) AS VARCHAR)
          END
        FROM "spine"
      )
      AND "ds" <= (
        SELECT
          CASE
            WHEN CAST(CAST(FROM_UNIXTIME_NANOS((
              MAX("_at") + 85800000000
            ) * 1000) AS TIMESTAMP(6) WITH TIME ZONE) AS DATE) > CAST('9999-12-31' AS DATE)
            THEN '9999-12-31'
            ELSE CAST(CAST(CAST(FROM_UNIXTIME_NANOS((
              MAX("_at") + 85800000000
            ) * 1000) AS TIMESTAMP(6) WITH TIME ZONE) AS DATE) AS VARCHAR)
          END
        FROM "spine"
      )
    )
    OR "ds" IS NULL
), "by_night_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "driver",
    DATE_DIFF('millisecond', CAST('1970-01-01 00:00:00+00:00' AS TIMESTAMP(6) WITH TIME ZONE), "ended_at") * 1000 + CAST(ROUND((
      TO_UNIXTIME("ended_at") - TO_UNIXTIME(DATE_TRUNC('millisecond', "ended_at"))
    ) * 1000000) AS BIGINT) AS "_event",
    DATE_DIFF('millisecond', CAST('1970-01-01 00:00:00+00:00' AS TIMESTAMP(6) WITH TIME ZONE), "loaded_at") * 1000 + CAST(ROUND((
      TO_UNIXTIME("loaded_at") - TO_UNIXTIME(DATE_TRUNC('millisecond', "loaded_at"))
    ) * 1000000) AS BIGINT) AS "_created",
    "ride"
  FROM "nights_source"
  WHERE
    "driver" IS NOT NULL AND "ended_at" IS NOT NULL
), "by_night_pairs" AS (
  /* each question with the rows that its widest window can hold */
  SELECT
    "driver_asked"."_row",
    "driver_asked"."_at",
    "by_night_rows"."_event",
    "by_night_rows"."_created",
    "by_night_rows"."ride"
  FROM "driver_asked"
  LEFT JOIN "by_night_rows"
    ON "driver_asked"."driver" = "by_night_rows"."driver"
    AND "by_night_rows"."_event" <= "driver_asked"."_until"
    AND "by_night_rows"."_event" >= "driver_asked"."_since"
), "by_night_exact" AS (
  /* every window picks its own rows */
  SELECT
    "_row",
    COUNT(CASE WHEN "_event" <= "_at" - 600000000 AND "_event" >= "_at" - 604800000000 THEN "_event" END) AS "rides_7d"
  FROM "by_night_pairs"
  GROUP BY
    "_row"
)
SELECT
  "spine"."driver",
  "spine"."asked_at",
  "by_day_latest"."fare",
  "by_day_latest"."rating",
  "by_night_exact"."rides_7d"
FROM "spine"
LEFT JOIN "by_day_latest"
  ON "by_day_latest"."_row" = "spine"."_row"
LEFT JOIN "by_night_exact"
  ON "by_night_exact"."_row" = "spine"."_row"
ORDER BY
  "spine"."_row" ASC;
