-- Spark's approx_count_distinct: HyperLogLog++ of 2^p registers over xxhash64. A value's register is the first
-- p bits of its hash, its rank where the first bit stands in the rest. The tables are in `sketches.txt`.
-- Source: Heule, Nunkesser, Hall: HyperLogLog in Practice, 2013; Apache Spark 4.1, `HyperLogLogPlusPlusHelper`.

-- A hash as its register times 64 and the rank.
CREATE OR REPLACE MACRO sp_hll_rank(rest, bits) AS CASE WHEN rest = 0 THEN bits + 1 ELSE bits + 1 - length(bin(rest)) END;
CREATE OR REPLACE MACRO sp_hll_code(hash, p) AS list_transform([hash], lambda h: CAST((h >> CAST(64 - p AS UBIGINT)) * 64
  + sp_hll_rank(h & CAST((1::UHUGEINT << CAST(64 - p AS UHUGEINT)) - 1 AS UBIGINT), 64 - p) AS INTEGER))[1];
-- The largest rank of each register that has one.
CREATE OR REPLACE MACRO sp_hll_ranks(codes) AS list_transform([list_sort(codes)], lambda s: list_transform(list_filter(s,
  lambda c, i: i = len(s) OR s[i + 1] // 64 <> c // 64), lambda c: c % 64))[1];

-- The average bias of six estimates from a place on, fewer at the end.
CREATE OR REPLACE MACRO sp_hll_mean(l) AS list_reduce(l, lambda a, b: a + b) / len(l);
CREATE OR REPLACE MACRO sp_hll_apart(e, x) AS (e - x) * (e - x);
-- From the place of an estimate on: the first six neighbours whose next is not nearer than their first.
CREATE OR REPLACE MACRO sp_hll_bias(e, near, biases) AS list_transform([list_filter(
  range(greatest(len(list_filter(near, lambda x: x < e)) - 4, 1), len(near) - 3),
  lambda i: i >= len(near) - 5 OR NOT sp_hll_apart(e, near[i + 6]) < sp_hll_apart(e, near[i]))[1]],
  lambda i: sp_hll_mean(biases[i:i + 5]))[1];
CREATE OR REPLACE MACRO sp_hll_linear(m, empty) AS m * ln(CAST(m AS DOUBLE) / empty);
CREATE OR REPLACE MACRO sp_hll_of(m, empty, e, most, near, biases) AS CASE
  WHEN empty > 0 AND (sp_hll_linear(m, empty) <= most OR e <= 25e-1 * m) THEN sp_hll_linear(m, empty)
  WHEN e < 5e0 * m THEN e - sp_hll_bias(e, near, biases) ELSE e END;
CREATE OR REPLACE MACRO sp_hll_inverse(m, ranks) AS CAST(m - len(ranks) AS DOUBLE)
  + coalesce(list_sum(list_transform(ranks, lambda x: 1e0 / CAST(1::BIGINT << CAST(x AS BIGINT) AS DOUBLE))), 0e0);
CREATE OR REPLACE MACRO sp_hll(ranks, m, alpha, most, near, biases) AS list_transform(list_transform([ranks],
  lambda r: {n: m - len(r), e: alpha / sp_hll_inverse(m, r)}),
  lambda p: CAST(floor(sp_hll_of(m, p.n, p.e, most, near, biases) + 5e-1) AS BIGINT))[1];
