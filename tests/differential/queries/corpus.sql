-- Queries of many kinds, edge-heavy on purpose. Those that the embedded engine admits must have Spark's answer.

-- proj 1
SELECT prediction_id, event_ts AS timestamp, CAST(score AS FLOAT) AS score, label_pred FROM predictions WHERE dt = '2024-03-10';

-- proj 2
SELECT prediction_id, event_ts, score, dt FROM predictions WHERE dt BETWEEN '2024-03-09' AND '2024-03-11' AND model_name = 'churn';

-- proj 3
SELECT prediction_id, dt FROM predictions WHERE dt >= DATE '2024-03-12' AND dt < DATE '2024-03-14';

-- proj 4
SELECT * FROM features;

-- proj 5
SELECT prediction_id, COALESCE(country, segment, 'n/a') AS c, NVL(country, '?') AS n, IFNULL(n_tokens, 0) AS t, NULLIF(country, '') AS nn FROM predictions;

-- proj 6
SELECT prediction_id, CAST(score AS DECIMAL(10,4)) AS s FROM predictions WHERE score IS NOT NULL AND NOT isnan(score) AND abs(score) < 2;

-- proj 7
SELECT prediction_id, tiny + tiny AS y FROM predictions WHERE tiny BETWEEN -60 AND 60;

-- proj 8
SELECT prediction_id, CAST(is_fallback AS INT) AS f, CAST(label_pred AS BOOLEAN) AS b, CAST(is_fallback AS STRING) AS s FROM predictions;

-- proj 9
SELECT prediction_id, score, score_f FROM predictions;

-- proj 10
SELECT prediction_id, meta.* FROM predictions;

-- proj 11
SELECT p.prediction_id, p.score > p.threshold AS pred_class, p.score <=> p.threshold AS eqn FROM predictions p;

-- proj 12
SELECT DISTINCT model_name, model_version FROM predictions;

-- proj 13
SELECT prediction_id FROM predictions WHERE country IN ('US', 'us', '') OR country IS NULL;

-- proj 14
SELECT `prediction_id`, `score` AS `my score` FROM `predictions` WHERE segment = "vip";

-- proj 15
SELECT prediction_id, greatest(score, 0.5D) AS g FROM predictions;

-- proj 16
SELECT int(clean_str) AS a, double(clean_str) AS b, string(n_tokens) AS c, date(ts_iso) AS d, timestamp(ts_iso) AS e FROM predictions;

-- proj 17
SELECT prediction_id, score::float AS f, n_tokens::string AS s, dt::timestamp AS t FROM predictions;

-- cast 1
SELECT prediction_id, CAST(score AS STRING) AS s FROM predictions;

-- cast 2
SELECT k, CAST(dec AS STRING) AS a, CAST(dec AS INT) AS b, CAST(dec AS DECIMAL(5,1)) AS c FROM nums WHERE dec < 1000 OR dec IS NULL;

-- cast 3
SELECT CAST('abc' AS DOUBLE);

-- cast 4
SELECT CAST(b AS INT) FROM nums;

-- cast 5
SELECT CAST(d AS INT) FROM nums WHERE k IN (5, 6, 10, 11);

-- cast 6
SELECT CAST(1e30 AS BIGINT);

-- cast 7
SELECT CAST(300 AS TINYINT);

-- cast 8
SELECT CAST(2.5 AS INT) AS a, CAST(-2.5 AS INT) AS b, CAST(3.5 AS INT) AS c, CAST(CAST(2.5 AS DOUBLE) AS INT) AS d, CAST(-0.9D AS INT) AS e;

-- cast 9
SELECT CAST('2024-03-10 01:02:03.123456789' AS TIMESTAMP) AS a, CAST('2024-03-10T01:02:03Z' AS TIMESTAMP) AS b, CAST('2024-03-10 01:02:03+05:30' AS TIMESTAMP) AS c, CAST('2024-03-10 01:02:03 America/New_York' AS TIMESTAMP) AS d, CAST('2024-03-10' AS TIMESTAMP) AS e;

-- cast 10
SELECT k, CAST(ts AS STRING) AS s, CAST(ts AS DATE) AS d, CAST(ts AS BIGINT) AS l, CAST(ts AS DOUBLE) AS db FROM times;

-- cast 11
SELECT k, CAST(ntz AS STRING) AS s, CAST(ntz AS TIMESTAMP) AS t, CAST(d AS STRING) AS ds, CAST(d AS TIMESTAMP) AS dts FROM times;

-- cast 12
SELECT CAST(1710000000 AS TIMESTAMP) AS a, CAST(1710000000.5 AS TIMESTAMP) AS b;

-- cast 13
SELECT prediction_id, CAST(is_fallback AS DOUBLE) AS a, CAST(country AS BINARY) AS b, CAST(CAST(country AS BINARY) AS STRING) AS c FROM predictions;

-- cast 14
SELECT CAST(embedding AS STRING) AS e, CAST(meta AS STRING) AS m, CAST(features AS STRING) AS f FROM predictions WHERE dt = '2024-03-08' AND size(features) <= 1;

-- cast 15
SELECT CAST('yes' AS BOOLEAN) AS a, CAST('t' AS BOOLEAN) AS b, CAST('0' AS BOOLEAN) AS c;

-- cast 16
SELECT CAST(TIMESTAMP '2024-03-10 01:02:03.100' AS STRING) AS a, CAST(DATE '2024-01-01' AS STRING) AS b, CAST(1.10 AS STRING) AS c, CAST(1E7 AS STRING) AS d, CAST(CAST(0.1 AS FLOAT) AS STRING) AS e, CAST(CAST(0.1 AS FLOAT) AS DOUBLE) AS f, CAST(100D AS STRING) AS g, CAST(1.0E-5 AS STRING) AS h;

-- arith 1
SELECT k, i / 2 AS a, i DIV 2 AS b, i % 3 AS c, MOD(i, 3) AS d, pmod(i, 3) AS e FROM nums;

-- arith 2
SELECT 7 / 2 AS a, 7 DIV 2 AS b, -7 DIV 2 AS c, -7 % 3 AS d, 7 % -3 AS e, 1 / 3 AS f, 7.0 / 2 AS g, 1 / 3.0 AS h, 5.5 % 2 AS m;

-- arith 3
SELECT 1.0 / 0;

-- arith 4
SELECT i + 1 FROM nums;

-- arith 5
SELECT b + 1 FROM nums;

-- arith 6
SELECT -i FROM nums;

-- arith 7
SELECT abs(i) FROM nums;

-- arith 8
SELECT k, try_add(i, 1) AS a, try_multiply(b, 2) AS m, try_subtract(i, 1) AS s FROM nums;

-- arith 9
SELECT SUM(b) FROM nums;

-- arith 10
SELECT AVG(b) FROM nums WHERE k <> 3;

-- arith 11
SELECT k, round(d, 1) AS r, round(dec, 1) AS rd, bround(dec, 1) AS br, floor(dec) AS fl, ceil(dec) AS ce, round(dec) AS r0 FROM nums WHERE k NOT IN (2,3,4,8);

-- arith 12
SELECT k, sqrt(d) AS a, ln(d) AS b, log10(d) AS c, log2(d) AS e, exp(f) AS g, pow(d, 2) AS h FROM nums;

-- arith 13
SELECT prediction_id, ln(score / (1 - score)) AS logit FROM predictions WHERE score > 0 AND score < 1;

-- arith 14
SELECT prediction_id, width_bucket(score, 0, 1, 10) AS wb, CAST(floor(score * 10) AS INT) AS b2 FROM predictions WHERE score >= 0 AND score < 1;

-- arith 15
SELECT CAST(1 AS DECIMAL(38,10)) / 3 AS a, 1.23 * 4.567 AS b, 10.0 - 3 AS c, 0.1 + 0.2 AS d, 0.1D + 0.2D AS e;

-- arith 16
SELECT amount * amount AS sq, amount / amount AS one FROM predictions WHERE amount <> 0;

-- arith 17
SELECT AVG(amount) AS a, SUM(amount) AS s, MIN(amount) AS mn, MAX(amount) AS mx FROM predictions;

-- arith 18
SELECT bin(7) AS a, hex(255) AS b, conv('ff', 16, 10) AS c, factorial(5) AS d, bit_count(255) AS e;

-- nan 1
SELECT k, d FROM nums ORDER BY d DESC, k;

-- nan 2
SELECT k, f FROM nums ORDER BY f ASC NULLS LAST, k;

-- nan 3
SELECT MAX(d) AS mx, MIN(d) AS mn, SUM(f) AS s, AVG(d) AS a, COUNT(d) AS c FROM nums;

-- nan 4
SELECT COUNT(DISTINCT score) AS c FROM predictions;

-- nan 5
SELECT AVG(score) AS a, STDDEV(score) AS s, VARIANCE(score) AS v FROM predictions WHERE NOT isnan(score) AND score < 10 AND score > -10;

-- nan 6
SELECT AVG(score) AS a, STDDEV(score) AS s FROM predictions;

-- nan 7
SELECT MAX(score) AS m, MIN(score) AS n, MAX(score_f) AS mf FROM predictions;

-- nan 8
SELECT a.k, b.k AS k2 FROM nums a JOIN nums b ON a.d = b.d;

-- nan 9
SELECT greatest(1.0D, double('NaN')) AS a, least(1.0D, double('NaN')) AS b;

-- nan 10
SELECT double('NaN') > double('Infinity') AS a, double('NaN') = double('NaN') AS b, 0.0D = -0.0D AS c, CAST('-0.0' AS DOUBLE) AS d;

-- nan 11
SELECT k, CASE WHEN d < 0 THEN 'neg' WHEN d > 0 THEN 'pos' ELSE 'other' END AS c FROM nums;

-- date 1
SELECT prediction_id, date_trunc('HOUR', event_ts) AS h, date_trunc('day', event_ts) AS d, date_trunc('week', event_ts) AS w, date_trunc('MONTH', event_ts) AS m FROM predictions;

-- date 2
SELECT prediction_id, date_trunc('quarter', event_ts) AS q, date_trunc('minute', event_ts) AS mi, date_trunc('SECOND', event_ts) AS s FROM predictions;

-- date 3
SELECT prediction_id, year(event_ts) AS y, month(event_ts) AS m, day(event_ts) AS d, hour(event_ts) AS h, minute(event_ts) AS mi, second(event_ts) AS s, dayofweek(event_ts) AS dow, weekday(event_ts) AS wd, dayofyear(event_ts) AS doy, weekofyear(event_ts) AS woy, quarter(event_ts) AS q FROM predictions;

-- date 4
SELECT prediction_id, EXTRACT(HOUR FROM event_ts) AS h, EXTRACT(DOW FROM event_ts) AS dow, EXTRACT(SECOND FROM event_ts) AS s, date_part('week', event_ts) AS w, EXTRACT(EPOCH FROM event_ts) AS e FROM predictions;

-- date 5
SELECT k, dayofweek(d) AS a, weekday(d) AS b, weekofyear(d) AS c, last_day(d) AS e, dayofyear(d) AS f FROM times WHERE k < 6;

-- date 6
SELECT k, add_months(d, -12) AS a, next_day(d, 'Mon') AS b, months_between(d, DATE '2020-01-31') AS c FROM times WHERE k < 6;

-- date 7
SELECT prediction_id, try_to_timestamp(ts_str, 'yyyy-MM-dd HH:mm:ss') AS a FROM predictions;

-- date 8
SELECT to_timestamp(ts_str, 'yyyy-MM-dd HH:mm:ss') FROM predictions;

-- date 9
SELECT prediction_id, unix_timestamp(event_ts) AS a, unix_timestamp(ts_iso) AS b, unix_timestamp(date_us, 'MM/dd/yyyy') AS c, to_unix_timestamp(ts_iso, 'yyyy-MM-dd HH:mm:ss') AS d FROM predictions;

-- date 10
SELECT prediction_id, from_unixtime(epoch_s) AS a, from_unixtime(epoch_s, 'yyyy-MM-dd') AS b, from_unixtime(CAST(epoch_ms / 1000 AS BIGINT), 'HH:mm') AS c FROM predictions;

-- date 11
SELECT prediction_id, timestamp_seconds(epoch_s) AS a, timestamp_millis(epoch_ms) AS b, timestamp_micros(epoch_ms * 1000) AS c FROM predictions;

-- date 12
SELECT prediction_id, to_timestamp(epoch_ms / 1000) AS a, CAST(epoch_s AS TIMESTAMP) AS b FROM predictions;

-- date 13
SELECT prediction_id, date_format(event_ts, 'yyyy-MM-dd HH') AS a, date_format(event_ts, 'EEE') AS b, date_format(event_ts, 'yyyyMMdd') AS c, date_format(dt, 'MMM d, yyyy') AS d FROM predictions;

-- date 14
SELECT prediction_id, date_format(event_ts, "yyyy-MM-dd'T'HH:mm:ss.SSS") AS a, date_format(event_ts, 'hh:mm a') AS b, date_format(event_ts, 'E, dd MMMM yyyy') AS c FROM predictions;

-- date 15
SELECT prediction_id, event_ts + INTERVAL 1 HOUR AS a, event_ts - INTERVAL '30' MINUTE AS b, event_ts + INTERVAL 1 DAY AS c, event_ts + INTERVAL '1 02:03:04' DAY TO SECOND AS d FROM predictions;

-- date 16
SELECT k, ts + INTERVAL 1 MONTH AS a, d + INTERVAL 1 MONTH AS b, d + INTERVAL 2 DAYS AS c, ts - INTERVAL 1 YEAR AS e FROM times WHERE k < 6;

-- date 17
SELECT prediction_id, (CAST(ingest_ts AS LONG) - CAST(event_ts AS LONG)) / 60 AS lag_min FROM predictions;

-- date 18
SELECT prediction_id, from_utc_timestamp(event_ts, 'America/New_York') AS ny, to_utc_timestamp(event_ts, 'Europe/Berlin') AS b FROM predictions;

-- date 19
SELECT k, from_utc_timestamp(ts, 'America/New_York') AS a, to_utc_timestamp(ts, 'America/New_York') AS b FROM times WHERE k <> 6;

-- date 20
SELECT prediction_id, convert_timezone('UTC', 'Asia/Kolkata', CAST(event_ts AS TIMESTAMP_NTZ)) AS a FROM predictions;

-- date 21
SELECT prediction_id, date_trunc('day', from_utc_timestamp(event_ts, 'America/Los_Angeles')) AS local_day, COUNT(*) OVER (PARTITION BY date_trunc('day', from_utc_timestamp(event_ts, 'America/Los_Angeles'))) AS c FROM predictions;

-- date 22
SELECT prediction_id FROM predictions WHERE event_ts > dt + INTERVAL 12 HOURS;

-- date 23
SELECT window.start AS ws, window.end AS we, model_name, COUNT(*) AS c, AVG(latency_ms) AS l FROM predictions GROUP BY window(event_ts, '6 hours'), model_name;

-- date 24
SELECT explode(sequence(DATE '2024-03-08', DATE '2024-03-18', INTERVAL 1 DAY)) AS d;

-- date 25
SELECT c.d, COUNT(p.prediction_id) AS n FROM (SELECT explode(sequence(DATE '2024-03-01', DATE '2024-03-20', INTERVAL 1 DAY)) AS d) c LEFT JOIN predictions p ON p.dt = c.d GROUP BY c.d;

-- date 26
SELECT k, ntz, year(ntz) AS y, date_trunc('hour', ntz) AS h, ntz + INTERVAL 1 DAY AS n FROM times;

-- date 27
SELECT to_date('2024-13-01', 'yyyy-MM-dd');

-- string 1
SELECT prediction_id, regexp_extract(prediction_id, '^p(\\d+)-([0-9a-f]+)$', 1) AS a, regexp_extract(prediction_id, 'zz(\\d)', 1) AS b FROM predictions;

-- string 2
SELECT prediction_id, split(model_version, '\\.') AS a, split(model_version, '\\.')[0] AS b, split(model_version, '-', 2) AS c, size(split(model_version, '[.-]')) AS d FROM predictions;

-- string 3
SELECT prediction_id, split_part(model_version, '.', 2) AS a, substring_index(model_version, '.', 1) AS b, substring_index(model_version, '.', -1) AS c FROM predictions;

-- string 4
SELECT prediction_id, concat_ws(',', tags) AS a, array_join(tags, '-') AS b, array_join(tags, '-', 'NULL') AS c FROM predictions;

-- string 5
SELECT prediction_id, instr(country, 'S') AS a, locate('a', segment) AS b, position('n' IN segment) AS c FROM predictions;

-- string 6
SELECT prediction_id, startswith(model_name, 'fr') AS a, endswith(model_name, '2') AS b, contains(country, 'S') AS c, ascii(country) AS d, levenshtein(model_name, 'churn') AS e, soundex(model_name) AS f FROM predictions;

-- string 7
SELECT prediction_id, regexp_extract_all(prediction_id, '([0-9]+)', 1) AS a, regexp_count(prediction_id, '0') AS b FROM predictions;

-- string 8
SELECT prediction_id, md5(prediction_id) AS a, sha1(prediction_id) AS b, sha2(prediction_id, 256) AS c, crc32(prediction_id) AS d FROM predictions;

-- string 9
SELECT prediction_id, xxhash64(prediction_id) AS a, xxhash64(n_tokens, country) AS b, xxhash64(amount, event_ts) AS c FROM predictions;

-- string 10
SELECT prediction_id FROM predictions WHERE pmod(hash(prediction_id), 10) = 0;

-- string 11
SELECT DISTINCT country FROM predictions ORDER BY country;

-- string 12
SELECT elt(2, 'a', 'b') AS a, find_in_set('b', 'a,b,c') AS b, sentences('Hi there. You') AS c, char(65) AS d, chr(8364) AS e;

-- implicit 1
SELECT prediction_id FROM predictions WHERE clean_str > 500;

-- implicit 2
SELECT prediction_id FROM predictions WHERE score_str > 5;

-- implicit 3
SELECT prediction_id, AVG(clean_str) OVER () AS a FROM predictions;

-- implicit 4
SELECT SUM(clean_str) AS a FROM predictions;

-- implicit 5
SELECT prediction_id FROM predictions WHERE entity_id IN ('1', '2', '3');

-- implicit 6
SELECT COALESCE(n_tokens, 'none') AS a FROM predictions;

-- implicit 7
SELECT CASE WHEN score > 0.5 THEN 1 ELSE 0.5 END AS a, COALESCE(amount, 0) AS b, COALESCE(score_f, 0) AS c, IF(is_fallback, n_tokens, score) AS d FROM predictions;

-- implicit 8
SELECT 1 UNION ALL SELECT 2.5 UNION ALL SELECT NULL;

-- implicit 9
SELECT array(1, 2.5, NULL) AS a, array('a', NULL) AS b, map('a', 1, 'b', 2.0) AS c;

-- json 1
SELECT prediction_id, get_json_object(payload, '$.user.name') AS a, get_json_object(payload, '$.score') AS b, get_json_object(payload, '$.arr[0]') AS c, get_json_object(payload, '$.arr') AS d, get_json_object(payload, '$.user') AS e, get_json_object(payload, '$.ok') AS f FROM predictions;

-- json 2
SELECT prediction_id, get_json_object(payload, "$['a.b']") AS ab, get_json_object(payload, '$.arr[*]') AS w FROM predictions;

-- json 3
SELECT prediction_id, from_json(payload, 'user STRUCT<id: INT, name: STRING>, score DOUBLE, n INT, ok BOOLEAN, arr ARRAY<INT>') AS j FROM predictions;

-- json 4
SELECT prediction_id, j.user.name AS nm, j.score AS sc, j.arr[0] AS a0 FROM (SELECT prediction_id, from_json(payload, 'STRUCT<user: STRUCT<id: INT, name: STRING>, score: DOUBLE, arr: ARRAY<INT>>') AS j FROM predictions WHERE get_json_object(payload, '$.arr[0]') IS NOT NULL);

-- json 5
SELECT prediction_id, from_json(payload, 'MAP<STRING,STRING>') AS m FROM predictions WHERE payload IS NOT NULL;

-- json 6
SELECT prediction_id, payload:user.id AS a, payload:score::double AS b FROM predictions;

-- json 7
SELECT prediction_id, to_json(struct(score, label_pred, country)) AS a FROM predictions;

-- json 8
SELECT prediction_id, to_json(meta) AS a FROM predictions;

-- json 9
SELECT prediction_id, to_json(named_struct('t', event_ts, 'd', dt, 'm', amount, 'a', tags)) AS a FROM predictions;

-- json 10
SELECT p.prediction_id, j.n, j.ok FROM predictions p LATERAL VIEW json_tuple(p.payload, 'n', 'ok') j AS n, ok;

-- json 11
SELECT prediction_id, json_array_length(get_json_object(payload, '$.arr')) AS l, json_object_keys(payload) AS k FROM predictions;

-- json 12
SELECT schema_of_json('{"a":1,"b":[1.5]}') AS s;

-- array 1
SELECT prediction_id, size(embedding) AS a, cardinality(tags) AS b, array_size(tags) AS c FROM predictions;

-- array 2
SELECT prediction_id, embedding[0] AS e0 FROM predictions WHERE size(embedding) > 0;

-- array 3
SELECT prediction_id, embedding[0] AS e0 FROM predictions;

-- array 4
SELECT prediction_id, explode_outer(tags) AS tag FROM predictions;

-- array 5
SELECT prediction_id, posexplode(embedding) AS (pos, v) FROM predictions;

-- array 6
SELECT prediction_id, posexplode(embedding) FROM predictions;

-- array 7
SELECT p.prediction_id, t.tag FROM predictions p LATERAL VIEW OUTER explode(p.tags) t AS tag;

-- array 8
SELECT p.prediction_id, t.pos, t.v FROM predictions p LATERAL VIEW posexplode(p.embedding) t AS pos, v;

-- array 9
SELECT p.prediction_id, f.key, f.value FROM predictions p LATERAL VIEW explode(p.features) f AS key, value;

-- array 10
SELECT tag, COUNT(*) AS c FROM predictions LATERAL VIEW explode(tags) AS tag GROUP BY tag;

-- array 11
SELECT prediction_id, transform(embedding, (x, i) -> x * i) AS a, exists(embedding, x -> x > 1) AS b, forall(embedding, x -> x < 3) AS c FROM predictions;

-- array 12
SELECT prediction_id, aggregate(embedding, 0D, (acc, x) -> acc + x * x, acc -> sqrt(acc)) AS norm FROM predictions;

-- array 13
SELECT prediction_id, aggregate(embedding, CAST(0 AS DOUBLE), (acc, x) -> acc + COALESCE(x, 0)) AS s, reduce(embedding, 0D, (a, x) -> a + 1) AS n FROM predictions;

-- array 14
SELECT prediction_id, array_contains(tags, 'x') AS a, array_distinct(tags) AS b, array_position(tags, 'y') AS c, array_remove(tags, 'x') AS d FROM predictions;

-- array 15
SELECT prediction_id, sort_array(tags) AS a, sort_array(tags, false) AS b, array_sort(tags) AS c FROM predictions;

-- array 16
SELECT prediction_id, array_max(embedding) AS a, array_min(embedding) AS b, slice(embedding, 2, 2) AS c, slice(embedding, -2, 2) AS d FROM predictions;

-- array 17
SELECT prediction_id, concat(tags, array('end')) AS a, flatten(array(tags, tags)) AS b, array_repeat(model_name, 2) AS c, array_compact(tags) AS d, array_append(tags, 'w') AS e, array_prepend(tags, 'w') AS f FROM predictions;

-- array 18
SELECT array_sort(array(3, 1, NULL, 2), (l, r) -> CASE WHEN l > r THEN -1 WHEN l < r THEN 1 ELSE 0 END) AS a;

-- array 19
SELECT prediction_id, array_sort(embedding) AS a, array_distinct(embedding) AS b FROM predictions;

-- array 20
SELECT prediction_id, inline(array(meta)) FROM predictions WHERE meta IS NOT NULL;

-- array 21
SELECT inline(array(struct(1, 'a'), struct(2, 'b'))) AS (x, y);

-- map 1
SELECT prediction_id, features['age'] AS a, element_at(features, 'income') AS b, map_contains_key(features, 'age') AS c, size(features) AS d FROM predictions;

-- map 2
SELECT prediction_id, sort_array(map_keys(features)) AS a, size(map_values(features)) AS b, cardinality(features) AS c FROM predictions;

-- map 3
SELECT prediction_id, map_filter(features, (k, v) -> v > 0) AS a, transform_values(features, (k, v) -> v * 2) AS b, transform_keys(features, (k, v) -> upper(k)) AS c FROM predictions;

-- map 4
SELECT features FROM predictions WHERE features['age'] > 0 AND features['clicks'] IS NULL;

-- join 1
SELECT p.prediction_id, MAX_BY(l.label, l.label_ts) AS label, MIN(l.label_ts) AS first_ts, COUNT(l.label) AS n FROM predictions p LEFT JOIN labels l USING (prediction_id) GROUP BY p.prediction_id;

-- join 2
SELECT p.prediction_id, f.f1, f.cat, f.feature_ts FROM (SELECT p.prediction_id, f.f1, f.cat, f.feature_ts, ROW_NUMBER() OVER (PARTITION BY p.prediction_id ORDER BY f.feature_ts DESC, f.f1 DESC) AS rn FROM predictions p LEFT JOIN features f ON p.entity_id = f.entity_id AND f.feature_ts <= p.event_ts) f WHERE rn = 1;

-- join 3
SELECT p.prediction_id, (SELECT COUNT(*) FROM labels l WHERE l.prediction_id = p.prediction_id) AS n FROM predictions p;

-- join 4
SELECT * FROM (SELECT entity_id, dt FROM predictions) NATURAL JOIN (SELECT entity_id, f1 FROM features);

-- join 5
SELECT * FROM (SELECT entity_id, COUNT(*) c FROM predictions GROUP BY entity_id) JOIN (SELECT entity_id, AVG(f1) a FROM features GROUP BY entity_id) USING (entity_id);

-- join 6
SELECT /*+ BROADCAST(f) */ p.prediction_id, f.f3 FROM predictions p JOIN features f ON p.entity_id = f.entity_id AND date_trunc('day', p.event_ts) = date_trunc('day', f.feature_ts);

-- join 7
SELECT a.k, x.v FROM nums a, LATERAL (SELECT a.i * 2.0D AS v) x;

-- window 1
SELECT prediction_id, NTILE(10) OVER (ORDER BY request_id) AS n, PERCENT_RANK() OVER (ORDER BY latency_ms) AS pr, CUME_DIST() OVER (ORDER BY latency_ms) AS cd FROM predictions;

-- window 2
SELECT prediction_id, RANK() OVER (PARTITION BY dt ORDER BY score DESC) AS r, DENSE_RANK() OVER (PARTITION BY dt ORDER BY score) AS dr FROM predictions;

-- window 3
SELECT prediction_id, FIRST_VALUE(score) OVER (PARTITION BY entity_id ORDER BY request_id) AS f, LAST_VALUE(score) OVER (PARTITION BY entity_id ORDER BY request_id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS l, FIRST_VALUE(score, true) OVER (PARTITION BY entity_id ORDER BY request_id) AS fi FROM predictions;

-- window 4
SELECT prediction_id, SUM(latency_ms) OVER w AS s, COUNT(*) OVER w AS c FROM predictions WINDOW w AS (PARTITION BY model_name ORDER BY request_id);

-- agg 1
SELECT model_name, COUNT(*) AS n, COUNT(score) AS ns, AVG(latency_ms) AS al, MIN(event_ts) AS mn, MAX(event_ts) AS mx, SUM(n_tokens) AS st FROM predictions GROUP BY model_name;

-- agg 2
SELECT dt, model_name, COUNT(*) AS n FROM predictions GROUP BY ROLLUP(dt, model_name);

-- agg 3
SELECT country, segment, COUNT(*) AS n FROM predictions GROUP BY GROUPING SETS ((country), (segment), ());

-- agg 4
SELECT model_name, percentile(latency_ms, 0.5) AS p50, percentile(latency_ms, array(0.25, 0.75)) AS pp, median(latency_ms) AS md FROM predictions GROUP BY model_name;

-- agg 5
SELECT model_name, percentile_approx(latency_ms, 0.5) AS p50, percentile_approx(latency_ms, array(0.5, 0.9, 0.99), 10000) AS pp, approx_percentile(latency_ms, 0.95) AS p95 FROM predictions GROUP BY model_name;

-- agg 6
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms) AS a, percentile_disc(0.5) WITHIN GROUP (ORDER BY latency_ms) AS b FROM predictions;

-- agg 7
SELECT COUNT(DISTINCT country, segment) AS a, COUNT(DISTINCT country) AS b FROM predictions;

-- agg 8
SELECT model_name, COUNT(*) FILTER (WHERE score IS NULL) AS nulls, AVG(latency_ms) FILTER (WHERE dt > '2024-03-12') AS a FROM predictions GROUP BY model_name;

-- agg 9
SELECT model_name, STDDEV(latency_ms) AS a, STDDEV_POP(latency_ms) AS b, VAR_POP(latency_ms) AS c, SKEWNESS(latency_ms) AS d, KURTOSIS(latency_ms) AS e FROM predictions GROUP BY model_name;

-- agg 10
SELECT dt, model_name, COUNT(*) FROM predictions GROUP BY ALL;

-- agg 11
SELECT model_name, dt, AVG(latency_ms) a FROM predictions GROUP BY 1, 2;

-- agg 12
SELECT SUM(score) AS a FROM predictions WHERE 1 = 0;

-- agg 13
SELECT SUM(tiny) AS a, SUM(small) AS b, SUM(n_tokens) AS c, SUM(big % 1000) AS d, SUM(score_f % 10) IS NULL AS e, AVG(tiny) AS f FROM predictions;

-- agg 14
SELECT histogram_numeric(latency_ms, 5) AS h FROM predictions;

-- pivot 1
SELECT * FROM (SELECT dt, model_name, latency_ms FROM predictions) PIVOT (AVG(latency_ms) AS a, COUNT(*) AS c FOR model_name IN ('fraud_v' AS fraud, 'churn' AS churn));

-- pivot 2
SELECT prediction_id, metric, val FROM predictions UNPIVOT INCLUDE NULLS (val FOR metric IN (n_tokens AS tok, latency_ms AS lat));

-- setop 1
SELECT country, segment FROM predictions MINUS SELECT source, source FROM labels;

-- setop 2
SELECT label_pred, dt FROM predictions UNION ALL SELECT label, CAST(label_ts AS DATE) FROM labels;

-- setop 3
SELECT * FROM VALUES (1, 'a'), (2, NULL) AS t(x, y);

-- setop 4
SELECT col1, col2 FROM VALUES (1, 2.5), (2, 3);

-- setop 5
SELECT id FROM range(5);

-- setop 6
SELECT id, id * 2 AS d FROM range(0, 10, 3);

-- order 1
SELECT prediction_id, dt FROM predictions SORT BY dt, prediction_id;

-- order 2
SELECT prediction_id, meta FROM predictions ORDER BY meta, prediction_id LIMIT 100;

-- sample 1
SELECT COUNT(*) > 0 AS ok FROM predictions TABLESAMPLE (50 PERCENT);

-- sample 2
SELECT prediction_id FROM predictions TABLESAMPLE (10 PERCENT) REPEATABLE (42);

-- sample 3
SELECT prediction_id FROM predictions TABLESAMPLE (BUCKET 3 OUT OF 10 ON prediction_id);

-- sample 4
SELECT rand(42) AS r, randn(1) AS n FROM range(5);

-- error 1
SELECT model_name, score FROM predictions GROUP BY model_name;

-- error 2
SELECT * FROM missing_table;

-- error 3
SELECT to_date('31/12/2024', 'yyyy-MM-dd');

-- error 4
SELECT assert_true(score < 0) FROM predictions;

-- error 5
SELECT make_date(2023, 2, 29);

-- misc 1
SELECT count(*), sum(latency_ms), avg(score_f) > 0 FROM predictions;

-- misc 2
SELECT p.* FROM predictions p WHERE p.entity_id = 5 AND p.dt IN (DATE'2024-03-08', DATE'2024-03-09');

-- misc 3
SELECT prediction_id FROM predictions |> WHERE tiny > 100;

-- misc 4
SELECT try_to_number('abc', '999') AS a, try_to_binary('zz', 'hex') AS b, bitmap_count(X'0F') AS c, X'1F' AS d;

-- composed 1
SELECT k, coalesce(i, 0) + coalesce(CAST(d AS INT), 0) AS x FROM nums WHERE k IN (0, 1, 5, 6, 9, 10);

-- composed 2
SELECT model_name, date_trunc('day', event_ts) AS d, round(AVG(latency_ms), 2) AS a, SUM(CASE WHEN label_pred = 1 THEN 1 ELSE 0 END) / COUNT(*) AS rate FROM predictions GROUP BY model_name, date_trunc('day', event_ts);

-- composed 3
SELECT upper(coalesce(segment, 'none')) AS s, COUNT(*) AS n FROM predictions GROUP BY upper(coalesce(segment, 'none'));

-- composed 4
SELECT x.model_name, x.n, y.n AS labelled FROM (SELECT model_name, COUNT(*) AS n FROM predictions GROUP BY model_name) x LEFT JOIN (SELECT p.model_name, COUNT(DISTINCT p.prediction_id) AS n FROM predictions p JOIN labels l ON p.prediction_id = l.prediction_id GROUP BY p.model_name) y ON x.model_name = y.model_name;

-- composed 5
SELECT prediction_id, rank() OVER (PARTITION BY model_name ORDER BY coalesce(latency_ms, -1) DESC, prediction_id) AS r, SUM(n_tokens) OVER (PARTITION BY model_name ORDER BY event_ts, prediction_id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS s FROM predictions;

-- composed 6
SELECT * FROM (SELECT country, COUNT(*) AS n FROM predictions GROUP BY country) WHERE n > 10 AND country IS NOT NULL;

-- composed 7
SELECT k, CASE WHEN i <> 0 THEN 100 DIV i END AS a, CASE WHEN i <> 0 AND 100 / i > 1 THEN 'y' ELSE 'n' END AS b FROM nums;

-- composed 8
SELECT k FROM nums WHERE i IS NOT NULL AND i <> 0 AND 10 / i > 1;

-- composed 9
SELECT DISTINCT score FROM predictions WHERE score IN (0, 0.5) OR isnan(score);

-- composed 10
SELECT score, COUNT(*) AS n FROM predictions WHERE score = 0 OR isnan(score) OR score > 1 GROUP BY score;

-- composed 11
SELECT a.k AS ak, b.k AS bk FROM nums a JOIN nums b ON a.f = b.f;

-- composed 12
SELECT a.k AS ak, b.k AS bk FROM nums a JOIN nums b ON a.dec = b.i;

-- composed 13
SELECT k, dec + wide AS s FROM nums;

-- composed 14
SELECT k, t + i AS a, t * 2 AS b, i - dec AS c, dec * dec AS d, f + d AS e, f * 2 AS g FROM nums WHERE k NOT IN (5, 6);

-- composed 15
SELECT k, -dec AS a, -f AS b, -d AS c, abs(d) AS e FROM nums;

-- composed 16
SELECT k, d % 2 AS a, f % 2 AS b, dec % 3 AS c FROM nums;

-- composed 17
SELECT k, d > f AS a, f = dec AS b, i < d AS c, wide >= dec AS e, i <=> b AS g, b <> t AS h FROM nums;

-- composed 18
SELECT k, greatest(i, b, t) AS g, least(d, 0) AS l, greatest(dec, 1.5) AS h FROM nums;

-- composed 19
SELECT s, o, s = o AS a, s < o AS b, s <=> o AS c, s IN ('a', 'É', '') AS d, s BETWEEN 'a' AND 'z' AS e FROM strings;

-- composed 20
SELECT k, concat(s, '|', o) AS a, s || o AS b, concat_ws('-', s, o, 'x') AS c, trim(s) AS d, ltrim(s) AS e, rtrim(s) AS f, length(s) AS l, octet_length(s) AS ol FROM strings;

-- composed 21
SELECT k, substring(s, 2) AS a, substring(s, 1, 2) AS b, left(s, 2) AS c, right(s, 2) AS d, lpad(s, 5, 'xy') AS e, rpad(s, 5, '-') AS f FROM strings;

-- composed 22
SELECT k, s LIKE 'a%' AS a, s LIKE '%_b%' AS b, s LIKE '100\\%' AS c, s LIKE '' AS d, s NOT LIKE '%a%' AS e FROM strings;

-- composed 23
SELECT k, s RLIKE '^[A-Za-z]+$' AS a, s RLIKE 'a.b' AS b, s RLIKE '\\d+' AS c, s RLIKE '^\\s*$' AS d, s RLIKE '(a|x)+' AS e FROM strings;

-- composed 24
SELECT k, regexp_replace(s, '[^a-zA-Z0-9]', '_') AS a, regexp_extract(s, '([0-9]+)', 1) AS b, regexp_replace(s, '\\s+', ' ') AS c FROM strings;

-- composed 25
SELECT k, split(s, ',') AS a, split(s, '\\.') AS b, size(split(s, ' ')) AS c FROM strings;

-- composed 26
SELECT k, replace(s, 'a', 'b') AS a, translate(s, 'ab', 'x') AS b, instr(s, 'b') AS c, startswith(s, 'a') AS d, endswith(s, 'b') AS e, contains(s, 'a') AS f FROM strings;

-- composed 27
SELECT k, md5(s) AS a, sha1(s) AS b, sha2(s, 256) AS c, hex(s) AS d FROM strings;

-- composed 28
SELECT k, year(d) AS a, quarter(d) AS b, dayofweek(d) AS c, weekday(d) AS e, weekofyear(d) AS f, dayofyear(d) AS g, last_day(d) AS h, trunc(d, 'MM') AS i, date_trunc('week', ts) AS j FROM times WHERE k <> 6;

-- composed 29
SELECT k, datediff(d, DATE '2024-01-01') AS a, date_add(d, 30) AS b, date_sub(d, 1) AS c, d + 1 AS e, add_months(d, 1) AS f FROM times WHERE k <> 6;

-- composed 30
SELECT k, ts + INTERVAL 1 MONTH AS a, ts - INTERVAL 2 HOURS AS b, d + INTERVAL 1 DAY AS c, d - INTERVAL 1 YEAR AS e FROM times WHERE k <> 6;

-- composed 31
SELECT k, CAST(ts AS STRING) AS a, CAST(d AS STRING) AS b, CAST(ntz AS STRING) AS c, CAST(ts AS DATE) AS e, CAST(d AS TIMESTAMP) AS f, CAST(ntz AS TIMESTAMP) AS g, CAST(ts AS TIMESTAMP_NTZ) AS h FROM times;

-- composed 32
SELECT k, ts < ntz AS a, d < ts AS b, ntz >= d AS c, ts = CAST(d AS TIMESTAMP) AS e FROM times;

-- composed 33
SELECT prediction_id, transform(embedding, x -> x * 2) AS a, filter(embedding, x -> x > 0) AS b, exists(tags, x -> x = 'x') AS c, forall(tags, x -> x IS NOT NULL) AS d FROM predictions;

-- composed 34
SELECT prediction_id, aggregate(embedding, CAST(0 AS DOUBLE), (a, x) -> a + coalesce(x, 0)) AS s FROM predictions WHERE size(embedding) > 0;

-- composed 35
SELECT model_name, sort_array(collect_set(segment)) AS s, size(collect_list(country)) AS c FROM predictions GROUP BY model_name;

-- composed 36
SELECT model_name, dt, COUNT(*) AS n FROM predictions GROUP BY ROLLUP (model_name, dt);

-- composed 37
SELECT segment, model_name, SUM(latency_ms) AS s FROM predictions GROUP BY CUBE (segment, model_name);

-- composed 38
SELECT prediction_id, k FROM predictions LATERAL VIEW OUTER explode(map_keys(features)) f AS k;

-- composed 39
SELECT label_pred, CAST(NULL AS STRING) AS s FROM predictions UNION SELECT label, source FROM labels;

-- composed 40
SELECT entity_id FROM predictions INTERSECT SELECT entity_id FROM features;

-- composed 41
SELECT entity_id FROM predictions EXCEPT SELECT entity_id FROM features WHERE f3 > 0;

-- composed 42
SELECT k, d FROM nums ORDER BY d, k DESC;

-- composed 43
SELECT k, f FROM nums ORDER BY f DESC NULLS FIRST, k;

-- composed 44
SELECT k, lag(d) OVER (ORDER BY d, k) AS a, max(d) OVER (ORDER BY k) AS b, first_value(f) OVER (PARTITION BY bo ORDER BY f, k) AS c FROM nums;

-- composed 45
SELECT score_f FROM predictions WHERE score_f > 100;

-- composed 46
SELECT prediction_id FROM predictions WHERE NOT (score <= 0.9);

-- composed 47
SELECT MAX(score) AS a, MIN(score_f) AS b FROM predictions;

-- composed 48
SELECT CAST(d AS STRING) AS s FROM nums WHERE k IN (0, 1, 2, 3, 4, 5, 6, 7, 10);

-- composed 49
SELECT prediction_id, CAST(threshold AS STRING) AS a, CAST(amount AS STRING) AS b, CAST(big AS STRING) AS c FROM predictions;

-- composed 50
SELECT prediction_id, struct(model_name, model_version) AS s, named_struct('a', tiny, 'b', small) AS t, array(tiny, 1) AS u, map('a', score, 'b', threshold) AS m FROM predictions;

-- composed 51
SELECT (SELECT MAX(label_ts) FROM labels) AS latest, COUNT(*) AS n FROM predictions;

-- composed 52
SELECT prediction_id, (SELECT COUNT(*) FROM labels l WHERE l.prediction_id = p.prediction_id) AS n FROM predictions p;

-- composed 53
SELECT prediction_id, score FROM predictions WHERE score > (SELECT AVG(threshold) FROM predictions);

-- composed 54
SELECT prediction_id FROM predictions WHERE entity_id NOT IN (SELECT entity_id FROM features WHERE entity_id IS NOT NULL);

-- composed 55
SELECT prediction_id FROM predictions WHERE entity_id NOT IN (SELECT entity_id FROM features);

-- composed 56
SELECT q.id, q.v FROM (SELECT prediction_id AS id, CAST(clean_str AS INT) AS v, event_ts FROM predictions) q WHERE q.event_ts >= '2024-03-10';

-- composed 57
SELECT q.id FROM (SELECT prediction_id AS id, event_ts FROM predictions WHERE CAST(clean_str AS INT) > 100) q WHERE q.event_ts >= '2024-03-10';

-- composed 58
SELECT m.id, m.v FROM (SELECT prediction_id AS id, CAST(clean_str AS INT) AS v, row_number() OVER (PARTITION BY entity_id ORDER BY event_ts, prediction_id) AS rn FROM predictions) m WHERE m.rn = 1;

-- composed 59
SELECT a.id, b.label FROM (SELECT prediction_id AS id, CAST(clean_str AS INT) + 1 AS v FROM predictions) a JOIN labels b ON a.id = b.prediction_id WHERE a.v > 10;

-- raises 1
SELECT CAST(s AS INT) AS v FROM nums WHERE k = 3;

-- raises 2
SELECT k, 1 / i FROM nums;

-- raises 3
SELECT q.k FROM (SELECT k, CAST(s AS INT) AS v, row_number() OVER (ORDER BY k) AS rn FROM nums) q WHERE q.rn = 1 AND q.v = 0;

-- raises 4
SELECT q.k FROM (SELECT k, 10 DIV i AS v FROM nums) q JOIN nums o ON q.k = o.k WHERE o.k = 3 AND q.v > 0;

-- raises 5
SELECT q.k FROM (SELECT k FROM nums WHERE CAST(s AS INT) >= 0) q WHERE q.k = 0;

-- raises 6
SELECT k FROM nums WHERE CAST(s AS INT) >= 0 AND k < 3;

-- raises 7
SELECT k FROM nums WHERE k < 3 AND CAST(s AS INT) >= 0;

-- raises 8
SELECT k FROM nums GROUP BY k HAVING SUM(i) / SUM(t) > 0;

-- raises 9
SELECT bo, n FROM (SELECT bo, COUNT(*) AS n, SUM(10 DIV i) AS v FROM nums GROUP BY bo) WHERE n > 100 AND v > 0;

-- raises 10
SELECT embedding[5] FROM predictions;

-- raises 11
SELECT CAST(d AS BIGINT) FROM nums;

-- raises 12
SELECT CAST(wide AS DECIMAL(5, 2)) FROM nums;

-- raises 13
SELECT element_at(tags, 1) FROM predictions;

-- raises 14
SELECT to_date(s, 'yyyy-MM-dd') FROM strings WHERE k = 2;

-- found 1
SELECT k, t < 9223372036854775808 AS a, i >= -99999999999999999999 AS b, i = 9223372036854775808 AS c FROM nums;

-- found 2
SELECT k, unix_millis(ts) AS a, unix_seconds(ts) AS b, unix_micros(ts) AS c FROM times;

-- found 3
SELECT k, CAST(0.00001 AS STRING) AS a, concat(-0.5, s) AS b, CAST(CAST(dec / 1000000000 AS DECIMAL(6,6)) AS STRING) AS c FROM nums WHERE dec < 1000;

-- found 4
SELECT k, TRY_CAST('0x1p3' AS DOUBLE) AS a, TRY_CAST('-NaN' AS DOUBLE) AS b FROM nums;

-- found 5
SELECT k, CAST('１２' AS INT) AS a FROM nums;

-- found 6
SELECT k, CAST(concat(chr(1), '12') AS INT) AS a, TRY_CAST(concat('12', chr(127)) AS DOUBLE) AS b FROM nums;

-- found 7
SELECT chr(300) AS a;

-- found 8
SELECT model_name, country, count(*) AS n FROM predictions WHERE n_tokens > 1000000 GROUP BY ROLLUP(model_name, country);

-- found 9
SELECT model_name, country, count(*) AS n FROM predictions WHERE n_tokens > 1000000 GROUP BY CUBE(model_name, country) HAVING max(score) > 0;

-- found 10
SELECT prediction_id, country IN (SELECT cat FROM features) AS v FROM predictions;

-- found 11
SELECT prediction_id FROM predictions WHERE country NOT IN (SELECT cat FROM features WHERE cat IS NOT NULL) OR is_fallback;

-- found 12
SELECT prediction_id, count(DISTINCT country) OVER (PARTITION BY model_name) AS v FROM predictions;

-- found 13
SELECT prediction_id, sum(n_tokens) FILTER (WHERE is_fallback) OVER (ORDER BY prediction_id) AS v FROM predictions;

-- found 14
SELECT k, least(d, '3') AS a FROM nums;

-- found 15
SELECT k, TIMESTAMP '2024-01-01 10:11:12+18:30' AS a FROM nums;

-- found 16
SELECT k, wide / wide AS a, wide / b AS c FROM nums WHERE k > 0 AND b <> 0;

-- found 17
SELECT k, "it''s" AS a, "a""b" AS b, 'a""b' AS c, 'a''b' AS d FROM strings;

-- found 18
SELECT n AS m, max(k) AS n FROM strings GROUP BY m HAVING n > 3;

-- found 19
SELECT n AS m, max(k) AS n FROM strings GROUP BY ALL HAVING n > 3;

-- brackets 1
(SELECT k FROM nums ORDER BY k) LIMIT 2;

-- brackets 2
((SELECT k FROM nums ORDER BY k DESC LIMIT 5) ORDER BY k) LIMIT 2;

-- brackets 3
SELECT count(*) AS n FROM ((SELECT k FROM nums) LIMIT 3);

-- brackets 4
WITH c AS ((SELECT k FROM nums ORDER BY k DESC) LIMIT 2) SELECT * FROM c;

-- brackets 5
((SELECT k FROM nums ORDER BY k) LIMIT 3) UNION ALL (SELECT 100);

-- brackets 6
(SELECT k FROM nums UNION ALL SELECT k FROM nums) ORDER BY k DESC LIMIT 3;

-- brackets 7
(SELECT k FROM nums ORDER BY k) OFFSET 3;

-- brackets 8
SELECT k FROM nums WHERE k IN ((SELECT k FROM nums ORDER BY k DESC) LIMIT 2);

-- brackets 9
SELECT k FROM (SELECT k FROM nums ORDER BY k OFFSET 9);

-- plus 1
SELECT + '1', + k, - + k, 1 + + 2, +1.5, + NULL FROM nums;

-- plus 2
SELECT + num AS x FROM edges;

-- plus 3
SELECT +t, +sm, +b, +f, +d, +dec FROM edges;

-- boolean 1
SELECT CAST(bo AS DECIMAL(3,3)) AS x FROM edges;

-- boolean 2
SELECT TRY_CAST(bo AS DECIMAL(3,3)) AS x, CAST(bo AS DECIMAL(4,3)) AS y, CAST(bo AS DECIMAL(38,37)) AS z FROM edges;

-- constant 1
SELECT k FROM nums ORDER BY 'k', 1.5, k;

-- constant 2
SELECT 1 AS a UNION ALL SELECT 2 ORDER BY 'a', 1 DESC;

-- nested 1
SELECT model_name, count(DISTINCT tags) AS a, count(DISTINCT embedding) AS b, count(DISTINCT sort_array(map_entries(features))) AS c, count(DISTINCT meta) AS d FROM predictions GROUP BY model_name;

-- nested 2
SELECT entity_id, max_by(tags, tags) AS a, min_by(tags, tags) AS b, max_by(embedding, embedding) AS c, min_by(embedding, embedding) AS d FROM predictions GROUP BY entity_id;

-- nested 3
SELECT model_name, max_by(features, sort_array(map_entries(features))) AS a, min_by(features, sort_array(map_entries(features))) AS b, max_by(features, prediction_id) AS c FROM predictions GROUP BY model_name;

-- nested 4
SELECT prediction_id, map_entries(features) AS a, sort_array(map_entries(features)) AS b, sort_array(array(embedding, array(1D), NULL, array(CAST(NULL AS DOUBLE)))) AS c FROM predictions;

-- nested 5
SELECT entity_id, count(DISTINCT meta) FILTER (WHERE is_fallback) AS a, max_by(prediction_id, named_struct('a', tags, 'b', prediction_id)) AS b FROM predictions GROUP BY entity_id;

-- scope 1
SELECT n, sum(k) AS s FROM strings GROUP BY n HAVING s > 0 ORDER BY max(k);

-- scope 2
SELECT k, 2 AS k FROM nums ORDER BY k DESC;

-- scope 3
SELECT k AS c, 'k', 'k' FROM nums ORDER BY k DESC;

-- scope 4
SELECT n, n FROM strings GROUP BY ALL ORDER BY n;

-- forms 1
VALUES 0 UNION ALL SELECT 1;

-- forms 2
SELECT k FROM nums JOIN VALUES (1), (2) AS r (x) ON k = x;

-- tries 1
SELECT try_subtract(1, (2147483647 + 1)) AS x;

-- tries 2
SELECT try_multiply(k, 2) AS x, try_add(i, i) AS y FROM nums;

-- names 1
SELECT -0, -0.0, 0.000000012345678, regexp_extract(s, '(a)'), approx_count_distinct(k, 0.1) FROM strings GROUP BY s;

-- ends 1
SELECT k FROM nums ORDER BY k LIMIT +2 OFFSET +1;

-- ends 2
SELECT k, count(*) OVER w AS n, count(*) OVER W AS m FROM nums WINDOW w AS (ORDER BY k), W AS v, v AS (PARTITION BY k);

-- ends 3
SELECT a.* EXCEPT (k) FROM nums AS a JOIN (SELECT DISTINCT k FROM nums) AS b ON a.k = b.k LIMIT ALL;

-- aliases 1
SELECT k, len(s) AS n, substr(s, 1, 2) AS a FROM strings;

-- aliases 2
SELECT k, date_diff(d, d) AS c, dayofmonth(d) AS e FROM times;

-- lists 1
SELECT model_name, array_max(collect_list(country)) AS a, array_min(collect_set(segment)) AS b, array_contains(collect_list(segment), 'a') AS c, array_contains(array_agg(country), 'DE') AS e FROM predictions GROUP BY model_name;

-- json 20
SELECT k, json_tuple(s, 'a', 'b', 'zz') AS (x, y, z) FROM json_texts WHERE k IN (0, 1, 4, 17, 18);

-- json 21
SELECT k, v.x, v.y FROM json_texts LATERAL VIEW json_tuple(s, 'a', 'd') v AS x, y WHERE k IN (0, 1, 4, 17, 18);

-- json 22
SELECT from_json(s, 'a INT').a AS a, count(*) AS n FROM json_texts WHERE k IN (0, 1, 4, 17, 18) GROUP BY 1;

-- rows 1
SELECT k, inline(array(st)) FROM edges;

-- rows 2
SELECT k, inline_outer(CASE WHEN k > 5 THEN array(st) END) FROM edges;

-- rows 3
SELECT k, x.p, x.q FROM edges LATERAL VIEW OUTER inline(CASE WHEN k > 5 THEN array(st, NULL) END) x AS p, q;

-- rows 4
SELECT k, n, v FROM edges LATERAL VIEW stack(3, 'd', d, 'e', e, 'i', CAST(i AS DOUBLE)) x AS n, v;

-- rows 5
SELECT stack(3, 1, 2, 3, 4, 5), 'x' AS w;

-- delays 1
SELECT l.prediction_id, timestampdiff(HOUR, p.event_ts, l.label_ts) AS h, l.label_ts - p.event_ts > INTERVAL 1 DAY AS late, CAST(l.label_ts - p.event_ts AS BIGINT) AS s FROM labels l JOIN predictions p ON p.prediction_id = l.prediction_id;

-- shares 1
SELECT bo, percentile(i, array(0.25, 0.5, 0.9)) AS p, percentile_approx(sm, array(0.5, 0.99), 1000) AS q FROM edges GROUP BY bo;

-- shares 2
SELECT percentile(i, array(0.25)) AS p, any_value(s) AS a FROM edges WHERE k < 0;

-- constant 1
SELECT k % 7 AS g, any_value(k % 7) AS a, any_value(sm, true) AS b, any_value(i) FILTER (WHERE k < 7) AS c FROM edges GROUP BY k % 7;

-- generator of what may raise 1
SELECT tag, COUNT(*) AS n FROM (SELECT explode(map_keys(m)) AS tag FROM (SELECT map_from_arrays(tags, transform(tags, x -> 1)) AS m FROM predictions) r) q GROUP BY tag;

-- generator of what may raise 2
SELECT prediction_id, posexplode_outer(map_values(map_from_arrays(array(segment), array(latency_ms)))) FROM predictions;
