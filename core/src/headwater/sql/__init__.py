"""Spark SQL, looked at before it runs: parsed, guarded, bound, typed.

    validate(sql, catalog=...)                 a query against a catalog that is a dict
    parser.parse(text, database=...)           -> ParsedQuery: guarded, its tables found
    binding.binder.bind(parsed, tables)        -> Analysis: every name bound, every expression typed

Docstrings have examples, each tried by a test. "Example: `SQL` -> `outcome`" is the tokens after a
step (`syntax`), codes of findings or the columns of the result (`guard`, `binding`), what a window
on `ts` reaches (`pruning`), or the DuckDB SQL of an expression (`portable`).

Importing this package costs nothing; sqlglot is imported by the first call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater.lazy import names_of

if TYPE_CHECKING:
    from headwater.sql.validation import Validation, validate

__all__ = ["Validation", "validate"]

_HOMES = dict.fromkeys(__all__, "headwater.sql.validation")

__getattr__, __dir__ = names_of(__name__, _HOMES)
