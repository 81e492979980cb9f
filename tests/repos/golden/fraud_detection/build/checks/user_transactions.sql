-- feature_view/user_transactions of project fraud_detection: bigquery for target production, not applied yet.
-- How often and for how much a user has paid lately.
-- Made by asof compile: edit the definition, not this file.
SET @@time_zone = 'UTC';
WITH `transactions` AS (
  /* the rows of the source, times in UTC */
  SELECT
    `transaction_id`,
    `user_id`,
    CAST(`paid_at` AS TIMESTAMP) AS `paid_at`,
    `amount`,
    `country`
  FROM `acme-analytics`.`fraud`.`transactions`
)
SELECT
  CAST('user_id is null' AS STRING) AS `check`,
  CAST(COUNT(*) AS INT64) AS `rows`
FROM `transactions`
WHERE
  `user_id` IS NULL
UNION ALL
SELECT
  CAST('paid_at is null' AS STRING) AS `check`,
  CAST(COUNT(*) AS INT64) AS `rows`
FROM `transactions`
WHERE
  `paid_at` IS NULL
UNION ALL
SELECT
  CAST('a tie that only feature values decide' AS STRING) AS `check`,
  CAST(COALESCE(SUM(`rows`), 0) AS INT64) AS `rows`
FROM (
  SELECT
    COUNT(*) AS `rows`
  FROM `transactions`
  WHERE
    `user_id` IS NOT NULL AND `paid_at` IS NOT NULL
  GROUP BY
    `user_id`,
    `paid_at`,
    `transaction_id`
  HAVING
    COUNT(*) > 1
) AS `alike`;
