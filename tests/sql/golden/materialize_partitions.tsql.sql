WITH [days_source] AS (
  /* the rows of the source, times in UTC, of the days that can matter */
  SELECT
    [driver] AS [driver],
    CAST([ended_at] AS DATETIMEOFFSET(6)) AS [ended_at],
    CAST([loaded_at] AS DATETIMEOFFSET(6)) AS [loaded_at],
    [ride] AS [ride],
    [fare] AS [fare],
    [rating] AS [rating],
    [ds] AS [ds]
  FROM [days]
  WHERE
    (
      [ds] <= CAST('2024-03-01' AS DATE)
    ) OR [ds] IS NULL
), [by_day_rows] AS (
  /* what each row says, and when it happened */
  SELECT
    [driver] AS [driver],
    DATEDIFF_BIG(MICROSECOND, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)), [ended_at]) AS [_event],
    DATEDIFF_BIG(MICROSECOND, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)), [loaded_at]) AS [_created],
    [ride] AS [ride],
    [fare] AS [fare],
    [rating] AS [rating]
  FROM [days_source]
  WHERE
    [driver] IS NOT NULL AND [ended_at] IS NOT NULL
), [entities] AS (
  /* whom the source has rows of, each asked about once */
  SELECT
    ROW_NUMBER() OVER (ORDER BY [driver] ASC) AS [_row],
    [driver] AS [driver],
    DATEDIFF_BIG(
      MICROSECOND,
      CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)),
      CAST('2024-02-29 12:00:00.000000+00:00' AS DATETIMEOFFSET(6))
    ) AS [_at]
  FROM (
    SELECT DISTINCT
      [driver] AS [driver]
    FROM [by_day_rows]
  ) AS [seen]
), [driver_asked] AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    [entities].[_row] AS [_row],
    [entities].[driver] AS [driver],
    [entities].[_at] AS [_at],
    [entities].[_at] - 600000000 AS [_until]
  FROM [entities]
  WHERE
    [entities].[driver] IS NOT NULL AND [entities].[_at] IS NOT NULL
), [by_day_latest] AS (
  /* the latest values; the order below decides every tie */
  SELECT
    [_row] AS [_row],
    [_event] AS [_event],
    [_created] AS [_created],
    [fare] AS [fare],
    [rating] AS [rating]
  FROM (
    SELECT
      [driver_asked].[_row] AS [_row],
      [by_day_rows].[_event] AS [_event],
      [by_day_rows].[_created] AS [_created],
      [by_day_rows].[fare] AS [fare],
      [by_day_rows].[rating] AS [rating],
      ROW_NUMBER() OVER (
        PARTITION BY [driver_asked].[_row]
        ORDER BY [by_day_rows].[_event] DESC, [by_day_rows].[_created] DESC, [by_day_rows].[ride] DESC, [by_day_rows].[fare] DESC, [by_day_rows].[rating] DESC
      ) AS [_rank]
    FROM [driver_asked]
    JOIN [by_day_rows]
      ON [driver_asked].[driver] = [by_day_rows].[driver]
      AND [by_day_rows].[_event] <= [driver_asked].[_until]
  ) AS [ranked]
  WHERE
    [_rank] = 1
)
SELECT
  [entities].[driver],
  DATEADD(
    MICROSECOND,
    [by_day_latest].[_event] % 1000000,
    DATEADD(
      SECOND,
      (
        [by_day_latest].[_event] / 1000000
      ) % 86400,
      DATEADD(DAY, [by_day_latest].[_event] / 86400000000, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)))
    )
  ) AS [event_timestamp],
  DATEADD(
    MICROSECOND,
    [by_day_latest].[_created] % 1000000,
    DATEADD(
      SECOND,
      (
        [by_day_latest].[_created] / 1000000
      ) % 86400,
      DATEADD(DAY, [by_day_latest].[_created] / 86400000000, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)))
    )
  ) AS [created_timestamp],
  [by_day_latest].[fare],
  [by_day_latest].[rating]
FROM [entities]
JOIN [by_day_latest]
  ON [by_day_latest].[_row] = [entities].[_row];
