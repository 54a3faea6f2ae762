"""Which functions a query may call, and what is special about them. Data, with look-ups.

What is admitted has a row in `functions.tsv`. This allow-list is Spark's own list of built-in
functions less those that answer about something other than the data: the JVM, files, the network,
secrets, the session.

Source: Apache Spark 4.2, `FunctionRegistry` and `TableFunctionRegistry`.
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from headwater.sql.function_table import of_kind
from headwater.sql.syntax.words import words

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

AGGREGATES: Final = of_kind("aggregate")
"""Functions of a group of rows."""

WINDOW_ONLY: Final = of_kind("window")
"""Functions that need an OVER clause."""

GENERATORS: Final = of_kind("generator")
"""Functions that make many rows of one, in SELECT, LATERAL VIEW or FROM."""

TABLE_FUNCTIONS: Final = of_kind("generator", "table")
"""Functions that may stand in FROM."""

ALLOWED: Final = of_kind("scalar", "aggregate", "window", "generator")
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
