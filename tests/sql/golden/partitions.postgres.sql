SET TimeZone = 'UTC';
WITH "spine" AS MATERIALIZED (
  /* the rows to be enriched, numbered once, each at its own instant */
  SELECT
    ROW_NUMBER() OVER () AS "_row",
    "given"."driver",
    "given"."asked_at",
    CAST("given"."asked_at" AS TIMESTAMPTZ) AS "_at"
  FROM "bookings" AS "given"
), "days_source" AS NOT MATERIALIZED (
  /* the rows of the source, times in UTC, of the days that can matter */
  SELECT
    "driver",
    CAST("ended_at" AS TIMESTAMPTZ) AS "ended_at",
    CAST("loaded_at" AS TIMESTAMPTZ) AS "loaded_at",
    "ride",
    "fare",
    "rating",
    "ds"
  FROM "days"
  WHERE
    (
      "ds" >= (
        SELECT
          CAST(MIN("_at") - INTERVAL '8 DAY' AS DATE)
        FROM "spine"
      )
      AND "ds" <= (
        SELECT
          CAST(MAX("_at") + INTERVAL '1430 MINUTE' AS DATE)
        FROM "spine"
      )
    )
    OR "ds" IS NULL
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
    "spine"."_at" - INTERVAL '7 DAY' AS "_since",
    "spine"."_at" - INTERVAL '10 MINUTE' AS "_until"
  FROM "spine"
  WHERE
    "spine"."driver" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "by_day_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "driver_asked"."_row",
    "newest"."fare",
    "newest"."rating"
  FROM "driver_asked"
  JOIN LATERAL (
    SELECT
      "by_day_rows"."fare",
      "by_day_rows"."rating"
    FROM "by_day_rows"
    WHERE
      "by_day_rows"."driver" = "driver_asked"."driver"
      AND "by_day_rows"."_event" <= "driver_asked"."_until"
      AND "by_day_rows"."_event" >= "driver_asked"."_since"
    ORDER BY
      "by_day_rows"."_event" DESC,
      "by_day_rows"."_created" DESC NULLS LAST,
      "by_day_rows"."ride" DESC NULLS LAST,
      "by_day_rows"."fare" DESC NULLS LAST,
      "by_day_rows"."rating" DESC NULLS LAST
    LIMIT 1
  ) AS "newest"
    ON TRUE
), "nights_source" AS NOT MATERIALIZED (
  /* the rows of the source, times in UTC, of the days that can matter */
  SELECT
    "driver",
    CAST("ended_at" AS TIMESTAMPTZ) AS "ended_at",
    CAST("loaded_at" AS TIMESTAMPTZ) AS "loaded_at",
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
            WHEN CAST(MIN("_at") - INTERVAL '8 DAY' AS DATE) < CAST('0001-01-01' AS DATE)
            THEN ''
            ELSE TO_CHAR(CAST(MIN("_at") - INTERVAL '8 DAY' AS DATE), 'YYYY-MM-DD')
          END
        FROM "spine"
      )
      AND "ds" <= (
        SELECT
          CASE
            WHEN CAST(MAX("_at") + INTERVAL '1430 MINUTE' AS DATE) > CAST('9999-12-31' AS DATE)
            THEN '9999-12-31'
            ELSE TO_CHAR(CAST(MAX("_at") + INTERVAL '1430 MINUTE' AS DATE), 'YYYY-MM-DD')
          END
        FROM "spine"
      )
    )
    OR "ds" IS NULL
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
), "driver_buckets" AS (
  /* the keys that are asked about, by the stretches of 6d23h50m they reach */
  SELECT
    "driver",
    DATE_BIN(INTERVAL '10070 MINUTE', "_at" - INTERVAL '7 DAY', CAST('1970-01-01 00:00:00+00' AS TIMESTAMPTZ)) AS "_bucket"
  FROM "driver_questions"
  UNION
  SELECT
    "driver",
    DATE_BIN(INTERVAL '10070 MINUTE', "_at" - INTERVAL '10 MINUTE', CAST('1970-01-01 00:00:00+00' AS TIMESTAMPTZ)) AS "_bucket"
  FROM "driver_questions"
), "by_night_timeline" AS (
  /* rows and questions on one time line, each at its own instant */
  SELECT
    NULL AS "_row",
    "by_night_rows"."driver",
    "by_night_rows"."_event" AS "_at",
    "by_night_rows"."_event"
  FROM "by_night_rows"
  JOIN "driver_buckets"
    ON "driver_buckets"."driver" = "by_night_rows"."driver"
    AND "driver_buckets"."_bucket" = DATE_BIN(INTERVAL '10070 MINUTE', "by_night_rows"."_event", CAST('1970-01-01 00:00:00+00' AS TIMESTAMPTZ))
  WHERE
    "by_night_rows"."_event" <= (
      SELECT
        MAX("_at")
      FROM "spine"
    )
    AND "by_night_rows"."_event" >= (
      SELECT
        MIN("_at") - INTERVAL '7 DAY'
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
    WINDOW "7d" AS (
      PARTITION BY "driver"
      ORDER BY "_at" ASC
      RANGE BETWEEN INTERVAL '7 DAY' PRECEDING AND INTERVAL '10 MINUTE' PRECEDING
    )
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
