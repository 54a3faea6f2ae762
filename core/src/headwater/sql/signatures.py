"""What functions give, as Spark types it: a table by result, and rules for those that depend.

Source: Apache Spark 4.1, `DESCRIBE FUNCTION` and the expressions' `dataType`; each entry is
compared with Spark's own analysis in `tests/differential/test_analysis.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlglot import exp

from headwater.sql import generators, results
from headwater.sql.arguments import Call
from headwater.type_text import parse_type
from headwater.types import UNKNOWN, DataType

_BY_RESULT: Final = {
    "boolean": """
        any array_contains arrays_overlap bool_and bool_or boolean contains endswith equal_null
        every ilike is_valid_utf8 is_variant_null isnan isnotnull isnull like luhn_check
        map_contains_key regexp regexp_like rlike some startswith xpath_boolean
    """,
    "tinyint": "bit_get getbit grouping tinyint",
    "smallint": "smallint xpath_short",
    "int": """
        array_size ascii bit_count bit_length cardinality char_length character_length day
        dayofmonth dayofweek dayofyear dense_rank find_in_set hash hour instr int json_array_length
        len length levenshtein locate minute month ntile octet_length position quarter rank
        regexp_count regexp_instr row_number second size spark_partition_id unix_date weekday
        weekofyear xpath_int year
    """,
    "bigint": """
        approx_count_distinct array_position bigint bitmap_bit_position bitmap_bucket_number
        bitmap_count count count_if crc32 div factorial grouping_id hll_sketch_estimate
        input_file_block_length input_file_block_start kll_sketch_get_n_bigint
        kll_sketch_get_n_double kll_sketch_get_n_float monotonically_increasing_id regr_count
        theta_sketch_estimate timediff timestampdiff to_unix_timestamp unix_micros unix_millis
        unix_seconds unix_timestamp width_bucket xpath_long xxhash64
    """,
    "float": "float xpath_float",
    "double": """
        acos acosh asin asinh atan atan2 atanh cbrt corr cos cosh cot covar_pop covar_samp csc
        cume_dist degrees double e exp expm1 hypot kurtosis ln log log10 log1p log2 months_between
        percent_rank pi pow power radians rand randn random regr_intercept regr_r2 regr_slope
        regr_sxx regr_sxy regr_syy rint sec sign signum sin sinh skewness sqrt std stddev stddev_pop
        stddev_samp tan tanh var_pop var_samp variance xpath_double xpath_number
    """,
    "string": """
        base64 bin char chr collation conv current_timezone date_format dayname format_number
        format_string from_unixtime get_json_object hex initcap input_file_name lcase lower
        make_valid_utf8 mask md5 monthname parse_url printf quote randstr regexp_extract
        regexp_replace regexp_substr replace schema_of_csv schema_of_json schema_of_variant
        schema_of_variant_agg schema_of_xml sha sha1 sha2 soundex space split_part string
        substring_index to_char to_csv to_json to_varchar to_xml translate try_parse_url
        try_url_decode try_validate_utf8 typeof ucase upper url_decode url_encode uuid validate_utf8
        array_join concat_ws kll_sketch_to_string_bigint kll_sketch_to_string_double
        kll_sketch_to_string_float btrim ltrim repeat rtrim trim xpath_string
    """,
    "binary": """
        aes_decrypt aes_encrypt approx_top_k_accumulate binary bitmap_and_agg bitmap_construct_agg
        bitmap_or_agg count_min_sketch encode hll_sketch_agg hll_union hll_union_agg
        kll_merge_agg_bigint kll_merge_agg_double kll_merge_agg_float kll_sketch_agg_bigint
        kll_sketch_agg_double kll_sketch_agg_float kll_sketch_merge_bigint kll_sketch_merge_double
        kll_sketch_merge_float theta_difference theta_intersection theta_intersection_agg
        theta_sketch_agg theta_union theta_union_agg to_binary try_aes_decrypt try_to_binary
        unbase64 unhex
    """,
    "date": """
        add_months curdate current_date date date_from_unix_date date_sub last_day make_date
        next_day to_date trunc try_to_date
    """,
    "timestamp": """
        current_timestamp date_trunc from_utc_timestamp make_timestamp make_timestamp_ltz now
        timestamp timestamp_micros timestamp_millis timestamp_seconds to_timestamp
        to_timestamp_ltz to_utc_timestamp try_make_timestamp try_make_timestamp_ltz
        try_to_timestamp
    """,
    "timestamp_ntz": """
        convert_timezone localtimestamp make_timestamp_ntz to_timestamp_ntz try_make_timestamp_ntz
    """,
    "interval": "make_interval try_make_interval",
    "void": "assert_true raise_error",
    "interval day to second": "make_dt_interval",
    "interval year to month": "make_ym_interval",
    "array<string>": "json_object_keys regexp_extract_all split xpath",
    "array<array<string>>": "sentences",
    "map<string,string>": "str_to_map",
    "decimal(10,0)": "decimal",
}
"""Functions whose result does not depend on their arguments, by result."""

FIXED: Final = {
    name: parse_type(text) for text, names in _BY_RESULT.items() for name in names.split()
}


def result(name: str, types: Sequence[DataType], arguments: Sequence[exp.Expr]) -> DataType:
    """Return the type of a call, or `unknown`.

    Args:
        name: The function, in lower case.
        types: Types of its arguments.
        arguments: Its arguments, for those whose value decides.
    """
    fixed = FIXED.get(name)
    if fixed is not None:
        return fixed
    rule = results.RULES.get(name)
    return rule(Call(tuple(types), tuple(arguments))) if rule is not None else UNKNOWN


def within_group(name: str, ordered: Sequence[DataType], inner: DataType) -> DataType:
    """Return the type of `name(...) WITHIN GROUP (ORDER BY ...)`.

    Args:
        name: The function, in lower case.
        ordered: Types of what it is ordered by.
        inner: Type of the call without the clause.
    """
    if name in ("listagg", "string_agg"):
        return inner
    if name == "mode":
        return ordered[0] if ordered else UNKNOWN
    if name in ("percentile_cont", "percentile_disc"):
        return results.percentile_of(ordered[0], inner) if ordered else UNKNOWN
    return UNKNOWN


def generated(
    name: str, types: Sequence[DataType], arguments: Sequence[exp.Expr]
) -> list[tuple[str, DataType]] | None:
    """Return names and types of the columns that a generator or table function makes.

    Returns:
        The columns, or None where they can't be told.
    """
    rule = generators.GENERATORS.get(name)
    return rule(Call(tuple(types), tuple(arguments))) if rule is not None else None
