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

-- The first instant at which a zone's clock shows a time; DuckDB takes the last one. It is by the distance from UTC
-- that held the day before.
CREATE OR REPLACE MACRO sp_earlier(zone, wall, later) AS
  timezone('UTC', wall) - (timezone(zone, later - INTERVAL 24 HOUR) - timezone('UTC', later - INTERVAL 24 HOUR));
CREATE OR REPLACE MACRO sp_instant(zone, wall) AS list_transform(list_transform([wall], lambda w:
  {w: w, u: timezone(zone, w), e: sp_earlier(zone, w, timezone(zone, w))}),
  lambda p: CASE WHEN p.e < p.u AND timezone(zone, p.e) = p.w THEN p.e ELSE p.u END)[1];

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
-- Jackson reads no more than 1000 levels, numbers of 1000 digits and names of 50000 characters; here
-- brackets that are left when eight levels are taken out, runs of digits, and what stands in quotes
-- before a colon are counted.
CREATE OR REPLACE MACRO sp_without_leaves(b) AS regexp_replace(regexp_replace(b, '\[\]|\{\}', '', 'g'), '\[\]|\{\}', '', 'g');
CREATE OR REPLACE MACRO sp_brackets(s) AS sp_without_leaves(sp_without_leaves(sp_without_leaves(sp_without_leaves(
  regexp_replace(regexp_replace(s, '"([^"\\]|\\.)*"', '', 'g'), '[^\[\]{}]', '', 'g')))));
CREATE OR REPLACE MACRO sp_longest_name(parts) AS list_max(list_transform(list_zip(parts, parts[2:]),
  lambda x, i: CASE WHEN i % 2 = 0 AND regexp_matches(x[2], '^\s*:') THEN length(x[1]) ELSE 0 END));
CREATE OR REPLACE MACRO sp_json_vast(s) AS length(s) > 1000 AND (
  length(regexp_replace(s, '[^\[{]', '', 'g')) > 1000 AND length(sp_brackets(s)) > 2 * 992 OR regexp_matches(s, '[-+.0-9eE]{1000}')
  OR length(s) > 50000 AND sp_longest_name(string_split(replace(replace(s, '\\', ''), '\"', ''), '"')) > 50000);
-- What stands in its texts is nobody's concern; they are taken out only where something is found.
CREATE OR REPLACE MACRO sp_is_json(s) AS
  json_valid(s) AND NOT sp_json_vast(s) AND (NOT sp_json_more(s)
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

-- The whole months between two wall clocks: a month is full at the same day and time of day.
CREATE OR REPLACE MACRO sp_month_days(d) AS (year(d) * 12 + month(d)) * 32 + day(d);
CREATE OR REPLACE MACRO sp_months(a, b) AS (sp_month_days(
  CAST(b AS DATE) - CASE WHEN CAST(b AS DATE) > CAST(a AS DATE) AND CAST(b AS TIME) < CAST(a AS TIME) THEN 1
  WHEN CAST(b AS DATE) < CAST(a AS DATE) AND CAST(b AS TIME) > CAST(a AS TIME) THEN -1 ELSE 0 END)
  - sp_month_days(CAST(a AS DATE))) // 32;

-- Spark finds no value in these texts: empty ones, those that begin as no JSON does, and objects whose
-- first name has no quotes, or that end nowhere. (Jackson takes words for NaN and infinity, and names in single quotes.)
CREATE OR REPLACE MACRO sp_json_hopeless(s) AS
  regexp_full_match(s, '[ \t\r\n]*(|[^ \t\r\n"{\[\]}\-+0-9NItfn\''/#&(].*|\{[ \t\r\n]*([^ \t\r\n"\''}/#].*|[^}]*))', 's');

-- CRC-32 of bytes in hexadecimal digits, and how many bits of them are set.
CREATE OR REPLACE MACRO sp_crc32_row(n) AS ([
  0, 1996959894, 3993919788, 2567524794, 124634137, 1886057615, 3915621685, 2657392035, 249268274,
  2044508324, 3772115230, 2547177864, 162941995, 2125561021, 3887607047, 2428444049, 498536548,
  1789927666, 4089016648, 2227061214, 450548861, 1843258603, 4107580753, 2211677639, 325883990,
  1684777152, 4251122042, 2321926636, 335633487, 1661365465, 4195302755, 2366115317, 997073096,
  1281953886, 3579855332, 2724688242, 1006888145, 1258607687, 3524101629, 2768942443, 901097722,
  1119000684, 3686517206, 2898065728, 853044451, 1172266101, 3705015759, 2882616665, 651767980,
  1373503546, 3369554304, 3218104598, 565507253, 1454621731, 3485111705, 3099436303, 671266974,
  1594198024, 3322730930, 2970347812, 795835527, 1483230225, 3244367275, 3060149565, 1994146192,
  31158534, 2563907772, 4023717930, 1907459465, 112637215, 2680153253, 3904427059, 2013776290,
  251722036, 2517215374, 3775830040, 2137656763, 141376813, 2439277719, 3865271297, 1802195444,
  476864866, 2238001368, 4066508878, 1812370925, 453092731, 2181625025, 4111451223, 1706088902,
  314042704, 2344532202, 4240017532, 1658658271, 366619977, 2362670323, 4224994405, 1303535960,
  984961486, 2747007092, 3569037538, 1256170817, 1037604311, 2765210733, 3554079995, 1131014506,
  879679996, 2909243462, 3663771856, 1141124467, 855842277, 2852801631, 3708648649, 1342533948,
  654459306, 3188396048, 3373015174, 1466479909, 544179635, 3110523913, 3462522015, 1591671054,
  702138776, 2966460450, 3352799412, 1504918807, 783551873, 3082640443, 3233442989, 3988292384,
  2596254646, 62317068, 1957810842, 3939845945, 2647816111, 81470997, 1943803523, 3814918930,
  2489596804, 225274430, 2053790376, 3826175755, 2466906013, 167816743, 2097651377, 4027552580,
  2265490386, 503444072, 1762050814, 4150417245, 2154129355, 426522225, 1852507879, 4275313526,
  2312317920, 282753626, 1742555852, 4189708143, 2394877945, 397917763, 1622183637, 3604390888,
  2714866558, 953729732, 1340076626, 3518719985, 2797360999, 1068828381, 1219638859, 3624741850,
  2936675148, 906185462, 1090812512, 3747672003, 2825379669, 829329135, 1181335161, 3412177804,
  3160834842, 628085408, 1382605366, 3423369109, 3138078467, 570562233, 1426400815, 3317316542,
  2998733608, 733239954, 1555261956, 3268935591, 3050360625, 752459403, 1541320221, 2607071920,
  3965973030, 1969922972, 40735498, 2617837225, 3943577151, 1913087877, 83908371, 2512341634,
  3803740692, 2075208622, 213261112, 2463272603, 3855990285, 2094854071, 198958881, 2262029012,
  4057260610, 1759359992, 534414190, 2176718541, 4139329115, 1873836001, 414664567, 2282248934,
  4279200368, 1711684554, 285281116, 2405801727, 4167216745, 1634467795, 376229701, 2685067896,
  3608007406, 1308918612, 956543938, 2808555105, 3495958263, 1231636301, 1047427035, 2932959818,
  3654703836, 1088359270, 936918000, 2847714899, 3736837829, 1202900863, 817233897, 3183342108,
  3401237130, 1404277552, 615818150, 3134207493, 3453421203, 1423857449, 601450431, 3009837614,
  3294710456, 1567103746, 711928724, 3020668471, 3272380065, 1510334235, 755167117
])[n + 1];
CREATE OR REPLACE MACRO sp_crc32(digits) AS
  list_transform([digits], lambda d: CASE WHEN d IS NOT NULL THEN xor(list_reduce(
  list_transform(range(1, length(d), 2), lambda p: CAST('0x' || substring(d, p, 2) AS BIGINT)),
  lambda c, b: xor(c >> 8, sp_crc32_row(xor(c, b) & 255)), 4294967295::BIGINT), 4294967295::BIGINT) END)[1];
CREATE OR REPLACE MACRO sp_ones(digits) AS
  CAST(coalesce(list_sum(list_transform(range(1, length(digits), 2),
  lambda p: bit_count(CAST('0x' || substring(digits, p, 2) AS SMALLINT)))), CASE WHEN digits = '' THEN 0 END) AS BIGINT);

-- A list of floats in order, NULLs last (1) or first (-1); those that are equal stay as they stand: -0.0 and 0.0.
CREATE OR REPLACE MACRO sp_sorted(l, nulls) AS list_transform(list_sort(list_transform(l, lambda z, i:
  {n: CASE WHEN z IS NULL THEN nulls ELSE 0 END, v: coalesce(z, 0) + 0, i: i, x: z})), lambda s: struct_extract(s, 'x'));
-- A list in the order of a comparison of each two of its elements, m[i][j] the sign of the i-th by the j-th;
-- NULL where the comparisons contradict each other.
CREATE OR REPLACE MACRO sp_ordered(l, m) AS list_transform(list_transform([{l: l, m: m}], lambda s: {l: s.l, m: s.m,
  r: list_transform(range(1, len(s.l) + 1), lambda j: len(list_filter(s.m, lambda c: c[j] < 0)))}),
  lambda s: CASE WHEN len(list_filter(s.m, lambda c, i: len(list_filter(c, lambda z, j: z IS NULL OR z <> sign(s.r[i] - s.r[j]))) > 0)) = 0
  THEN list_transform(list_sort(list_transform(s.r, lambda z, i: {r: z, i: i})), lambda p: s.l[p.i]) END)[1];

-- Whether a list without NULLs holds both zeros: Spark sorts some of those by their bits.
CREATE OR REPLACE MACRO sp_zeros(l) AS len(list_filter(l, lambda z: z = 0 AND signbit(z))) > 0
  AND len(list_filter(l, lambda z: z = 0 AND NOT signbit(z))) > 0 AND len(list_filter(l, lambda z: z IS NULL)) = 0;
CREATE OR REPLACE MACRO sp_sorted_down(l) AS list_transform(list_sort(list_transform(l, lambda z, i:
  {n: CASE WHEN z IS NULL THEN -1 ELSE 0 END, v: coalesce(z, 0) + 0, i: -i, x: z}), 'DESC'), lambda s: struct_extract(s, 'x'));

-- Whether bytes in hexadecimal digits are a text in UTF-8.
CREATE OR REPLACE MACRO sp_is_utf8(digits) AS regexp_full_match(digits, '([0-7].|(C[2-9A-F]|D.)[89AB].'
  || '|(E0[AB].|E[1-9A-CEF][89AB].|ED[89].)[89AB].|(F0[9AB].|F[1-3][89AB].|F48.)([89AB].){2})*');

-- The third and the fourth moment of numbers around their mean, by the root of the second one's powers.
CREATE OR REPLACE MACRO sp_deviations(l) AS list_transform([list_aggregate(l, 'favg')], lambda m:
  list_transform(list_filter(l, lambda x: x IS NOT NULL), lambda x: x - m))[1];
CREATE OR REPLACE MACRO sp_powers(d) AS {n: CAST(len(d) AS DOUBLE), q: list_aggregate(list_transform(d, lambda x: x * x), 'fsum'),
  c: list_aggregate(list_transform(d, lambda x: x * x * x), 'fsum'), f: list_aggregate(list_transform(d, lambda x: x * x * (x * x)), 'fsum')};
CREATE OR REPLACE MACRO sp_skewness(l) AS list_transform(list_transform([sp_deviations(l)], lambda d: sp_powers(d)),
  lambda p: sqrt(p.n) * p.c / sqrt(p.q * p.q * p.q))[1];
CREATE OR REPLACE MACRO sp_kurtosis(l) AS list_transform(list_transform([sp_deviations(l)], lambda d: sp_powers(d)),
  lambda p: p.n * p.f / (p.q * p.q) - 3e0)[1];
