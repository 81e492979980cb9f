WITH "days_source" AS (
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
      "ds" <= CAST('2024-03-01' AS DATE)
    ) OR "ds" IS NULL
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
), "entities" AS (
  /* whom the source has rows of, each asked about once */
  SELECT
    ROW_NUMBER() OVER (ORDER BY "driver" ASC) AS "_row",
    "driver",
    DATE_DIFF(
      'millisecond',
      CAST('1970-01-01 00:00:00+00:00' AS TIMESTAMP(6) WITH TIME ZONE),
      CAST('2024-02-29 12:00:00.000000+00:00' AS TIMESTAMP(6) WITH TIME ZONE)
    ) * 1000 + CAST(ROUND(
      (
        TO_UNIXTIME(CAST('2024-02-29 12:00:00.000000+00:00' AS TIMESTAMP(6) WITH TIME ZONE)) - TO_UNIXTIME(DATE_TRUNC('millisecond', CAST('2024-02-29 12:00:00.000000+00:00' AS TIMESTAMP(6) WITH TIME ZONE)))
      ) * 1000000
    ) AS BIGINT) AS "_at"
  FROM (
    SELECT DISTINCT
      "driver"
    FROM "by_day_rows"
  ) AS "seen"
), "driver_asked" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "entities"."_row",
    "entities"."driver",
    "entities"."_at",
    "entities"."_at" - 600000000 AS "_until"
  FROM "entities"
  WHERE
    "entities"."driver" IS NOT NULL AND "entities"."_at" IS NOT NULL
), "by_day_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "_event",
    "_created",
    "fare",
    "rating"
  FROM (
    SELECT
      "driver_asked"."_row",
      "by_day_rows"."_event",
      "by_day_rows"."_created",
      "by_day_rows"."fare",
      "by_day_rows"."rating",
      ROW_NUMBER() OVER (
        PARTITION BY "driver_asked"."_row"
        ORDER BY "by_day_rows"."_event" DESC, "by_day_rows"."_created" DESC, "by_day_rows"."ride" DESC, "by_day_rows"."fare" DESC, "by_day_rows"."rating" DESC
      ) AS "_rank"
    FROM "driver_asked"
    JOIN "by_day_rows"
      ON "driver_asked"."driver" = "by_day_rows"."driver"
      AND "by_day_rows"."_event" <= "driver_asked"."_until"
  ) AS "ranked"
  WHERE
    "_rank" = 1
)
SELECT
  "entities"."driver",
  CAST(FROM_UNIXTIME_NANOS((
    "by_day_latest"."_event"
  ) * 1000) AS TIMESTAMP(6) WITH TIME ZONE) AS "event_timestamp",
  CAST(FROM_UNIXTIME_NANOS((
    "by_day_latest"."_created"
  ) * 1000) AS TIMESTAMP(6) WITH TIME ZONE) AS "created_timestamp",
  "by_day_latest"."fare",
  "by_day_latest"."rating"
FROM "entities"
JOIN "by_day_latest"
  ON "by_day_latest"."_row" = "entities"."_row";
