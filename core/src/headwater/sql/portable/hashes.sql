-- Spark's hash (Murmur3 in 32 bits, with the last bytes of a text as words of their own) and xxhash64, on
-- words as UBIGINT. What stands for the state of a hash, and for its word, is written once in each macro:
-- hashes of several columns stand inside of each other.
-- Source: Apache Spark 4.1, `Murmur3_x86_32` and `XXH64` of org.apache.spark.sql.catalyst.expressions.

CREATE OR REPLACE MACRO sp_times32(x, f) AS (x * CAST(f AS UBIGINT)) & 4294967295::UBIGINT;
CREATE OR REPLACE MACRO sp_turned32(x, n) AS
  ((x * 4294967297::UBIGINT) >> CAST(32 - n AS UBIGINT)) & 4294967295::UBIGINT;
CREATE OR REPLACE MACRO sp_folded(x, n) AS list_transform([x], lambda y: xor(y, y >> CAST(n AS UBIGINT)))[1];
CREATE OR REPLACE MACRO sp_mixed32(h, k) AS
  (sp_turned32(xor(h, sp_times32(sp_turned32(sp_times32(k, 3432918353), 15), 461845907)), 13) * 5::UBIGINT
  + 3864292196::UBIGINT) & 4294967295::UBIGINT;
CREATE OR REPLACE MACRO sp_ended32(h, n) AS
  sp_folded(sp_times32(sp_folded(sp_times32(sp_folded(xor(h, n), 16), 2246822507), 13), 3266489909), 16);

-- A word of 4 or 8 bytes, the lowest first, and a last byte with its sign, out of hexadecimal digits.
CREATE OR REPLACE MACRO sp_word4(digits, p) AS
  CAST('0x' || substring(digits, p + 6, 2) || substring(digits, p + 4, 2) || substring(digits, p + 2, 2)
  || substring(digits, p, 2) AS UBIGINT);
CREATE OR REPLACE MACRO sp_word8(digits, p) AS
  CAST('0x' || substring(digits, p + 14, 2) || substring(digits, p + 12, 2) || substring(digits, p + 10, 2)
  || substring(digits, p + 8, 2) || substring(digits, p + 6, 2) || substring(digits, p + 4, 2)
  || substring(digits, p + 2, 2) || substring(digits, p, 2) AS UBIGINT);
CREATE OR REPLACE MACRO sp_byte(digits, p) AS CAST('0x' || substring(digits, p, 2) AS UBIGINT);
CREATE OR REPLACE MACRO sp_signed_byte(digits, p) AS
  sp_byte(digits, p) + CASE WHEN substring(digits, p, 1) >= '8' THEN 4294967040::UBIGINT ELSE 0::UBIGINT END;

CREATE OR REPLACE MACRO sp_murmur3_int(word, seed) AS
  list_transform([seed], lambda h: coalesce(sp_ended32(sp_mixed32(h, word), 4::UBIGINT), h))[1];
CREATE OR REPLACE MACRO sp_murmur3_long(word, seed) AS
  list_transform([seed], lambda h: coalesce(list_transform([word], lambda w:
  sp_ended32(sp_mixed32(sp_mixed32(h, w & 4294967295::UBIGINT), w >> 32::UBIGINT), 8::UBIGINT))[1], h))[1];
CREATE OR REPLACE MACRO sp_murmur3_bytes(digits, seed) AS
  list_transform([seed], lambda h: coalesce(list_transform([digits], lambda d: sp_ended32(list_reduce(
  list_transform(range(1, length(d) // 8 * 8, 8), lambda p: sp_word4(d, p))
  || list_transform(range(length(d) // 8 * 8 + 1, length(d), 2), lambda p: sp_signed_byte(d, p)),
  lambda a, k: sp_mixed32(a, k), h), CAST(length(d) // 2 AS UBIGINT)))[1], h))[1];

CREATE OR REPLACE MACRO sp_last64(x) AS CAST(x & 18446744073709551615::UHUGEINT AS UBIGINT);
CREATE OR REPLACE MACRO sp_times64(x, f) AS sp_last64(CAST(x AS UHUGEINT) * CAST(f AS UHUGEINT));
CREATE OR REPLACE MACRO sp_plus64(x, a) AS sp_last64(CAST(x AS UHUGEINT) + CAST(a AS UHUGEINT));
CREATE OR REPLACE MACRO sp_turned64(x, n) AS
  sp_last64((CAST(x AS UHUGEINT) * 18446744073709551617::UHUGEINT) >> CAST(64 - n AS UHUGEINT));
CREATE OR REPLACE MACRO sp_round64(v, k) AS
  sp_times64(sp_turned64(sp_plus64(v, sp_times64(k, 14029467366897019727)), 31), 11400714785074694791);
CREATE OR REPLACE MACRO sp_eight64(h, k) AS
  sp_plus64(sp_times64(sp_turned64(xor(h, sp_round64(0::UBIGINT, k)), 27), 11400714785074694791), 9650029242287828579);
CREATE OR REPLACE MACRO sp_four64(h, k) AS
  sp_plus64(sp_times64(sp_turned64(xor(h, sp_times64(k, 11400714785074694791)), 23), 14029467366897019727), 1609587929392839161);
CREATE OR REPLACE MACRO sp_one64(h, k) AS
  sp_times64(sp_turned64(xor(h, sp_times64(k, 2870177450012600261)), 11), 11400714785074694791);
CREATE OR REPLACE MACRO sp_ended64(h) AS
  sp_folded(sp_times64(sp_folded(sp_times64(sp_folded(h, 33), 14029467366897019727), 29), 1609587929392839161), 32);
CREATE OR REPLACE MACRO sp_lane64(digits, start, seed) AS
  list_reduce(list_transform(range(start, length(digits) // 64 * 64 + 1, 64), lambda p: sp_word8(digits, p)),
  lambda v, k: sp_round64(v, k), seed);
CREATE OR REPLACE MACRO sp_lanes64(digits, seed) AS list_transform([[
  sp_lane64(digits, 1, sp_plus64(seed, 6983438078262162902)), sp_lane64(digits, 17, sp_plus64(seed, 14029467366897019727)),
  sp_lane64(digits, 33, seed), sp_lane64(digits, 49, sp_plus64(seed, 7046029288634856825))]],
  lambda l: list_reduce(l,
  lambda h, v: sp_plus64(sp_times64(xor(h, sp_round64(0::UBIGINT, v)), 11400714785074694791), 9650029242287828579),
  sp_plus64(sp_plus64(sp_turned64(l[1], 1), sp_turned64(l[2], 7)), sp_plus64(sp_turned64(l[3], 12), sp_turned64(l[4], 18)))))[1];
CREATE OR REPLACE MACRO sp_started64(digits, seed) AS
  sp_plus64(CASE WHEN length(digits) >= 64 THEN sp_lanes64(digits, seed) ELSE sp_plus64(seed, 2870177450012600261) END,
  length(digits) // 2);

CREATE OR REPLACE MACRO sp_xxhash64_int(word, seed) AS list_transform([seed], lambda h:
  coalesce(sp_ended64(sp_four64(sp_plus64(h, 2870177450012600265), word)), h))[1];
CREATE OR REPLACE MACRO sp_xxhash64_long(word, seed) AS list_transform([seed], lambda h:
  coalesce(sp_ended64(sp_eight64(sp_plus64(h, 2870177450012600269), word)), h))[1];
CREATE OR REPLACE MACRO sp_xxhash64_bytes(digits, seed) AS
  list_transform([seed], lambda h: coalesce(list_transform([digits], lambda d: sp_ended64(list_reduce(
  list_transform(range(length(d) // 8 * 8 + 1, length(d), 2), lambda p: sp_byte(d, p)), lambda a, k: sp_one64(a, k),
  list_reduce(list_transform(range(length(d) // 16 * 16 + 1, length(d) // 8 * 8, 8), lambda p: sp_word4(d, p)),
  lambda a, k: sp_four64(a, k),
  list_reduce(list_transform(range(length(d) // 64 * 64 + 1, length(d) // 16 * 16, 16), lambda p: sp_word8(d, p)),
  lambda a, k: sp_eight64(a, k), sp_started64(d, h))))))[1], h))[1];
