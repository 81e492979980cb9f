-- feature_view/user_account of project fraud_detection: bigquery for target production, not applied yet.
-- The account as of its latest daily snapshot.
-- Made by asof compile: edit the definition, not this file.
SET @@time_zone = 'UTC';
WITH `accounts` AS (
  /* the rows of the source, times in UTC */
  SELECT
    `user_id`,
    CAST(`snapshot_at` AS TIMESTAMP) AS `snapshot_at`,
    `credit_score`,
    `account_age_days`,
    `has_two_factor`
  FROM `acme-analytics`.`fraud`.`account_snapshots`
)
SELECT
  CAST('user_id is null' AS STRING) AS `check`,
  CAST(COUNT(*) AS INT64) AS `rows`
FROM `accounts`
WHERE
  `user_id` IS NULL
UNION ALL
SELECT
  CAST('snapshot_at is null' AS STRING) AS `check`,
  CAST(COUNT(*) AS INT64) AS `rows`
FROM `accounts`
WHERE
  `snapshot_at` IS NULL
UNION ALL
SELECT
  CAST('a tie that only feature values decide' AS STRING) AS `check`,
  CAST(COALESCE(SUM(`rows`), 0) AS INT64) AS `rows`
FROM (
  SELECT
    COUNT(*) AS `rows`
  FROM `accounts`
  WHERE
    `user_id` IS NOT NULL AND `snapshot_at` IS NOT NULL
  GROUP BY
    `user_id`,
    `snapshot_at`
  HAVING
    COUNT(*) > 1
) AS `alike`;
