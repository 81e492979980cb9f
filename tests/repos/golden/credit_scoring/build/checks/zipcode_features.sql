-- feature_view/zipcode_features of project credit_scoring: redshift for target production, not applied yet.
-- The borrower's neighbourhood.
-- Made by asof compile: edit the definition, not this file.
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
)
SELECT
  CAST('zipcode is null' AS VARCHAR(65535)) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "zipcode_statistics"
WHERE
  "zipcode" IS NULL
UNION ALL
SELECT
  CAST('published_at is null' AS VARCHAR(65535)) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "zipcode_statistics"
WHERE
  "published_at" IS NULL
UNION ALL
SELECT
  CAST('created before its event' AS VARCHAR(65535)) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "zipcode_statistics"
WHERE
  "loaded_at" < "published_at"
UNION ALL
SELECT
  CAST('a tie that only feature values decide' AS VARCHAR(65535)) AS "check",
  CAST(COALESCE(SUM("rows"), 0) AS BIGINT) AS "rows"
FROM (
  SELECT
    COUNT(*) AS "rows"
  FROM "zipcode_statistics"
  WHERE
    "zipcode" IS NOT NULL AND "published_at" IS NOT NULL
  GROUP BY
    "zipcode",
    "published_at",
    "loaded_at"
  HAVING
    COUNT(*) > 1
) AS "alike";
