-- Spark's logarithms, exponentials, powers and roots are Java's StrictMath, which the Java platform
-- defines to give the bits of fdlibm 5.3. These macros take its steps: sums, products and quotients
-- of doubles, which are the same on every machine, and the bits of a number. `list_transform` over a
-- list of one gives a step's result a name, so that it is computed once.
-- Source: fdlibm 5.3, e_log.c e_log10.c s_log1p.c e_exp.c s_expm1.c e_pow.c s_cbrt.c, and
-- java.lang.StrictMath. Their constants and steps are under this notice:
--   Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved. Developed at SunSoft, a Sun
--   Microsystems, Inc. business. Permission to use, copy, modify, and distribute this software is
--   freely granted, provided that this notice is preserved.

-- A double with the lower half of its bits cleared.
CREATE OR REPLACE MACRO sp_high(x) AS CAST(CAST(x AS BIT) & CAST('1111111111111111111111111111111100000000000000000000000000000000' AS BIT) AS DOUBLE);
-- The bits of a double as a number, and back.
CREATE OR REPLACE MACRO sp_bits(x) AS CAST(CAST(CAST(x AS DOUBLE) AS BIT) AS BIGINT);
CREATE OR REPLACE MACRO sp_double(b) AS CAST(CAST(b AS BIT) AS DOUBLE);

CREATE OR REPLACE MACRO sp_log_far(f, k) AS list_transform(list_transform(list_transform(
  [{f: f, k: k}],
  lambda p: {f: p.f, k: p.k, s: p.f / (2e0 + p.f)}),
  lambda p: {f: p.f, k: p.k, s: p.s, z: p.s * p.s, w: (p.s * p.s) * (p.s * p.s), h: 0.5e0 * p.f * p.f}),
  lambda p: list_transform([p.z * (0.6666666666666735e0 + p.w * (0.2857142874366239e0 + p.w * (0.1818357216161805e0 + p.w * 0.14798198605116586e0))) + p.w * (0.3999999999940942e0 + p.w * (0.22222198432149784e0 + p.w * 0.15313837699209373e0))], lambda r: CASE
    WHEN p.f >= 0.37999916076660156e0 OR p.f < -0.28999996185302734e0 THEN CASE
      WHEN p.k = 0e0 THEN p.f - (p.h - p.s * (p.h + r))
      ELSE p.k * 0.6931471803691238e0 - ((p.h - (p.s * (p.h + r) + p.k * 1.9082149292705877e-10)) - p.f) END
    WHEN p.k = 0e0 THEN p.f - p.s * (p.f - r)
    ELSE p.k * 0.6931471803691238e0 - ((p.s * (p.f - r) - p.k * 1.9082149292705877e-10) - p.f) END)[1])[1];
-- The logarithm of x > 0, finite.
CREATE OR REPLACE MACRO sp_log_of(x) AS list_transform(list_transform(list_transform(list_transform(
  [x],
  lambda a: CASE WHEN a < 2.2250738585072014e-308 THEN {x: a * 1.8014398509481984e+16, e: -54e0} ELSE {x: a, e: 0e0} END),
  lambda p: {m: p.x * pow(2e0, -floor(log2(p.x))), k: floor(log2(p.x)), e: p.e}),
  lambda p: CASE WHEN p.m >= 1.4142112731933594e0 THEN {f: p.m * 0.5e0 - 1e0, k: p.k + 1e0 + p.e} WHEN p.m < 0.7071056365966797e0 THEN {f: p.m * 2e0 - 1e0, k: p.k - 1e0 + p.e} ELSE {f: p.m - 1e0, k: p.k + p.e} END),
  lambda p: CASE
    WHEN p.f >= -9.5367431640625e-07 AND p.f < 9.5367431640625e-07 THEN CASE
      WHEN p.f = 0e0 THEN CASE WHEN p.k = 0e0 THEN 0e0 ELSE p.k * 0.6931471803691238e0 + p.k * 1.9082149292705877e-10 END
      WHEN p.k = 0e0 THEN p.f - p.f * p.f * (0.5e0 - 0.3333333333333333e0 * p.f)
      ELSE p.k * 0.6931471803691238e0 - ((p.f * p.f * (0.5e0 - 0.3333333333333333e0 * p.f) - p.k * 1.9082149292705877e-10) - p.f) END
    ELSE sp_log_far(p.f, p.k) END)[1];
CREATE OR REPLACE MACRO sp_log(x) AS list_transform([CAST(x AS DOUBLE)], lambda a: CASE
  WHEN a <= 0e0 THEN NULL WHEN a < 'inf'::DOUBLE THEN sp_log_of(a) ELSE a END)[1];
CREATE OR REPLACE MACRO sp_log2(x) AS sp_log(x) / 0.6931471805599453e0;
CREATE OR REPLACE MACRO sp_log_base(b, x) AS list_transform([{b: CAST(b AS DOUBLE), x: CAST(x AS DOUBLE)}], lambda p: CASE
  WHEN p.b <= 0e0 OR p.x <= 0e0 THEN NULL ELSE sp_log(p.x) / sp_log(p.b) END)[1];

CREATE OR REPLACE MACRO sp_log10_of(x) AS list_transform(list_transform(list_transform(list_transform(
  [x],
  lambda a: CASE WHEN a < 2.2250738585072014e-308 THEN {b: sp_bits(a * 1.8014398509481984e+16), k: -1077} ELSE {b: sp_bits(a), k: -1023} END),
  lambda p: {b: p.b, k: p.k + (p.b >> 52)}),
  lambda p: {y: CAST(p.k + CASE WHEN p.k < 0 THEN 1 ELSE 0 END AS DOUBLE), x: sp_double((p.b & 4503599627370495) | CASE WHEN p.k < 0 THEN 4602678819172646912 ELSE 4607182418800017408 END)}),
  lambda p: (p.y * 3.694239077158931e-13 + 0.4342944819032518e0 * sp_log_of(p.x)) + p.y * 0.30102999566361177e0)[1];

CREATE OR REPLACE MACRO sp_log10(x) AS list_transform([CAST(x AS DOUBLE)], lambda a: CASE
  WHEN a <= 0e0 THEN NULL WHEN a < 'inf'::DOUBLE THEN sp_log10_of(a) ELSE a END)[1];
CREATE OR REPLACE MACRO sp_log1p_of(x) AS list_transform(list_transform(list_transform(list_transform(
  [x],
  lambda a: CASE
    WHEN a < 0.4142136573791504e0 AND (a > 0e0 OR a > -0.2928934097290039e0) THEN {u: 0e0, f: a, c: 0e0, near: true}
    WHEN a < 9007199254740992.0e0 THEN {u: 1e0 + a, f: a, c: CASE WHEN 1e0 + a >= 2e0 THEN 1e0 - ((1e0 + a) - a) ELSE a - ((1e0 + a) - 1e0) END / (1e0 + a), near: false}
    ELSE {u: a, f: a, c: 0e0, near: false} END),
  lambda p: CASE WHEN p.near THEN {m: 0e0, f: p.f, c: p.c, k: 0e0} ELSE {m: sp_double((sp_bits(p.u) & 4503599627370495) | 4607182418800017408), f: p.f, c: p.c, k: CAST((sp_bits(p.u) >> 52) - 1023 AS DOUBLE)} END),
  lambda p: CASE
    WHEN p.m = 0e0 THEN {f: p.f, c: p.c, k: 0e0, small: false}
    WHEN p.m < 1.4142131805419922e0 THEN {f: p.m - 1e0, c: p.c, k: p.k, small: p.m < 1.0000009536743164e0}
    ELSE {f: p.m * 0.5e0 - 1e0, c: p.c, k: p.k + 1e0, small: p.m >= 1.9999971389770508e0} END),
  lambda p: CASE
    WHEN p.small AND p.f = 0e0 THEN CASE WHEN p.k = 0e0 THEN 0e0 ELSE p.k * 0.6931471803691238e0 + (p.c + p.k * 1.9082149292705877e-10) END
    WHEN p.small THEN list_transform([0.5e0 * p.f * p.f * (1e0 - 0.6666666666666666e0 * p.f)], lambda r:
      CASE WHEN p.k = 0e0 THEN p.f - r ELSE p.k * 0.6931471803691238e0 - ((r - (p.k * 1.9082149292705877e-10 + p.c)) - p.f) END)[1]
    ELSE list_transform(list_transform([{h: 0.5e0 * p.f * p.f, s: p.f / (2e0 + p.f), z: (p.f / (2e0 + p.f)) * (p.f / (2e0 + p.f))}],
      lambda q: {h: q.h, s: q.s, r: q.z * (0.6666666666666735e0 + q.z * (0.3999999999940942e0 + q.z * (0.2857142874366239e0 + q.z * (0.22222198432149784e0 + q.z * (0.1818357216161805e0 + q.z * (0.15313837699209373e0 + q.z * 0.14798198605116586e0))))))}),
      lambda q: CASE WHEN p.k = 0e0 THEN p.f - (q.h - q.s * (q.h + q.r))
        ELSE p.k * 0.6931471803691238e0 - ((q.h - (q.s * (q.h + q.r) + (p.k * 1.9082149292705877e-10 + p.c))) - p.f) END)[1] END)[1];

CREATE OR REPLACE MACRO sp_log1p(x) AS list_transform([CAST(x AS DOUBLE)], lambda a: CASE
  WHEN a <= -1e0 THEN NULL
  WHEN NOT a < 'inf'::DOUBLE THEN a
  WHEN abs(a) < 1.862645149230957e-09 THEN CASE WHEN abs(a) < 5.551115123125783e-17 THEN a ELSE a - a * a * 0.5e0 END
  ELSE sp_log1p_of(a) END)[1];
CREATE OR REPLACE MACRO sp_exp_of(x) AS list_transform(list_transform(list_transform(
  [x],
  lambda a: {x: a, k: CASE WHEN abs(a) < 0.3465735912322998e0 THEN 0e0 WHEN abs(a) < 1.0397205352783203e0 THEN CASE WHEN a < 0e0 THEN -1e0 ELSE 1e0 END
    ELSE trunc(1.4426950408889634e0 * a + CASE WHEN a < 0e0 THEN -0.5e0 ELSE 0.5e0 END) END}),
  lambda p: {h: p.x - p.k * 0.6931471803691238e0, l: p.k * 1.9082149292705877e-10, k: p.k}),
  lambda p: list_transform(list_transform([p.h - p.l],
    lambda x: {x: x, c: x - (x * x) * (0.16666666666666602e0 + (x * x) * (-0.0027777777777015593e0 + (x * x) * (6.613756321437934e-05 + (x * x) * (-1.6533902205465252e-06 + (x * x) * 4.1381367970572385e-08))))}),
    lambda q: CASE
      WHEN p.k = 0e0 THEN 1e0 - ((q.x * q.c) / (q.c - 2e0) - q.x)
      WHEN p.k = 1024e0 THEN (1e0 - ((p.l - (q.x * q.c) / (2e0 - q.c)) - p.h)) * pow(2e0, 1023e0) * 2e0
      WHEN p.k >= -1021e0 THEN (1e0 - ((p.l - (q.x * q.c) / (2e0 - q.c)) - p.h)) * pow(2e0, p.k)
      ELSE (1e0 - ((p.l - (q.x * q.c) / (2e0 - q.c)) - p.h)) * pow(2e0, p.k + 1000e0) * 9.332636185032189e-302 END)[1])[1];

CREATE OR REPLACE MACRO sp_exp(x) AS list_transform([CAST(x AS DOUBLE)], lambda a: CASE
  WHEN isnan(a) THEN a
  WHEN a > 709.782712893384e0 THEN 'inf'::DOUBLE
  WHEN a < -745.1332191019411e0 THEN 0e0
  WHEN abs(a) < 3.725290298461914e-09 THEN 1e0 + a
  ELSE sp_exp_of(a) END)[1];
CREATE OR REPLACE MACRO sp_expm1_of(x) AS list_transform(list_transform(list_transform(list_transform(list_transform(
  [x],
  lambda a: {x: a, k: CASE WHEN abs(a) < 0.3465735912322998e0 THEN 0e0 WHEN abs(a) < 1.0397205352783203e0 THEN CASE WHEN a < 0e0 THEN -1e0 ELSE 1e0 END
    ELSE trunc(1.4426950408889634e0 * a + CASE WHEN a < 0e0 THEN -0.5e0 ELSE 0.5e0 END) END}),
  lambda p: {h: p.x - p.k * 0.6931471803691238e0, l: p.k * 1.9082149292705877e-10, k: p.k}),
  lambda p: {x: p.h - p.l, c: (p.h - (p.h - p.l)) - p.l, k: p.k, hf: 0.5e0 * (p.h - p.l), hs: (p.h - p.l) * (0.5e0 * (p.h - p.l))}),
  lambda p: {x: p.x, c: p.c, k: p.k, hf: p.hf, hs: p.hs, r: 1e0 + p.hs * (-0.03333333333333313e0 + p.hs * (0.0015873015872548146e0 + p.hs * (-7.93650757867488e-05 + p.hs * (4.008217827329362e-06 + p.hs * -2.0109921818362437e-07))))}),
  lambda p: list_transform(list_transform([p.hs * ((p.r - (3e0 - p.r * p.hf)) / (6e0 - p.x * (3e0 - p.r * p.hf)))],
    lambda e: CASE WHEN p.k = 0e0 THEN e ELSE (p.x * (e - p.c) - p.c) - p.hs END),
    lambda e: CASE
      WHEN p.k = 0e0 THEN p.x - (p.x * e - p.hs)
      WHEN p.k = -1e0 THEN 0.5e0 * (p.x - e) - 0.5e0
      WHEN p.k = 1e0 THEN CASE WHEN p.x < -0.25e0 THEN -2e0 * (e - (p.x + 0.5e0)) ELSE 1e0 + 2e0 * (p.x - e) END
      WHEN p.k = 1024e0 THEN (1e0 - (e - p.x)) * pow(2e0, 1023e0) * 2e0 - 1e0
      WHEN p.k <= -2e0 OR p.k > 56e0 THEN (1e0 - (e - p.x)) * pow(2e0, p.k) - 1e0
      WHEN p.k < 20e0 THEN ((1e0 - pow(2e0, -p.k)) - (e - p.x)) * pow(2e0, p.k)
      ELSE ((p.x - (e + pow(2e0, -p.k))) + 1e0) * pow(2e0, p.k) END)[1])[1];

CREATE OR REPLACE MACRO sp_expm1(x) AS list_transform([CAST(x AS DOUBLE)], lambda a: CASE
  WHEN isnan(a) OR abs(a) < 5.551115123125783e-17 THEN a
  WHEN a > 709.782712893384e0 THEN 'inf'::DOUBLE
  WHEN a <= -38.81622314453125e0 THEN -1e0
  ELSE sp_expm1_of(a) END)[1];
CREATE OR REPLACE MACRO sp_cbrt_of(x) AS list_transform(list_transform(list_transform(list_transform(
  [x],
  lambda a: {x: a, t: CASE WHEN a < 2.2250738585072014e-308
    THEN sp_double(((((sp_bits(a * 1.8014398509481984e+16) >> 32) // 3) + 696219795) << 32) | (sp_bits(a * 1.8014398509481984e+16) & 4294967295))
    ELSE sp_double((((sp_bits(a) >> 32) // 3) + 715094163) << 32) END}),
  lambda p: {x: p.x, t: p.t, s: 0.5428571428571428e0 + (p.t * p.t / p.x) * p.t}),
  lambda p: {x: p.x, t: sp_double((((sp_bits(p.t * (0.35714285714285715e0 + 1.6071428571428572e0 / (p.s + 1.4142857142857144e0 + -0.7053061224489796e0 / p.s))) >> 32) + 1) << 32))}),
  lambda p: p.t + p.t * ((p.x / (p.t * p.t) - p.t) / ((p.t + p.t) + p.x / (p.t * p.t))))[1];

CREATE OR REPLACE MACRO sp_cbrt(x) AS list_transform([CAST(x AS DOUBLE)], lambda a: CASE
  WHEN a = 0e0 OR isnan(a) OR isinf(a) THEN a
  WHEN a < 0e0 THEN -sp_cbrt_of(-a) ELSE sp_cbrt_of(a) END)[1];
CREATE OR REPLACE MACRO sp_odd(y) AS (trunc(y) = y AND trunc(y * 0.5e0) <> y * 0.5e0);
CREATE OR REPLACE MACRO sp_pow_two(pl, ph, z) AS list_transform(list_transform(list_transform(list_transform(list_transform(
  [{pl: pl, ph: ph, z: z}],
  lambda p: {pl: p.pl, ph: p.ph, n: CASE WHEN abs(p.z) >= 0.5000004768371582e0 THEN CASE WHEN p.z < 0e0 THEN -floor(-p.z + 0.5e0) ELSE floor(p.z + 0.5e0) END ELSE 0e0 END}),
  lambda p: {pl: p.pl, ph: p.ph - p.n, n: p.n}),
  lambda p: {pl: p.pl, ph: p.ph, n: p.n, t: sp_high(p.pl + p.ph)}),
  lambda p: {n: p.n, u: p.t * 0.6931471824645996e0, v: (p.pl - (p.t - p.ph)) * 0.6931471805599453e0 + p.t * -1.904654299957768e-09}),
  lambda p: list_transform(list_transform([{z: p.u + p.v, w: p.v - ((p.u + p.v) - p.u)}],
    lambda q: {z: q.z, w: q.w, t1: q.z - (q.z * q.z) * (0.16666666666666602e0 + (q.z * q.z) * (-0.0027777777777015593e0 + (q.z * q.z) * (6.613756321437934e-05 + (q.z * q.z) * (-1.6533902205465252e-06 + (q.z * q.z) * 4.1381367970572385e-08))))}),
    lambda q: list_transform([1e0 - (((q.z * q.t1) / (q.t1 - 2e0) - (q.w + q.z * q.w)) - q.z)], lambda z: CASE
      WHEN p.n > 1000e0 THEN z * pow(2e0, p.n - 1000e0) * pow(2e0, 1000e0)
      WHEN p.n < -1000e0 THEN z * pow(2e0, -1000e0) * pow(2e0, p.n + 1000e0)
      ELSE z * pow(2e0, p.n) END)[1])[1])[1];
-- 2^(y * (t1 + t2)).
CREATE OR REPLACE MACRO sp_pow_times(y, t) AS list_transform(list_transform(list_transform(
  [{y: y, t: t}],
  lambda p: {pl: (p.y - sp_high(p.y)) * p.t.t1 + p.y * p.t.t2, ph: sp_high(p.y) * p.t.t1}),
  lambda p: {pl: p.pl, ph: p.ph, z: p.pl + p.ph}),
  lambda p: CASE
    WHEN p.z > 1024e0 OR (p.z = 1024e0 AND p.pl + 8.008566259537294e-17 > p.z - p.ph) THEN 'inf'::DOUBLE
    WHEN p.z < -1075e0 OR (p.z = -1075e0 AND p.pl <= p.z - p.ph) THEN 0e0
    ELSE sp_pow_two(p.pl, p.ph, p.z) END)[1];
CREATE OR REPLACE MACRO sp_pow_near(t) AS list_transform(list_transform(list_transform(
  [t],
  lambda t: {u: 1.4426950216293335e0 * t, v: t * 1.9259629911266175e-08 - ((t * t) * (0.5e0 - t * (0.3333333333333333333333e0 - t * 0.25e0))) * 1.4426950408889634e0}),
  lambda p: {u: p.u, v: p.v, t1: sp_high(p.u + p.v)}),
  lambda p: {t1: p.t1, t2: p.v - (p.t1 - p.u)})[1];
CREATE OR REPLACE MACRO sp_pow_far(x) AS list_transform(list_transform(list_transform(list_transform(list_transform(list_transform(list_transform(list_transform(list_transform(
  [x],
  lambda a: CASE WHEN a < 2.2250738585072014e-308 THEN {b: sp_bits(a * 9007199254740992.0e0), n: -1076} ELSE {b: sp_bits(a), n: -1023} END),
  lambda p: {b: p.b & 4503599627370495, j: (p.b >> 32) & 1048575, n: p.n + (p.b >> 52)}),
  lambda p: CASE
    WHEN p.j <= 235662 THEN {a: sp_double(p.b | 4607182418800017408), i: 1072693248 | p.j, k: 0, n: CAST(p.n AS DOUBLE), bp: 1e0, dh: 0e0, dl: 0e0}
    WHEN p.j < 767610 THEN {a: sp_double(p.b | 4607182418800017408), i: 1072693248 | p.j, k: 1, n: CAST(p.n AS DOUBLE), bp: 1.5e0, dh: 0.5849624872207642e0, dl: 1.350039202129749e-08}
    ELSE {a: sp_double(p.b | 4602678819172646912), i: 1071644672 | p.j, k: 0, n: CAST(p.n + 1 AS DOUBLE), bp: 1e0, dh: 0e0, dl: 0e0} END),
  lambda p: {a: p.a, bp: p.bp, dh: p.dh, dl: p.dl, n: p.n, u: p.a - p.bp, v: 1e0 / (p.a + p.bp), th: sp_double((((p.i >> 1) | 536870912) + 524288 + (p.k << 18)) << 32)}),
  lambda p: {dh: p.dh, dl: p.dl, n: p.n, u: p.u, v: p.v, th: p.th, tl: p.a - (p.th - p.bp), ss: p.u * p.v, sh: sp_high(p.u * p.v)}),
  lambda p: {dh: p.dh, dl: p.dl, n: p.n, ss: p.ss, sh: p.sh, s2: p.ss * p.ss, sl: p.v * ((p.u - p.sh * p.th) - p.sh * p.tl)}),
  lambda p: {dh: p.dh, dl: p.dl, n: p.n, ss: p.ss, sh: p.sh, sl: p.sl, h2: p.sh * p.sh,
    r: p.s2 * p.s2 * (0.5999999999999946e0 + p.s2 * (0.4285714285785502e0 + p.s2 * (0.33333332981837743e0 + p.s2 * (0.272728123808534e0 + p.s2 * (0.23066074577556175e0 + p.s2 * 0.20697501780033842e0))))) + p.sl * (p.sh + p.ss)}),
  lambda p: list_transform(list_transform(list_transform([sp_high(3e0 + p.h2 + p.r)],
    lambda th: {u: p.sh * th, v: p.sl * th + (p.r - ((th - 3e0) - p.h2)) * p.ss}),
    lambda q: {u: q.u, v: q.v, ph: sp_high(q.u + q.v)}),
    lambda q: {dh: p.dh, n: p.n, zh: 0.9617967009544373e0 * q.ph, zl: -7.028461650952758e-09 * q.ph + (q.v - (q.ph - q.u)) * 0.9617966939259756e0 + p.dl})[1]),
  lambda p: list_transform([sp_high(((p.zh + p.zl) + p.dh) + p.n)], lambda t1: {t1: t1, t2: p.zl - (((t1 - p.n) - p.dh) - p.zh)})[1])[1];
-- x > 0, finite, not 1.
CREATE OR REPLACE MACRO sp_pow_of(x, y) AS list_transform([{x: x, y: y}], lambda p: CASE
  WHEN abs(p.y) >= 2147485696.0e0 AND (abs(p.y) >= 1.8446761665895596e+19 OR p.x < 0.9999995231628418e0 OR p.x >= 1.0000009536743164e0)
    THEN CASE WHEN (p.x < 1e0) = (p.y < 0e0) THEN 'inf'::DOUBLE ELSE 0e0 END
  WHEN abs(p.y) >= 2147485696.0e0 THEN sp_pow_times(p.y, sp_pow_near(p.x - 1e0))
  ELSE sp_pow_times(p.y, sp_pow_far(p.x)) END)[1];
CREATE OR REPLACE MACRO sp_pow(x, y) AS list_transform([{x: CAST(x AS DOUBLE), y: CAST(y AS DOUBLE)}], lambda p: CASE
  WHEN p.x IS NULL OR p.y IS NULL THEN NULL
  WHEN p.y = 0e0 THEN 1e0
  WHEN isnan(p.x) OR isnan(p.y) THEN 'nan'::DOUBLE
  WHEN isinf(p.y) THEN CASE WHEN abs(p.x) = 1e0 THEN 'nan'::DOUBLE WHEN (abs(p.x) > 1e0) = (p.y > 0e0) THEN 'inf'::DOUBLE ELSE 0e0 END
  WHEN p.y = 1e0 THEN p.x
  WHEN p.y = -1e0 THEN 1e0 / p.x
  WHEN p.y = 2e0 THEN p.x * p.x
  WHEN p.y = 0.5e0 AND sp_bits(p.x) >= 0 THEN sqrt(p.x)
  WHEN p.x = 0e0 OR isinf(p.x) OR abs(p.x) = 1e0 THEN CASE
    WHEN p.x = -1e0 AND trunc(p.y) <> p.y THEN 'nan'::DOUBLE
    WHEN sp_bits(p.x) < 0 AND sp_odd(p.y) THEN -CASE WHEN p.y < 0e0 THEN 1e0 / abs(p.x) ELSE abs(p.x) END
    ELSE CASE WHEN p.y < 0e0 THEN 1e0 / abs(p.x) ELSE abs(p.x) END END
  WHEN p.x < 0e0 THEN CASE
    WHEN trunc(p.y) <> p.y THEN 'nan'::DOUBLE
    WHEN sp_odd(p.y) THEN -sp_pow_of(-p.x, p.y) ELSE sp_pow_of(-p.x, p.y) END
  ELSE sp_pow_of(p.x, p.y) END)[1];

-- The root of two squares' sum, of numbers that are brought near to 1 first.
CREATE OR REPLACE MACRO sp_hypot(x, y) AS list_transform([greatest(abs(CAST(x AS DOUBLE)), abs(CAST(y AS DOUBLE)))], lambda m: CASE
  WHEN x IS NULL OR y IS NULL THEN NULL WHEN isinf(x) OR isinf(y) THEN 'inf'::DOUBLE WHEN m = 0e0 OR isnan(m) THEN m
  WHEN m > 1e100 THEN 1e200 * sqrt((x / 1e200) * (x / 1e200) + (y / 1e200) * (y / 1e200))
  WHEN m < 1e-100 THEN 1e-200 * sqrt((x * 1e200) * (x * 1e200) + (y * 1e200) * (y * 1e200))
  ELSE sqrt(x * x + y * y) END)[1];
-- As Spark adds and roots up, and from the root of the largest double on by logarithms alone.
CREATE OR REPLACE MACRO sp_asinh(x) AS list_transform([CAST(x AS DOUBLE)], lambda b: CASE
  WHEN isnan(b) THEN b
  WHEN abs(b) >= 1.3407807929942596e+154 THEN sign(b) * (0.6931471805599453e0 + sp_log(abs(b)))
  WHEN b + sqrt(b * b + 1e0) = 0e0 THEN '-inf'::DOUBLE ELSE sp_log(b + sqrt(b * b + 1e0)) END)[1];
CREATE OR REPLACE MACRO sp_acosh(x) AS list_transform([CAST(x AS DOUBLE)], lambda b: CASE
  WHEN isnan(b) OR b < 1e0 THEN 'nan'::DOUBLE
  WHEN b >= 1.3407807929942596e+154 THEN 0.6931471805599453e0 + sp_log(b)
  ELSE sp_log(b + sqrt(b * b - 1e0)) END)[1];
