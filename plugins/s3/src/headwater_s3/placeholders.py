"""`{data}` in a query: the place of an input, filled in as a quoted table name.

What stands inside a string, a quoted name or a comment is left alone: this looks for tokens, and
the result is parsed and guarded like any other query.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from headwater.diagnostics import Diagnostic, Span, hint_for
from headwater.errors import QueryError
from headwater.sql.rewriting import Edit, apply, quoted

_TOKENS: Final = re.compile(
    r"""
      \b[rR](?:'[^']*' | "[^"]*")
    | '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*" | `(?:[^`]|``)*`
    | --[^\r\n]* | /\*.*?\*/
    | (?P<place>\{\s*(?P<name>\w+)\s*\})
    """,
    re.VERBOSE | re.DOTALL,
)


def filled(query: str, inputs: Collection[str]) -> str:
    """Return a query in which each `{name}` has become the table of that input.

    Args:
        query: Spark SQL with placeholders.
        inputs: Names of the inputs.

    Raises:
        QueryError: If a placeholder names no input.
    """
    edits = []
    unknown = []
    for match in _TOKENS.finditer(query):
        name = match["name"]
        if name is None:
            continue
        span = Span(match.start("place"), match.end("place"))
        if name in inputs:
            edits.append(Edit.replace(span, quoted(name)))
        else:
            unknown.append(
                Diagnostic(
                    "unknown-input",
                    f"the source has no input {name!r}",
                    span=span,
                    hint=hint_for(name, inputs, what="inputs"),
                    text=query,
                )
            )
    if unknown:
        raise QueryError("the query names inputs that the source does not have", unknown)
    return apply(query, edits)
