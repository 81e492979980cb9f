WITH [rides_source] AS (
  /* the rows of the source, times in UTC */
  SELECT
    [driver] AS [driver],
    CAST([ended_at] AS DATETIMEOFFSET(6)) AS [ended_at],
    CAST([loaded_at] AS DATETIMEOFFSET(6)) AS [loaded_at],
    [ride] AS [ride],
    [fare] AS [fare],
    [rating] AS [rating]
  FROM [rides]
)
SELECT
  CAST('driver is null' AS NVARCHAR(MAX)) AS [check],
  CAST(COUNT_BIG(*) AS BIGINT) AS [rows]
FROM [rides_source]
WHERE
  [driver] IS NULL
UNION ALL
SELECT
  CAST('ended_at is null' AS NVARCHAR(MAX)) AS [check],
  CAST(COUNT_BIG(*) AS BIGINT) AS [rows]
FROM [rides_source]
WHERE
  [ended_at] IS NULL
UNION ALL
SELECT
  CAST('created before its event' AS NVARCHAR(MAX)) AS [check],
  CAST(COUNT_BIG(*) AS BIGINT) AS [rows]
FROM [rides_source]
WHERE
  [loaded_at] < [ended_at]
UNION ALL
SELECT
  CAST('a tie that only feature values decide' AS NVARCHAR(MAX)) AS [check],
  CAST(COALESCE(SUM([rows]), 0) AS BIGINT) AS [rows]
FROM (
  SELECT
    COUNT_BIG(*) AS [rows]
  FROM [rides_source]
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
