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
), [last_ride_rows] AS (
  /* what each row says, and when it happened */
  SELECT
    [driver] AS [driver],
    DATEDIFF_BIG(MICROSECOND, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)), [ended_at]) AS [_event],
    DATEDIFF_BIG(MICROSECOND, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)), [loaded_at]) AS [_created],
    [ride] AS [ride],
    [fare] AS [fare],
    [rating] AS [rating]
  FROM [rides_source]
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
    FROM [last_ride_rows]
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
), [last_ride_latest] AS (
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
      [last_ride_rows].[_event] AS [_event],
      [last_ride_rows].[_created] AS [_created],
      [last_ride_rows].[fare] AS [fare],
      [last_ride_rows].[rating] AS [rating],
      ROW_NUMBER() OVER (
        PARTITION BY [driver_asked].[_row]
        ORDER BY [last_ride_rows].[_event] DESC, [last_ride_rows].[_created] DESC, [last_ride_rows].[ride] DESC, [last_ride_rows].[fare] DESC, [last_ride_rows].[rating] DESC
      ) AS [_rank]
    FROM [driver_asked]
    JOIN [last_ride_rows]
      ON [driver_asked].[driver] = [last_ride_rows].[driver]
      AND [last_ride_rows].[_event] <= [driver_asked].[_until]
  ) AS [ranked]
  WHERE
    [_rank] = 1
)
SELECT
  [entities].[driver],
  DATEADD(
    MICROSECOND,
    [last_ride_latest].[_event] % 1000000,
    DATEADD(
      SECOND,
      (
        [last_ride_latest].[_event] / 1000000
      ) % 86400,
      DATEADD(DAY, [last_ride_latest].[_event] / 86400000000, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)))
    )
  ) AS [event_timestamp],
  DATEADD(
    MICROSECOND,
    [last_ride_latest].[_created] % 1000000,
    DATEADD(
      SECOND,
      (
        [last_ride_latest].[_created] / 1000000
      ) % 86400,
      DATEADD(DAY, [last_ride_latest].[_created] / 86400000000, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)))
    )
  ) AS [created_timestamp],
  [last_ride_latest].[fare],
  [last_ride_latest].[rating]
FROM [entities]
JOIN [last_ride_latest]
  ON [last_ride_latest].[_row] = [entities].[_row];
