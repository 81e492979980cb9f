-- feature_view/airport_site of project flights: duckdb for target local, not applied yet.
-- Where an airport lies. Sites do not move, so they are known for all of time.
-- Made by asof compile: edit the definition, not this file.
-- Parameter: as_of, the instant (UTC) as of which rows are taken.
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
), "airport_site_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "airport",
    CAST("known_since" AS TIMESTAMPTZ) AS "_event",
    "lat",
    "lon",
    "altitude_feet"
  FROM "airport_site"
  WHERE
    "airport" IS NOT NULL AND CAST("known_since" AS TIMESTAMPTZ) IS NOT NULL
), "entities" AS MATERIALIZED (
  /* whom the source has rows of, each asked about once */
  SELECT
    ROW_NUMBER() OVER () AS "_row",
    "airport",
    CAST($as_of AS TIMESTAMPTZ) AS "_at"
  FROM (
    SELECT DISTINCT
      "airport"
    FROM "airport_site_rows"
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
), "airport_site_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "_event",
    "lat",
    "lon",
    "altitude_feet"
  FROM (
    SELECT
      "airport_asked"."_row",
      "airport_site_rows"."_event",
      "airport_site_rows"."lat",
      "airport_site_rows"."lon",
      "airport_site_rows"."altitude_feet",
      ROW_NUMBER() OVER (
        PARTITION BY "airport_asked"."_row"
        ORDER BY "airport_site_rows"."_event" DESC, "airport_site_rows"."lat" DESC, "airport_site_rows"."lon" DESC, "airport_site_rows"."altitude_feet" DESC
      ) AS "_rank"
    FROM "airport_asked"
    JOIN "airport_site_rows"
      ON "airport_asked"."airport" = "airport_site_rows"."airport"
      AND "airport_site_rows"."_event" <= "airport_asked"."_until"
  ) AS "ranked"
  WHERE
    "_rank" = 1
)
SELECT
  "entities"."airport",
  "airport_site_latest"."_event" AS "event_timestamp",
  CAST(NULL AS TIMESTAMPTZ) AS "created_timestamp",
  "airport_site_latest"."lat",
  "airport_site_latest"."lon",
  "airport_site_latest"."altitude_feet"
FROM "entities"
JOIN "airport_site_latest"
  ON "airport_site_latest"."_row" = "entities"."_row";
