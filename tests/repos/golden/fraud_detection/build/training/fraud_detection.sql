-- feature_service/fraud_detection of project fraud_detection: bigquery for target production, not applied yet.
-- Scores a payment while the customer waits.
-- Made by asof compile: edit the definition, not this file.
-- Parameter: the table spine (user_id, event_timestamp).
SET @@time_zone = 'UTC';
WITH `spine_2` AS (
  /* the rows to be enriched, numbered once, each at its own instant */
  SELECT
    ROW_NUMBER() OVER (ORDER BY `given`.`event_timestamp` ASC, `given`.`user_id` ASC) AS `_row`,
    `given`.`user_id`,
    `given`.`event_timestamp`,
    UNIX_MICROS(CAST(`given`.`event_timestamp` AS TIMESTAMP)) AS `_at`
  FROM `spine` AS `given`
), `transactions` AS (
  /* the rows of the source, times in UTC */
  SELECT
    `transaction_id`,
    `user_id`,
    CAST(`paid_at` AS TIMESTAMP) AS `paid_at`,
    `amount`,
    `country`
  FROM `acme-analytics`.`fraud`.`transactions`
), `user_transactions_rows` AS (
  /* what each row says, and when it happened */
  SELECT
    `user_id`,
    UNIX_MICROS(`paid_at`) AS `_event`,
    `transaction_id`,
    `amount`,
    `country`
  FROM `transactions`
  WHERE
    `user_id` IS NOT NULL AND `paid_at` IS NOT NULL
), `user_id_asked` AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    `spine_2`.`_row`,
    `spine_2`.`user_id`,
    `spine_2`.`_at`,
    `spine_2`.`_at` - 604800000000 AS `_since`,
    `spine_2`.`_at` - 1 AS `_until`
  FROM `spine_2`
  WHERE
    `spine_2`.`user_id` IS NOT NULL AND `spine_2`.`_at` IS NOT NULL
), `user_transactions_pairs` AS (
  /* each question with the rows that its widest window can hold */
  SELECT
    `user_id_asked`.`_row`,
    `user_id_asked`.`_at`,
    `user_transactions_rows`.`_event`,
    `user_transactions_rows`.`amount`,
    `user_transactions_rows`.`country`,
    `user_transactions_rows`.`transaction_id`
  FROM `user_id_asked`
  LEFT JOIN `user_transactions_rows`
    ON `user_id_asked`.`user_id` = `user_transactions_rows`.`user_id`
    AND `user_transactions_rows`.`_event` <= `user_id_asked`.`_until`
    AND `user_transactions_rows`.`_event` >= `user_id_asked`.`_since`
), `user_transactions_exact` AS (
  /* every window picks its own rows */
  SELECT
    `_row`,
    COUNT(CASE WHEN `_event` <= `_at` - 1 AND `_event` >= `_at` - 3600000000 THEN `_event` END) AS `payments_1h`,
    COUNT(CASE WHEN `_event` <= `_at` - 1 AND `_event` >= `_at` - 86400000000 THEN `_event` END) AS `payments_1d`,
    COUNT(CASE WHEN `_event` <= `_at` - 1 AND `_event` >= `_at` - 604800000000 THEN `_event` END) AS `payments_7d`,
    CAST(SUM(CASE WHEN `_event` <= `_at` - 1 AND `_event` >= `_at` - 86400000000 THEN `amount` END) AS FLOAT64) AS `amount_sum_1d`,
    CAST(SUM(CASE WHEN `_event` <= `_at` - 1 AND `_event` >= `_at` - 604800000000 THEN `amount` END) AS FLOAT64) AS `amount_sum_7d`,
    MAX(CASE WHEN `_event` <= `_at` - 1 AND `_event` >= `_at` - 604800000000 THEN `amount` END) AS `amount_max_7d`,
    COUNT(DISTINCT CASE WHEN `_event` <= `_at` - 1 AND `_event` >= `_at` - 604800000000 THEN `country` END) AS `countries_7d`
  FROM `user_transactions_pairs`
  GROUP BY
    `_row`
), `accounts` AS (
  /* the rows of the source, times in UTC */
  SELECT
    `user_id`,
    CAST(`snapshot_at` AS TIMESTAMP) AS `snapshot_at`,
    `credit_score`,
    `account_age_days`,
    `has_two_factor`
  FROM `acme-analytics`.`fraud`.`account_snapshots`
), `user_account_rows` AS (
  /* what each row says, and when it happened */
  SELECT
    `user_id`,
    UNIX_MICROS(`snapshot_at`) AS `_event`,
    `credit_score`,
    `account_age_days`,
    `has_two_factor`
  FROM `accounts`
  WHERE
    `user_id` IS NOT NULL AND `snapshot_at` IS NOT NULL
), `user_id_asked_2` AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    `spine_2`.`_row`,
    `spine_2`.`user_id`,
    `spine_2`.`_at`,
    `spine_2`.`_at` - 259200000000 AS `_since`,
    `spine_2`.`_at` AS `_until`
  FROM `spine_2`
  WHERE
    `spine_2`.`user_id` IS NOT NULL AND `spine_2`.`_at` IS NOT NULL
), `user_id_keys` AS (
  /* the keys that are asked about */
  SELECT DISTINCT
    `user_id`
  FROM `user_id_asked_2`
), `user_account_found` AS (
  /* when the latest visible row of each question happened */
  SELECT
    `_row`,
    `user_id`,
    `_event`
  FROM (
    SELECT
      `_row`,
      `user_id`,
      `_since`,
      MAX(`_event`) OVER (PARTITION BY `user_id` ORDER BY `_at` ASC RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS `_event`
    FROM (
      SELECT
        NULL AS `_row`,
        `user_account_rows`.`user_id`,
        `user_account_rows`.`_event` AS `_at`,
        `user_account_rows`.`_event`,
        NULL AS `_since`
      FROM `user_account_rows`
      JOIN `user_id_keys`
        ON `user_id_keys`.`user_id` = `user_account_rows`.`user_id`
      UNION ALL
      SELECT
        `user_id_asked_2`.`_row`,
        `user_id_asked_2`.`user_id`,
        `user_id_asked_2`.`_until` AS `_at`,
        NULL AS `_event`,
        `user_id_asked_2`.`_since`
      FROM `user_id_asked_2`
    ) AS `timeline`
  ) AS `newest`
  WHERE
    `_row` IS NOT NULL AND `_event` IS NOT NULL AND `_event` >= `_since`
), `user_account_latest` AS (
  /* the latest values; the order below decides every tie */
  SELECT
    `_row`,
    `credit_score`,
    `account_age_days`,
    `has_two_factor`
  FROM (
    SELECT
      `user_account_found`.`_row`,
      `user_account_rows`.`credit_score`,
      `user_account_rows`.`account_age_days`,
      `user_account_rows`.`has_two_factor`,
      ROW_NUMBER() OVER (
        PARTITION BY `user_account_found`.`_row`
        ORDER BY `user_account_rows`.`credit_score` DESC, `user_account_rows`.`account_age_days` DESC, `user_account_rows`.`has_two_factor` DESC
      ) AS `_rank`
    FROM `user_account_rows`
    JOIN `user_account_found`
      ON `user_account_found`.`user_id` = `user_account_rows`.`user_id`
      AND `user_account_found`.`_event` = `user_account_rows`.`_event`
  ) AS `ranked`
  WHERE
    `_rank` = 1
), `fraud_reports` AS (
  /* the rows of the source, times in UTC */
  SELECT
    `transaction_id`,
    `user_id`,
    CAST(`reported_at` AS TIMESTAMP) AS `reported_at`
  FROM `acme-analytics`.`fraud`.`reports`
), `user_fraud_history_rows` AS (
  /* what each row says, and when it happened */
  SELECT
    `user_id`,
    UNIX_MICROS(`reported_at`) AS `_event`
  FROM `fraud_reports`
  WHERE
    `user_id` IS NOT NULL AND `reported_at` IS NOT NULL
), `user_id_asked_3` AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    `spine_2`.`_row`,
    `spine_2`.`user_id`,
    `spine_2`.`_at`,
    `spine_2`.`_at` - 1 AS `_until`
  FROM `spine_2`
  WHERE
    `spine_2`.`user_id` IS NOT NULL AND `spine_2`.`_at` IS NOT NULL
), `user_fraud_history_pairs` AS (
  /* each question with the rows that its widest window can hold */
  SELECT
    `user_id_asked_3`.`_row`,
    `user_id_asked_3`.`_at`,
    `user_fraud_history_rows`.`_event`
  FROM `user_id_asked_3`
  LEFT JOIN `user_fraud_history_rows`
    ON `user_id_asked_3`.`user_id` = `user_fraud_history_rows`.`user_id`
    AND `user_fraud_history_rows`.`_event` <= `user_id_asked_3`.`_until`
), `user_fraud_history_exact` AS (
  /* every window picks its own rows */
  SELECT
    `_row`,
    COUNT(CASE WHEN `_event` <= `_at` - 1 AND `_event` >= `_at` - 2592000000000 THEN `_event` END) AS `frauds_30d`,
    COUNT(CASE WHEN `_event` <= `_at` - 1 THEN `_event` END) AS `frauds_lifetime`
  FROM `user_fraud_history_pairs`
  GROUP BY
    `_row`
)
SELECT
  `spine_2`.`user_id`,
  `spine_2`.`event_timestamp`,
  `user_transactions_exact`.`payments_1h`,
  `user_transactions_exact`.`payments_1d`,
  `user_transactions_exact`.`payments_7d`,
  `user_transactions_exact`.`amount_sum_1d`,
  `user_transactions_exact`.`amount_sum_7d`,
  `user_transactions_exact`.`amount_max_7d`,
  `user_transactions_exact`.`countries_7d`,
  `user_account_latest`.`credit_score`,
  `user_account_latest`.`account_age_days`,
  `user_account_latest`.`has_two_factor`,
  `user_fraud_history_exact`.`frauds_30d`,
  `user_fraud_history_exact`.`frauds_lifetime`
FROM `spine_2`
LEFT JOIN `user_transactions_exact`
  ON `user_transactions_exact`.`_row` = `spine_2`.`_row`
LEFT JOIN `user_account_latest`
  ON `user_account_latest`.`_row` = `spine_2`.`_row`
LEFT JOIN `user_fraud_history_exact`
  ON `user_fraud_history_exact`.`_row` = `spine_2`.`_row`
ORDER BY
  `spine_2`.`_row` ASC;
