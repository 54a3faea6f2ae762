"""Functions: `functions.txt` says all that is known of each, and these modules read it.

| module | what it makes of a row |
| --- | --- |
| `table` | the row itself |
| `arguments` | whether a call's arguments are of types that it takes |
| `values` | whether constants among them are values that it takes |
| `results` | the type of its result, the columns that a generator makes |
| `names` | what Spark calls a column of it |

How it is written for DuckDB is in `portable`.
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from headwater.sql.functions.table import Function, functions, refused
from headwater.sql.syntax.words import words

ADMITTED: Final = frozenset({"scalar", "aggregate", "window", "generator"})
"""Kinds of functions that may stand in an expression."""

IN_FROM: Final = frozenset({"generator", "table"})
"""Kinds of functions that may stand in FROM."""

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
"""Names of options that functions may be given, in lower case. Left out on purpose:
`rowValidationXSDPath`, which is a file's path."""

_UNKNOWN: Final = Function("", "", {})


def name_of(node: exp.Expr | None) -> str | None:
    """Return a call's name in lower case, or None where the node is no call `name(...)`."""
    if not isinstance(node, exp.Anonymous):
        return None
    this = node.this
    return str(this.this if isinstance(this, exp.Identifier) else this).lower()


def named(name: str | None) -> Function:
    """Return the row of a function; a row in which nothing stands where it has none."""
    return functions().get(name or "", _UNKNOWN)


def called(node: exp.Expr | None) -> Function:
    """Return the row of the function that a node calls, if it does, as `named` does."""
    return named(name_of(node)) if isinstance(node, exp.Anonymous) else _UNKNOWN


def is_aggregate(node: exp.Expr | None) -> bool:
    """Return whether a node calls an aggregate function (over a group, or over a window)."""
    return isinstance(node, exp.Anonymous) and called(node).kind == "aggregate"


def refusal(name: str) -> str | None:
    """Return why a function is refused by name, or None where it has no reason of its own."""
    folded = name.lower()
    reasons = refused()
    if folded in reasons:
        return reasons[folded]
    starts = ((n[:-1], why) for n, why in reasons.items() if n.endswith("*"))
    return next((why for start, why in starts if folded.startswith(start)), None)
