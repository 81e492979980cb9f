-- feature_view/route_delays of project flights: duckdb for target local, not applied yet.
-- How late flights on a route have landed lately, and how long they were in the air.
-- Made by asof compile: edit the definition, not this file.
-- Parameter: as_of, the instant (UTC) as of which rows are taken.
SET TimeZone = 'UTC';
WITH "landings" AS (
  /* the rows of the source, times in UTC */
  SELECT
    CASE
      WHEN TYPEOF("flight_id") LIKE '%INT%' OR CAST("flight_id" AS DOUBLE) = CAST("flight_id" AS INT)
      THEN CAST("flight_id" AS INT)
      ELSE ERROR("filename" || ': column flight_id holds ' || CAST("flight_id" AS TEXT) || ', not int32')
    END AS "flight_id",
    CAST("carrier" AS TEXT) AS "carrier",
    CAST("tailnum" AS TEXT) AS "tailnum",
    CAST("origin" AS TEXT) AS "origin",
    CAST("dest" AS TEXT) AS "dest",
    CAST("landed_at" AS TIMESTAMPTZ) AS "landed_at",
    CASE
      WHEN TYPEOF("arrival_delay_minutes") LIKE '%INT%'
      OR CAST("arrival_delay_minutes" AS DOUBLE) = CAST("arrival_delay_minutes" AS INT)
      THEN CAST("arrival_delay_minutes" AS INT)
      ELSE ERROR(
        "filename" || ': column arrival_delay_minutes holds ' || CAST("arrival_delay_minutes" AS TEXT) || ', not int32'
      )
    END AS "arrival_delay_minutes",
    CASE
      WHEN TYPEOF("air_time_minutes") LIKE '%INT%'
      OR CAST("air_time_minutes" AS DOUBLE) = CAST("air_time_minutes" AS INT)
      THEN CAST("air_time_minutes" AS INT)
      ELSE ERROR(
        "filename" || ': column air_time_minutes holds ' || CAST("air_time_minutes" AS TEXT) || ', not int32'
      )
    END AS "air_time_minutes"
  FROM READ_PARQUET('data/flights.parquet')
), "route_delays_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "origin",
    "dest",
    "landed_at" AS "_event",
    "flight_id",
    "arrival_delay_minutes",
    "air_time_minutes"
  FROM "landings"
  WHERE
    "origin" IS NOT NULL AND "dest" IS NOT NULL AND "landed_at" IS NOT NULL
), "entities" AS MATERIALIZED (
  /* whom the source has rows of, each asked about once */
  SELECT
    ROW_NUMBER() OVER () AS "_row",
    "origin",
    "dest",
    CAST($as_of AS TIMESTAMPTZ) AS "_at"
  FROM (
    SELECT DISTINCT
      "origin",
      "dest"
    FROM "route_delays_rows"
  ) AS "seen"
), "origin_dest_asked" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "entities"."_row",
    "entities"."origin",
    "entities"."dest",
    "entities"."_at",
    "entities"."_at" AS "_until"
  FROM "entities"
  WHERE
    "entities"."origin" IS NOT NULL AND "entities"."dest" IS NOT NULL AND "entities"."_at" IS NOT NULL
), "route_delays_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "_event"
  FROM (
    SELECT
      "origin_dest_asked"."_row",
      "route_delays_rows"."_event",
      ROW_NUMBER() OVER (
        PARTITION BY "origin_dest_asked"."_row"
        ORDER BY "route_delays_rows"."_event" DESC, "route_delays_rows"."flight_id" DESC
      ) AS "_rank"
    FROM "origin_dest_asked"
    JOIN "route_delays_rows"
      ON "origin_dest_asked"."origin" = "route_delays_rows"."origin"
      AND "origin_dest_asked"."dest" = "route_delays_rows"."dest"
      AND "route_delays_rows"."_event" <= "origin_dest_asked"."_until"
  ) AS "ranked"
  WHERE
    "_rank" = 1
), "origin_dest_asked_2" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "entities"."_row",
    "entities"."origin",
    "entities"."dest",
    "entities"."_at",
    "entities"."_at" - INTERVAL '30' DAY AS "_since",
    "entities"."_at" - INTERVAL '1' MICROSECOND AS "_until"
  FROM "entities"
  WHERE
    "entities"."origin" IS NOT NULL AND "entities"."dest" IS NOT NULL AND "entities"."_at" IS NOT NULL
), "route_delays_pairs" AS (
  /* each question with the rows that its widest window can hold */
  SELECT
    "origin_dest_asked_2"."_row",
    "origin_dest_asked_2"."_at",
    "route_delays_rows"."_event",
    "route_delays_rows"."arrival_delay_minutes",
    "route_delays_rows"."air_time_minutes",
    "route_delays_rows"."flight_id"
  FROM "origin_dest_asked_2"
  LEFT JOIN "route_delays_rows"
    ON "origin_dest_asked_2"."origin" = "route_delays_rows"."origin"
    AND "origin_dest_asked_2"."dest" = "route_delays_rows"."dest"
    AND "route_delays_rows"."_event" <= "origin_dest_asked_2"."_until"
    AND "route_delays_rows"."_event" >= "origin_dest_asked_2"."_since"
), "route_delays_exact" AS (
  /* every window picks its own rows */
  SELECT
    "_row",
    COUNT(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '7' DAY
        THEN "_event"
      END
    ) AS "route_landings_7d",
    COUNT(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '30' DAY
        THEN "_event"
      END
    ) AS "route_landings_30d",
    CAST(AVG(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '7' DAY
        THEN "arrival_delay_minutes"
      END
    ) AS DOUBLE) AS "route_delay_mean_7d",
    CAST(AVG(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '30' DAY
        THEN "arrival_delay_minutes"
      END
    ) AS DOUBLE) AS "route_delay_mean_30d",
    MAX(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '7' DAY
        THEN "arrival_delay_minutes"
      END
    ) AS "route_delay_max_7d",
    MAX(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '30' DAY
        THEN "arrival_delay_minutes"
      END
    ) AS "route_delay_max_30d",
    CAST(AVG(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '30' DAY
        THEN "air_time_minutes"
      END
    ) AS DOUBLE) AS "route_air_time_mean_30d"
  FROM "route_delays_pairs"
  GROUP BY
    "_row"
)
SELECT
  "entities"."origin",
  "entities"."dest",
  "route_delays_latest"."_event" AS "event_timestamp",
  CAST(NULL AS TIMESTAMPTZ) AS "created_timestamp",
  "route_delays_exact"."route_landings_7d",
  "route_delays_exact"."route_landings_30d",
  "route_delays_exact"."route_delay_mean_7d",
  "route_delays_exact"."route_delay_mean_30d",
  "route_delays_exact"."route_delay_max_7d",
  "route_delays_exact"."route_delay_max_30d",
  "route_delays_exact"."route_air_time_mean_30d"
FROM "entities"
JOIN "route_delays_latest"
  ON "route_delays_latest"."_row" = "entities"."_row"
LEFT JOIN "route_delays_exact"
  ON "route_delays_exact"."_row" = "entities"."_row";
