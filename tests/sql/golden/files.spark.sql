SET spark.sql.session.timeZone = UTC;
SET spark.sql.ansi.enabled = true;
SET spark.sql.sources.partitionColumnTypeInference.enabled = false;
WITH `spine` AS (
  /* the rows to be enriched, numbered once, each at its own instant */
  SELECT
    ROW_NUMBER() OVER (ORDER BY `given`.`asked_at` ASC, `given`.`driver` ASC) AS `_row`,
    `given`.`driver`,
    `given`.`asked_at`,
    UNIX_MICROS(CAST(`given`.`asked_at` AS TIMESTAMP)) AS `_at`
  FROM `bookings` AS `given`
), `days` AS (
  /* the rows of the source, times in UTC, of the days that can matter */
  SELECT
    CASE
      WHEN TYPEOF(`driver`) LIKE '%int' OR CAST(`driver` AS DOUBLE) = CAST(`driver` AS BIGINT)
      THEN CAST(`driver` AS BIGINT)
      ELSE RAISE_ERROR(`_metadata`.`file_path` || ': column driver holds ' || CAST(`driver` AS STRING) || ', not int64')
    END AS `driver`,
    CAST(`ended_at` AS TIMESTAMP) AS `ended_at`,
    CAST(`loaded_at` AS TIMESTAMP) AS `loaded_at`,
    CASE
      WHEN TYPEOF(`ride`) LIKE '%int' OR CAST(`ride` AS DOUBLE) = CAST(`ride` AS BIGINT)
      THEN CAST(`ride` AS BIGINT)
      ELSE RAISE_ERROR(`_metadata`.`file_path` || ': column ride holds ' || CAST(`ride` AS STRING) || ', not int64')
    END AS `ride`,
    CAST(`fare` AS DOUBLE) AS `fare`,
    CASE
      WHEN TYPEOF(`rating`) LIKE '%int' OR CAST(`rating` AS DOUBLE) = CAST(`rating` AS BIGINT)
      THEN CAST(`rating` AS BIGINT)
      ELSE RAISE_ERROR(`_metadata`.`file_path` || ': column rating holds ' || CAST(`rating` AS STRING) || ', not int64')
    END AS `rating`,
    CAST(`ds` AS DATE) AS `ds`
  FROM `parquet`.`s3://acme/the days/ds=*/*.parquet` WITH ('basePath' = 's3://acme/the days')
  WHERE
    (
      CAST(`ds` AS DATE) >= (
        SELECT
          CAST(TIMESTAMP_MICROS(MIN(`_at`) - 691200000000) AS DATE)
        FROM `spine`
      )
      AND CAST(`ds` AS DATE) <= (
        SELECT
          CAST(TIMESTAMP_MICROS(MAX(`_at`) + 85800000000) AS DATE)
        FROM `spine`
      )
    )
    OR CAST(`ds` AS DATE) IS NULL
), `by_day_rows` AS (
  /* what each row says, and when it happened */
  SELECT
    `driver`,
    UNIX_MICROS(`ended_at`) AS `_event`,
    UNIX_MICROS(`loaded_at`) AS `_created`,
    `ride`,
    `fare`,
    `rating`
  FROM `days`
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
), `by_day_timeline` AS (
  /* rows with their values and questions on one time line */
  SELECT
    NULL AS `_row`,
    `by_day_rows`.`driver`,
    `by_day_rows`.`_event` AS `_at`,
    `by_day_rows`.`_event`,
    NULL AS `_since`,
    `by_day_rows`.`_created`,
    `by_day_rows`.`ride`,
    `by_day_rows`.`fare`,
    `by_day_rows`.`rating`
  FROM `by_day_rows`
  JOIN `driver_buckets`
    ON `driver_buckets`.`driver` = `by_day_rows`.`driver`
    AND `driver_buckets`.`_bucket` = `by_day_rows`.`_event` DIV 604200000000
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
), `by_day_latest` AS (
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
    FROM `by_day_timeline`
    WINDOW `so_far` AS (
      PARTITION BY `driver`
      ORDER BY `_at` ASC, `_row` ASC, `_created` ASC, `ride` ASC, `fare` ASC, `rating` ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
  ) AS `framed`
  WHERE
    `_row` IS NOT NULL AND `_event` >= `_since`
), `nights` AS (
  /* the rows of the source, times in UTC, of the days that can matter */
  SELECT
    CASE
      WHEN TYPEOF(`driver`) LIKE '%int' OR CAST(`driver` AS DOUBLE) = CAST(`driver` AS BIGINT)
      THEN CAST(`driver` AS BIGINT)
      ELSE RAISE_ERROR(`_metadata`.`file_path` || ': column driver holds ' || CAST(`driver` AS STRING) || ', not int64')
    END AS `driver`,
    CAST(`ended_at` AS TIMESTAMP) AS `ended_at`,
    CAST(`loaded_at` AS TIMESTAMP) AS `loaded_at`,
    CASE
      WHEN TYPEOF(`ride`) LIKE '%int' OR CAST(`ride` AS DOUBLE) = CAST(`ride` AS BIGINT)
      THEN CAST(`ride` AS BIGINT)
      ELSE RAISE_ERROR(`_metadata`.`file_path` || ': column ride holds ' || CAST(`ride` AS STRING) || ', not int64')
    END AS `ride`,
    CAST(`fare` AS DOUBLE) AS `fare`,
    CASE
      WHEN TYPEOF(`rating`) LIKE '%int' OR CAST(`rating` AS DOUBLE) = CAST(`rating` AS BIGINT)
      THEN CAST(`rating` AS BIGINT)
      ELSE RAISE_ERROR(`_metadata`.`file_path` || ': column rating holds ' || CAST(`rating` AS STRING) || ', not int64')
    END AS `rating`,
    `ds`
  FROM `parquet`.`data/nights/ds=*` WITH ('pathGlobFilter' = '*.parquet', 'basePath' = 'data/nights')
  WHERE
    (
      `ds` >= (
        SELECT
          CASE
            WHEN CAST(TIMESTAMP_MICROS(MIN(`_at`) - 691200000000) AS DATE) < CAST('0001-01-01' AS DATE)
            THEN ''
            ELSE CAST(CAST(TIMESTAMP_MICROS(MIN(`_at`) - 691200000000) AS DATE) AS STRING)
          END
        FROM `spine`
      )
      AND `ds` <= (
        SELECT
          CASE
            WHEN CAST(TIMESTAMP_MICROS(MAX(`_at`) + 85800000000) AS DATE) > CAST('9999-12-31' AS DATE)
            THEN '9999-12-31'
            ELSE CAST(CAST(TIMESTAMP_MICROS(MAX(`_at`) + 85800000000) AS DATE) AS STRING)
          END
        FROM `spine`
      )
    )
    OR `ds` IS NULL
), `by_night_rows` AS (
  /* what each row says, and when it happened */
  SELECT
    `driver`,
    UNIX_MICROS(`ended_at`) AS `_event`,
    UNIX_MICROS(`loaded_at`) AS `_created`,
    `ride`
  FROM `nights`
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
), `driver_buckets_2` AS (
  /* the keys that are asked about, by the stretches of 6d23h50m they reach */
  SELECT
    `driver`,
    (
      `_at` - 604800000000
    ) DIV 604200000000 AS `_bucket`
  FROM `driver_questions`
  UNION
  SELECT
    `driver`,
    (
      `_at` - 600000000
    ) DIV 604200000000 AS `_bucket`
  FROM `driver_questions`
), `by_night_timeline` AS (
  /* rows and questions on one time line, each at its own instant */
  SELECT
    NULL AS `_row`,
    `by_night_rows`.`driver`,
    `by_night_rows`.`_event` AS `_at`,
    `by_night_rows`.`_event`
  FROM `by_night_rows`
  JOIN `driver_buckets_2`
    ON `driver_buckets_2`.`driver` = `by_night_rows`.`driver`
    AND `driver_buckets_2`.`_bucket` = `by_night_rows`.`_event` DIV 604200000000
  WHERE
    `by_night_rows`.`_event` <= (
      SELECT
        MAX(`_at`)
      FROM `spine`
    )
    AND `by_night_rows`.`_event` >= (
      SELECT
        MIN(`_at`) - 604800000000
      FROM `spine`
    )
  UNION ALL
  SELECT
    `_row`,
    `driver`,
    `_at`,
    NULL AS `_event`
  FROM `driver_questions`
), `by_night_running` AS (
  /* what a key has come to by each edge of a window */
  SELECT
    `_row`,
    COUNT(`_event`) OVER `until_10m_ago` AS `_event_count_until_10m_ago`,
    COUNT(`_event`) OVER `before_7d_ago` AS `_event_count_before_7d_ago`
  FROM `by_night_timeline`
  WINDOW `until_10m_ago` AS (PARTITION BY `driver` ORDER BY `_at` ASC RANGE BETWEEN UNBOUNDED PRECEDING AND 600000000 PRECEDING), `before_7d_ago` AS (PARTITION BY `driver` ORDER BY `_at` ASC RANGE BETWEEN UNBOUNDED PRECEDING AND 604800000001 PRECEDING)
), `by_night_sums` AS (
  /* each window: the total at its end less that before its start */
  SELECT
    `_row`,
    `_event_count_until_10m_ago` - `_event_count_before_7d_ago` AS `_event_count_7d`
  FROM `by_night_running`
  WHERE
    `_row` IS NOT NULL
), `by_night_totals` AS (
  /* a sum of no rows is NULL */
  SELECT
    `_row`,
    `_event_count_7d` AS `rides_7d`
  FROM `by_night_sums`
)
SELECT
  `spine`.`driver`,
  `spine`.`asked_at`,
  `by_day_latest`.`fare`,
  `by_day_latest`.`rating`,
  `by_night_totals`.`rides_7d`
FROM `spine`
LEFT JOIN `by_day_latest`
  ON `by_day_latest`.`_row` = `spine`.`_row`
LEFT JOIN `by_night_totals`
  ON `by_night_totals`.`_row` = `spine`.`_row`
ORDER BY
  `spine`.`_row` ASC;
