-- feature_view/credit_history of project credit_scoring: redshift for target production, not applied yet.
-- The latest report of the credit bureau, seen only once it was loaded.
-- Made by asof compile: edit the definition, not this file.
SET timezone TO 'UTC';
SET enable_case_sensitive_identifier TO TRUE;
WITH "credit_bureau" AS (
  /* the rows of the source, times in UTC */
  SELECT
    "dob_ssn",
    CAST("reported_at" AS TIMESTAMP WITH TIME ZONE) AS "reported_at",
    CAST("loaded_at" AS TIMESTAMP WITH TIME ZONE) AS "loaded_at",
    "credit_card_due",
    "mortgage_due",
    "student_loan_due",
    "missed_payments_1y",
    "bankruptcies"
  FROM "public"."credit_bureau"
)
SELECT
  CAST('dob_ssn is null' AS VARCHAR(65535)) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "credit_bureau"
WHERE
  "dob_ssn" IS NULL
UNION ALL
SELECT
  CAST('reported_at is null' AS VARCHAR(65535)) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "credit_bureau"
WHERE
  "reported_at" IS NULL
UNION ALL
SELECT
  CAST('created before its event' AS VARCHAR(65535)) AS "check",
  CAST(COUNT(*) AS BIGINT) AS "rows"
FROM "credit_bureau"
WHERE
  "loaded_at" < "reported_at"
UNION ALL
SELECT
  CAST('a tie that only feature values decide' AS VARCHAR(65535)) AS "check",
  CAST(COALESCE(SUM("rows"), 0) AS BIGINT) AS "rows"
FROM (
  SELECT
    COUNT(*) AS "rows"
  FROM "credit_bureau"
  WHERE
    "dob_ssn" IS NOT NULL AND "reported_at" IS NOT NULL
  GROUP BY
    "dob_ssn",
    "reported_at",
    "loaded_at"
  HAVING
    COUNT(*) > 1
) AS "alike";
