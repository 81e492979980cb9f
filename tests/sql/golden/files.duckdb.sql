SET TimeZone = 'UTC';
WITH "spine" AS MATERIALIZED (
  /* the rows to be enriched, numbered once, each at its own instant */
  SELECT
    ROW_NUMBER() OVER () AS "_row",
    "given"."driver",
    "given"."asked_at",
    CAST("given"."asked_at" AS TIMESTAMPTZ) AS "_at"
  FROM "bookings" AS "given"
), "days" AS (
  /* the rows of the source, times in UTC, of the days that can matter */
  SELECT
    CASE
      WHEN TYPEOF("driver") LIKE '%INT%' OR CAST("driver" AS DOUBLE) = CAST("driver" AS BIGINT)
      THEN CAST("driver" AS BIGINT)
      ELSE ERROR("filename" || ': column driver holds ' || CAST("driver" AS TEXT) || ', not int64')
    END AS "driver",
    CAST("ended_at" AS TIMESTAMPTZ) AS "ended_at",
    CAST("loaded_at" AS TIMESTAMPTZ) AS "loaded_at",
    CASE
      WHEN TYPEOF("ride") LIKE '%INT%' OR CAST("ride" AS DOUBLE) = CAST("ride" AS BIGINT)
      THEN CAST("ride" AS BIGINT)
      ELSE ERROR("filename" || ': column ride holds ' || CAST("ride" AS TEXT) || ', not int64')
    END AS "ride",
    CAST("fare" AS DOUBLE) AS "fare",
    CASE
      WHEN TYPEOF("rating") LIKE '%INT%' OR CAST("rating" AS DOUBLE) = CAST("rating" AS BIGINT)
      THEN CAST("rating" AS BIGINT)
      ELSE ERROR("filename" || ': column rating holds ' || CAST("rating" AS TEXT) || ', not int64')
    END AS "rating",
    "ds"
  FROM READ_PARQUET('s3://acme/the days/ds=*/*.parquet', "hive_partitioning" = TRUE, "hive_types" = {'ds': 'DATE'})
  WHERE
    "ds" >= (
      SELECT
        CAST(MIN("_at") - INTERVAL '8' DAY AS DATE)
      FROM "spine"
    )
    AND "ds" <= (
      SELECT
        CAST(MAX("_at") + INTERVAL '1430' MINUTE AS DATE)
      FROM "spine"
    )
  UNION ALL
  SELECT
    CASE
      WHEN TYPEOF("driver") LIKE '%INT%' OR CAST("driver" AS DOUBLE) = CAST("driver" AS BIGINT)
      THEN CAST("driver" AS BIGINT)
      ELSE ERROR("filename" || ': column driver holds ' || CAST("driver" AS TEXT) || ', not int64')
    END AS "driver",
    CAST("ended_at" AS TIMESTAMPTZ) AS "ended_at",
    CAST("loaded_at" AS TIMESTAMPTZ) AS "loaded_at",
    CASE
      WHEN TYPEOF("ride") LIKE '%INT%' OR CAST("ride" AS DOUBLE) = CAST("ride" AS BIGINT)
      THEN CAST("ride" AS BIGINT)
      ELSE ERROR("filename" || ': column ride holds ' || CAST("ride" AS TEXT) || ', not int64')
    END AS "ride",
    CAST("fare" AS DOUBLE) AS "fare",
    CASE
      WHEN TYPEOF("rating") LIKE '%INT%' OR CAST("rating" AS DOUBLE) = CAST("rating" AS BIGINT)
      THEN CAST("rating" AS BIGINT)
      ELSE ERROR("filename" || ': column rating holds ' || CAST("rating" AS TEXT) || ', not int64')
    END AS "rating",
    "ds"
  FROM READ_PARQUET('s3://acme/the days/ds=*/*.parquet', "hive_partitioning" = TRUE, "hive_types" = {'ds': 'DATE'})
  WHERE
    "ds" IS NULL
), "by_day_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "driver",
    "ended_at" AS "_event",
    "loaded_at" AS "_created",
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
    "spine"."_at" - INTERVAL '7' DAY AS "_since",
    "spine"."_at" - INTERVAL '10' MINUTE AS "_until"
  FROM "spine"
  WHERE
    "spine"."driver" IS NOT NULL AND "spine"."_at" IS NOT NULL
), "driver_buckets" AS (
  /* the keys that are asked about, by the stretches of 6d23h50m they reach */
  SELECT
    "driver",
    EPOCH_US("_at" - INTERVAL '7' DAY) // 604200000000 AS "_bucket"
  FROM "driver_asked"
  UNION
  SELECT
    "driver",
    EPOCH_US("_at" - INTERVAL '10' MINUTE) // 604200000000 AS "_bucket"
  FROM "driver_asked"
), "by_day_events" AS (
  /* when something happened to a key that is asked about */
  SELECT
    "by_day_rows"."driver",
    "by_day_rows"."_event"
  FROM "by_day_rows"
  JOIN "driver_buckets"
    ON "driver_buckets"."driver" = "by_day_rows"."driver"
    AND "driver_buckets"."_bucket" = EPOCH_US("by_day_rows"."_event") // 604200000000
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
    CASE
      WHEN TYPEOF("driver") LIKE '%INT%' OR CAST("driver" AS DOUBLE) = CAST("driver" AS BIGINT)
      THEN CAST("driver" AS BIGINT)
      ELSE ERROR("filename" || ': column driver holds ' || CAST("driver" AS TEXT) || ', not int64')
    END AS "driver",
    CAST("ended_at" AS TIMESTAMPTZ) AS "ended_at",
    CAST("loaded_at" AS TIMESTAMPTZ) AS "loaded_at",
    CASE
      WHEN TYPEOF("ride") LIKE '%INT%' OR CAST("ride" AS DOUBLE) = CAST("ride" AS BIGINT)
      THEN CAST("ride" AS BIGINT)
      ELSE ERROR("filename" || ': column ride holds ' || CAST("ride" AS TEXT) || ', not int64')
    END AS "ride",
    CAST("fare" AS DOUBLE) AS "fare",
    CASE
      WHEN TYPEOF("rating") LIKE '%INT%' OR CAST("rating" AS DOUBLE) = CAST("rating" AS BIGINT)
      THEN CAST("rating" AS BIGINT)
      ELSE ERROR("filename" || ': column rating holds ' || CAST("rating" AS TEXT) || ', not int64')
    END AS "rating",
    "ds"
  FROM READ_PARQUET(
    'data/nights/ds=*/**/*.parquet',
    "schema" = MAP {'driver': {'name': 'driver', 'type': 'BIGINT', 'default_value': NULL}, 'ended_at': {'name': 'ended_at', 'type': 'TIMESTAMPTZ', 'default_value': NULL}, 'loaded_at': {'name': 'loaded_at', 'type': 'TIMESTAMPTZ', 'default_value': NULL}, 'ride': {'name': 'ride', 'type': 'BIGINT', 'default_value': NULL}, 'fare': {'name': 'fare', 'type': 'DOUBLE', 'default_value': NULL}, 'rating': {'name': 'rating', 'type': 'BIGINT', 'default_value': NULL}},
    "hive_partitioning" = TRUE,
    "hive_types" = {'ds': 'TEXT'}
  )
  WHERE
    "ds" >= (
      SELECT
        CASE
          WHEN CAST(MIN("_at") - INTERVAL '8' DAY AS DATE) < CAST('0001-01-01' AS DATE)
          THEN ''
          ELSE CAST(CAST(MIN("_at") - INTERVAL '8' DAY AS DATE) AS TEXT)
        END
      FROM "spine"
    )
    AND "ds" <= (
      SELECT
        CASE
          WHEN CAST(MAX("_at") + INTERVAL '1430' MINUTE AS DATE) > CAST('9999-12-31' AS DATE)
          THEN '9999-12-31'
          ELSE CAST(CAST(MAX("_at") + INTERVAL '1430' MINUTE AS DATE) AS TEXT)
        END
      FROM "spine"
    )
  UNION ALL
  SELECT
    CASE
      WHEN TYPEOF("driver") LIKE '%INT%' OR CAST("driver" AS DOUBLE) = CAST("driver" AS BIGINT)
      THEN CAST("driver" AS BIGINT)
      ELSE ERROR("filename" || ': column driver holds ' || CAST("driver" AS TEXT) || ', not int64')
    END AS "driver",
    CAST("ended_at" AS TIMESTAMPTZ) AS "ended_at",
    CAST("loaded_at" AS TIMESTAMPTZ) AS "loaded_at",
    CASE
      WHEN TYPEOF("ride") LIKE '%INT%' OR CAST("ride" AS DOUBLE) = CAST("ride" AS BIGINT)
      THEN CAST("ride" AS BIGINT)
      ELSE ERROR("filename" || ': column ride holds ' || CAST("ride" AS TEXT) || ', not int64')
    END AS "ride",
    CAST("fare" AS DOUBLE) AS "fare",
    CASE
      WHEN TYPEOF("rating") LIKE '%INT%' OR CAST("rating" AS DOUBLE) = CAST("rating" AS BIGINT)
      THEN CAST("rating" AS BIGINT)
      ELSE ERROR("filename" || ': column rating holds ' || CAST("rating" AS TEXT) || ', not int64')
    END AS "rating",
    "ds"
  FROM READ_PARQUET(
    'data/nights/ds=*/**/*.parquet',
    "schema" = MAP {'driver': {'name': 'driver', 'type': 'BIGINT', 'default_value': NULL}, 'ended_at': {'name': 'ended_at', 'type': 'TIMESTAMPTZ', 'default_value': NULL}, 'loaded_at': {'name': 'loaded_at', 'type': 'TIMESTAMPTZ', 'default_value': NULL}, 'ride': {'name': 'ride', 'type': 'BIGINT', 'default_value': NULL}, 'fare': {'name': 'fare', 'type': 'DOUBLE', 'default_value': NULL}, 'rating': {'name': 'rating', 'type': 'BIGINT', 'default_value': NULL}},
    "hive_partitioning" = TRUE,
    "hive_types" = {'ds': 'TEXT'}
  )
  WHERE
    "ds" IS NULL
), "by_night_rows" AS (
  /* what each row says, and when it happened */
  SELECT
    "driver",
    "ended_at" AS "_event",
    "loaded_at" AS "_created",
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
    "_at" - INTERVAL '10' MINUTE AS "_at"
  FROM "driver_questions"
  UNION ALL
  SELECT
    "_row",
    'before 7d ago' AS "_edge",
    "driver",
    "_at" - INTERVAL '604800000001' MICROSECOND AS "_at"
  FROM "driver_questions"
), "driver_buckets_2" AS (
  /* the keys that are asked about, by the stretches of 6d23h50m they reach */
  SELECT
    "driver",
    EPOCH_US("_at" - INTERVAL '7' DAY) // 604200000000 AS "_bucket"
  FROM "driver_questions"
  UNION
  SELECT
    "driver",
    EPOCH_US("_at" - INTERVAL '10' MINUTE) // 604200000000 AS "_bucket"
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
  JOIN "driver_buckets_2"
    ON "driver_buckets_2"."driver" = "by_night_rows"."driver"
    AND "driver_buckets_2"."_bucket" = EPOCH_US("by_night_rows"."_event") // 604200000000
  WHERE
    "by_night_rows"."_event" <= (
      SELECT
        MAX("_at")
      FROM "spine"
    )
    AND "by_night_rows"."_event" >= (
      SELECT
        MIN("_at") - INTERVAL '7' DAY
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
