SET join_use_nulls = 1;
SET prefer_column_name_to_alias = 1;
WITH "rides_source" AS (
  /* the rows of the source, times in UTC */
  SELECT
    "driver",
    CAST("ended_at" AS Nullable(DateTime64(6, 'UTC'))) AS "ended_at",
    CAST("loaded_at" AS Nullable(DateTime64(6, 'UTC'))) AS "loaded_at",
    "ride",
    "fare",
    "rating"
  FROM "rides"
), "last_ride_rows" AS (
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
), "entities" AS (
  /* whom the source has rows of, each asked about once */
  SELECT
    ROW_NUMBER() OVER (ORDER BY "driver" ASC) AS "_row",
    "driver",
    toUnixTimestamp64Micro(CAST('2024-02-29 12:00:00.000000' AS Nullable(DateTime64(6, 'UTC')))) AS "_at"
  FROM (
    SELECT DISTINCT
      "driver"
    FROM "last_ride_rows"
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
), "last_ride_latest" AS (
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
      "last_ride_rows"."_event",
      "last_ride_rows"."_created",
      "last_ride_rows"."fare",
      "last_ride_rows"."rating",
      ROW_NUMBER() OVER (
        PARTITION BY "driver_asked"."_row"
        ORDER BY "last_ride_rows"."_event" DESC, "last_ride_rows"."_created" DESC, "last_ride_rows"."ride" DESC, "last_ride_rows"."fare" DESC, "last_ride_rows"."rating" DESC
      ) AS "_rank"
    FROM "driver_asked"
    JOIN "last_ride_rows"
      ON "driver_asked"."driver" = "last_ride_rows"."driver"
      AND "last_ride_rows"."_event" <= "driver_asked"."_until"
  ) AS "ranked"
  WHERE
    "_rank" = 1
)
SELECT
  "entities"."driver",
  fromUnixTimestamp64Micro("last_ride_latest"."_event", 'UTC') AS "event_timestamp",
  fromUnixTimestamp64Micro("last_ride_latest"."_created", 'UTC') AS "created_timestamp",
  "last_ride_latest"."fare",
  "last_ride_latest"."rating"
FROM "entities"
JOIN "last_ride_latest"
  ON "last_ride_latest"."_row" = "entities"."_row";
