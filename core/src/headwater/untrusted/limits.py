"""Every limit on what others give us: queries, catalogs, metadata, files, answers, configuration.

Whoever writes these may mean us ill, or have a program that wrote too much. So the work that a text
can cause is bounded before it is done. The limits lie far above what is written by people and by
the programs that we know; `docs/concepts/security.md` states them.
"""

from __future__ import annotations

from typing import Final

# -- Numbers ---------------------------------------------------------------------------------------

NUMBER_CHARACTERS: Final = 1_000
"""Characters of a number. The longest that means anything is a double written out: 309 digits."""

EXPONENT: Final = 9_999
"""Largest power of ten in a number: that of a double is 308, that of a decimal 38."""

# -- Queries ---------------------------------------------------------------------------------------

QUERY_CHARACTERS: Final = 200_000
"""Characters of a query. Longer ones are made by machines that could as well write a table."""

QUERY_LEVELS: Final = 48
"""How deep brackets, CASE and prefix operators may nest; sqlglot's parser recurses."""

TREE_LEVELS: Final = 150
"""How deep a query's tree may be, the left side of a long `a OR b OR c ...` not counted."""

QUERY_TERMS: Final = 150
"""How many terms a row of operators, pipes, UNIONs or WITH may have; engines recurse over them."""

QUERY_TOKENS: Final = 80_000
"""Words, numbers and signs of a query: a list of 39,000 numbers has as many."""

QUERY_STEPS: Final = 1_500_000
"""Names, columns and parts of types that may be looked at while a query is checked."""

QUERY_SELECTS: Final = 5_000
"""SELECTs of a query once each use of a common table expression is written out, as engines do."""

QUERY_COLUMNS: Final = 50_000
"""Columns that one SELECT may give, its stars written out."""

ALIAS_COLUMNS: Final = 2_000
"""Columns that one output may stand for, names of other outputs spelled out."""

NAME_CHARACTERS: Final = 20_000
"""Characters of a column's name that the engine makes up out of an expression."""

SQL_CHARACTERS: Final = 4_000_000
"""Characters of the SQL that is made of a query, or of one expression in it."""

FINDINGS: Final = 100
"""Findings about one query that are told; the rest wait until these are mended."""

VIEW_LEVELS: Final = 10
"""How deep views may be made of views."""

# -- Types -----------------------------------------------------------------------------------------

TYPE_CHARACTERS: Final = 131_072
"""Characters of a column's type: the most that a known catalog holds."""

TYPE_LEVELS: Final = 100
"""How deep a type may nest."""

TYPE_PARTS: Final = 50_000
"""Types that one type may be made of."""

TYPE_WORK: Final = 2_000_000
"""Levels times characters of a type that Hive wrote: its names are found level by level."""

# -- Documents -------------------------------------------------------------------------------------

JSON_LEVELS: Final = 200
"""How deep a JSON document may nest."""

METADATA_BYTES: Final = 64 * 1024 * 1024
"""Bytes of a table's metadata file, or of a manifest; unpacked, where it is packed."""

HEADER_CHARACTERS: Final = 1024 * 1024
"""Characters of the first line of a CSV file, which names its columns."""

LINE_BYTES: Final = 16 * 1024 * 1024
"""Bytes of a line of a text file."""

ROWS_BYTES: Final = 64 * 1024 * 1024
"""Bytes of the rows of a Parquet file that Python holds at a time, each text written out."""

EVIDENCE_BYTES: Final = 16 * 1024 * 1024
"""Bytes of the evidence of a read: of a query over many tables, some hundred thousand."""

EVIDENCE_FILES: Final = 5_000_000
"""Files that evidence of a read may name, beside it."""

EVIDENCE_PATH_BYTES: Final = 8192
"""Bytes of a file's path there, or of its version mark: known keys have 1,024 at most."""

BUNDLE_BYTES: Final = 64 * 1024 * 1024
"""Bytes of a support bundle, unpacked."""

BUNDLE_ENTRIES: Final = 5_000
"""Files in a support bundle: a few documents, and a part of some hundred objects."""

EDGES: Final = 10_000
"""Edges of one histogram of a profile: training's quantiles are 19."""

EDGES_BYTES: Final = 64 * 1024 * 1024
"""Bytes of the edges of profiles: of a model with a thousand fields, some hundred thousand."""

PROFILE_ROWS: Final = 50_000_000
"""Rows of a file that holds a profile: of a year of days of a thousand fields, ten million."""

CONFIG_BYTES: Final = 4 * 1024 * 1024
"""Bytes of a configuration file."""

CONFIG_VALUES: Final = 100_000
"""Values that a configuration file has, its aliases and merges written out."""

CONFIG_LEVELS: Final = 100
"""How deep a configuration file may nest."""

LEDGER_BYTES: Final = 1024 * 1024 * 1024
"""Bytes of a ledger: a window takes some six hundred."""

LEDGER_LINE_BYTES: Final = 256 * 1024
"""Bytes of what a ledger says of one window: of a query over many tables, a few thousand."""

KEPT_FILES: Final = 200_000
"""Files of which a ledger keeps what their footers said; of more, they are read again."""

KEPT_FILES_BYTES: Final = 256 * 1024 * 1024
"""Bytes of what is kept of them: a file takes some two hundred. A longer text is left aside."""

FOOTER_FAILURES: Final = 40
"""Questions about footers that may fail before a table's other files are not asked any more."""

TOKEN_BYTES: Final = 256 * 1024
"""Bytes of an answer that should hold a token."""

# -- Partitions ------------------------------------------------------------------------------------

PROJECTED_PARTITIONS: Final = 100_000
"""Partitions that one read may project; more is almost surely a missing condition."""

PROJECTED_VALUES: Final = 1_000_000
"""Values of one projected key that are tried against the conditions."""

PROJECTED_DIGITS: Final = 100
"""Digits to which a projected number may be padded."""
