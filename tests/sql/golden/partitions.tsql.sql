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
), [days_source] AS (
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
      [ds] >= (
        SELECT
          CAST(DATEADD(
            MICROSECOND,
            (
              MIN([_at]) - 691200000000
            ) % 1000000,
            DATEADD(
              SECOND,
              (
                (
                  MIN([_at]) - 691200000000
                ) / 1000000
              ) % 86400,
              DATEADD(
                DAY,
                (
                  MIN([_at]) - 691200000000
                ) / 86400000000,
                CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6))
              )
            )
          ) AS DATE)
        FROM [spine]
      )
      AND [ds] <= (
        SELECT
          CAST(DATEADD(
            MICROSECOND,
            (
              MAX([_at]) + 85800000000
            ) % 1000000,
            DATEADD(
              SECOND,
              (
                (
                  MAX([_at]) + 85800000000
                ) / 1000000
              ) % 86400,
              DATEADD(
                DAY,
                (
                  MAX([_at]) + 85800000000
                ) / 86400000000,
                CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6))
              )
            )
          ) AS DATE)
        FROM [spine]
      )
    )
    OR [ds] IS NULL
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
), [by_day_latest] AS (
  /* the latest values; the order below decides every tie */
  SELECT
    [driver_asked].[_row] AS [_row],
    [newest].[fare] AS [fare],
    [newest].[rating] AS [rating]
  FROM [driver_asked] CROSS APPLY (
    SELECT
    TOP 1
      [by_day_rows].[fare],
      [by_day_rows].[rating]
    FROM [by_day_rows]
    WHERE
      [by_day_rows].[driver] = [driver_asked].[driver]
      AND [by_day_rows].[_event] <= [driver_asked].[_until]
      AND [by_day_rows].[_event] >= [driver_asked].[_since]
    ORDER BY
      [by_day_rows].[_event] DESC,
      [by_day_rows].[_created] DESC,
      [by_day_rows].[ride] DESC,
      [by_day_rows].[fare] DESC,
      [by_day_rows].[rating] DESC
  ) AS [newest]
), [nights_source] AS (
  /* the rows of the source, times in UTC, of the days that can matter */
  SELECT
    [driver] AS [driver],
    CAST([ended_at] AS DATETIMEOFFSET(6)) AS [ended_at],
    CAST([loaded_at] AS DATETIMEOFFSET(6)) AS [loaded_at],
    [ride] AS [ride],
    [fare] AS [fare],
    [rating] AS [rating],
    [ds] AS [ds]
  FROM [nights]
  WHERE
    (
      [ds] >= (
        SELECT
          CASE
            WHEN CAST(DATEADD(
              MICROSECOND,
              (
                MIN([_at]) - 691200000000
              ) % 1000000,
              DATEADD(
                SECOND,
                (
                  (
                    MIN([_at]) - 691200000000
                  ) / 1000000
                ) % 86400,
                DATEADD(
                  DAY,
                  (
                    MIN([_at]) - 691200000000
                  ) / 86400000000,
                  CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6))
                )
              )
            ) AS DATE) < CAST('0001-01-01' AS DATE)
            THEN ''
            ELSE CAST(CAST(DATEADD(
              MICROSECOND,
              (
                MIN([_at]) - 691200000000
              ) % 1000000,
              DATEADD(
                SECOND,
                (
                  (
                    MIN([_at]) - 691200000000
                  ) / 1000000
                ) % 86400,
                DATEADD(
                  DAY,
                  (
                    MIN([_at]) - 691200000000
                  ) / 86400000000,
                  CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6))
                )
              )
            ) AS DATE) AS NVARCHAR(MAX))
          END
        FROM [spine]
      )
      AND [ds] <= (
        SELECT
          CASE
            WHEN CAST(DATEADD(
              MICROSECOND,
              (
                MAX([_at]) + 85800000000
              ) % 1000000,
              DATEADD(
                SECOND,
                (
                  (
                    MAX([_at]) + 85800000000
                  ) / 1000000
                ) % 86400,
                DATEADD(
                  DAY,
                  (
                    MAX([_at]) + 85800000000
                  ) / 86400000000,
                  CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6))
                )
              )
            ) AS DATE) > CAST('9999-12-31' AS DATE)
            THEN '9999-12-31'
            ELSE CAST(CAST(DATEADD(
              MICROSECOND,
              (
                MAX([_at]) + 85800000000
              ) % 1000000,
              DATEADD(
                SECOND,
                (
                  (
                    MAX([_at]) + 85800000000
                  ) / 1000000
                ) % 86400,
                DATEADD(
                  DAY,
                  (
                    MAX([_at]) + 85800000000
                  ) / 86400000000,
                  CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6))
                )
              )
            ) AS DATE) AS NVARCHAR(MAX))
          END
        FROM [spine]
      )
    )
    OR [ds] IS NULL
), [by_night_rows] AS (
  /* what each row says, and when it happened */
  SELECT
    [driver] AS [driver],
    DATEDIFF_BIG(MICROSECOND, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)), [ended_at]) AS [_event],
    DATEDIFF_BIG(MICROSECOND, CAST('1970-01-01 00:00:00+00:00' AS DATETIMEOFFSET(6)), [loaded_at]) AS [_created],
    [ride] AS [ride]
  FROM [nights_source]
  WHERE
    [driver] IS NOT NULL AND [ended_at] IS NOT NULL
), [by_night_pairs] AS (
  /* each question with the rows that its widest window can hold */
  SELECT
    [driver_asked].[_row] AS [_row],
    [driver_asked].[_at] AS [_at],
    [by_night_rows].[_event] AS [_event],
    [by_night_rows].[_created] AS [_created],
    [by_night_rows].[ride] AS [ride]
  FROM [driver_asked]
  LEFT JOIN [by_night_rows]
    ON [driver_asked].[driver] = [by_night_rows].[driver]
    AND [by_night_rows].[_event] <= [driver_asked].[_until]
    AND [by_night_rows].[_event] >= [driver_asked].[_since]
), [by_night_exact] AS (
  /* every window picks its own rows */
  SELECT
    [_row] AS [_row],
    COUNT_BIG(CASE WHEN [_event] <= [_at] - 600000000 AND [_event] >= [_at] - 604800000000 THEN [_event] END) AS [rides_7d]
  FROM [by_night_pairs]
  GROUP BY
    [_row]
)
SELECT
  [spine].[driver],
  [spine].[asked_at],
  [by_day_latest].[fare],
  [by_day_latest].[rating],
  [by_night_exact].[rides_7d]
FROM [spine]
LEFT JOIN [by_day_latest]
  ON [by_day_latest].[_row] = [spine].[_row]
LEFT JOIN [by_night_exact]
  ON [by_night_exact].[_row] = [spine].[_row]
ORDER BY
  [spine].[_row] ASC;
