WITH [spine] AS (
  /* the rows to be enriched, numbered once, each at its own instant */
  SELECT
    ROW_NUMBER() OVER (ORDER BY [given].[asked_at] ASC, [given].[driver] ASC) AS [_row],
    [given].[driver] AS [driver],
    [given].[asked_at] AS [asked_at],
    DATEDIFF_BIG(
      MICROSECOND,
      CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)),
      CAST([given].[asked_at] AS DATETIMEOFFSET(6))
    ) AS [_at]
  FROM [bookings] AS [given]
), [rides_source] AS (
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
), [driver_asked] AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    [spine].[_row] AS [_row],
    [spine].[driver] AS [driver],
    [spine].[_at] AS [_at],
    [spine].[_at] - 604800000000 AS [_since],
    [spine].[_at] - 600000000 AS [_until]
  FROM [spine]
  WHERE
    [spine].[driver] IS NOT NULL AND [spine].[_at] IS NOT NULL
), [last_ride_latest] AS (
  /* the latest values; the order below decides every tie */
  SELECT
    [driver_asked].[_row] AS [_row],
    [newest].[fare] AS [fare],
    [newest].[rating] AS [rating]
  FROM [driver_asked] CROSS APPLY (
    SELECT
    TOP 1
      [last_ride_rows].[fare],
      [last_ride_rows].[rating]
    FROM [last_ride_rows]
    WHERE
      [last_ride_rows].[driver] = [driver_asked].[driver]
      AND [last_ride_rows].[_event] <= [driver_asked].[_until]
      AND [last_ride_rows].[_event] >= [driver_asked].[_since]
    ORDER BY
      [last_ride_rows].[_event] DESC,
      [last_ride_rows].[_created] DESC,
      [last_ride_rows].[ride] DESC,
      [last_ride_rows].[fare] DESC,
      [last_ride_rows].[rating] DESC
  ) AS [newest]
), [earnings_rows] AS (
  /* what each row says, and when it happened */
  SELECT
    [driver] AS [driver],
    DATEDIFF_BIG(MICROSECOND, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)), [ended_at]) AS [_event],
    DATEDIFF_BIG(MICROSECOND, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)), [loaded_at]) AS [_created],
    [ride] AS [ride],
    [rating] AS [rating],
    [fare] AS [fare],
    CASE WHEN [fare] > 1 THEN [rating] END AS [rating_sum_input]
  FROM [rides_source]
  WHERE
    [driver] IS NOT NULL AND [ended_at] IS NOT NULL
), [driver_asked_2] AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    [spine].[_row] AS [_row],
    [spine].[driver] AS [driver],
    [spine].[_at] AS [_at],
    [spine].[_at] - 600000000 AS [_until]
  FROM [spine]
  WHERE
    [spine].[driver] IS NOT NULL AND [spine].[_at] IS NOT NULL
), [earnings_pairs] AS (
  /* each question with the rows that its widest window can hold */
  SELECT
    [driver_asked_2].[_row] AS [_row],
    [driver_asked_2].[_at] AS [_at],
    [earnings_rows].[_event] AS [_event],
    [earnings_rows].[rating_sum_input] AS [rating_sum_input],
    [earnings_rows].[fare] AS [fare],
    [earnings_rows].[rating] AS [rating],
    [earnings_rows].[_created] AS [_created],
    [earnings_rows].[ride] AS [ride]
  FROM [driver_asked_2]
  LEFT JOIN [earnings_rows]
    ON [driver_asked_2].[driver] = [earnings_rows].[driver]
    AND [earnings_rows].[_event] <= [driver_asked_2].[_until]
), [earnings_seen] AS (
  /* the values that each window sees, NULL where the row lies outside */
  SELECT
    *,
    CASE WHEN [_event] <= [_at] - 600000000 AND [_event] >= [_at] - 604800000000 THEN [rating] END AS [_in_rating_7d]
  FROM [earnings_pairs]
), [earnings_ranked] AS (
  /* ranks, counts and means among the rows of one question */
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY [_row], CASE WHEN [_in_rating_7d] IS NOT NULL THEN 1 END
      ORDER BY [_event] DESC, [_created] DESC, [ride] DESC, [rating] DESC
    ) AS [_rank_latest_rating_7d]
  FROM [earnings_seen]
), [earnings_exact] AS (
  /* every window picks its own rows */
  SELECT
    [_row] AS [_row],
    COUNT_BIG(CASE WHEN [_event] <= [_at] - 600000000 AND [_event] >= [_at] - 86400000000 THEN [_event] END) AS [rides_1d],
    COUNT_BIG(CASE WHEN [_event] <= [_at] - 600000000 THEN [_event] END) AS [rides_lifetime],
    CAST(SUM(
      CAST(CASE WHEN [_event] <= [_at] - 600000000 AND [_event] >= [_at] - 86400000000 THEN [rating_sum_input] END AS BIGINT)
    ) AS BIGINT) AS [rating_sum_1d],
    CAST(STDEV(CASE WHEN [_event] <= [_at] - 600000000 AND [_event] >= [_at] - 604800000000 THEN [fare] END) AS FLOAT) AS [fare_stddev_samp_7d],
    MAX(CASE WHEN [_rank_latest_rating_7d] = 1 THEN [_in_rating_7d] END) AS [rating_last_7d]
  FROM [earnings_ranked]
  GROUP BY
    [_row]
)
SELECT
  [spine].[driver],
  [spine].[asked_at],
  [last_ride_latest].[fare],
  [last_ride_latest].[rating],
  [earnings_exact].[rides_1d],
  [earnings_exact].[rides_lifetime],
  [earnings_exact].[rating_sum_1d],
  [earnings_exact].[fare_stddev_samp_7d],
  [earnings_exact].[rating_last_7d],
  CAST([last_ride_latest].[fare] / CAST(NULLIF([earnings_exact].[rides_1d], 0) AS FLOAT) AS FLOAT) AS [share]
FROM [spine]
LEFT JOIN [last_ride_latest]
  ON [last_ride_latest].[_row] = [spine].[_row]
LEFT JOIN [earnings_exact]
  ON [earnings_exact].[_row] = [spine].[_row]
ORDER BY
  [spine].[_row] ASC;
