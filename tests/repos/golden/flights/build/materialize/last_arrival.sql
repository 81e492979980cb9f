-- feature_view/last_arrival of project flights: duckdb for target local, not applied yet.
-- Where and how late the aircraft last landed, within two days.
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
), "last_arrival" AS (
  /* the query of the view */
  SELECT
    "tailnum",
    "flight_id",
    "landed_at",
    "landed_at" AS "last_landed_at",
    "dest" AS "last_airport",
    "arrival_delay_minutes" AS "last_arrival_delay_minutes"
  FROM "landings"
), "last_arrival_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "tailnum",
    CAST("landed_at" AS TIMESTAMPTZ) AS "_event",
    "flight_id",
    "last_landed_at",
    "last_airport",
    "last_arrival_delay_minutes"
  FROM "last_arrival"
  WHERE
    "tailnum" IS NOT NULL AND CAST("landed_at" AS TIMESTAMPTZ) IS NOT NULL
), "entities" AS MATERIALIZED (
  /* whom the source has rows of, each asked about once */
  SELECT
    ROW_NUMBER() OVER () AS "_row",
    "tailnum",
    CAST($as_of AS TIMESTAMPTZ) AS "_at"
  FROM (
    SELECT DISTINCT
      "tailnum"
    FROM "last_arrival_rows"
  ) AS "seen"
), "tailnum_asked" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "entities"."_row",
    "entities"."tailnum",
    "entities"."_at",
    "entities"."_at" AS "_until"
  FROM "entities"
  WHERE
    "entities"."tailnum" IS NOT NULL AND "entities"."_at" IS NOT NULL
), "last_arrival_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "_event",
    "last_landed_at",
    "last_airport",
    "last_arrival_delay_minutes"
  FROM (
    SELECT
      "tailnum_asked"."_row",
      "last_arrival_rows"."_event",
      "last_arrival_rows"."last_landed_at",
      "last_arrival_rows"."last_airport",
      "last_arrival_rows"."last_arrival_delay_minutes",
      ROW_NUMBER() OVER (
        PARTITION BY "tailnum_asked"."_row"
        ORDER BY "last_arrival_rows"."_event" DESC, "last_arrival_rows"."flight_id" DESC, "last_arrival_rows"."last_landed_at" DESC, "last_arrival_rows"."last_airport" DESC, "last_arrival_rows"."last_arrival_delay_minutes" DESC
      ) AS "_rank"
    FROM "tailnum_asked"
    JOIN "last_arrival_rows"
      ON "tailnum_asked"."tailnum" = "last_arrival_rows"."tailnum"
      AND "last_arrival_rows"."_event" <= "tailnum_asked"."_until"
  ) AS "ranked"
  WHERE
    "_rank" = 1
)
SELECT
  "entities"."tailnum",
  "last_arrival_latest"."_event" AS "event_timestamp",
  CAST(NULL AS TIMESTAMPTZ) AS "created_timestamp",
  "last_arrival_latest"."last_landed_at",
  "last_arrival_latest"."last_airport",
  "last_arrival_latest"."last_arrival_delay_minutes"
FROM "entities"
JOIN "last_arrival_latest"
  ON "last_arrival_latest"."_row" = "entities"."_row";
