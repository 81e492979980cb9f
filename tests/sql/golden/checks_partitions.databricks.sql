SET TIME ZONE 'UTC';
WITH `nights_source` AS (
  /* the rows of the source, times in UTC */
  SELECT
    `driver`,
    CAST(`ended_at` AS TIMESTAMP) AS `ended_at`,
    CAST(`loaded_at` AS TIMESTAMP) AS `loaded_at`,
    `ride`,
    `fare`,
    `rating`,
    `ds`
  FROM `nights`
)
SELECT
  CAST('driver is null' AS STRING) AS `check`,
  CAST(COUNT(*) AS BIGINT) AS `rows`
FROM `nights_source`
WHERE
  `driver` IS NULL
UNION ALL
SELECT
  CAST('ended_at is null' AS STRING) AS `check`,
  CAST(COUNT(*) AS BIGINT) AS `rows`
FROM `nights_source`
WHERE
  `ended_at` IS NULL
UNION ALL
SELECT
  CAST('created before its event' AS STRING) AS `check`,
  CAST(COUNT(*) AS BIGINT) AS `rows`
FROM `nights_source`
WHERE
  `loaded_at` < `ended_at`
UNION ALL
SELECT
  CAST('ds is no date of its ended_at' AS STRING) AS `check`,
  CAST(COUNT(*) AS BIGINT) AS `rows`
FROM `nights_source`
WHERE
  (
    `ds` < CASE
      WHEN CAST(TIMESTAMP_MICROS(UNIX_MICROS(`ended_at`) - 86400000000) AS DATE) < CAST('0001-01-01' AS DATE)
      THEN ''
      ELSE CAST(CAST(TIMESTAMP_MICROS(UNIX_MICROS(`ended_at`) - 86400000000) AS DATE) AS STRING)
    END
    OR `ds` > CASE
      WHEN CAST(TIMESTAMP_MICROS(UNIX_MICROS(`ended_at`) + 86400000000) AS DATE) > CAST('9999-12-31' AS DATE)
      THEN '9999-12-31'
      ELSE CAST(CAST(TIMESTAMP_MICROS(UNIX_MICROS(`ended_at`) + 86400000000) AS DATE) AS STRING)
    END
  )
UNION ALL
SELECT
  CAST('a tie that only feature values decide' AS STRING) AS `check`,
  CAST(COALESCE(SUM(`rows`), 0) AS BIGINT) AS `rows`
FROM (
  SELECT
    COUNT(*) AS `rows`
  FROM `nights_source`
  WHERE
    `driver` IS NOT NULL AND `ended_at` IS NOT NULL
  GROUP BY
    `driver`,
    `ended_at`,
    `loaded_at`,
    `ride`
  HAVING
    COUNT(*) > 1
) AS `alike`;
