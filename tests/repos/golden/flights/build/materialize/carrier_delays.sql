-- feature_view/carrier_delays of project flights: duckdb for target local, not applied yet.
-- How late a carrier's flights have landed lately.
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
), "carrier_delays_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "carrier",
    "landed_at" AS "_event",
    "flight_id",
    "arrival_delay_minutes",
    CASE WHEN "arrival_delay_minutes" > 15 THEN 1 END AS "carrier_late_landings_input"
  FROM "landings"
  WHERE
    "carrier" IS NOT NULL AND "landed_at" IS NOT NULL
), "entities" AS MATERIALIZED (
  /* whom the source has rows of, each asked about once */
  SELECT
    ROW_NUMBER() OVER () AS "_row",
    "carrier",
    CAST($as_of AS TIMESTAMPTZ) AS "_at"
  FROM (
    SELECT DISTINCT
      "carrier"
    FROM "carrier_delays_rows"
  ) AS "seen"
), "carrier_asked" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "entities"."_row",
    "entities"."carrier",
    "entities"."_at",
    "entities"."_at" AS "_until"
  FROM "entities"
  WHERE
    "entities"."carrier" IS NOT NULL AND "entities"."_at" IS NOT NULL
), "carrier_delays_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "_event"
  FROM (
    SELECT
      "carrier_asked"."_row",
      "carrier_delays_rows"."_event",
      ROW_NUMBER() OVER (
        PARTITION BY "carrier_asked"."_row"
        ORDER BY "carrier_delays_rows"."_event" DESC, "carrier_delays_rows"."flight_id" DESC
      ) AS "_rank"
    FROM "carrier_asked"
    JOIN "carrier_delays_rows"
      ON "carrier_asked"."carrier" = "carrier_delays_rows"."carrier"
      AND "carrier_delays_rows"."_event" <= "carrier_asked"."_until"
  ) AS "ranked"
  WHERE
    "_rank" = 1
), "carrier_asked_2" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "entities"."_row",
    "entities"."carrier",
    "entities"."_at",
    "entities"."_at" - INTERVAL '30' DAY AS "_since",
    "entities"."_at" - INTERVAL '1' MICROSECOND AS "_until"
  FROM "entities"
  WHERE
    "entities"."carrier" IS NOT NULL AND "entities"."_at" IS NOT NULL
), "carrier_delays_pairs" AS (
  /* each question with the rows that its widest window can hold */
  SELECT
    "carrier_asked_2"."_row",
    "carrier_asked_2"."_at",
    "carrier_delays_rows"."_event",
    "carrier_delays_rows"."carrier_late_landings_input",
    "carrier_delays_rows"."arrival_delay_minutes",
    "carrier_delays_rows"."flight_id"
  FROM "carrier_asked_2"
  LEFT JOIN "carrier_delays_rows"
    ON "carrier_asked_2"."carrier" = "carrier_delays_rows"."carrier"
    AND "carrier_delays_rows"."_event" <= "carrier_asked_2"."_until"
    AND "carrier_delays_rows"."_event" >= "carrier_asked_2"."_since"
), "carrier_delays_exact" AS (
  /* every window picks its own rows */
  SELECT
    "_row",
    COUNT(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '1' DAY
        THEN "_event"
      END
    ) AS "carrier_landings_1d",
    COUNT(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '7' DAY
        THEN "_event"
      END
    ) AS "carrier_landings_7d",
    COUNT(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '30' DAY
        THEN "_event"
      END
    ) AS "carrier_landings_30d",
    COUNT(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '1' DAY
        THEN "carrier_late_landings_input"
      END
    ) AS "carrier_late_landings_1d",
    COUNT(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '7' DAY
        THEN "carrier_late_landings_input"
      END
    ) AS "carrier_late_landings_7d",
    COUNT(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '30' DAY
        THEN "carrier_late_landings_input"
      END
    ) AS "carrier_late_landings_30d",
    CAST(AVG(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '1' DAY
        THEN "arrival_delay_minutes"
      END
    ) AS DOUBLE) AS "carrier_delay_mean_1d",
    CAST(AVG(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '7' DAY
        THEN "arrival_delay_minutes"
      END
    ) AS DOUBLE) AS "carrier_delay_mean_7d",
    CAST(AVG(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '30' DAY
        THEN "arrival_delay_minutes"
      END
    ) AS DOUBLE) AS "carrier_delay_mean_30d",
    CAST(STDDEV_SAMP(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '7' DAY
        THEN "arrival_delay_minutes"
      END
    ) AS DOUBLE) AS "carrier_delay_stddev_7d",
    CAST(STDDEV_SAMP(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '30' DAY
        THEN "arrival_delay_minutes"
      END
    ) AS DOUBLE) AS "carrier_delay_stddev_30d",
    MAX(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '1' DAY
        THEN "arrival_delay_minutes"
      END
    ) AS "carrier_delay_max_1d",
    MAX(
      CASE
        WHEN "_event" <= "_at" - INTERVAL '1' MICROSECOND AND "_event" >= "_at" - INTERVAL '7' DAY
        THEN "arrival_delay_minutes"
      END
    ) AS "carrier_delay_max_7d"
  FROM "carrier_delays_pairs"
  GROUP BY
    "_row"
)
SELECT
  "entities"."carrier",
  "carrier_delays_latest"."_event" AS "event_timestamp",
  CAST(NULL AS TIMESTAMPTZ) AS "created_timestamp",
  "carrier_delays_exact"."carrier_landings_1d",
  "carrier_delays_exact"."carrier_landings_7d",
  "carrier_delays_exact"."carrier_landings_30d",
  "carrier_delays_exact"."carrier_late_landings_1d",
  "carrier_delays_exact"."carrier_late_landings_7d",
  "carrier_delays_exact"."carrier_late_landings_30d",
  "carrier_delays_exact"."carrier_delay_mean_1d",
  "carrier_delays_exact"."carrier_delay_mean_7d",
  "carrier_delays_exact"."carrier_delay_mean_30d",
  "carrier_delays_exact"."carrier_delay_stddev_7d",
  "carrier_delays_exact"."carrier_delay_stddev_30d",
  "carrier_delays_exact"."carrier_delay_max_1d",
  "carrier_delays_exact"."carrier_delay_max_7d"
FROM "entities"
JOIN "carrier_delays_latest"
  ON "carrier_delays_latest"."_row" = "entities"."_row"
LEFT JOIN "carrier_delays_exact"
  ON "carrier_delays_exact"."_row" = "entities"."_row";
