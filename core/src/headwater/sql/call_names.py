"""How Spark writes calls in a column's name: where it is not `name(arguments)` as they stand.

Source: measured on Spark 4.1, each function by itself; see `tests/differential/test_analysis.py`.
"""

from __future__ import annotations

from typing import Final

from headwater.sql.syntax.words import words

UPPER: Final = words(
    """
    acos acosh asin asinh atan atan2 atanh cbrt ceil cos cosh cot csc degrees e exp expm1
    floor hypot log log10 log1p log2 pi power radians regexp regexp_like rlike sec signum
    sin sinh spark_partition_id sqrt tan tanh
    """
)
"""Calls that Spark writes in upper case."""

RENAMED: Final = {
    "array_agg": "collect_list",
    "curdate": "current_date",
    "random": "rand",
    "dateadd": "timestampadd",
}
"""Calls that Spark writes under another name."""

ARGUMENTS_KEPT: Final = {
    "any_value": 1, "approx_count_distinct": 1, "first": 1, "from_csv": 1, "from_json": 1,
    "last": 1, "mode": 1, "shuffle": 1, "to_json": 1,
}  # fmt: skip
"""Calls of which Spark writes only the first arguments."""

_TIME: Final = "yyyy-MM-dd HH:mm:ss"

DEFAULTS: Final = {
    ("from_unixtime", 1): (_TIME,),
    ("unix_timestamp", 1): (_TIME,),
    ("to_unix_timestamp", 1): (_TIME,),
    ("sort_array", 1): ("true",),
    ("round", 1): ("0",),
    ("bround", 1): ("0",),
    ("regexp_replace", 3): ("1",),
    ("replace", 2): ("",),
    ("regexp_instr", 2): ("0",),
    ("regexp_extract", 2): ("1",),
    ("regexp_extract_all", 2): ("1",),
    ("percentile", 2): ("1",),
    ("percentile_approx", 2): ("10000",),
    ("approx_percentile", 2): ("10000",),
    ("locate", 2): ("1",),
    ("split", 2): ("-1",),
    ("months_between", 2): ("true",),
    ("str_to_map", 1): (",", ":"),
    ("str_to_map", 2): (":",),
}
"""What Spark writes for arguments that were left out, by name and number of arguments."""

UNCERTAIN: Final = frozenset(
    {("ceil", 2), ("dateadd", 2), ("floor", 2), ("lpad", 2), ("mode", 2), ("rpad", 2),
     ("unix_timestamp", 0)}
)  # fmt: skip
"""Calls that are certain with other numbers of arguments only."""

CERTAIN: Final = words(
    """
    abs acos acosh add_months any any_value approx_count_distinct approx_percentile
    approx_top_k_combine array array_agg array_append array_compact array_contains
    array_distinct array_except array_insert array_intersect array_join array_max array_min
    array_position array_prepend array_remove array_repeat array_size array_union
    arrays_overlap arrays_zip ascii asin asinh atan atan2 atanh avg bin bit_and bit_count
    bit_get bit_length bit_or bit_xor bitmap_bit_position bitmap_bucket_number
    bitmap_construct_agg bool_and bool_or bround btrim cardinality cbrt ceil ceiling char
    char_length character_length chr coalesce collect_list collect_set concat concat_ws
    contains conv corr cos cosh cot count count_if count_min_sketch covar_pop covar_samp
    crc32 csc curdate current_date current_timestamp date date_add date_diff date_format
    date_from_unix_date date_part date_sub date_trunc dateadd datediff day dayname
    dayofmonth dayofweek dayofyear decode degrees div e element_at elt encode endswith
    equal_null every exists exp expm1 factorial filter find_in_set first flatten floor
    forall format_number format_string from_csv from_unixtime from_utc_timestamp
    get get_json_object getbit greatest grouping grouping_id hash hex histogram_numeric
    hll_union_agg hour hypot ifnull ilike initcap input_file_block_length
    input_file_block_start input_file_name instr is_valid_utf8 is_variant_null isnan
    isnotnull isnull json_array_length json_object_keys kll_merge_agg_bigint
    kll_merge_agg_double kll_merge_agg_float kll_sketch_agg_bigint kll_sketch_agg_double
    kll_sketch_agg_float kll_sketch_get_n_bigint kll_sketch_get_n_double
    kll_sketch_get_n_float kll_sketch_get_quantile_bigint kll_sketch_get_quantile_double
    kll_sketch_get_quantile_float kll_sketch_get_rank_bigint kll_sketch_get_rank_double
    kll_sketch_get_rank_float kll_sketch_merge_bigint kll_sketch_merge_double
    kll_sketch_merge_float kll_sketch_to_string_bigint kll_sketch_to_string_double
    kll_sketch_to_string_float kurtosis last last_day lcase least left len length
    levenshtein like ln localtimestamp locate log log10 log1p log2 lower lpad luhn_check
    make_date make_valid_utf8 map map_concat map_contains_key map_entries map_filter
    map_from_arrays map_from_entries map_keys map_values map_zip_with max max_by md5 mean
    median min min_by minute mod mode monotonically_increasing_id month monthname
    months_between named_struct nanvl negative next_day now nullif nullifzero nvl nvl2
    octet_length parse_json parse_url percentile percentile_approx pi pmod positive pow
    power printf quarter quote radians rand randn random regexp regexp_count regexp_extract
    regexp_extract_all regexp_instr regexp_like regexp_replace regexp_substr regr_avgx
    regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy repeat
    replace reverse right rint rlike round rpad rtrim schema_of_csv schema_of_variant
    schema_of_variant_agg sec second sequence sha sha1 sha2 shiftleft shiftright
    shiftrightunsigned shuffle signum sin sinh size skewness slice some sort_array soundex
    space spark_partition_id split split_part sqrt startswith std stddev stddev_pop
    stddev_samp str_to_map struct substring_index sum tan tanh theta_intersection_agg
    timestamp timestamp_micros timestamp_millis timestamp_seconds timestampadd timestampdiff
    to_binary to_date to_json to_number to_timestamp to_timestamp_ltz to_timestamp_ntz
    to_unix_timestamp to_utc_timestamp to_variant_object transform transform_keys
    transform_values translate trunc try_add try_avg try_divide try_element_at try_mod
    try_multiply try_parse_json try_parse_url try_subtract try_sum try_to_binary try_to_date
    try_to_number try_to_timestamp try_url_decode try_validate_utf8 typeof ucase unbase64
    unhex unix_date unix_micros unix_millis unix_seconds unix_timestamp upper url_decode
    url_encode uuid validate_utf8 var_pop var_samp variance weekday weekofyear width_bucket
    window_time xpath xpath_boolean xpath_double xpath_float xpath_int xpath_long
    xpath_number xpath_short xpath_string xxhash64 year zeroifnull zip_with
    """
)
"""Calls whose text is certain; all others are answered with advice to write AS."""
