-- feature_view/driver_activity of project driver_ranking: duckdb for target local, not applied yet.
-- How much a driver has driven lately.
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
), "driver_activity_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "driver_id",
    "event_timestamp" AS "_event",
    "created" AS "_created",
    "trips",
    "conv_rate"
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
    FROM "driver_activity_rows"
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
), "driver_activity_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "_event",
    "_created"
  FROM (
    SELECT
      "driver_id_asked"."_row",
      "driver_activity_rows"."_event",
      "driver_activity_rows"."_created",
      ROW_NUMBER() OVER (
        PARTITION BY "driver_id_asked"."_row"
        ORDER BY "driver_activity_rows"."_event" DESC, "driver_activity_rows"."_created" DESC
      ) AS "_rank"
    FROM "driver_id_asked"
    JOIN "driver_activity_rows"
      ON "driver_id_asked"."driver_id" = "driver_activity_rows"."driver_id"
      AND "driver_activity_rows"."_event" <= "driver_id_asked"."_until"
  ) AS "ranked"
  WHERE
    "_rank" = 1
), "driver_id_asked_2" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "entities"."_row",
    "entities"."driver_id",
    "entities"."_at",
    "entities"."_at" - INTERVAL '1' DAY AS "_since",
    "entities"."_at" - INTERVAL '1' MICROSECOND AS "_until"
  FROM "entities"
  WHERE
    "entities"."driver_id" IS NOT NULL AND "entities"."_at" IS NOT NULL
), "driver_activity_pairs" AS (
  /* each question with the rows that its widest window can hold */
  SELECT
    "driver_id_asked_2"."_row",
    "driver_id_asked_2"."_at",
    "driver_activity_rows"."_event",
    "driver_activity_rows"."trips",
    "driver_activity_rows"."conv_rate",
    "driver_activity_rows"."_created"
  FROM "driver_id_asked_2"
  LEFT JOIN "driver_activity_rows"
    ON "driver_id_asked_2"."driver_id" = "driver_activity_rows"."driver_id"
    AND "driver_activity_rows"."_event" <= "driver_id_asked_2"."_until"
    AND "driver_activity_rows"."_event" >= "driver_id_asked_2"."_since"
), "driver_activity_exact" AS (
  /* every window picks its own rows */
  SELECT
    "_row",
    CAST(SUM(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '6' HOUR
        THEN "trips"
      END
    ) AS BIGINT) AS "trips_sum_6h",
    CAST(SUM(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '1' DAY
        THEN "trips"
      END
    ) AS BIGINT) AS "trips_sum_1d",
    CAST(AVG(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '1' DAY
        THEN "conv_rate"
      END
    ) AS DOUBLE) AS "conv_rate_mean_1d"
  FROM "driver_activity_pairs"
  GROUP BY
    "_row"
)
SELECT
  "entities"."driver_id",
  "driver_activity_latest"."_event" AS "event_timestamp",
  "driver_activity_latest"."_created" AS "created_timestamp",
  "driver_activity_exact"."trips_sum_6h",
  "driver_activity_exact"."trips_sum_1d",
  "driver_activity_exact"."conv_rate_mean_1d"
FROM "entities"
JOIN "driver_activity_latest"
  ON "driver_activity_latest"."_row" = "entities"."_row"
LEFT JOIN "driver_activity_exact"
  ON "driver_activity_exact"."_row" = "entities"."_row";
