-- feature_view/zipcode_features of project credit_scoring: redshift for target production, not applied yet.
-- The borrower's neighbourhood.
-- Made by asof compile: edit the definition, not this file.
-- Parameter: as_of, the instant (UTC) as of which rows are taken.
SET timezone TO 'UTC';
SET enable_case_sensitive_identifier TO TRUE;
WITH "zipcode_statistics" AS (
  /* the rows of the source, times in UTC */
  SELECT
    "zipcode",
    CAST("published_at" AS TIMESTAMP WITH TIME ZONE) AS "published_at",
    CAST("loaded_at" AS TIMESTAMP WITH TIME ZONE) AS "loaded_at",
    "city",
    "state",
    "tax_returns_filed",
    "population",
    "total_wages"
  FROM "public"."zipcode_statistics"
), "zipcode_features_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "zipcode",
    "published_at" AS "_event",
    "loaded_at" AS "_created",
    "city",
    "state",
    "tax_returns_filed",
    "population",
    "total_wages"
  FROM "zipcode_statistics"
  WHERE
    "zipcode" IS NOT NULL AND "published_at" IS NOT NULL
), "entities" AS (
  /* whom the source has rows of, each asked about once */
  SELECT
    ROW_NUMBER() OVER (ORDER BY "zipcode" ASC) AS "_row",
    "zipcode",
    CAST(%(as_of)s AS TIMESTAMP WITH TIME ZONE) AS "_at"
  FROM (
    SELECT DISTINCT
      "zipcode"
    FROM "zipcode_features_rows"
  ) AS "seen"
), "zipcode_asked" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "entities"."_row",
    "entities"."zipcode",
    "entities"."_at",
    "entities"."_at" AS "_until"
  FROM "entities"
  WHERE
    "entities"."zipcode" IS NOT NULL AND "entities"."_at" IS NOT NULL
), "zipcode_features_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "_event",
    "_created",
    "city",
    "state",
    "tax_returns_filed",
    "population",
    "total_wages"
  FROM (
    SELECT
      "zipcode_asked"."_row",
      "zipcode_features_rows"."_event",
      "zipcode_features_rows"."_created",
      "zipcode_features_rows"."city",
      "zipcode_features_rows"."state",
      "zipcode_features_rows"."tax_returns_filed",
      "zipcode_features_rows"."population",
      "zipcode_features_rows"."total_wages",
      ROW_NUMBER() OVER (
        PARTITION BY "zipcode_asked"."_row"
        ORDER BY "zipcode_features_rows"."_event" DESC, "zipcode_features_rows"."_created" DESC NULLS LAST, "zipcode_features_rows"."city" DESC NULLS LAST, "zipcode_features_rows"."state" DESC NULLS LAST, "zipcode_features_rows"."tax_returns_filed" DESC NULLS LAST, "zipcode_features_rows"."population" DESC NULLS LAST, "zipcode_features_rows"."total_wages" DESC NULLS LAST
      ) AS "_rank"
    FROM "zipcode_asked"
    JOIN "zipcode_features_rows"
      ON "zipcode_asked"."zipcode" = "zipcode_features_rows"."zipcode"
      AND "zipcode_features_rows"."_event" <= "zipcode_asked"."_until"
  ) AS "ranked"
  WHERE
    "_rank" = 1
)
SELECT
  "entities"."zipcode",
  "zipcode_features_latest"."_event" AS "event_timestamp",
  "zipcode_features_latest"."_created" AS "created_timestamp",
  "zipcode_features_latest"."city",
  "zipcode_features_latest"."state",
  "zipcode_features_latest"."tax_returns_filed",
  "zipcode_features_latest"."population",
  "zipcode_features_latest"."total_wages"
FROM "entities"
JOIN "zipcode_features_latest"
  ON "zipcode_features_latest"."_row" = "entities"."_row";
