-- feature_view/airframe of project flights: duckdb for target local, not applied yet.
-- The aircraft's age and size, from the register.
-- Made by asof compile: edit the definition, not this file.
SET TimeZone = 'UTC';
WITH "planes" AS (
  /* the rows of the source, times in UTC */
  SELECT
    "tailnum",
    "built_year",
    "type",
    "manufacturer",
    "model",
    "engines",
    "seats",
    "engine"
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
)
SELECT
  "tailnum",
  "known_since",
  "built_year",
  "seats",
  "engines"
FROM "airframe";
