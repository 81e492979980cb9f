WITH [nights_source] AS (
  /* the rows of the source, times in UTC */
  SELECT
    [driver] AS [driver],
    CAST([ended_at] AS DATETIMEOFFSET(6)) AS [ended_at],
    CAST([loaded_at] AS DATETIMEOFFSET(6)) AS [loaded_at],
    [ride] AS [ride],
    [fare] AS [fare],
    [rating] AS [rating],
    [ds] AS [ds]
  FROM [nights]
)
SELECT
  CAST('driver is null' AS NVARCHAR(MAX)) AS [check],
  CAST(COUNT_BIG(*) AS BIGINT) AS [rows]
FROM [nights_source]
WHERE
  [driver] IS NULL
UNION ALL
SELECT
  CAST('ended_at is null' AS NVARCHAR(MAX)) AS [check],
  CAST(COUNT_BIG(*) AS BIGINT) AS [rows]
FROM [nights_source]
WHERE
  [ended_at] IS NULL
UNION ALL
SELECT
  CAST('created before its event' AS NVARCHAR(MAX)) AS [check],
  CAST(COUNT_BIG(*) AS BIGINT) AS [rows]
FROM [nights_source]
WHERE
  [loaded_at] < [ended_at]
UNION ALL
SELECT
  CAST('ds is no date of its ended_at' AS NVARCHAR(MAX)) AS [check],
  CAST(COUNT_BIG(*) AS BIGINT) AS [rows]
FROM [nights_source]
WHERE
  (
    [ds] < CASE
      WHEN CAST(DATEADD(
        MICROSECOND,
        (
          DATEDIFF_BIG(MICROSECOND, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)), [ended_at]) - 86400000000
        ) % 1000000,
        DATEADD(
          SECOND,
          (
            (
              DATEDIFF_BIG(MICROSECOND, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)), [ended_at]) - 86400000000
            ) / 1000000
          ) % 86400,
          DATEADD(
            DAY,
            (
              DATEDIFF_BIG(MICROSECOND, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)), [ended_at]) - 86400000000
            ) / 86400000000,
            CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6))
          )
        )
      ) AS DATE) < CAST('0001-01-01' AS DATE)
      THEN ''
      ELSE CAST(CAST(DATEADD(
        MICROSECOND,
        (
          DATEDIFF_BIG(MICROSECOND, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)), [ended_at]) - 86400000000
        ) % 1000000,
        DATEADD(
          SECOND,
          (
            (
              DATEDIFF_BIG(MICROSECOND, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)), [ended_at]) - 86400000000
            ) / 1000000
          ) % 86400,
          DATEADD(
            DAY,
            (
              DATEDIFF_BIG(MICROSECOND, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)), [ended_at]) - 86400000000
            ) / 86400000000,
            CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6))
          )
        )
      ) AS DATE) AS NVARCHAR(MAX))
    END
    OR [ds] > CASE
      WHEN CAST(DATEADD(
        MICROSECOND,
        (
          DATEDIFF_BIG(MICROSECOND, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)), [ended_at]) + 86400000000
        ) % 1000000,
        DATEADD(
          SECOND,
          (
            (
              DATEDIFF_BIG(MICROSECOND, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)), [ended_at]) + 86400000000
            ) / 1000000
          ) % 86400,
          DATEADD(
            DAY,
            (
              DATEDIFF_BIG(MICROSECOND, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)), [ended_at]) + 86400000000
            ) / 86400000000,
            CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6))
          )
        )
      ) AS DATE) > CAST('9999-12-31' AS DATE)
      THEN '9999-12-31'
      ELSE CAST(CAST(DATEADD(
        MICROSECOND,
        (
          DATEDIFF_BIG(MICROSECOND, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)), [ended_at]) + 86400000000
        ) % 1000000,
        DATEADD(
          SECOND,
          (
            (
              DATEDIFF_BIG(MICROSECOND, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)), [ended_at]) + 86400000000
            ) / 1000000
          ) % 86400,
          DATEADD(
            DAY,
            (
              DATEDIFF_BIG(MICROSECOND, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)), [ended_at]) + 86400000000
            ) / 86400000000,
            CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6))
          )
        )
      ) AS DATE) AS NVARCHAR(MAX))
    END
  )
UNION ALL
SELECT
  CAST('a tie that only feature values decide' AS NVARCHAR(MAX)) AS [check],
  CAST(COALESCE(SUM([rows]), 0) AS BIGINT) AS [rows]
FROM (
  SELECT
    COUNT_BIG(*) AS [rows]
  FROM [nights_source]
  WHERE
    [driver] IS NOT NULL AND [ended_at] IS NOT NULL
  GROUP BY
    [driver],
    [ended_at],
    [loaded_at],
    [ride]
  HAVING
    COUNT_BIG(*) > 1
) AS [alike];
