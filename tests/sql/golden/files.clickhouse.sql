SET join_use_nulls = 1;
SET prefer_column_name_to_alias = 1;
SET s3_throw_on_zero_files_match = 1;
SET input_format_parquet_allow_missing_columns = 1;
WITH "spine" AS (
  /* the rows to be enriched, numbered once, each at its own instant */
  SELECT
    ROW_NUMBER() OVER (ORDER BY "given"."asked_at" ASC, "given"."driver" ASC) AS "_row",
    "given"."driver",
    "given"."asked_at",
    toUnixTimestamp64Micro(CAST("given"."asked_at" AS Nullable(DateTime64(6, 'UTC')))) AS "_at"
  FROM "bookings" AS "given"
), "days" AS (
  /* the rows of the source, times in UTC, of the days that can matter */
  SELECT
    accurateCast("driver", 'Nullable(Int64)') AS "driver",
    CAST("ended_at" AS Nullable(DateTime64(6, 'UTC'))) AS "ended_at",
    CAST("loaded_at" AS Nullable(DateTime64(6, 'UTC'))) AS "loaded_at",
    accurateCast("ride", 'Nullable(Int64)') AS "ride",
    "fare",
    accurateCast("rating", 'Nullable(Int64)') AS "rating",
    CAST(decodeURLComponent(nullIf("ds", '__HIVE_DEFAULT_PARTITION__')) AS Nullable(Date32)) AS "ds"
  FROM s3(
    's3://acme/the%20days/ds=*/*.parquet',
    'Parquet',
    '"driver" Variant(Int64, Float64), "ended_at" Nullable(DateTime64(6, ''UTC'')), "loaded_at" Nullable(DateTime64(6, ''UTC'')), "ride" Variant(Int64, Float64), "fare" Nullable(Float64), "rating" Variant(Int64, Float64), "ds" Nullable(String)'
  )
  WHERE
    (
      CAST(decodeURLComponent(nullIf("ds", '__HIVE_DEFAULT_PARTITION__')) AS Nullable(Date32)) >= (
        SELECT
          CAST(fromUnixTimestamp64Micro(MIN("_at") - 691200000000, 'UTC') AS Nullable(Date32))
        FROM "spine"
      )
      AND CAST(decodeURLComponent(nullIf("ds", '__HIVE_DEFAULT_PARTITION__')) AS Nullable(Date32)) <= (
        SELECT
          CAST(fromUnixTimestamp64Micro(MAX("_at") + 85800000000, 'UTC') AS Nullable(Date32))
        FROM "spine"
      )
    )
    OR CAST(decodeURLComponent(nullIf("ds", '__HIVE_DEFAULT_PARTITION__')) AS Nullable(Date32)) IS NULL
), "by_day_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "driver",
    assumeNotNull(toUnixTimestamp64Micro("ended_at")) AS "_event",
    toUnixTimestamp64Micro("loaded_at") AS "_created",
    "ride",
    "fare",
    "rating"
  FROM "days"
  WHERE
    "driver" IS NOT NULL AND "ended_at" IS NOT NULL
), "driver_asked" AS (
  /* whom each row of the spine asks about, and what may be seen by then */
  SELECT
    "spine"."_row",
    "spine"."driver",
    "spine"."_at",
    "spine"."_at" - 604800000000 AS "_since",
    "spine"."_at" - 600000000 AS "_until"
  FROM "spine"
  WHERE
    "spine"."driver" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "driver_keys" AS (
  /* the keys that are asked about */
  SELECT DISTINCT
    "driver"
  FROM "driver_asked"
), "by_day_events" AS (
  /* when something happened to a key that is asked about */
  SELECT
    "by_day_rows"."driver",
    "by_day_rows"."_event"
  FROM "by_day_rows"
  JOIN "driver_keys"
    ON "driver_keys"."driver" = "by_day_rows"."driver"
), "by_day_found" AS (
  /* when the latest visible row of each question happened */
  SELECT
    "driver_asked"."_row",
    "driver_asked"."driver",
    "by_day_events"."_event"
  FROM "driver_asked"
  ASOF JOIN "by_day_events"
    ON "driver_asked"."driver" = "by_day_events"."driver"
    AND "driver_asked"."_until" >= "by_day_events"."_event"
  WHERE
    "by_day_events"."_event" >= "driver_asked"."_since"
), "by_day_latest" AS (
  /* the latest values; the order below decides every tie */
  SELECT
    "_row",
    "fare",
    "rating"
  FROM (
    SELECT
      "by_day_found"."_row",
      "by_day_rows"."fare",
      "by_day_rows"."rating",
      ROW_NUMBER() OVER (
        PARTITION BY "by_day_found"."_row"
        ORDER BY "by_day_rows"."_created" DESC, "by_day_rows"."ride" DESC, "by_day_rows"."fare" DESC, "by_day_rows"."rating" DESC
      ) AS "_rank"
    FROM "by_day_rows"
    JOIN "by_day_found"
      ON "by_day_found"."driver" = "by_day_rows"."driver" AND "by_day_found"."_event" = "by_day_rows"."_event"
  ) AS "ranked"
  WHERE
    "_rank" = 1
), "nights" AS (
  /* the rows of the source, times in UTC, of the days that can matter */
  SELECT
    accurateCast("driver", 'Nullable(Int64)') AS "driver",
    CAST("ended_at" AS Nullable(DateTime64(6, 'UTC'))) AS "ended_at",
    CAST("loaded_at" AS Nullable(DateTime64(6, 'UTC'))) AS "loaded_at",
    accurateCast("ride", 'Nullable(Int64)') AS "ride",
    "fare",
    accurateCast("rating", 'Nullable(Int64)') AS "rating",
    decodeURLComponent(nullIf("ds", '__HIVE_DEFAULT_PARTITION__')) AS "ds"
  FROM file(
    'data/nights/ds=*/**/*.parquet',
    'Parquet',
    '"driver" Variant(Int64, Float64), "ended_at" Nullable(DateTime64(6, ''UTC'')), "loaded_at" Nullable(DateTime64(6, ''UTC'')), "ride" Variant(Int64, Float64), "fare" Nullable(Float64), "rating" Variant(Int64, Float64), "ds" Nullable(String)'
  )
  WHERE
    (
      decodeURLComponent(nullIf("ds", '__HIVE_DEFAULT_PARTITION__')) >= (
        SELECT
          CASE
            WHEN CAST(fromUnixTimestamp64Micro(MIN("_at") - 691200000000, 'UTC') AS Nullable(Date32)) < CAST('0001-01-01' AS Nullable(Date32))
            THEN ''
            ELSE CAST(CAST(fromUnixTimestamp64Micro(MIN("_at") - 691200000000, 'UTC') AS Nullable(Date32)) AS Nullable(String))
          END
        FROM "spine"
      )
      AND decodeURLComponent(nullIf("ds", '__HIVE_DEFAULT_PARTITION__')) <= (
        SELECT
          CASE
            WHEN CAST(fromUnixTimestamp64Micro(MAX("_at") + 85800000000, 'UTC') AS Nullable(Date32)) > CAST('9999-12-31' AS Nullable(Date32))
            THEN '9999-12-31'
            ELSE CAST(CAST(fromUnixTimestamp64Micro(MAX("_at") + 85800000000, 'UTC') AS Nullable(Date32)) AS Nullable(String))
          END
        FROM "spine"
      )
    )
    OR decodeURLComponent(nullIf("ds", '__HIVE_DEFAULT_PARTITION__')) IS NULL
), "by_night_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "driver",
    assumeNotNull(toUnixTimestamp64Micro("ended_at")) AS "_event",
    toUnixTimestamp64Micro("loaded_at") AS "_created",
    "ride"
  FROM "nights"
  WHERE
    "driver" IS NOT NULL AND "ended_at" IS NOT NULL
), "driver_questions" AS (
  /* whom each row of the spine asks about, and when */
  SELECT
    "spine"."_row",
    "spine"."driver",
    "spine"."_at"
  FROM "spine"
  WHERE
    "spine"."driver" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "by_night_edges" AS (
  /* each question once for every edge of its windows */
  SELECT
    "_row",
    'until 10m ago' AS "_edge",
    "driver",
    "_at" - 600000000 AS "_at"
  FROM "driver_questions"
  UNION ALL
  SELECT
    "_row",
    'before 7d ago' AS "_edge",
    "driver",
    "_at" - 604800000001 AS "_at"
  FROM "driver_questions"
), "driver_keys_2" AS (
  /* the keys that are asked about */
  SELECT DISTINCT
    "driver"
  FROM "driver_questions"
), "by_night_timeline" AS (
  /* rows and edges on one time line; a total includes the rows of its instant */
  SELECT
    NULL AS "_row",
    NULL AS "_edge",
    "by_night_rows"."driver",
    "by_night_rows"."_event" AS "_at",
    "by_night_rows"."_event"
  FROM "by_night_rows"
  JOIN "driver_keys_2"
    ON "driver_keys_2"."driver" = "by_night_rows"."driver"
  WHERE
    "by_night_rows"."_event" <= (
      SELECT
        MAX("_at")
      FROM "spine"
    )
    AND "by_night_rows"."_event" >= (
      SELECT
        MIN("_at") - 604800000000
      FROM "spine"
    )
  UNION ALL
  SELECT
    "_row",
    "_edge",
    "driver",
    "_at",
    NULL AS "_event"
  FROM "by_night_edges"
), "by_night_running" AS (
  /* what a key has come to at each edge of a window */
  SELECT
    "_row",
    "_edge",
    COUNT("_event") OVER "so_far" AS "_event_count"
  FROM "by_night_timeline"
  WINDOW "so_far" AS (PARTITION BY "driver" ORDER BY "_at" ASC RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
), "by_night_sums" AS (
  /* each window: the total at its end less that before its start */
  SELECT
    "_row",
    MAX(CASE WHEN "_edge" = 'until 10m ago' THEN "_event_count" END) - MAX(CASE WHEN "_edge" = 'before 7d ago' THEN "_event_count" END) AS "_event_count_7d"
  FROM "by_night_running"
  WHERE
    "_row" IS NOT NULL
  GROUP BY
    "_row"
), "by_night_totals" AS (
  /* a sum of no rows is NULL */
  SELECT
    "_row",
    "_event_count_7d" AS "rides_7d"
  FROM "by_night_sums"
)
SELECT
  "spine"."driver",
  "spine"."asked_at",
  "by_day_latest"."fare",
  "by_day_latest"."rating",
  "by_night_totals"."rides_7d"
FROM "spine"
LEFT JOIN "by_day_latest"
  ON "by_day_latest"."_row" = "spine"."_row"
LEFT JOIN "by_night_totals"
  ON "by_night_totals"."_row" = "spine"."_row"
ORDER BY
  "spine"."_row" ASC;
