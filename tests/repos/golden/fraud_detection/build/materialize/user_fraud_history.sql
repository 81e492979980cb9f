-- feature_view/user_fraud_history of project fraud_detection: bigquery for target production, not applied yet.
-- Fraud reported on the user's account.
-- Made by asof compile: edit the definition, not this file.
-- Parameter: as_of, the instant (UTC) as of which rows are taken.
SET @@time_zone = 'UTC';
WITH `fraud_reports` AS (
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
), `entities` AS (
  /* whom the source has rows of, each asked about once */
  SELECT
    ROW_NUMBER() OVER (ORDER BY `user_id` ASC) AS `_row`,
    `user_id`,
    UNIX_MICROS(CAST(@as_of AS TIMESTAMP)) AS `_at`
  FROM (
    SELECT DISTINCT
      `user_id`
    FROM `user_fraud_history_rows`
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
), `user_fraud_history_latest` AS (
  /* the latest values; the order below decides every tie */
  SELECT
    `_row`,
    `_event`
  FROM (
    SELECT
      `user_id_asked`.`_row`,
      `user_fraud_history_rows`.`_event`,
      ROW_NUMBER() OVER (PARTITION BY `user_id_asked`.`_row` ORDER BY `user_fraud_history_rows`.`_event` DESC) AS `_rank`
    FROM `user_id_asked`
    JOIN `user_fraud_history_rows`
      ON `user_id_asked`.`user_id` = `user_fraud_history_rows`.`user_id`
      AND `user_fraud_history_rows`.`_event` <= `user_id_asked`.`_until`
  ) AS `ranked`
  WHERE
    `_rank` = 1
), `user_id_asked_2` AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    `entities`.`_row`,
    `entities`.`user_id`,
    `entities`.`_at`,
    `entities`.`_at` - 1 AS `_until`
  FROM `entities`
  WHERE
    `entities`.`user_id` IS NOT NULL AND `entities`.`_at` IS NOT NULL
), `user_fraud_history_pairs` AS (
  /* each question with the rows that its widest window can hold */
  SELECT
    `user_id_asked_2`.`_row`,
    `user_id_asked_2`.`_at`,
    `user_fraud_history_rows`.`_event`
  FROM `user_id_asked_2`
  LEFT JOIN `user_fraud_history_rows`
    ON `user_id_asked_2`.`user_id` = `user_fraud_history_rows`.`user_id`
    AND `user_fraud_history_rows`.`_event` <= `user_id_asked_2`.`_until`
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
  `entities`.`user_id`,
  TIMESTAMP_MICROS(`user_fraud_history_latest`.`_event`) AS `event_timestamp`,
  CAST(NULL AS TIMESTAMP) AS `created_timestamp`,
  `user_fraud_history_exact`.`frauds_30d`,
  `user_fraud_history_exact`.`frauds_lifetime`
FROM `entities`
JOIN `user_fraud_history_latest`
  ON `user_fraud_history_latest`.`_row` = `entities`.`_row`
LEFT JOIN `user_fraud_history_exact`
  ON `user_fraud_history_exact`.`_row` = `entities`.`_row`;
