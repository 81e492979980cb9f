-- feature_view/driver_hourly_stats of project driver_ranking: duckdb for target local, not applied yet.
-- A driver's rates in the latest hour on record, unless that is over a day ago.
-- Made by asof compile: edit the definition, not this file.
-- Parameter: as_of, the instant (UTC) as of which rows are taken.
SET TimeZone = 'UTC';
WITH "driver_hours" AS (
  /* the rows of the source, times in UTC */
  SELECT
    CASE
      WHEN REGEXP_FULL_MATCH("driver_id", ' *[+-]?[0-9]+([.]0*)? *')
      THEN CAST("driver_id" AS BIGINT)
      ELSE ERROR("filename" || ': column driver_id holds ' || CAST("driver_id" AS TEXT) || ', not int64')
    END AS "driver_id",
    CAST("event_timestamp" AS TIMESTAMPTZ) AS "event_timestamp",
    CAST("created" AS TIMESTAMPTZ) AS "created",
    "conv_rate",
    "acc_rate",
    CASE
      WHEN REGEXP_FULL_MATCH("trips", ' *[+-]?[0-9]+([.]0*)? *')
      THEN CAST("trips" AS BIGINT)
      ELSE ERROR("filename" || ': column trips holds ' || CAST("trips" AS TEXT) || ', not int64')
    END AS "trips"
  FROM READ_CSV(
    'data/driver_hours.csv',
    "header" = TRUE,
    "types" = {'driver_id': 'VARCHAR', 'event_timestamp': 'TIMESTAMPTZ', 'created': 'TIMESTAMPTZ', 'conv_rate': 'DOUBLE', 'acc_rate': 'DOUBLE', 'trips': 'VARCHAR'}
  )
), "driver_hourly_stats_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "driver_id",
    "event_timestamp" AS "_event",
    "created" AS "_created",
    "conv_rate",
    "acc_rate",
    "trips"
  FROM "driver_hours"
  WHERE
    "driver_id" IS NOT NULL AND "event_timestamp" IS NOT NULL
), "entities" AS MATERIALIZED (
  /* whom the source has rows of, each asked about once */
  SELECT
    ROW_NUMBER() OVER () AS "_row",
    "driver_id",
    CAST($as_of AS TIMESTAMPTZ) AS "_at"
  FROM (
    SELECT DISTINCT
      "driver_id"
    FROM "driver_hourly_stats_rows"
  ) AS "seen"
), "driver_id_asked" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "entities"."_row",
    "entities"."driver_id",
    "entities"."_at",
    "entities"."_at" AS "_until"
  FROM "entities"
  WHERE
    "entities"."driver_id" IS NOT NULL AND "entities"."_at" IS NOT NULL
), "driver_hourly_stats_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "_event",
    "_created",
    "conv_rate",
    "acc_rate",
    "trips"
  FROM (
    SELECT
      "driver_id_asked"."_row",
      "driver_hourly_stats_rows"."_event",
      "driver_hourly_stats_rows"."_created",
      "driver_hourly_stats_rows"."conv_rate",
      "driver_hourly_stats_rows"."acc_rate",
      "driver_hourly_stats_rows"."trips",
      ROW_NUMBER() OVER (
        PARTITION BY "driver_id_asked"."_row"
        ORDER BY "driver_hourly_stats_rows"."_event" DESC, "driver_hourly_stats_rows"."_created" DESC, "driver_hourly_stats_rows"."conv_rate" DESC, "driver_hourly_stats_rows"."acc_rate" DESC, "driver_hourly_stats_rows"."trips" DESC
      ) AS "_rank"
    FROM "driver_id_asked"
    JOIN "driver_hourly_stats_rows"
      ON "driver_id_asked"."driver_id" = "driver_hourly_stats_rows"."driver_id"
      AND "driver_hourly_stats_rows"."_event" <= "driver_id_asked"."_until"
  ) AS "ranked"
  WHERE
    "_rank" = 1
)
SELECT
  "entities"."driver_id",
  "driver_hourly_stats_latest"."_event" AS "event_timestamp",
  "driver_hourly_stats_latest"."_created" AS "created_timestamp",
  "driver_hourly_stats_latest"."conv_rate",
  "driver_hourly_stats_latest"."acc_rate",
  "driver_hourly_stats_latest"."trips"
FROM "entities"
JOIN "driver_hourly_stats_latest"
  ON "driver_hourly_stats_latest"."_row" = "entities"."_row";
