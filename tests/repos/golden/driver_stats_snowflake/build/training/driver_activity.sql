-- feature_service/driver_activity of project driver_stats: snowflake for target production, not applied yet.
-- Predicts whether a driver will complete the next trip.
-- Made by asof compile: edit the definition, not this file.
-- Parameter: the table spine (DRIVER_ID, event_timestamp).
ALTER SESSION SET TIMEZONE = 'UTC';
WITH "spine_2" AS (
  /* the rows to be enriched, numbered once, each at its own instant */
  SELECT
    ROW_NUMBER() OVER (ORDER BY "given"."event_timestamp" ASC, "given"."DRIVER_ID" ASC) AS "_row",
    "given"."DRIVER_ID",
    "given"."event_timestamp",
    CAST("given"."event_timestamp" AS TIMESTAMPLTZ) AS "_at"
  FROM "spine" AS "given"
), "driver_stats" AS (
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
), "DRIVER_ID_asked" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "spine_2"."_row",
    "spine_2"."DRIVER_ID",
    "spine_2"."_at",
    "spine_2"."_at" - INTERVAL '1 DAY' AS "_since",
    "spine_2"."_at" AS "_until"
  FROM "spine_2"
  WHERE
    "spine_2"."DRIVER_ID" IS NOT NULL AND "spine_2"."_at" IS NOT NULL
), "DRIVER_ID_keys" AS (
  /* the keys that are asked about */
  SELECT DISTINCT
    "DRIVER_ID"
  FROM "DRIVER_ID_asked"
), "driver_hourly_stats_found" AS (
  /* when the latest visible row of each question happened */
  SELECT
    "_row",
    "DRIVER_ID",
    "_event"
  FROM (
    SELECT
      "_row",
      "DRIVER_ID",
      "_since",
      MAX("_event") OVER (PARTITION BY "DRIVER_ID" ORDER BY "_at" ASC RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS "_event"
    FROM (
      SELECT
        NULL AS "_row",
        "driver_hourly_stats_rows"."DRIVER_ID",
        "driver_hourly_stats_rows"."_event" AS "_at",
        "driver_hourly_stats_rows"."_event",
        NULL AS "_since"
      FROM "driver_hourly_stats_rows"
      JOIN "DRIVER_ID_keys"
        ON "DRIVER_ID_keys"."DRIVER_ID" = "driver_hourly_stats_rows"."DRIVER_ID"
      UNION ALL
      SELECT
        "DRIVER_ID_asked"."_row",
        "DRIVER_ID_asked"."DRIVER_ID",
        "DRIVER_ID_asked"."_until" AS "_at",
        NULL AS "_event",
        "DRIVER_ID_asked"."_since"
      FROM "DRIVER_ID_asked"
    ) AS "timeline"
  ) AS "newest"
  WHERE
    "_row" IS NOT NULL AND "_event" IS NOT NULL AND "_event" >= "_since"
), "driver_hourly_stats_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "CONV_RATE",
    "ACC_RATE",
    "AVG_DAILY_TRIPS"
  FROM (
    SELECT
      "driver_hourly_stats_found"."_row",
      "driver_hourly_stats_rows"."CONV_RATE",
      "driver_hourly_stats_rows"."ACC_RATE",
      "driver_hourly_stats_rows"."AVG_DAILY_TRIPS",
      ROW_NUMBER() OVER (
        PARTITION BY "driver_hourly_stats_found"."_row"
        ORDER BY "driver_hourly_stats_rows"."_created" DESC NULLS LAST, "driver_hourly_stats_rows"."CONV_RATE" DESC NULLS LAST, "driver_hourly_stats_rows"."ACC_RATE" DESC NULLS LAST, "driver_hourly_stats_rows"."AVG_DAILY_TRIPS" DESC NULLS LAST
      ) AS "_rank"
    FROM "driver_hourly_stats_rows"
    JOIN "driver_hourly_stats_found"
      ON "driver_hourly_stats_found"."DRIVER_ID" = "driver_hourly_stats_rows"."DRIVER_ID"
      AND "driver_hourly_stats_found"."_event" = "driver_hourly_stats_rows"."_event"
  ) AS "ranked"
  WHERE
    "_rank" = 1
)
SELECT
  "spine_2"."DRIVER_ID",
  "spine_2"."event_timestamp",
  "driver_hourly_stats_latest"."CONV_RATE",
  "driver_hourly_stats_latest"."ACC_RATE",
  "driver_hourly_stats_latest"."AVG_DAILY_TRIPS"
FROM "spine_2"
LEFT JOIN "driver_hourly_stats_latest"
  ON "driver_hourly_stats_latest"."_row" = "spine_2"."_row"
ORDER BY
  "spine_2"."_row" ASC;
