WITH "days_source" AS NOT MATERIALIZED (
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
), "entities" AS MATERIALIZED (
  /* whom the source has rows of, each asked about once */
  SELECT
    ROW_NUMBER() OVER () AS "_row",
    "driver",
    1709208000000000 AS "_at"
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
  "by_day_latest"."_event" AS "event_timestamp",
  "by_day_latest"."_created" AS "created_timestamp",
  "by_day_latest"."fare",
  "by_day_latest"."rating"
FROM "entities"
JOIN "by_day_latest"
  ON "by_day_latest"."_row" = "entities"."_row";
