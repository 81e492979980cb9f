-- The training set of repos/flights as an expert would write it for DuckDB: running totals and frames
-- for the windows, ASOF JOIN for the latest values. Parameters: none; run it in repos/flights.
WITH spine AS (
  SELECT
    flight_id, carrier, tailnum, origin, dest, distance_miles, scheduled_departure,
    scheduled_departure - INTERVAL 2 HOURS AS t,
    CASE WHEN landed_at IS NOT NULL THEN arrival_delay_minutes > 15 END AS arrived_late
  FROM 'data/flights.parquet'
),
landings AS (
  SELECT flight_id, carrier, tailnum, origin, dest, landed_at AS t, arrival_delay_minutes AS delay, air_time_minutes AS air
  FROM 'data/flights.parquet' WHERE landed_at IS NOT NULL
),
-- Counts and sums are differences of running totals; a maximum has no difference and takes a frame.
carrier_totals AS (
  SELECT
    carrier, t, (sum(n) OVER w)::BIGINT AS n, (sum(l) OVER w)::BIGINT AS l,
    (sum(s) OVER w)::BIGINT AS s, (sum(q) OVER w)::BIGINT AS q
  FROM (
    SELECT
      carrier, t, count(*) AS n, count(*) FILTER (delay > 15) AS l,
      sum(delay)::BIGINT AS s, sum(delay * delay)::BIGINT AS q
    FROM landings GROUP BY ALL
  )
  WINDOW w AS (PARTITION BY carrier ORDER BY t ROWS UNBOUNDED PRECEDING)
),
carrier_maxima AS (
  SELECT carrier, t, asked, max(delay) OVER d1 AS x1, max(delay) OVER d7 AS x7
  FROM (
    SELECT carrier, t, false AS asked, max(delay) AS delay FROM landings GROUP BY ALL
    UNION ALL
    SELECT DISTINCT carrier, t, true, NULL FROM spine
  )
  WINDOW
    d1 AS (PARTITION BY carrier ORDER BY t RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND INTERVAL 1 MICROSECOND PRECEDING),
    d7 AS (PARTITION BY carrier ORDER BY t RANGE BETWEEN INTERVAL 7 DAY PRECEDING AND INTERVAL 1 MICROSECOND PRECEDING)
),
carrier_sums AS (
  SELECT
    s.carrier, s.t, x1, x7,
    coalesce(z.n, 0) - coalesce(a.n, 0) AS n1, coalesce(z.n, 0) - coalesce(b.n, 0) AS n7, coalesce(z.n, 0) - coalesce(c.n, 0) AS n30,
    coalesce(z.l, 0) - coalesce(a.l, 0) AS l1, coalesce(z.l, 0) - coalesce(b.l, 0) AS l7, coalesce(z.l, 0) - coalesce(c.l, 0) AS l30,
    z.s - coalesce(a.s, 0) AS s1, z.s - coalesce(b.s, 0) AS s7, z.s - coalesce(c.s, 0) AS s30,
    z.q - coalesce(b.q, 0) AS q7, z.q - coalesce(c.q, 0) AS q30
  FROM (SELECT * FROM carrier_maxima WHERE asked) AS s
  ASOF LEFT JOIN carrier_totals AS z ON z.carrier = s.carrier AND z.t < s.t
  ASOF LEFT JOIN carrier_totals AS a ON a.carrier = s.carrier AND a.t < s.t - INTERVAL 1 DAY
  ASOF LEFT JOIN carrier_totals AS b ON b.carrier = s.carrier AND b.t < s.t - INTERVAL 7 DAYS
  ASOF LEFT JOIN carrier_totals AS c ON c.carrier = s.carrier AND c.t < s.t - INTERVAL 30 DAYS
),
carrier_moments AS (
  SELECT
    carrier, t, n1, n7, n30, l1, l7, l30, s1 / nullif(n1, 0) AS m1, s7 / nullif(n7, 0) AS m7, s30 / nullif(n30, 0) AS m30,
    CASE WHEN n7 > 1 THEN sqrt((q7 - s7 * s7 / n7) / (n7 - 1)) END AS s7,
    CASE WHEN n30 > 1 THEN sqrt((q30 - s30 * s30 / n30) / (n30 - 1)) END AS s30,
    x1, x7
  FROM carrier_sums
),
route_totals AS (
  SELECT
    origin, dest, t, (sum(n) OVER w)::BIGINT AS n, (sum(s) OVER w)::BIGINT AS s, (sum(a) OVER w)::BIGINT AS a
  FROM (
    SELECT origin, dest, t, count(*) AS n, sum(delay)::BIGINT AS s, sum(air)::BIGINT AS a FROM landings GROUP BY ALL
  )
  WINDOW w AS (PARTITION BY origin, dest ORDER BY t ROWS UNBOUNDED PRECEDING)
),
route_maxima AS (
  SELECT origin, dest, t, asked, max(delay) OVER d7 AS x7, max(delay) OVER d30 AS x30
  FROM (
    SELECT origin, dest, t, false AS asked, delay FROM landings
    UNION ALL
    SELECT DISTINCT origin, dest, t, true, NULL FROM spine
  )
  WINDOW
    d7 AS (PARTITION BY origin, dest ORDER BY t RANGE BETWEEN INTERVAL 7 DAY PRECEDING AND INTERVAL 1 MICROSECOND PRECEDING),
    d30 AS (PARTITION BY origin, dest ORDER BY t RANGE BETWEEN INTERVAL 30 DAY PRECEDING AND INTERVAL 1 MICROSECOND PRECEDING)
),
route_sums AS (
  SELECT
    s.origin, s.dest, s.t, x7, x30,
    coalesce(z.n, 0) - coalesce(b.n, 0) AS n7, coalesce(z.n, 0) - coalesce(c.n, 0) AS n30,
    z.s - coalesce(b.s, 0) AS s7, z.s - coalesce(c.s, 0) AS s30, z.a - coalesce(c.a, 0) AS a30
  FROM (SELECT * FROM route_maxima WHERE asked) AS s
  ASOF LEFT JOIN route_totals AS z ON z.origin = s.origin AND z.dest = s.dest AND z.t < s.t
  ASOF LEFT JOIN route_totals AS b ON b.origin = s.origin AND b.dest = s.dest AND b.t < s.t - INTERVAL 7 DAYS
  ASOF LEFT JOIN route_totals AS c ON c.origin = s.origin AND c.dest = s.dest AND c.t < s.t - INTERVAL 30 DAYS
),
route_moments AS (
  SELECT
    origin, dest, t, n7, n30, s7 / nullif(n7, 0) AS m7, s30 / nullif(n30, 0) AS m30, x7, x30, a30 / nullif(n30, 0) AS a30
  FROM route_sums
),
traffic_totals AS (
  SELECT origin, t, (sum(n) OVER w)::BIGINT AS n, (sum(s) OVER w)::BIGINT AS s
  FROM (
    SELECT origin, departed_at AS t, count(*) AS n, sum(departure_delay_minutes)::BIGINT AS s
    FROM 'data/flights.parquet' WHERE departed_at IS NOT NULL GROUP BY ALL
  )
  WINDOW w AS (PARTITION BY origin ORDER BY t ROWS UNBOUNDED PRECEDING)
),
traffic_sums AS (
  SELECT
    s.origin, s.t,
    coalesce(z.n, 0) - coalesce(a.n, 0) AS n1, coalesce(z.n, 0) - coalesce(b.n, 0) AS n3,
    z.s - coalesce(a.s, 0) AS s1, z.s - coalesce(b.s, 0) AS s3
  FROM (SELECT DISTINCT origin, t FROM spine) AS s
  ASOF LEFT JOIN traffic_totals AS z ON z.origin = s.origin AND z.t < s.t
  ASOF LEFT JOIN traffic_totals AS a ON a.origin = s.origin AND a.t < s.t - INTERVAL 1 HOUR
  ASOF LEFT JOIN traffic_totals AS b ON b.origin = s.origin AND b.t < s.t - INTERVAL 3 HOURS
),
traffic_moments AS (
  SELECT origin, t, n1, n3, s1 / nullif(n1, 0) AS m1, s3 / nullif(n3, 0) AS m3 FROM traffic_sums
),
last_landing AS (
  SELECT tailnum, t, arg_max(dest, flight_id) AS dest, arg_max(delay, flight_id) AS delay
  FROM landings WHERE tailnum IS NOT NULL GROUP BY ALL
),
latest_landing AS (
  SELECT s.flight_id, l.t, l.dest, l.delay
  FROM spine AS s ASOF JOIN last_landing AS l ON l.tailnum = s.tailnum AND l.t <= s.t
  WHERE s.t - l.t <= INTERVAL 2 DAYS
),
latest_weather AS (
  SELECT
    s.origin, s.t, w.temp_f, w.wind_dir_deg, CASE WHEN w.wind_speed_mph < 200 THEN w.wind_speed_mph END AS wind_speed_mph,
    w.precip_in, w.pressure_mbar, w.visibility_miles
  FROM (SELECT DISTINCT origin, t FROM spine) AS s
  ASOF JOIN 'data/weather.parquet' AS w ON w.airport = s.origin AND w.observed_at <= s.t - INTERVAL 10 MINUTES
  WHERE s.t - w.observed_at <= INTERVAL 3 HOURS
)
SELECT
  s.flight_id, s.carrier, s.tailnum, s.origin, s.dest, s.distance_miles, s.scheduled_departure,
  s.t AS prediction_time, s.arrived_late,
  c.n1 AS carrier_landings_1d, c.n7 AS carrier_landings_7d, c.n30 AS carrier_landings_30d,
  c.l1 AS carrier_late_landings_1d, c.l7 AS carrier_late_landings_7d, c.l30 AS carrier_late_landings_30d,
  c.m1 AS carrier_delay_mean_1d, c.m7 AS carrier_delay_mean_7d, c.m30 AS carrier_delay_mean_30d,
  c.s7 AS carrier_delay_stddev_7d, c.s30 AS carrier_delay_stddev_30d,
  c.x1 AS carrier_delay_max_1d, c.x7 AS carrier_delay_max_7d,
  r.n7 AS route_landings_7d, r.n30 AS route_landings_30d,
  r.m7 AS route_delay_mean_7d, r.m30 AS route_delay_mean_30d,
  r.x7 AS route_delay_max_7d, r.x30 AS route_delay_max_30d,
  r.a30 AS route_air_time_mean_30d,
  a.n1 AS departures_1h, a.n3 AS departures_3h, a.m1 AS departure_delay_mean_1h, a.m3 AS departure_delay_mean_3h,
  w.temp_f, w.wind_dir_deg, w.wind_speed_mph, w.precip_in, w.pressure_mbar, w.visibility_miles,
  p.lat, p.lon, p.alt AS altitude_feet,
  l.t AS last_landed_at, l.dest AS last_airport, l.delay AS last_arrival_delay_minutes,
  f.built_year, f.seats, f.engines,
  date_diff('minute', s.t, s.scheduled_departure) / 60.0 AS hours_until_departure,
  c.l7 / nullif(c.n7, 0) AS carrier_late_share_7d,
  w.wind_speed_mph * abs(sin(radians(w.wind_dir_deg - CASE s.origin WHEN 'JFK' THEN 121 WHEN 'EWR' THEN 26 ELSE 32 END)))
    AS crosswind_mph,
  date_diff('minute', l.t, s.t) / 60.0 AS hours_since_landing
FROM spine AS s
JOIN carrier_moments AS c ON c.carrier = s.carrier AND c.t = s.t
JOIN route_moments AS r ON r.origin = s.origin AND r.dest = s.dest AND r.t = s.t
JOIN traffic_moments AS a ON a.origin = s.origin AND a.t = s.t
LEFT JOIN latest_weather AS w ON w.origin = s.origin AND w.t = s.t
LEFT JOIN latest_landing AS l ON l.flight_id = s.flight_id
LEFT JOIN 'data/airports.parquet' AS p ON p.airport = s.dest
LEFT JOIN 'data/planes.parquet' AS f ON f.tailnum = s.tailnum
