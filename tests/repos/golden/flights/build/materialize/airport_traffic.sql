-- feature_view/airport_traffic of project flights: duckdb for target local, not applied yet.
-- How busy an airport is right now, and how far behind its schedule.
-- Made by asof compile: edit the definition, not this file.
-- Parameter: as_of, the instant (UTC) as of which rows are taken.
SET TimeZone = 'UTC';
WITH "departures" AS (
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
    CAST("departed_at" AS TIMESTAMPTZ) AS "departed_at",
    CASE
      WHEN TYPEOF("departure_delay_minutes") LIKE '%INT%'
      OR CAST("departure_delay_minutes" AS DOUBLE) = CAST("departure_delay_minutes" AS INT)
      THEN CAST("departure_delay_minutes" AS INT)
      ELSE ERROR(
        "filename" || ': column departure_delay_minutes holds ' || CAST("departure_delay_minutes" AS TEXT) || ', not int32'
      )
    END AS "departure_delay_minutes"
  FROM READ_PARQUET('data/flights.parquet')
), "airport_traffic" AS (
  /* the query of the view */
  SELECT
    "origin" AS "airport",
    "flight_id",
    "departed_at",
    "departure_delay_minutes"
  FROM "departures"
), "airport_traffic_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "airport",
    CAST("departed_at" AS TIMESTAMPTZ) AS "_event",
    "flight_id",
    "departure_delay_minutes"
  FROM "airport_traffic"
  WHERE
    "airport" IS NOT NULL AND CAST("departed_at" AS TIMESTAMPTZ) IS NOT NULL
), "entities" AS MATERIALIZED (
  /* whom the source has rows of, each asked about once */
  SELECT
    ROW_NUMBER() OVER () AS "_row",
    "airport",
    CAST($as_of AS TIMESTAMPTZ) AS "_at"
  FROM (
    SELECT DISTINCT
      "airport"
    FROM "airport_traffic_rows"
  ) AS "seen"
), "airport_asked" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "entities"."_row",
    "entities"."airport",
    "entities"."_at",
    "entities"."_at" AS "_until"
  FROM "entities"
  WHERE
    "entities"."airport" IS NOT NULL AND "entities"."_at" IS NOT NULL
), "airport_traffic_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "_event"
  FROM (
    SELECT
      "airport_asked"."_row",
      "airport_traffic_rows"."_event",
      ROW_NUMBER() OVER (
        PARTITION BY "airport_asked"."_row"
        ORDER BY "airport_traffic_rows"."_event" DESC, "airport_traffic_rows"."flight_id" DESC
      ) AS "_rank"
    FROM "airport_asked"
    JOIN "airport_traffic_rows"
      ON "airport_asked"."airport" = "airport_traffic_rows"."airport"
      AND "airport_traffic_rows"."_event" <= "airport_asked"."_until"
  ) AS "ranked"
  WHERE
    "_rank" = 1
), "airport_asked_2" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "entities"."_row",
    "entities"."airport",
    "entities"."_at",
    "entities"."_at" - INTERVAL '3' HOUR AS "_since",
    "entities"."_at" - INTERVAL '1' MICROSECOND AS "_until"
  FROM "entities"
  WHERE
    "entities"."airport" IS NOT NULL AND "entities"."_at" IS NOT NULL
), "airport_traffic_pairs" AS (
  /* each question with the rows that its widest window can hold */
  SELECT
    "airport_asked_2"."_row",
    "airport_asked_2"."_at",
    "airport_traffic_rows"."_event",
    "airport_traffic_rows"."departure_delay_minutes",
    "airport_traffic_rows"."flight_id"
  FROM "airport_asked_2"
  LEFT JOIN "airport_traffic_rows"
    ON "airport_asked_2"."airport" = "airport_traffic_rows"."airport"
    AND "airport_traffic_rows"."_event" <= "airport_asked_2"."_until"
    AND "airport_traffic_rows"."_event" >= "airport_asked_2"."_since"
), "airport_traffic_exact" AS (
  /* every window picks its own rows */
  SELECT
    "_row",
    COUNT(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '1' HOUR
        THEN "_event"
      END
    ) AS "departures_1h",
    COUNT(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '3' HOUR
        THEN "_event"
      END
    ) AS "departures_3h",
    CAST(AVG(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '1' HOUR
        THEN "departure_delay_minutes"
      END
    ) AS DOUBLE) AS "departure_delay_mean_1h",
    CAST(AVG(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '3' HOUR
        THEN "departure_delay_minutes"
      END
    ) AS DOUBLE) AS "departure_delay_mean_3h"
  FROM "airport_traffic_pairs"
  GROUP BY
    "_row"
)
SELECT
  "entities"."airport",
  "airport_traffic_latest"."_event" AS "event_timestamp",
  CAST(NULL AS TIMESTAMPTZ) AS "created_timestamp",
  "airport_traffic_exact"."departures_1h",
  "airport_traffic_exact"."departures_3h",
  "airport_traffic_exact"."departure_delay_mean_1h",
  "airport_traffic_exact"."departure_delay_mean_3h"
FROM "entities"
JOIN "airport_traffic_latest"
  ON "airport_traffic_latest"."_row" = "entities"."_row"
LEFT JOIN "airport_traffic_exact"
  ON "airport_traffic_exact"."_row" = "entities"."_row";
