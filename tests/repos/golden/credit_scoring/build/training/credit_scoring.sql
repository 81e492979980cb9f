-- feature_service/credit_scoring of project credit_scoring: redshift for target production, not applied yet.
-- Decides on a loan.
-- Made by asof compile: edit the definition, not this file.
-- Parameter: the table spine (zipcode, dob_ssn, loan_amount, yearly_income, event_timestamp).
SET timezone TO 'UTC';
SET enable_case_sensitive_identifier TO TRUE;
WITH "spine_2" AS (
  /* the rows to be enriched, numbered once, each at its own instant */
  SELECT
    ROW_NUMBER() OVER (ORDER BY "given"."event_timestamp" ASC, "given"."zipcode" ASC, "given"."dob_ssn" ASC) AS "_row",
    "given"."zipcode",
    "given"."dob_ssn",
    "given"."loan_amount",
    "given"."yearly_income",
    "given"."event_timestamp",
    CAST("given"."event_timestamp" AS TIMESTAMP WITH TIME ZONE) AS "_at"
  FROM "spine" AS "given"
), "zipcode_statistics" AS (
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
), "zipcode_asked" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "spine_2"."_row",
    "spine_2"."zipcode",
    "spine_2"."_at",
    "spine_2"."_at" - INTERVAL '3650 DAY' AS "_since",
    "spine_2"."_at" AS "_until"
  FROM "spine_2"
  WHERE
    "spine_2"."zipcode" IS NOT NULL AND "spine_2"."_at" IS NOT NULL
), "zipcode_keys" AS (
  /* the keys that are asked about */
  SELECT DISTINCT
    "zipcode"
  FROM "zipcode_asked"
), "zipcode_features_found" AS (
  /* when the latest visible row of each question happened */
  SELECT
    "_row",
    "zipcode",
    "_event"
  FROM (
    SELECT
      "_row",
      "zipcode",
      "_since",
      MAX("_event") OVER (
        PARTITION BY "zipcode"
        ORDER BY "_at" ASC, "_row" ASC NULLS FIRST
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) AS "_event"
    FROM (
      SELECT
        NULL AS "_row",
        "zipcode_features_rows"."zipcode",
        "zipcode_features_rows"."_event" AS "_at",
        "zipcode_features_rows"."_event",
        NULL AS "_since"
      FROM "zipcode_features_rows"
      JOIN "zipcode_keys"
        ON "zipcode_keys"."zipcode" = "zipcode_features_rows"."zipcode"
      UNION ALL
      SELECT
        "zipcode_asked"."_row",
        "zipcode_asked"."zipcode",
        "zipcode_asked"."_until" AS "_at",
        NULL AS "_event",
        "zipcode_asked"."_since"
      FROM "zipcode_asked"
    ) AS "timeline"
  ) AS "newest"
  WHERE
    "_row" IS NOT NULL AND "_event" IS NOT NULL AND "_event" >= "_since"
), "zipcode_features_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "city",
    "state",
    "tax_returns_filed",
    "population",
    "total_wages"
  FROM (
    SELECT
      "zipcode_features_found"."_row",
      "zipcode_features_rows"."city",
      "zipcode_features_rows"."state",
      "zipcode_features_rows"."tax_returns_filed",
      "zipcode_features_rows"."population",
      "zipcode_features_rows"."total_wages",
      ROW_NUMBER() OVER (
        PARTITION BY "zipcode_features_found"."_row"
        ORDER BY "zipcode_features_rows"."_created" DESC NULLS LAST, "zipcode_features_rows"."city" DESC NULLS LAST, "zipcode_features_rows"."state" DESC NULLS LAST, "zipcode_features_rows"."tax_returns_filed" DESC NULLS LAST, "zipcode_features_rows"."population" DESC NULLS LAST, "zipcode_features_rows"."total_wages" DESC NULLS LAST
      ) AS "_rank"
    FROM "zipcode_features_rows"
    JOIN "zipcode_features_found"
      ON "zipcode_features_found"."zipcode" = "zipcode_features_rows"."zipcode"
      AND "zipcode_features_found"."_event" = "zipcode_features_rows"."_event"
  ) AS "ranked"
  WHERE
    "_rank" = 1
), "credit_bureau" AS (
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
), "credit_history_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "dob_ssn",
    "reported_at" AS "_event",
    "loaded_at" AS "_created",
    "credit_card_due",
    "mortgage_due",
    "student_loan_due",
    "missed_payments_1y",
    "bankruptcies"
  FROM "credit_bureau"
  WHERE
    "dob_ssn" IS NOT NULL AND "reported_at" IS NOT NULL
), "dob_ssn_asked" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "spine_2"."_row",
    "spine_2"."dob_ssn",
    "spine_2"."_at",
    "spine_2"."_at" - INTERVAL '90 DAY' AS "_since",
    "spine_2"."_at" AS "_until"
  FROM "spine_2"
  WHERE
    "spine_2"."dob_ssn" IS NOT NULL AND "spine_2"."_at" IS NOT NULL
), "credit_history_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "credit_card_due",
    "mortgage_due",
    "student_loan_due",
    "missed_payments_1y",
    "bankruptcies"
  FROM (
    SELECT
      "dob_ssn_asked"."_row",
      "credit_history_rows"."credit_card_due",
      "credit_history_rows"."mortgage_due",
      "credit_history_rows"."student_loan_due",
      "credit_history_rows"."missed_payments_1y",
      "credit_history_rows"."bankruptcies",
      ROW_NUMBER() OVER (
        PARTITION BY "dob_ssn_asked"."_row"
        ORDER BY "credit_history_rows"."_event" DESC, "credit_history_rows"."_created" DESC NULLS LAST, "credit_history_rows"."credit_card_due" DESC NULLS LAST, "credit_history_rows"."mortgage_due" DESC NULLS LAST, "credit_history_rows"."student_loan_due" DESC NULLS LAST, "credit_history_rows"."missed_payments_1y" DESC NULLS LAST, "credit_history_rows"."bankruptcies" DESC NULLS LAST
      ) AS "_rank"
    FROM "dob_ssn_asked"
    JOIN "credit_history_rows"
      ON "dob_ssn_asked"."dob_ssn" = "credit_history_rows"."dob_ssn"
      AND "credit_history_rows"."_event" <= "dob_ssn_asked"."_until"
      AND "credit_history_rows"."_event" >= "dob_ssn_asked"."_since"
      AND "credit_history_rows"."_created" <= "dob_ssn_asked"."_at"
  ) AS "ranked"
  WHERE
    "_rank" = 1
)
SELECT
  "spine_2"."zipcode",
  "spine_2"."dob_ssn",
  "spine_2"."loan_amount",
  "spine_2"."yearly_income",
  "spine_2"."event_timestamp",
  "zipcode_features_latest"."city",
  "zipcode_features_latest"."state",
  "zipcode_features_latest"."tax_returns_filed",
  "zipcode_features_latest"."population",
  "zipcode_features_latest"."total_wages",
  "credit_history_latest"."credit_card_due",
  "credit_history_latest"."mortgage_due",
  "credit_history_latest"."student_loan_due",
  "credit_history_latest"."missed_payments_1y",
  "credit_history_latest"."bankruptcies",
  CAST((
    "credit_history_latest"."credit_card_due" + "credit_history_latest"."mortgage_due" + "credit_history_latest"."student_loan_due" + "spine_2"."loan_amount"
  ) / CAST(NULLIF("spine_2"."yearly_income", 0) AS DOUBLE PRECISION) AS DOUBLE PRECISION) AS "debt_to_income"
FROM "spine_2"
LEFT JOIN "zipcode_features_latest"
  ON "zipcode_features_latest"."_row" = "spine_2"."_row"
LEFT JOIN "credit_history_latest"
  ON "credit_history_latest"."_row" = "spine_2"."_row"
ORDER BY
  "spine_2"."_row" ASC;
