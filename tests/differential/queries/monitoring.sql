-- Forty shapes of queries by which models are monitored. Every one runs on the embedded engine.

-- everything of a table, in a window
SELECT q.`prediction_id` AS `id`, q.`event_ts` AS `timestamp`, q.`score` AS `proba`, q.`country` AS `country`
FROM (
SELECT * FROM predictions -- all of it
) AS q
WHERE q.`event_ts` >= TIMESTAMP '2024-03-09 00:00:00.000000Z' AND q.`event_ts` < TIMESTAMP '2024-03-12 00:00:00.000000Z';

-- chosen columns, renamed and cast
SELECT prediction_id AS id, event_ts AS timestamp, CAST(score AS FLOAT) AS score, label_pred = 1 AS positive FROM predictions WHERE model_name = 'churn';

-- a day by its partition
SELECT prediction_id, score FROM predictions WHERE dt = '2024-03-10';

-- several days by partition
SELECT prediction_id, dt FROM predictions WHERE dt BETWEEN '2024-03-09' AND '2024-03-11' AND segment IN ('vip', 'new');

-- a window inside of the query
SELECT prediction_id, event_ts FROM predictions WHERE event_ts >= '2024-03-10' AND event_ts < TIMESTAMP '2024-03-11 12:00:00';

-- missing values replaced
SELECT prediction_id, COALESCE(country, segment, 'n/a') AS country, NVL(n_tokens, 0) AS tokens, NULLIF(segment, 'UNKNOWN') AS segment FROM predictions;

-- a class from a probability
SELECT prediction_id, score, CASE WHEN score IS NULL OR isnan(score) THEN NULL WHEN score > threshold THEN 1 ELSE 0 END AS label FROM predictions;

-- bins
SELECT prediction_id, CASE WHEN score >= 0.7 THEN 'high' WHEN score >= 0.3 THEN 'mid' WHEN score IS NULL THEN 'missing' ELSE 'low' END AS bin FROM predictions;

-- the parts of a time
SELECT prediction_id, date_trunc('HOUR', event_ts) AS hour, year(event_ts) AS y, month(event_ts) AS m, dayofweek(event_ts) AS dow, hour(event_ts) AS h FROM predictions;

-- a key for the day
SELECT prediction_id, date_format(event_ts, 'yyyy-MM-dd') AS day, CAST(event_ts AS DATE) AS d, to_date(event_ts) AS d2 FROM predictions;

-- epoch seconds and millis
SELECT prediction_id, timestamp_seconds(epoch_s) AS a, timestamp_millis(epoch_ms) AS b, unix_timestamp(event_ts) AS c, CAST(event_ts AS BIGINT) AS d FROM predictions;

-- times that are texts
SELECT prediction_id, to_timestamp(ts_iso, 'yyyy-MM-dd HH:mm:ss') AS a, CAST(ts_iso AS TIMESTAMP) AS b, to_date(date_us, 'MM/dd/yyyy') AS c FROM predictions;

-- numbers that are texts
SELECT prediction_id, CAST(clean_str AS INT) AS a, CAST(clean_str AS DOUBLE) AS b, TRY_CAST(score_str AS DOUBLE) AS c FROM predictions;

-- parts of a struct
SELECT prediction_id, meta.client AS client, meta.ab.bucket AS bucket, meta.retries > 0 AS retried FROM predictions;

-- one feature of a map, one number of an embedding
SELECT prediction_id, features['age'] AS age, element_at(features, 'income') AS income, size(embedding) AS dimensions, get(embedding, 0) AS e0 FROM predictions;

-- a feature in JSON
SELECT prediction_id, get_json_object(valid_payload, '$.user.id') AS user, CAST(get_json_object(valid_payload, '$.n') AS INT) AS n FROM predictions;

-- a text cleaned
SELECT prediction_id, trim(country) AS country, length(segment) AS l, concat(model_name, ':', model_version) AS model, substring(prediction_id, 1, 7) AS short FROM predictions;

-- a text searched
SELECT prediction_id FROM predictions WHERE model_version LIKE '2.%' OR segment RLIKE '^[a-z]+_[a-z]+$' OR startswith(model_name, 'rank');

-- arithmetic
SELECT prediction_id, score * 100 AS percent, amount * 2 AS twice, latency_ms / 1000 AS seconds, amount / 3 AS third, n_tokens % 7 AS rest FROM predictions;

-- the latest label of each prediction, by QUALIFY
SELECT prediction_id, label, label_ts FROM labels QUALIFY ROW_NUMBER() OVER (PARTITION BY prediction_id ORDER BY label_ts DESC, label DESC, source) = 1;

-- the same by a subquery
SELECT prediction_id, label, label_ts FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY prediction_id ORDER BY label_ts DESC, label DESC, source) AS rn FROM labels) AS l WHERE rn = 1;

-- predictions with their labels
SELECT p.prediction_id, p.score, l.label FROM predictions p LEFT JOIN (SELECT prediction_id, MAX(label) AS label FROM labels GROUP BY prediction_id) l ON p.prediction_id = l.prediction_id;

-- labels of several sources, the latest wins, with a common table expression
WITH ranked AS (SELECT prediction_id, label, source, ROW_NUMBER() OVER (PARTITION BY prediction_id ORDER BY label_ts DESC, label DESC, source) AS rn FROM labels WHERE source IS NOT NULL)
SELECT p.prediction_id, p.event_ts, p.score, r.label, r.source FROM predictions p LEFT JOIN ranked r ON p.prediction_id = r.prediction_id AND r.rn = 1 WHERE p.model_name <> 'churn';

-- joined by USING
SELECT prediction_id, score, label_value FROM predictions JOIN labels USING (prediction_id) WHERE label = 1;

-- predictions that have a label
SELECT prediction_id FROM predictions p WHERE EXISTS (SELECT 1 FROM labels l WHERE l.prediction_id = p.prediction_id AND l.label = 1);

-- predictions without one
SELECT prediction_id FROM predictions p LEFT ANTI JOIN labels l ON p.prediction_id = l.prediction_id;

-- by a list from another table
SELECT prediction_id FROM predictions WHERE entity_id IN (SELECT entity_id FROM features WHERE f3 > 10);

-- the features as they were at the time of the prediction
SELECT prediction_id, f1, cat FROM (SELECT p.prediction_id, f.f1, f.cat, ROW_NUMBER() OVER (PARTITION BY p.prediction_id ORDER BY f.feature_ts DESC, f.f1, f.cat) AS rn FROM predictions p JOIN features f ON p.entity_id = f.entity_id AND f.feature_ts <= p.event_ts) WHERE rn = 1;

-- how many, per day and model
SELECT dt, model_name, COUNT(*) AS n, COUNT(score) AS scored, COUNT(DISTINCT entity_id) AS entities FROM predictions GROUP BY dt, model_name;

-- the share of missing values
SELECT model_name, AVG(CASE WHEN country IS NULL THEN 1 ELSE 0 END) AS missing, COUNT_IF(score IS NULL) / COUNT(*) AS unscored FROM predictions GROUP BY model_name;

-- statistics of whole numbers and decimals
SELECT segment, SUM(n_tokens) AS s, AVG(latency_ms) AS a, MIN(latency_ms) AS mn, MAX(latency_ms) AS mx, SUM(amount) AS am, AVG(amount) AS aa FROM predictions GROUP BY segment;

-- hourly, with a condition on the group
SELECT date_trunc('hour', event_ts) AS h, COUNT(*) AS n, MAX(score) AS best FROM predictions GROUP BY date_trunc('hour', event_ts) HAVING COUNT(*) > 5;

-- with a filter on the aggregate
SELECT model_name, COUNT(*) FILTER (WHERE label_pred = 1) AS positive, SUM(latency_ms) FILTER (WHERE is_fallback) AS fallback FROM predictions GROUP BY model_name;

-- median latency
SELECT model_name, percentile(latency_ms, 0.5) AS p50, percentile(latency_ms, 0.9) AS p90, median(n_tokens) AS m FROM predictions GROUP BY model_name;

-- the models that there are
SELECT DISTINCT model_name, model_version FROM predictions;

-- two tables of predictions as one
SELECT prediction_id, CAST(score AS DOUBLE) AS score, 'a' AS arm FROM predictions WHERE small > 0 UNION ALL SELECT prediction_id, CAST(score_f AS DOUBLE), 'b' FROM predictions WHERE small <= 0;

-- one row for each tag
SELECT prediction_id, tag FROM predictions LATERAL VIEW explode(tags) t AS tag WHERE tag <> '';

-- how often each tag was predicted; a set of them may not be a map
SELECT tag, COUNT(*) AS n FROM (SELECT explode(map_keys(m)) AS tag FROM (SELECT map_from_arrays(array_distinct(filter(tags, x -> x IS NOT NULL)), transform(array_distinct(filter(tags, x -> x IS NOT NULL)), x -> 1)) AS m FROM predictions) r) q GROUP BY tag;

-- the previous prediction for the same entity
SELECT prediction_id, entity_id, LAG(label_pred) OVER (PARTITION BY entity_id ORDER BY event_ts, prediction_id) AS previous, COUNT(*) OVER (PARTITION BY entity_id) AS n FROM predictions WHERE entity_id IS NOT NULL;

-- the longest running
SELECT prediction_id, latency_ms FROM predictions WHERE latency_ms IS NOT NULL ORDER BY latency_ms DESC, prediction_id LIMIT 25;

-- a sample of the ids
SELECT prediction_id, score FROM predictions WHERE substring(md5(prediction_id), 1, 8) < '1999999a';

-- a confusion matrix
WITH l AS (SELECT prediction_id, MAX(label) AS label FROM labels WHERE prediction_id IS NOT NULL GROUP BY prediction_id)
SELECT p.model_name, p.label_pred, l.label, COUNT(*) AS n FROM predictions p JOIN l ON p.prediction_id = l.prediction_id WHERE p.label_pred IS NOT NULL GROUP BY p.model_name, p.label_pred, l.label ORDER BY 1, 2, 3;

-- traffic and scores by the hour, with the windows of time
SELECT window.start AS hour, window.end AS until, count(*) AS n, count(DISTINCT country) AS countries FROM predictions WHERE model_name = 'churn' GROUP BY window(event_ts, '1 hour') ORDER BY hour;

-- the last day at every six hours, with windows that slide
SELECT w.start AS since, model_name, n FROM (SELECT window(ingest_ts, '1 day', '6 hours') AS w, model_name, count(*) AS n FROM predictions GROUP BY 1, model_name) AS q ORDER BY since, model_name;

-- windows from another hour on, beside a total
SELECT window.start AS since, model_name, sum(n_tokens) AS tokens FROM predictions GROUP BY ROLLUP (window(event_ts, '1 day', '1 day', '8 hours'), model_name) ORDER BY since, model_name;

-- each row with its windows
SELECT prediction_id AS id, window(event_ts, '25 minutes', '10 minutes') AS w FROM predictions ORDER BY id, w.start
