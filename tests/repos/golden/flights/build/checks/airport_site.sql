-- feature_view/airport_site of project flights: duckdb for target local, not applied yet.
-- Where an airport lies. Sites do not move, so they are known for all of time.
-- Made by asof compile: edit the definition, not this file.
SET TimeZone = 'UTC';
WITH "airports" AS (
  /* the rows of the source, times in UTC */
  SELECT
    CAST("airport" AS TEXT) AS "airport",
    CAST("name" AS TEXT) AS "name",
    CAST("lat" AS DOUBLE) AS "lat",
    CAST("lon" AS DOUBLE) AS "lon",
    CASE
      WHEN TYPEOF("alt") LIKE '%INT%' OR CAST("alt" AS DOUBLE) = CAST("alt" AS BIGINT)
      THEN CAST("alt" AS BIGINT)
      ELSE ERROR("filename" || ': column alt holds ' || CAST("alt" AS TEXT) || ', not int64')
    END AS "alt",
    CAST("tzone" AS TEXT) AS "tzone"
  FROM READ_PARQUET('data/airports.parquet')
), "airport_site" AS (
  /* the query of the view */
  SELECT
    "airport",
    CAST('2000-01-01 00:00:00+00' AS TIMESTAMPTZ) AS "known_since",
    "lat",
    "lon",
    "alt" AS "altitude_feet"
  FROM "airports"
)
SELECT
  CAST('airport is null' AS TEXT) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "airport_site"
WHERE
  "airport" IS NULL
UNION ALL
SELECT
  CAST('known_since is null' AS TEXT) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "airport_site"
WHERE
  "known_since" IS NULL
UNION ALL
SELECT
  CAST('a tie that only feature values decide' AS TEXT) AS "check",
  CAST(COALESCE(SUM("rows"), 0) AS BIGINT) AS "rows"
FROM (
  SELECT
    COUNT(*) AS "rows"
  FROM "airport_site"
  WHERE
    "airport" IS NOT NULL AND "known_since" IS NOT NULL
  GROUP BY
    "airport",
    "known_since"
  HAVING
    COUNT(*) > 1
) AS "alike";
