SET @@time_zone = 'UTC';
WITH `rides_source` AS (
  /* the rows of the source, times in UTC */
  SELECT
    `driver`,
    CAST(`ended_at` AS TIMESTAMP) AS `ended_at`,
    CAST(`loaded_at` AS TIMESTAMP) AS `loaded_at`,
    `ride`,
    `fare`,
    `rating`
  FROM `rides`
), `earnings_rows` AS (
  /* what each row says, and when it happened */
  SELECT
    `driver`,
    UNIX_MICROS(`ended_at`) AS `_event`,
    UNIX_MICROS(`loaded_at`) AS `_created`,
    `ride`,
    `rating`,
    `fare`,
    CASE WHEN `fare` > 1 OR IS_NAN(`fare`) THEN `rating` END AS `rating_sum_input`
  FROM `rides_source`
  WHERE
    `driver` IS NOT NULL AND `ended_at` IS NOT NULL
), `entities` AS (
  /* whom the source has rows of, each asked about once */
  SELECT
    ROW_NUMBER() OVER (ORDER BY `driver` ASC) AS `_row`,
    `driver`,
    UNIX_MICROS(CAST('2024-02-29 12:00:00.000000+00' AS TIMESTAMP)) AS `_at`
  FROM (
    SELECT DISTINCT
      `driver`
    FROM `earnings_rows`
  ) AS `seen`
), `driver_asked` AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    `entities`.`_row`,
    `entities`.`driver`,
    `entities`.`_at`,
    `entities`.`_at` - 600000000 AS `_until`
  FROM `entities`
  WHERE
    `entities`.`driver` IS NOT NULL AND `entities`.`_at` IS NOT NULL
), `earnings_latest` AS (
  /* the latest values; the order below decides every tie */
  SELECT
    `_row`,
    `_event`,
    `_created`
  FROM (
    SELECT
      `driver_asked`.`_row`,
      `earnings_rows`.`_event`,
      `earnings_rows`.`_created`,
      ROW_NUMBER() OVER (
        PARTITION BY `driver_asked`.`_row`
        ORDER BY `earnings_rows`.`_event` DESC, `earnings_rows`.`_created` DESC, `earnings_rows`.`ride` DESC
      ) AS `_rank`
    FROM `driver_asked`
    JOIN `earnings_rows`
      ON `driver_asked`.`driver` = `earnings_rows`.`driver`
      AND `earnings_rows`.`_event` <= `driver_asked`.`_until`
  ) AS `ranked`
  WHERE
    `_rank` = 1
), `earnings_pairs` AS (
  /* each question with the rows that its widest window can hold */
  SELECT
    `driver_asked`.`_row`,
    `driver_asked`.`_at`,
    `earnings_rows`.`_event`,
    `earnings_rows`.`rating_sum_input`,
    `earnings_rows`.`fare`,
    `earnings_rows`.`rating`,
    `earnings_rows`.`_created`,
    `earnings_rows`.`ride`
  FROM `driver_asked`
  LEFT JOIN `earnings_rows`
    ON `driver_asked`.`driver` = `earnings_rows`.`driver`
    AND `earnings_rows`.`_event` <= `driver_asked`.`_until`
), `earnings_seen` AS (
  /* the values that each window sees, NULL where the row lies outside */
  SELECT
    *,
    CASE WHEN `_event` <= `_at` - 600000000 AND `_event` >= `_at` - 604800000000 THEN `rating` END AS `_in_rating_7d`
  FROM `earnings_pairs`
), `earnings_ranked` AS (
  /* ranks, counts and means among the rows of one question */
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY `_row`, CASE WHEN `_in_rating_7d` IS NOT NULL THEN 1 END
      ORDER BY `_event` DESC, `_created` DESC, `ride` DESC, `rating` DESC
    ) AS `_rank_latest_rating_7d`
  FROM `earnings_seen`
), `earnings_exact` AS (
  /* every window picks its own rows */
  SELECT
    `_row`,
    COUNT(CASE WHEN `_event` <= `_at` - 600000000 AND `_event` >= `_at` - 86400000000 THEN `_event` END) AS `rides_1d`,
    COUNT(CASE WHEN `_event` <= `_at` - 600000000 THEN `_event` END) AS `rides_lifetime`,
    CAST(SUM(
      CASE WHEN `_event` <= `_at` - 600000000 AND `_event` >= `_at` - 86400000000 THEN `rating_sum_input` END
    ) AS INT64) AS `rating_sum_1d`,
    CAST(STDDEV_SAMP(CASE WHEN `_event` <= `_at` - 600000000 AND `_event` >= `_at` - 604800000000 THEN `fare` END) AS FLOAT64) AS `fare_stddev_samp_7d`,
    MAX(CASE WHEN `_rank_latest_rating_7d` = 1 THEN `_in_rating_7d` END) AS `rating_last_7d`
  FROM `earnings_ranked`
  GROUP BY
    `_row`
)
SELECT
  `entities`.`driver`,
  TIMESTAMP_MICROS(`earnings_latest`.`_event`) AS `event_timestamp`,
  TIMESTAMP_MICROS(`earnings_latest`.`_created`) AS `created_timestamp`,
  `earnings_exact`.`rides_1d`,
  `earnings_exact`.`rides_lifetime`,
  `earnings_exact`.`rating_sum_1d`,
  `earnings_exact`.`fare_stddev_samp_7d`,
  `earnings_exact`.`rating_last_7d`
FROM `entities`
JOIN `earnings_latest`
  ON `earnings_latest`.`_row` = `entities`.`_row`
LEFT JOIN `earnings_exact`
  ON `earnings_exact`.`_row` = `entities`.`_row`;
