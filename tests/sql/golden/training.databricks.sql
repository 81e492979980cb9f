SET TIME ZONE 'UTC';
WITH `spine` AS (
  /* the rows to be enriched, numbered once, each at its own instant */
  SELECT
    ROW_NUMBER() OVER (ORDER BY `given`.`asked_at` ASC, `given`.`driver` ASC) AS `_row`,
    `given`.`driver`,
    `given`.`asked_at`,
    UNIX_MICROS(CAST(`given`.`asked_at` AS TIMESTAMP)) AS `_at`
  FROM `bookings` AS `given`
), `rides_source` AS (
  /* the rows of the source, times in UTC */
  SELECT
    `driver`,
    CAST(`ended_at` AS TIMESTAMP) AS `ended_at`,
    CAST(`loaded_at` AS TIMESTAMP) AS `loaded_at`,
    `ride`,
    `fare`,
    `rating`
  FROM `rides`
), `last_ride_rows` AS (
  /* what each row says, and when it happened */
  SELECT
    `driver`,
    UNIX_MICROS(`ended_at`) AS `_event`,
    UNIX_MICROS(`loaded_at`) AS `_created`,
    `ride`,
    `fare`,
    `rating`
  FROM `rides_source`
  WHERE
    `driver` IS NOT NULL AND `ended_at` IS NOT NULL
), `driver_asked` AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    `spine`.`_row`,
    `spine`.`driver`,
    `spine`.`_at`,
    `spine`.`_at` - 604800000000 AS `_since`,
    `spine`.`_at` - 600000000 AS `_until`
  FROM `spine`
  WHERE
    `spine`.`driver` IS NOT NULL AND `spine`.`_at` IS NOT NULL
), `driver_buckets` AS (
  /* the keys that are asked about, by the stretches of 6d23h50m they reach */
  SELECT
    `driver`,
    (
      `_at` - 604800000000
    ) DIV 604200000000 AS `_bucket`
  FROM `driver_asked`
  UNION
  SELECT
    `driver`,
    (
      `_at` - 600000000
    ) DIV 604200000000 AS `_bucket`
  FROM `driver_asked`
), `last_ride_timeline` AS (
  /* rows with their values and questions on one time line */
  SELECT
    NULL AS `_row`,
    `last_ride_rows`.`driver`,
    `last_ride_rows`.`_event` AS `_at`,
    `last_ride_rows`.`_event`,
    NULL AS `_since`,
    `last_ride_rows`.`_created`,
    `last_ride_rows`.`ride`,
    `last_ride_rows`.`fare`,
    `last_ride_rows`.`rating`
  FROM `last_ride_rows`
  JOIN `driver_buckets`
    ON `driver_buckets`.`driver` = `last_ride_rows`.`driver`
    AND `driver_buckets`.`_bucket` = `last_ride_rows`.`_event` DIV 604200000000
  UNION ALL
  SELECT
    `driver_asked`.`_row`,
    `driver_asked`.`driver`,
    `driver_asked`.`_until` AS `_at`,
    NULL AS `_event`,
    `driver_asked`.`_since`,
    NULL AS `_created`,
    NULL AS `ride`,
    NULL AS `fare`,
    NULL AS `rating`
  FROM `driver_asked`
), `last_ride_latest` AS (
  /* the latest values; the order below decides every tie */
  SELECT
    `_row`,
    `_newest`.`fare` AS `fare`,
    `_newest`.`rating` AS `rating`
  FROM (
    SELECT
      `_row`,
      LAST_VALUE(CASE WHEN `_row` IS NULL THEN NAMED_STRUCT('fare', `fare`, 'rating', `rating`) END) IGNORE NULLS OVER `so_far` AS `_newest`,
      `_since`,
      MAX(`_event`) OVER `so_far` AS `_event`
    FROM `last_ride_timeline`
    WINDOW `so_far` AS (
      PARTITION BY `driver`
      ORDER BY `_at` ASC, `_row` ASC, `_created` ASC, `ride` ASC, `fare` ASC, `rating` ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
  ) AS `framed`
  WHERE
    `_row` IS NOT NULL AND `_event` >= `_since`
), `earnings_rows` AS (
  /* what each row says, and when it happened */
  SELECT
    `driver`,
    UNIX_MICROS(`ended_at`) AS `_event`,
    UNIX_MICROS(`loaded_at`) AS `_created`,
    `ride`,
    `rating`,
    `fare`,
    CASE WHEN `fare` > 1 THEN `rating` END AS `rating_sum_input`
  FROM `rides_source`
  WHERE
    `driver` IS NOT NULL AND `ended_at` IS NOT NULL
), `driver_questions` AS (
  /* whom each row of the spine asks about, and when */
  SELECT
    `spine`.`_row`,
    `spine`.`driver`,
    `spine`.`_at`
  FROM `spine`
  WHERE
    `spine`.`driver` IS NOT NULL AND `spine`.`_at` IS NOT NULL
), `driver_keys` AS (
  /* the keys that are asked about */
  SELECT DISTINCT
    `driver`
  FROM `driver_questions`
), `earnings_timeline` AS (
  /* rows and questions on one time line, each at its own instant */
  SELECT
    NULL AS `_row`,
    `earnings_rows`.`driver`,
    `earnings_rows`.`_event` AS `_at`,
    `earnings_rows`.`_event`,
    `earnings_rows`.`rating_sum_input`
  FROM `earnings_rows`
  JOIN `driver_keys`
    ON `driver_keys`.`driver` = `earnings_rows`.`driver`
  WHERE
    `earnings_rows`.`_event` <= (
      SELECT
        MAX(`_at`)
      FROM `spine`
    )
  UNION ALL
  SELECT
    `_row`,
    `driver`,
    `_at`,
    NULL AS `_event`,
    NULL AS `rating_sum_input`
  FROM `driver_questions`
), `earnings_running` AS (
  /* what a key has come to by each edge of a window */
  SELECT
    `_row`,
    COUNT(`_event`) OVER `until_10m_ago` AS `_event_count_until_10m_ago`,
    COUNT(`_event`) OVER `before_1d_ago` AS `_event_count_before_1d_ago`,
    COUNT(`rating_sum_input`) OVER `until_10m_ago` AS `rating_sum_input_count_until_10m_ago`,
    COUNT(`rating_sum_input`) OVER `before_1d_ago` AS `rating_sum_input_count_before_1d_ago`,
    SUM(CAST(`rating_sum_input` AS DECIMAL(38, 0))) OVER `until_10m_ago` AS `rating_sum_input_sum_until_10m_ago`,
    SUM(CAST(`rating_sum_input` AS DECIMAL(38, 0))) OVER `before_1d_ago` AS `rating_sum_input_sum_before_1d_ago`
  FROM `earnings_timeline`
  WINDOW `until_10m_ago` AS (PARTITION BY `driver` ORDER BY `_at` ASC RANGE BETWEEN UNBOUNDED PRECEDING AND 600000000 PRECEDING), `before_1d_ago` AS (PARTITION BY `driver` ORDER BY `_at` ASC RANGE BETWEEN UNBOUNDED PRECEDING AND 86400000001 PRECEDING)
), `earnings_sums` AS (
  /* each window: the total at its end less that before its start */
  SELECT
    `_row`,
    `_event_count_until_10m_ago` - `_event_count_before_1d_ago` AS `_event_count_1d`,
    `_event_count_until_10m_ago` AS `_event_count_lifetime`,
    `rating_sum_input_count_until_10m_ago` - `rating_sum_input_count_before_1d_ago` AS `rating_sum_input_count_1d`,
    COALESCE(`rating_sum_input_sum_until_10m_ago`, 0) - COALESCE(`rating_sum_input_sum_before_1d_ago`, 0) AS `rating_sum_input_sum_1d`
  FROM `earnings_running`
  WHERE
    `_row` IS NOT NULL
), `earnings_totals` AS (
  /* a sum of no rows is NULL */
  SELECT
    `_row`,
    `_event_count_1d` AS `rides_1d`,
    `_event_count_lifetime` AS `rides_lifetime`,
    CASE WHEN `rating_sum_input_count_1d` > 0 THEN CAST(`rating_sum_input_sum_1d` AS BIGINT) END AS `rating_sum_1d`
  FROM `earnings_sums`
), `earnings_pairs` AS (
  /* each question with the rows that its widest window can hold */
  SELECT
    `driver_asked`.`_row`,
    `driver_asked`.`_at`,
    `earnings_rows`.`_event`,
    `earnings_rows`.`fare`,
    `earnings_rows`.`rating`,
    `earnings_rows`.`_created`,
    `earnings_rows`.`ride`
  FROM `driver_asked`
  LEFT JOIN `earnings_rows`
    ON `driver_asked`.`driver` = `earnings_rows`.`driver`
    AND `earnings_rows`.`_event` <= `driver_asked`.`_until`
    AND `earnings_rows`.`_event` >= `driver_asked`.`_since`
), `earnings_seen` AS (
  /* the values that each window sees, NULL where the row lies outside */
  SELECT
    *,
    CASE WHEN `_event` <= `_at` - 600000000 AND `_event` >= `_at` - 604800000000 THEN `fare` END AS `_in_fare_7d`,
    CASE WHEN `_event` <= `_at` - 600000000 AND `_event` >= `_at` - 604800000000 THEN `rating` END AS `_in_rating_7d`
  FROM `earnings_pairs`
), `earnings_ranked` AS (
  /* ranks, counts and means among the rows of one question */
  SELECT
    *,
    CAST(`_in_fare_7d` AS DOUBLE) - AVG(CAST(`_in_fare_7d` AS DOUBLE)) OVER (PARTITION BY `_row`) AS `_rank_off_mean_fare_7d`,
    ROW_NUMBER() OVER (
      PARTITION BY `_row`, CASE WHEN `_in_rating_7d` IS NOT NULL THEN 1 END
      ORDER BY `_event` DESC, `_created` DESC, `ride` DESC, `rating` DESC
    ) AS `_rank_latest_rating_7d`
  FROM `earnings_seen`
), `earnings_exact` AS (
  /* every window picks its own rows */
  SELECT
    `_row`,
    SQRT(
      SUM(`_rank_off_mean_fare_7d` * `_rank_off_mean_fare_7d`) / NULLIF(CASE WHEN COUNT(`_in_fare_7d`) > 1 THEN COUNT(`_in_fare_7d`) - 1 END, 0)
    ) AS `fare_stddev_samp_7d`,
    MAX(CASE WHEN `_rank_latest_rating_7d` = 1 THEN `_in_rating_7d` END) AS `rating_last_7d`
  FROM `earnings_ranked`
  GROUP BY
    `_row`
)
SELECT
  `spine`.`driver`,
  `spine`.`asked_at`,
  `last_ride_latest`.`fare`,
  `last_ride_latest`.`rating`,
  `earnings_totals`.`rides_1d`,
  `earnings_totals`.`rides_lifetime`,
  `earnings_totals`.`rating_sum_1d`,
  `earnings_exact`.`fare_stddev_samp_7d`,
  `earnings_exact`.`rating_last_7d`,
  CAST(`last_ride_latest`.`fare` / CAST(NULLIF(`earnings_totals`.`rides_1d`, 0) AS DOUBLE) AS DOUBLE) AS `share`
FROM `spine`
LEFT JOIN `last_ride_latest`
  ON `last_ride_latest`.`_row` = `spine`.`_row`
LEFT JOIN `earnings_totals`
  ON `earnings_totals`.`_row` = `spine`.`_row`
LEFT JOIN `earnings_exact`
  ON `earnings_exact`.`_row` = `spine`.`_row`
ORDER BY
  `spine`.`_row` ASC;
