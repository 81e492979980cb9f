-- feature_view/airframe of project flights: duckdb for target local, not applied yet.
-- The aircraft's age and size, from the register.
-- Made by asof compile: edit the definition, not this file.
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
