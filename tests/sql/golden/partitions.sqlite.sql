WITH "spine" AS MATERIALIZED (
  /* the rows to be enriched, numbered once, each at its own instant */
  SELECT
    ROW_NUMBER() OVER () AS "_row",
    "given"."driver",
    "given"."asked_at",
    "given"."asked_at" AS "_at"
  FROM "bookings" AS "given"
), "days_source" AS NOT MATERIALIZED (
  /* the rows of the source, times in UTC */
  SELECT
    "driver",
    "ended_at",
    "loaded_at",
    "ride",
    "fare",
    "rating",
    "ds"
  FROM "days"
), "by_day_rows" AS NOT MATERIALIZED (
  /* what each row says, and when it happened */
  SELECT
    "driver",
    "ended_at" AS "_event",
    "loaded_at" AS "_created",
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
), "nights_source" AS NOT MATERIALIZED (
  /* the rows of the source, times in UTC */
  SELECT
    "driver",
    "ended_at",
    "loaded_at",
    "ride",
    "fare",
    "rating",
    "ds"
  FROM "nights"
), "by_night_rows" AS NOT MATERIALIZED (
  /* what each row says, and when it happened */
  SELECT
    "driver",
    "ended_at" AS "_event",
    "loaded_at" AS "_created",
    "ride"
  FROM "nights_source"
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
), "by_night_timeline" AS (
  /* rows and questions on one time line, each at its own instant */
  SELECT
    NULL AS "_row",
    "by_night_rows"."driver",
    "by_night_rows"."_event" AS "_at",
    "by_night_rows"."_event"
  FROM "by_night_rows"
  JOIN "driver_keys_2"
    ON "driver_keys_2"."driver" = "by_night_rows"."driver"
  WHERE
    "by_night_rows"."_event" <= (
      SELECT
        MAX("_at")
      FROM "spine"
    )
    AND "by_night_rows"."_event" >= (
      SELECT
        MIN("_at") - 604800000000
      FROM "spine"
    )
  UNION ALL
  SELECT
    "_row",
    "driver",
    "_at",
    NULL AS "_event"
  FROM "driver_questions"
), "by_night_windows" AS (
  /* every window ends before the instant it is asked at */
  SELECT
    "_row",
    "rides_7d"
  FROM (
    SELECT
      "_row",
      COUNT("_event") OVER "7d" AS "rides_7d"
    FROM "by_night_timeline"
    WINDOW "7d" AS (PARTITION BY "driver" ORDER BY "_at" ASC RANGE BETWEEN 604800000000 PRECEDING AND 600000000 PRECEDING)
  ) AS "framed"
  WHERE
    "_row" IS NOT NULL
)
SELECT
  "spine"."driver",
  "spine"."asked_at",
  "by_day_latest"."fare",
  "by_day_latest"."rating",
  "by_night_windows"."rides_7d"
FROM "spine"
LEFT JOIN "by_day_latest"
  ON "by_day_latest"."_row" = "spine"."_row"
LEFT JOIN "by_night_windows"
  ON "by_night_windows"."_row" = "spine"."_row"
ORDER BY
  "spine"."_row" ASC;
