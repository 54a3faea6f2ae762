"""Which functions a query may call, and what is special about them. Data, with look-ups.

The allow-list is Spark's own list of built-in functions less those that answer about something
other than the data: the JVM, files, the network, secrets, the session.

Source: Apache Spark 4.2, `FunctionRegistry` and `TableFunctionRegistry`.
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from headwater.sql.words import words

REFUSED: Final = {
    "reflect": "it calls any method of the engine's JVM",
    "try_reflect": "it calls any method of the engine's JVM",
    "java_method": "it calls any method of the engine's JVM",
    "from_avro": "its options may name files and schema registries",
    "to_avro": "its options may name files and schema registries",
    "schema_of_avro": "its options may name files and schema registries",
    "from_protobuf": "it reads a descriptor file",
    "to_protobuf": "it reads a descriptor file",
    "python_worker_logs": "it reads the engine's logs",
    "read_files": "it reads files, not tables of the source",
    "read_kafka": "it reads from the network",
    "http_request": "it reaches the network",
    "secret": "it reads a secret",
    "try_secret": "it reads a secret",
    "list_secrets": "it reads secrets",
    "current_catalog": "it answers about the engine's session, not about the data",
    "current_database": "it answers about the engine's session, not about the data",
    "current_schema": "it answers about the engine's session, not about the data",
    "current_user": "it answers about the engine's session, not about the data",
    "current_metastore": "it answers about the engine's session, not about the data",
    "session_user": "it answers about the engine's session, not about the data",
    "user": "it answers about the engine's session, not about the data",
    "is_member": "it answers about the engine's session, not about the data",
    "is_account_group_member": "it answers about the engine's session, not about the data",
    "current_path": "it answers about the engine's session, not about the data",
    **dict.fromkeys(
        ["current_time", "make_time", "to_time", "try_to_time", "time", "time_diff", "time_trunc"],
        "Spark switches its type TIME off",
    ),
    **dict.fromkeys(
        ["st_asbinary", "st_geogfromwkb", "st_geomfromwkb", "st_setsrid", "st_srid"],
        "Spark switches its geographic types off",
    ),
    "measure": "it works on metric views only",
    "version": "it answers about the engine, not about the data",
    "collations": "it answers about the engine, not about the data",
    "sql_keywords": "it answers about the engine, not about the data",
}
"""Names that are refused with a reason of their own; every unknown name is refused as well."""

REFUSED_PREFIXES: Final = {
    "ai_": "it sends data over the network",
    "remote_": "it reaches the network",
    "system_": "it answers about the engine, not about the data",
}

NON_REPRODUCIBLE: Final = words(
    """
    curdate current_date current_timestamp input_file_block_length input_file_block_start
    input_file_name localtimestamp monotonically_increasing_id now rand randn random randstr
    shuffle spark_partition_id uniform uuid
    """
)
"""Functions that may answer differently each time that the same query reads the same data."""

AGGREGATES: Final = words(
    """
    any any_value approx_count_distinct approx_percentile approx_top_k
    approx_top_k_accumulate approx_top_k_combine array_agg avg bit_and bit_or bit_xor
    bitmap_and_agg bitmap_construct_agg bitmap_or_agg bool_and bool_or collect_list
    collect_set corr count count_if count_min_sketch covar_pop covar_samp every first
    first_value grouping grouping_id histogram_numeric hll_sketch_agg hll_union_agg
    kll_merge_agg_bigint kll_merge_agg_double kll_merge_agg_float kll_sketch_agg_bigint
    kll_sketch_agg_double kll_sketch_agg_float kurtosis last last_value listagg max max_by
    mean median min min_by mode percentile percentile_approx percentile_cont percentile_disc
    regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy
    regr_syy schema_of_variant_agg skewness some std stddev stddev_pop stddev_samp
    string_agg sum theta_intersection_agg theta_sketch_agg theta_union_agg try_avg try_sum
    tuple_intersection_agg_double tuple_intersection_agg_integer tuple_sketch_agg_double
    tuple_sketch_agg_integer tuple_union_agg_double tuple_union_agg_integer var_pop var_samp
    variance vector_avg vector_sum
    """
)
"""Functions of a group of rows."""

WINDOW_ONLY: Final = words(
    """
    cume_dist dense_rank lag lead nth_value ntile percent_rank rank row_number
    """
)
"""Functions that need an OVER clause."""

GENERATORS: Final = words(
    """
    explode explode_outer inline inline_outer json_tuple posexplode posexplode_outer stack
    variant_explode variant_explode_outer
    """
)
"""Functions that make many rows of one, in SELECT, LATERAL VIEW or FROM."""

TABLE_FUNCTIONS: Final = GENERATORS | {"range"}
"""Functions that may stand in FROM."""

SCALARS: Final = words(
    """
    abs acos acosh add_months aes_decrypt aes_encrypt aggregate approx_top_k_estimate array
    array_append array_compact array_contains array_distinct array_except array_insert
    array_intersect array_join array_max array_min array_position array_prepend array_remove
    array_repeat array_size array_sort array_union arrays_overlap arrays_zip ascii asin
    asinh assert_true atan atan2 atanh base64 bigint bin binary bit_count bit_get bit_length
    bitmap_bit_position bitmap_bucket_number bitmap_count boolean bround btrim cardinality
    cbrt ceil ceiling char char_length character_length chr coalesce collate collation
    concat concat_ws contains conv convert_timezone cos cosh cot crc32 csc curdate
    current_date current_timestamp current_timezone date date_add date_diff date_format
    date_from_unix_date date_part date_sub date_trunc dateadd datediff datepart day dayname
    dayofmonth dayofweek dayofyear decimal decode degrees div double e element_at elt encode
    endswith equal_null exists exp expm1 extract factorial filter find_in_set flatten float
    floor forall format_number format_string from_csv from_json from_unixtime
    from_utc_timestamp from_xml get get_json_object getbit greatest hash hex
    hll_sketch_estimate hll_union hour hypot if ifnull ilike initcap input_file_block_length
    input_file_block_start input_file_name instr int is_valid_utf8 is_valid_variant
    is_variant_null isnan isnotnull isnull json_array_length json_object_keys
    kll_sketch_get_n_bigint kll_sketch_get_n_double kll_sketch_get_n_float
    kll_sketch_get_quantile_bigint kll_sketch_get_quantile_double
    kll_sketch_get_quantile_float kll_sketch_get_rank_bigint kll_sketch_get_rank_double
    kll_sketch_get_rank_float kll_sketch_merge_bigint kll_sketch_merge_double
    kll_sketch_merge_float kll_sketch_to_string_bigint kll_sketch_to_string_double
    kll_sketch_to_string_float last_day lcase least left len length levenshtein like ln
    localtimestamp locate log log10 log1p log2 lower lpad ltrim luhn_check make_date
    make_dt_interval make_interval make_timestamp make_timestamp_ltz make_timestamp_ntz
    make_valid_utf8 make_ym_interval map map_concat map_contains_key map_entries map_filter
    map_from_arrays map_from_entries map_keys map_values map_zip_with mask md5 minute mod
    monotonically_increasing_id month monthname months_between named_struct nanvl negative
    next_day now nullif nullifzero nvl nvl2 octet_length overlay parse_json parse_url pi
    pmod position positive pow power printf quarter quote radians raise_error rand randn
    random randstr reduce regexp regexp_count regexp_extract regexp_extract_all regexp_instr
    regexp_like regexp_replace regexp_substr repeat replace reverse right rint rlike round
    rpad rtrim schema_of_csv schema_of_json schema_of_variant schema_of_xml sec second
    sentences sequence session_window sha sha1 sha2 shiftleft shiftright shiftrightunsigned
    shuffle sign signum sin sinh size slice smallint sort_array soundex space
    spark_partition_id split split_part sqrt startswith str_to_map string struct substr
    substring substring_index tan tanh theta_difference theta_intersection
    theta_sketch_estimate theta_union time_bucket timediff timestamp timestamp_micros
    timestamp_millis timestamp_seconds timestampadd timestampdiff tinyint to_binary to_char
    to_csv to_date to_json to_number to_timestamp to_timestamp_ltz to_timestamp_ntz
    to_unix_timestamp to_utc_timestamp to_varchar to_variant_object to_xml transform
    transform_keys transform_values translate trim trunc try_add try_aes_decrypt try_divide
    try_element_at try_make_interval try_make_timestamp try_make_timestamp_ltz
    try_make_timestamp_ntz try_mod try_multiply try_parse_json try_parse_url try_subtract
    try_to_binary try_to_date try_to_number try_to_timestamp try_url_decode
    try_validate_utf8 try_variant_get tuple_difference_double tuple_difference_integer
    tuple_difference_theta_double tuple_difference_theta_integer tuple_intersection_double
    tuple_intersection_integer tuple_intersection_theta_double
    tuple_intersection_theta_integer tuple_sketch_estimate_double
    tuple_sketch_estimate_integer tuple_sketch_summary_double tuple_sketch_summary_integer
    tuple_sketch_theta_double tuple_sketch_theta_integer tuple_union_double
    tuple_union_integer tuple_union_theta_double tuple_union_theta_integer typeof ucase
    unbase64 unhex uniform unix_date unix_micros unix_millis unix_seconds unix_timestamp
    upper url_decode url_encode uuid validate_utf8 variant_get vector_cosine_similarity
    vector_inner_product vector_l2_distance vector_norm vector_normalize weekday weekofyear
    width_bucket window window_time xpath xpath_boolean xpath_double xpath_float xpath_int
    xpath_long xpath_number xpath_short xpath_string xxhash64 year zeroifnull zip_with
    """
)
"""Functions of one row."""

ALLOWED: Final = SCALARS | AGGREGATES | WINDOW_ONLY | GENERATORS
"""Every function that may stand in an expression."""

OPTIONS_AT: Final = {
    "from_json": 2, "from_csv": 2, "from_xml": 2, "to_json": 1, "to_csv": 1, "to_xml": 1,
    "schema_of_json": 1, "schema_of_csv": 1, "schema_of_xml": 1,
}  # fmt: skip
"""Functions that take options, and at which place."""

OPTIONS: Final = words(
    """
    allowbackslashescapinganycharacter allowcomments allownonnumericnumbers
    allownumericleadingzeros allowsinglequotes allowunquotedcontrolchars
    allowunquotedfieldnames arrayelementname attributeprefix charset
    columnnameofcorruptrecord comment dateformat datetimeformat declaration delimiter
    dropfieldifallnull emptyvalue encoding enforceschema escape escapequotes
    excludeattribute header ignoreleadingwhitespace ignorenamespace ignorenullfields
    ignoresurroundingspaces ignoretrailingwhitespace inferschema linesep locale
    maxcharspercolumn maxcolumns mode multiline nanvalue negativeinf nullvalue positiveinf
    preferdate prefersdecimal pretty primitivesasstring quote quoteall roottag rowtag
    samplingratio sep timestampformat timestampntzformat timezone unescapedquotehandling
    validatename valuetag wildcardcolname
    """
)
"""Names of options that these functions may be given, in lower case. Left out on purpose:
`rowValidationXSDPath`, which is a file's path."""


def name_of(node: exp.Expr) -> str | None:
    """Return a call's name in lower case, or None where the node is no call `name(...)`."""
    if not isinstance(node, exp.Anonymous):
        return None
    this = node.this
    return str(this.this if isinstance(this, exp.Identifier) else this).lower()


def is_aggregate(node: exp.Expr) -> bool:
    """Return whether a node calls an aggregate function (over a group, or over a window)."""
    return name_of(node) in AGGREGATES


def refusal(name: str) -> str | None:
    """Return why a function is refused by name, or None where it has no reason of its own."""
    folded = name.lower()
    if folded in REFUSED:
        return REFUSED[folded]
    return next((why for p, why in REFUSED_PREFIXES.items() if folded.startswith(p)), None)
