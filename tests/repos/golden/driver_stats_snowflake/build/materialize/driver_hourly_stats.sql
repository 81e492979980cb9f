-- feature_view/driver_hourly_stats of project driver_stats: snowflake for target production, not applied yet.
-- A driver's rates in the latest hour on record.
-- Made by asof compile: edit the definition, not this file.
-- Parameter: as_of, the instant (UTC) as of which rows are taken.
ALTER SESSION SET TIMEZONE = 'UTC';
WITH "driver_stats" AS (
  /* the rows of the source, times in UTC */
  SELECT
    "DRIVER_ID",
    CAST("EVENT_TIMESTAMP" AS TIMESTAMPLTZ) AS "EVENT_TIMESTAMP",
    CAST("CREATED" AS TIMESTAMPLTZ) AS "CREATED",
    "CONV_RATE",
    "ACC_RATE",
    "AVG_DAILY_TRIPS"
  FROM "MARKETPLACE"."PUBLIC"."DRIVER_STATS"
), "driver_hourly_stats_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "DRIVER_ID",
    "EVENT_TIMESTAMP" AS "_event",
    "CREATED" AS "_created",
    "CONV_RATE",
    "ACC_RATE",
    "AVG_DAILY_TRIPS"
  FROM "driver_stats"
  WHERE
    "DRIVER_ID" IS NOT NULL AND "EVENT_TIMESTAMP" IS NOT NULL
), "entities" AS (
  /* whom the source has rows of, each asked about once */
  SELECT
    ROW_NUMBER() OVER (ORDER BY "DRIVER_ID" ASC) AS "_row",
    "DRIVER_ID",
    CAST(:as_of AS TIMESTAMPLTZ) AS "_at"
  FROM (
    SELECT DISTINCT
      "DRIVER_ID"
    FROM "driver_hourly_stats_rows"
  ) AS "seen"
), "DRIVER_ID_asked" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "entities"."_row",
    "entities"."DRIVER_ID",
    "entities"."_at",
    "entities"."_at" AS "_until"
  FROM "entities"
  WHERE
    "entities"."DRIVER_ID" IS NOT NULL AND "entities"."_at" IS NOT NULL
), "driver_hourly_stats_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "_event",
    "_created",
    "CONV_RATE",
    "ACC_RATE",
    "AVG_DAILY_TRIPS"
  FROM (
    SELECT
      "DRIVER_ID_asked"."_row",
      "driver_hourly_stats_rows"."_event",
      "driver_hourly_stats_rows"."_created",
      "driver_hourly_stats_rows"."CONV_RATE",
      "driver_hourly_stats_rows"."ACC_RATE",
      "driver_hourly_stats_rows"."AVG_DAILY_TRIPS",
      ROW_NUMBER() OVER (
        PARTITION BY "DRIVER_ID_asked"."_row"
        ORDER BY "driver_hourly_stats_rows"."_event" DESC NULLS LAST, "driver_hourly_stats_rows"."_created" DESC NULLS LAST, "driver_hourly_stats_rows"."CONV_RATE" DESC NULLS LAST, "driver_hourly_stats_rows"."ACC_RATE" DESC NULLS LAST, "driver_hourly_stats_rows"."AVG_DAILY_TRIPS" DESC NULLS LAST
      ) AS "_rank"
    FROM "DRIVER_ID_asked"
    JOIN "driver_hourly_stats_rows"
      ON "DRIVER_ID_asked"."DRIVER_ID" = "driver_hourly_stats_rows"."DRIVER_ID"
      AND "driver_hourly_stats_rows"."_event" <= "DRIVER_ID_asked"."_until"
  ) AS "ranked"
  WHERE
    "_rank" = 1
)
SELECT
  "entities"."DRIVER_ID",
  "driver_hourly_stats_latest"."_event" AS "event_timestamp",
  "driver_hourly_stats_latest"."_created" AS "created_timestamp",
  "driver_hourly_stats_latest"."CONV_RATE",
  "driver_hourly_stats_latest"."ACC_RATE",
  "driver_hourly_stats_latest"."AVG_DAILY_TRIPS"
FROM "entities"
JOIN "driver_hourly_stats_latest"
  ON "driver_hourly_stats_latest"."_row" = "entities"."_row";
