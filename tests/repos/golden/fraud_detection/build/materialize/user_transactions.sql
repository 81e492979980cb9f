-- feature_view/user_transactions of project fraud_detection: bigquery for target production, not applied yet.
-- How often and for how much a user has paid lately.
-- Made by asof compile: edit the definition, not this file.
-- Parameter: as_of, the instant (UTC) as of which rows are taken.
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
), `entities` AS (
  /* whom the source has rows of, each asked about once */
  SELECT
    ROW_NUMBER() OVER (ORDER BY `user_id` ASC) AS `_row`,
    `user_id`,
    UNIX_MICROS(CAST(@as_of AS TIMESTAMP)) AS `_at`
  FROM (
    SELECT DISTINCT
      `user_id`
    FROM `user_transactions_rows`
  ) AS `seen`
), `user_id_asked` AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    `entities`.`_row`,
    `entities`.`user_id`,
    `entities`.`_at`,
    `entities`.`_at` AS `_until`
  FROM `entities`
  WHERE
    `entities`.`user_id` IS NOT NULL AND `entities`.`_at` IS NOT NULL
), `user_transactions_latest` AS (
  /* the latest values; the order below decides every tie */
  SELECT
    `_row`,
    `_event`
  FROM (
    SELECT
      `user_id_asked`.`_row`,
      `user_transactions_rows`.`_event`,
      ROW_NUMBER() OVER (
        PARTITION BY `user_id_asked`.`_row`
        ORDER BY `user_transactions_rows`.`_event` DESC, `user_transactions_rows`.`transaction_id` DESC
      ) AS `_rank`
    FROM `user_id_asked`
    JOIN `user_transactions_rows`
      ON `user_id_asked`.`user_id` = `user_transactions_rows`.`user_id`
      AND `user_transactions_rows`.`_event` <= `user_id_asked`.`_until`
  ) AS `ranked`
  WHERE
    `_rank` = 1
), `user_id_asked_2` AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    `entities`.`_row`,
    `entities`.`user_id`,
    `entities`.`_at`,
    `entities`.`_at` - 604800000000 AS `_since`,
    `entities`.`_at` - 1 AS `_until`
  FROM `entities`
  WHERE
    `entities`.`user_id` IS NOT NULL AND `entities`.`_at` IS NOT NULL
), `user_transactions_pairs` AS (
  /* each question with the rows that its widest window can hold */
  SELECT
    `user_id_asked_2`.`_row`,
    `user_id_asked_2`.`_at`,
    `user_transactions_rows`.`_event`,
    `user_transactions_rows`.`amount`,
    `user_transactions_rows`.`country`,
    `user_transactions_rows`.`transaction_id`
  FROM `user_id_asked_2`
  LEFT JOIN `user_transactions_rows`
    ON `user_id_asked_2`.`user_id` = `user_transactions_rows`.`user_id`
    AND `user_transactions_rows`.`_event` <= `user_id_asked_2`.`_until`
    AND `user_transactions_rows`.`_event` >= `user_id_asked_2`.`_since`
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
)
SELECT
  `entities`.`user_id`,
  TIMESTAMP_MICROS(`user_transactions_latest`.`_event`) AS `event_timestamp`,
  CAST(NULL AS TIMESTAMP) AS `created_timestamp`,
  `user_transactions_exact`.`payments_1h`,
  `user_transactions_exact`.`payments_1d`,
  `user_transactions_exact`.`payments_7d`,
  `user_transactions_exact`.`amount_sum_1d`,
  `user_transactions_exact`.`amount_sum_7d`,
  `user_transactions_exact`.`amount_max_7d`,
  `user_transactions_exact`.`countries_7d`
FROM `entities`
JOIN `user_transactions_latest`
  ON `user_transactions_latest`.`_row` = `entities`.`_row`
LEFT JOIN `user_transactions_exact`
  ON `user_transactions_exact`.`_row` = `entities`.`_row`;
