-- Macros that compiled queries call. Each was measured against Spark (tests/differential).

-- The digits of a decimal as one number: 1.25 -> 125.
CREATE OR REPLACE MACRO sp_unscaled(d) AS CAST(replace(CAST(d AS VARCHAR), '.', '') AS HUGEINT);

-- Integer division that rounds half away from zero, as BigDecimal's HALF_UP does.
CREATE OR REPLACE MACRO sp_hdiv(n, d) AS
  n // d + CASE WHEN abs(n % d) * 2 >= abs(d) THEN CASE WHEN (n < 0) <> (d < 0) THEN -1 ELSE 1 END ELSE 0 END;

-- A number of m-ths as decimal text with s digits after the point (m = 10^s).
CREATE OR REPLACE MACRO sp_scaled(q, m, s) AS
  CASE WHEN q < 0 THEN '-' ELSE '' END || CAST(abs(q) // m AS VARCHAR)
  || CASE WHEN s = 0 THEN '' ELSE '.' || lpad(CAST(abs(q) % m AS VARCHAR), s, '0') END;

-- Text without the characters that Spark's casts trim: those up to the space, by value.
CREATE OR REPLACE MACRO sp_trim(s) AS trim(s, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13));

-- Whether a text holds a control character that sp_trim leaves; Spark's casts trim those, too.
CREATE OR REPLACE MACRO sp_control(s) AS regexp_matches(s, '[\x00-\x08\x0e-\x1f\x7f]');

-- Seconds since the epoch, rounded down.
CREATE OR REPLACE MACRO sp_seconds(ts) AS (epoch_us(ts) - ((epoch_us(ts) % 1000000) + 1000000) % 1000000) // 1000000;

-- The wall clock of an instant in UTC.
CREATE OR REPLACE MACRO sp_wall(ts) AS CAST(timezone('UTC', ts) AS TIMESTAMP);

-- The value at a share of a sorted list, between two neighbours in proportion (Spark's `percentile`).
CREATE OR REPLACE MACRO sp_between(l, p) AS
  CASE WHEN floor(p) = ceil(p) OR l[CAST(floor(p) AS BIGINT) + 1] = l[CAST(ceil(p) AS BIGINT) + 1]
  THEN l[CAST(floor(p) AS BIGINT) + 1]
  ELSE (ceil(p) - p) * l[CAST(floor(p) AS BIGINT) + 1] + (p - floor(p)) * l[CAST(ceil(p) AS BIGINT) + 1] END;
CREATE OR REPLACE MACRO sp_percentile(l, share) AS
  CASE WHEN len(l) > 0 THEN sp_between(l, CAST(len(l) - 1 AS DOUBLE) * share) END;

-- Whether a text is JSON for both engines: DuckDB also takes a comma before a bracket, and bare words
-- for NaN and infinity in any case.
CREATE OR REPLACE MACRO sp_json_more(s) AS
  regexp_matches(s, ',\s*[}\]]|(^|[:\[,])\s*[-+]?(?i:nan|inf)');
-- What stands in its texts is nobody's concern; they are taken out only where something is found.
CREATE OR REPLACE MACRO sp_is_json(s) AS
  json_valid(s) AND (NOT sp_json_more(s)
    OR NOT sp_json_more(regexp_replace(s, '"([^"\\]|\\.)*"', '""', 'g')));

-- Whether a list holds a text twice; false of no list.
CREATE OR REPLACE MACRO sp_twice(l) AS coalesce(len(l) <> len(list_distinct(l)), false);

-- Whether both engines write a JSON value as the same text: no numbers that one of them writes with
-- an exponent, and inside of objects and lists no characters that one of them escapes.
CREATE OR REPLACE MACRO sp_json_plain(j) AS CASE
  WHEN json_type(j) IN ('VARCHAR', 'BOOLEAN', 'NULL') THEN true
  WHEN json_type(j) IN ('UBIGINT', 'BIGINT') THEN length(j ->> '$') <= 18
  WHEN json_type(j) = 'DOUBLE' THEN CAST(j ->> '$' AS DOUBLE) = 0 OR abs(CAST(j ->> '$' AS DOUBLE)) BETWEEN 0.001 AND 9999999
  ELSE NOT regexp_matches(CAST(j AS VARCHAR), '\\[u/]|[\x{10000}-\x{10FFFF}]|[0-9][eE]|[0-9]{19}|[0-9]{8,}[.]|(^|[^0-9])0[.]000') END;

-- A part of a text, counted from its end where the place is negative; what lies before its start counts.
CREATE OR REPLACE MACRO sp_cut(s, start, n) AS
  CASE WHEN start IS NOT NULL THEN substring(s, CAST(greatest(start, 0) AS BIGINT) + 1, CAST(greatest(start + n - greatest(start, 0), 0) AS BIGINT)) END;
CREATE OR REPLACE MACRO sp_substring(s, place, n) AS
  CASE WHEN n IS NOT NULL THEN sp_cut(s, CASE WHEN place > 0 THEN CAST(place AS BIGINT) - 1 WHEN place < 0 THEN length(s) + CAST(place AS BIGINT) ELSE CAST(place AS BIGINT) END, CAST(n AS BIGINT)) END;

-- Where a text stands in another one, from a place on; 0 if it does not, or there is no such place.
CREATE OR REPLACE MACRO sp_locate(part, s, place) AS
  CASE WHEN place IS NULL THEN 0 WHEN part IS NULL OR s IS NULL THEN NULL WHEN place < 1 THEN 0
  WHEN part = '' THEN 1
  WHEN strpos(substring(s, place), part) = 0 THEN 0
  ELSE CAST(strpos(substring(s, place), part) + place - 1 AS INTEGER) END;

-- A whole number of 32 or 64 bits, of its value without a sign.
CREATE OR REPLACE MACRO sp_signed32(v) AS v - CASE WHEN v > 2147483647 THEN 4294967296 ELSE 0 END;
CREATE OR REPLACE MACRO sp_signed64(v) AS
  v - CASE WHEN v > 9223372036854775807::HUGEINT THEN 18446744073709551616::HUGEINT ELSE 0::HUGEINT END;
CREATE OR REPLACE MACRO sp_unsigned64(v) AS
  CAST(v AS HUGEINT) + CASE WHEN v < 0 THEN 18446744073709551616::HUGEINT ELSE 0::HUGEINT END;

-- Shifts, by the last 5 or 6 bits of the number of places.
CREATE OR REPLACE MACRO sp_shiftleft32(v, n) AS
  sp_signed32(((CAST(v AS BIGINT) & 4294967295) << CAST(n & 31 AS BIGINT)) & 4294967295);
CREATE OR REPLACE MACRO sp_shiftright32(v, n) AS CAST(v AS BIGINT) >> CAST(n & 31 AS BIGINT);
CREATE OR REPLACE MACRO sp_shiftrightunsigned32(v, n) AS
  sp_signed32((CAST(v AS BIGINT) & 4294967295) >> CAST(n & 31 AS BIGINT));
CREATE OR REPLACE MACRO sp_shiftleft64(v, n) AS
  sp_signed64((sp_unsigned64(v) * CAST(1::UBIGINT << CAST(n & 63 AS UBIGINT) AS HUGEINT)) % 18446744073709551616::HUGEINT);
CREATE OR REPLACE MACRO sp_shiftright64(v, n) AS v >> CAST(n & 63 AS BIGINT);
CREATE OR REPLACE MACRO sp_shiftrightunsigned64(v, n) AS
  sp_signed64(sp_unsigned64(v) // CAST(1::UBIGINT << CAST(n & 63 AS UBIGINT) AS HUGEINT));

-- A text with another one over a part of it; a place before its start counts from its end.
CREATE OR REPLACE MACRO sp_overlay(s, new, place, n) AS
  sp_substring(s, 1, CAST(place AS BIGINT) - 1) || new || sp_substring(s, CAST(place AS BIGINT) + n, 2147483647);

-- A list with each value once, where it stands first; NULL is a value, too.
CREATE OR REPLACE MACRO sp_distinct(l) AS
  list_transform([l], lambda w: list_filter(w, lambda z, i: list_position(w, z) = i))[1];
