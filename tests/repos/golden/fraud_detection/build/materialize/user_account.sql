-- feature_view/user_account of project fraud_detection: bigquery for target production, not applied yet.
-- The account as of its latest daily snapshot.
-- Made by asof compile: edit the definition, not this file.
-- Parameter: as_of, the instant (UTC) as of which rows are taken.
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
), `entities` AS (
  /* whom the source has rows of, each asked about once */
  SELECT
    ROW_NUMBER() OVER (ORDER BY `user_id` ASC) AS `_row`,
    `user_id`,
    UNIX_MICROS(CAST(@as_of AS TIMESTAMP)) AS `_at`
  FROM (
    SELECT DISTINCT
      `user_id`
    FROM `user_account_rows`
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
), `user_account_latest` AS (
  /* the latest values; the order below decides every tie */
  SELECT
    `_row`,
    `_event`,
    `credit_score`,
    `account_age_days`,
    `has_two_factor`
  FROM (
    SELECT
      `user_id_asked`.`_row`,
      `user_account_rows`.`_event`,
      `user_account_rows`.`credit_score`,
      `user_account_rows`.`account_age_days`,
      `user_account_rows`.`has_two_factor`,
      ROW_NUMBER() OVER (
        PARTITION BY `user_id_asked`.`_row`
        ORDER BY `user_account_rows`.`_event` DESC, `user_account_rows`.`credit_score` DESC, `user_account_rows`.`account_age_days` DESC, `user_account_rows`.`has_two_factor` DESC
      ) AS `_rank`
    FROM `user_id_asked`
    JOIN `user_account_rows`
      ON `user_id_asked`.`user_id` = `user_account_rows`.`user_id`
      AND `user_account_rows`.`_event` <= `user_id_asked`.`_until`
  ) AS `ranked`
  WHERE
    `_rank` = 1
)
SELECT
  `entities`.`user_id`,
  TIMESTAMP_MICROS(`user_account_latest`.`_event`) AS `event_timestamp`,
  CAST(NULL AS TIMESTAMP) AS `created_timestamp`,
  `user_account_latest`.`credit_score`,
  `user_account_latest`.`account_age_days`,
  `user_account_latest`.`has_two_factor`
FROM `entities`
JOIN `user_account_latest`
  ON `user_account_latest`.`_row` = `entities`.`_row`;
