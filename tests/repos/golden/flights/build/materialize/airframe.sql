-- feature_view/airframe of project flights: duckdb for target local, not applied yet.
-- The aircraft's age and size, from the register.
-- Made by asof compile: edit the definition, not this file.
-- Parameter: as_of, the instant (UTC) as of which rows are taken.
SET TimeZone = 'UTC';
WITH "planes" AS (
  /* the rows of the source, times in UTC */
  SELECT
    CAST("tailnum" AS TEXT) AS "tailnum",
    CASE
      WHEN TYPEOF("built_year") LIKE '%INT%' OR CAST("built_year" AS DOUBLE) = CAST("built_year" AS INT)
      THEN CAST("built_year" AS INT)
      ELSE ERROR("filename" || ': column built_year holds ' || CAST("built_year" AS TEXT) || ', not int32')
    END AS "built_year",
    CAST("type" AS TEXT) AS "type",
    CAST("manufacturer" AS TEXT) AS "manufacturer",
    CAST("model" AS TEXT) AS "model",
    CASE
      WHEN TYPEOF("engines") LIKE '%INT%' OR CAST("engines" AS DOUBLE) = CAST("engines" AS INT)
      THEN CAST("engines" AS INT)
      ELSE ERROR("filename" || ': column engines holds ' || CAST("engines" AS TEXT) || ', not int32')
    END AS "engines",
    CASE
      WHEN TYPEOF("seats") LIKE '%INT%' OR CAST("seats" AS DOUBLE) = CAST("seats" AS INT)
      THEN CAST("seats" AS INT)
      ELSE ERROR("filename" || ': column seats holds ' || CAST("seats" AS TEXT) || ', not int32')
    END AS "seats",
    CAST("engine" AS TEXT) AS "engine"
  FROM READ_PARQUET('data/planes.parquet')
), "airframe" AS (
  /* the query of the view */
  SELECT
    "tailnum",
    CAST('2000-01-01 00:00:00+00' AS TIMESTAMPTZ) AS "known_since",
    "built_year",
    "seats",
    "engines"
  FROM "planes"
), "airframe_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "tailnum",
    CAST("known_since" AS TIMESTAMPTZ) AS "_event",
    "built_year",
    "seats",
    "engines"
  FROM "airframe"
  WHERE
    "tailnum" IS NOT NULL AND CAST("known_since" AS TIMESTAMPTZ) IS NOT NULL
), "entities" AS MATERIALIZED (
  /* whom the source has rows of, each asked about once */
  SELECT
    ROW_NUMBER() OVER () AS "_row",
    "tailnum",
    CAST($as_of AS TIMESTAMPTZ) AS "_at"
  FROM (
    SELECT DISTINCT
      "tailnum"
    FROM "airframe_rows"
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
), "airframe_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "_event",
    "built_year",
    "seats",
    "engines"
  FROM (
    SELECT
      "tailnum_asked"."_row",
      "airframe_rows"."_event",
      "airframe_rows"."built_year",
      "airframe_rows"."seats",
      "airframe_rows"."engines",
      ROW_NUMBER() OVER (
        PARTITION BY "tailnum_asked"."_row"
        ORDER BY "airframe_rows"."_event" DESC, "airframe_rows"."built_year" DESC, "airframe_rows"."seats" DESC, "airframe_rows"."engines" DESC
      ) AS "_rank"
    FROM "tailnum_asked"
    JOIN "airframe_rows"
      ON "tailnum_asked"."tailnum" = "airframe_rows"."tailnum"
      AND "airframe_rows"."_event" <= "tailnum_asked"."_until"
  ) AS "ranked"
  WHERE
    "_rank" = 1
)
SELECT
  "entities"."tailnum",
  "airframe_latest"."_event" AS "event_timestamp",
  CAST(NULL AS TIMESTAMPTZ) AS "created_timestamp",
  "airframe_latest"."built_year",
  "airframe_latest"."seats",
  "airframe_latest"."engines"
FROM "entities"
JOIN "airframe_latest"
  ON "airframe_latest"."_row" = "entities"."_row";
