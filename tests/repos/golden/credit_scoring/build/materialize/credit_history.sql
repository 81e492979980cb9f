-- feature_view/credit_history of project credit_scoring: redshift for target production, not applied yet.
-- The latest report of the credit bureau, seen only once it was loaded.
-- Made by asof compile: edit the definition, not this file.
-- Parameter: as_of, the instant (UTC) as of which rows are taken.
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
), "entities" AS (
  /* whom the source has rows of, each asked about once */
  SELECT
    ROW_NUMBER() OVER (ORDER BY "dob_ssn" ASC) AS "_row",
    "dob_ssn",
    CAST(%(as_of)s AS TIMESTAMP WITH TIME ZONE) AS "_at"
  FROM (
    SELECT DISTINCT
      "dob_ssn"
    FROM "credit_history_rows"
  ) AS "seen"
), "dob_ssn_asked" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "entities"."_row",
    "entities"."dob_ssn",
    "entities"."_at",
    "entities"."_at" AS "_until"
  FROM "entities"
  WHERE
    "entities"."dob_ssn" IS NOT NULL AND "entities"."_at" IS NOT NULL
), "credit_history_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "_event",
    "_created",
    "credit_card_due",
    "mortgage_due",
    "student_loan_due",
    "missed_payments_1y",
    "bankruptcies"
  FROM (
    SELECT
      "dob_ssn_asked"."_row",
      "credit_history_rows"."_event",
      "credit_history_rows"."_created",
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
      AND "credit_history_rows"."_created" <= "dob_ssn_asked"."_at"
  ) AS "ranked"
  WHERE
    "_rank" = 1
)
SELECT
  "entities"."dob_ssn",
  "credit_history_latest"."_event" AS "event_timestamp",
  "credit_history_latest"."_created" AS "created_timestamp",
  "credit_history_latest"."credit_card_due",
  "credit_history_latest"."mortgage_due",
  "credit_history_latest"."student_loan_due",
  "credit_history_latest"."missed_payments_1y",
  "credit_history_latest"."bankruptcies"
FROM "entities"
JOIN "credit_history_latest"
  ON "credit_history_latest"."_row" = "entities"."_row";
