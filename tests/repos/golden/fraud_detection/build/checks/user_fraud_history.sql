-- feature_view/user_fraud_history of project fraud_detection: bigquery for target production, not applied yet.
-- Fraud reported on the user's account.
-- Made by asof compile: edit the definition, not this file.
SET @@time_zone = 'UTC';
WITH `fraud_reports` AS (
  /* the rows of the source, times in UTC */
  SELECT
    `transaction_id`,
    `user_id`,
    CAST(`reported_at` AS TIMESTAMP) AS `reported_at`
  FROM `acme-analytics`.`fraud`.`reports`
)
SELECT
  CAST('user_id is null' AS STRING) AS `check`,
  CAST(COUNT(*) AS INT64) AS `rows`
FROM `fraud_reports`
WHERE
  `user_id` IS NULL
UNION ALL
SELECT
  CAST('reported_at is null' AS STRING) AS `check`,
  CAST(COUNT(*) AS INT64) AS `rows`
FROM `fraud_reports`
WHERE
  `reported_at` IS NULL
UNION ALL
SELECT
  CAST('a tie that only feature values decide' AS STRING) AS `check`,
  CAST(COALESCE(SUM(`rows`), 0) AS INT64) AS `rows`
FROM (
  SELECT
    COUNT(*) AS `rows`
  FROM `fraud_reports`
  WHERE
    `user_id` IS NOT NULL AND `reported_at` IS NOT NULL
  GROUP BY
    `user_id`,
    `reported_at`
  HAVING
    COUNT(*) > 1
) AS `alike`;
