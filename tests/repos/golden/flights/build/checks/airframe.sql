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
  CAST('tailnum is null' AS TEXT) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "airframe"
WHERE
  "tailnum" IS NULL
UNION ALL
SELECT
  CAST('known_since is null' AS TEXT) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "airframe"
WHERE
  "known_since" IS NULL
UNION ALL
SELECT
  CAST('a tie that only feature values decide' AS TEXT) AS "check",
  CAST(COALESCE(SUM("rows"), 0) AS BIGINT) AS "rows"
FROM (
  SELECT
    COUNT(*) AS "rows"
  FROM "airframe"
  WHERE
    "tailnum" IS NOT NULL AND "known_since" IS NOT NULL
  GROUP BY
    "tailnum",
    "known_since"
  HAVING
    COUNT(*) > 1
) AS "alike";
