-- Macros of functions over texts that DuckDB has otherwise, or not at all.

-- Whether the escapes of a URL are texts in UTF-8; and whether one of them is none. (Java's digits may have
-- a sign, and be of any script: such texts are neither.)
CREATE OR REPLACE MACRO sp_url_fits(s) AS regexp_full_match(s,
  '([^%]|%[0-7][0-9A-Fa-f]|%([Cc][2-9A-Fa-f]|[Dd][0-9A-Fa-f])%[89ABab][0-9A-Fa-f]|(%[Ee]0%[ABab][0-9A-Fa-f]|%[Ee][1-9A-Ca-cEFef]%[89ABab][0-9A-Fa-f]|%[Ee][Dd]%[89][0-9A-Fa-f])%[89ABab][0-9A-Fa-f]|(%[Ff]0%[9ABab][0-9A-Fa-f]|%[Ff][1-3]%[89ABab][0-9A-Fa-f]|%[Ff]4%8[0-9A-Fa-f])%[89ABab][0-9A-Fa-f]%[89ABab][0-9A-Fa-f])*');
CREATE OR REPLACE MACRO sp_url_broken(s) AS strlen(s) = length(s) AND NOT contains(s, '%+')
  AND NOT regexp_full_match(s, '([^%]|%[0-9A-Fa-f]{2})*');
-- Of a column of few texts DuckDB decodes each of them, also those that CASE does not ask for; in a list it does not.
CREATE OR REPLACE MACRO sp_url_decoded(s) AS list_transform([s], lambda x:
  CASE WHEN sp_url_fits(x) THEN url_decode(replace(x, '+', ' ')) END)[1];
CREATE OR REPLACE MACRO sp_decoded(b) AS list_transform([b], lambda x: CASE WHEN sp_is_utf8(hex(x)) THEN decode(x) END)[1];
CREATE OR REPLACE MACRO sp_bytes(s) AS list_transform([s], lambda x: CASE WHEN sp_is_base64(x) THEN from_base64(x) END)[1];

-- Whether a text is what base64 makes, without breaks of lines.
CREATE OR REPLACE MACRO sp_is_base64(s) AS regexp_full_match(s,
  '([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?');

-- The first letter and the sounds of the next three; a sound twice counts once, where no vowel is between.
CREATE OR REPLACE MACRO sp_sounds(s) AS translate(translate(s, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'),
  'ABCDEFGHIJKLMNOPQRSTUVWXYZ', '01230127022455012623017202');
CREATE OR REPLACE MACRO sp_once(s) AS regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
  regexp_replace(s, '1+', '1', 'g'), '2+', '2', 'g'), '3+', '3', 'g'), '4+', '4', 'g'), '5+', '5', 'g'), '6+', '6', 'g');
CREATE OR REPLACE MACRO sp_soundex(s) AS CASE WHEN NOT regexp_matches(s, '^[A-Za-z]') THEN s ELSE
  translate(s[1], 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') || substring(replace(regexp_replace(
  sp_once(replace(sp_sounds(s[1]), '7', '0') || replace(sp_sounds(regexp_replace(s[2:], '[^A-Za-z]', 'A', 'g')), '7', '')),
  '^.', ''), '0', '') || '000', 1, 3) END;

-- The whole number at the beginning of a text of digits, as one without a sign of 64 bits; -1 beyond.
CREATE OR REPLACE MACRO sp_digits(digits, base) AS list_reduce(list_transform(string_split(digits, ''),
  lambda c: CAST(strpos('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ', c) - 1 AS HUGEINT)),
  lambda a, d: CASE WHEN a < 0 OR a * base + d > 18446744073709551615::HUGEINT THEN -1::HUGEINT ELSE a * base + d END,
  0::HUGEINT);

-- A decimal's text with a comma after each thousand.
CREATE OR REPLACE MACRO sp_grouped(s) AS regexp_extract(s, '^-?') || format('{:,}', CAST(regexp_extract(s, '^-?([0-9]+)', 1) AS HUGEINT))
  || regexp_extract(s, '[.].*$');

-- How many characters have to be changed. DuckDB counts bytes, so each of two texts' characters is written as one
-- byte; NULL where there are more of them than such bytes.
CREATE OR REPLACE MACRO sp_ascii() AS list_transform(range(1, 127), lambda n: chr(CAST(n AS INTEGER)));
CREATE OR REPLACE MACRO sp_letters(a, b) AS CASE WHEN strlen(a) = length(a) AND strlen(b) = length(b) THEN '' ELSE
  list_transform([list_distinct(string_split(a || b, ''))], lambda l: CASE WHEN len(l) <= 126 THEN array_to_string(l, '') END)[1] END;
CREATE OR REPLACE MACRO sp_levenshtein(a, b) AS CAST(list_transform([{l: sp_letters(a, b), a: a, b: b}], lambda p:
  levenshtein(translate(p.a, p.l, array_to_string(sp_ascii()[:length(p.l)], '')), translate(p.b, p.l, array_to_string(sp_ascii()[:length(p.l)], ''))))[1] AS INTEGER);
