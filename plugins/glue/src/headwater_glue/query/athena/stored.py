"""Athena's views as Glue stores them: a comment around Base64 around JSON.

Source: Trino, `HiveViewCodec` and `ConnectorViewDefinition` (the format is Presto's).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from headwater.errors import TableNotFoundError
from headwater.sql.rewriting import quoted
from headwater.tables.table import Column
from headwater.untrusted.texts import json_value
from headwater_glue.query.athena.queries import Lookup, Queries
from headwater_glue.query.athena.reading import parse_trino
from headwater_glue.query.athena.values import Typed, UntranslatableError, common

_STORED: Final = re.compile(r"\s*/\*\s*Presto View:\s*([A-Za-z0-9+/=\s]+?)\s*\*/\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class AthenaView:
    """A view's definition.

    Args:
        sql: Its query, in Trino's SQL.
        schema: Database of the tables that the query names without one.
    """

    sql: str
    schema: str


def unpack(text: str, database: str) -> AthenaView:
    """Return the definition inside the text that Glue stores.

    Args:
        text: `ViewOriginalText`.
        database: The view's own database, where the definition names none.

    Raises:
        UntranslatableError: If it is not in that form.
    """
    match = _STORED.fullmatch(text)
    if match is None:
        raise UntranslatableError(
            None, "Glue does not hold its text in the form that Athena writes"
        )
    try:
        stored = json_value(base64.b64decode(match[1]))
        sql, schema = stored["originalSql"], stored.get("schema") or database
        if not isinstance(sql, str) or not isinstance(schema, str):
            raise TypeError("its query and its schema are no texts")
        return AthenaView(sql, schema)
    except (binascii.Error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UntranslatableError(None, f"its stored text can't be unpacked: {error!r}") from None


def spark_sql(view: AthenaView, columns: Sequence[Column], lookup: Lookup) -> str:
    """Return an Athena view as Spark SQL, with exactly the columns that the view declares.

    Args:
        view: Its definition.
        columns: Its columns, as Glue declares them.
        lookup: Finds the tables under it.

    Raises:
        UntranslatableError: If a construct does not carry over; the message names it.
    """
    try:
        query = Queries(view.schema, lookup)(parse_trino(view.sql))
    except UntranslatableError as error:
        raise UntranslatableError(None, error.at(view.sql)) from None
    except RecursionError:
        raise UntranslatableError(None, "it nests too deep to be translated") from None
    except TableNotFoundError as error:
        raise UntranslatableError(
            None, f"it stands on what is not there: {error.message}"
        ) from None
    if len(query.columns) != len(columns):
        raise UntranslatableError(
            None, f"its text gives {len(query.columns)} columns, and it declares {len(columns)}"
        )
    items = []
    for output, declared in zip(query.columns, columns, strict=True):
        value = Typed(f"`v`.{quoted(output.name)}", output.type)
        if common(output.type, declared.type) is None or not declared.type.is_known:
            raise UntranslatableError(
                None, f"its column {declared.name!r} is {output.type}, and declared {declared.type}"
            )
        items.append(f"{value.cast(declared.type).text} AS {quoted(declared.name)}")
    return f"SELECT {', '.join(items)} FROM (\n{query.text}\n) AS `v`"
