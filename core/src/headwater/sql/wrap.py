"""Wrapping: the SQL that a plan runs, built around the user's text, which stays as it is.

Only here does headwater write Spark SQL of its own. It is small on purpose: an outer SELECT that
names, maps and filters, and a join that brings delayed actuals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlglot import exp
from sqlglot.dialects.spark import Spark
from sqlglot.tokenizer_core import Token, TokenType

from headwater.mapping import BoundColumn, BoundMapping
from headwater.schema import Role
from headwater.sql.analysis import Analysis, TableReference
from headwater.sql.private import CONFLICT, PRIVATE_DATABASE
from headwater.sql.rewriting import Edit, quoted
from headwater.types import TIMESTAMP, DataType
from headwater.window import Window


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A user's query with what its rows must satisfy.

    Args:
        text: The query's text, its tables already under their private names.
        mapping: What is selected from it.
        window: Rows to keep, by the column whose role is timestamp; None keeps all.
        sample: Share of the ids to keep, in (0, 1); None keeps all.
    """

    text: str
    mapping: BoundMapping
    window: Window | None = None
    sample: float | None = None


def select(query: Wrapped) -> str:
    """Return the SELECT that maps and filters a user's query."""
    names = ", ".join(f"q.{quoted(c.column)} AS {quoted(c.name)}" for c in query.mapping)
    where = _conditions(query)
    # The newline ends a trailing `--` comment of the user's.
    text = f"SELECT {names} FROM (\n{query.text}\n) AS q"
    return f"{text}\nWHERE {' AND '.join(where)}" if where else text


def select_with_actuals(query: Wrapped, actuals: Wrapped) -> str:
    """Return `select(query)` with actuals of another source joined on the id.

    For each id the actual of the latest time wins; where the latest time has several rows, they are
    one if they agree, and `_conflict` is true if they contradict each other. Rows of `query`
    never multiply: the joined side has one row for each id.
    """
    own = ", ".join(f"s.{quoted(c.name)}" for c in query.mapping)
    labels = [c for c in actuals.mapping if c.role is Role.ACTUAL]
    theirs = ", ".join(f"a.{quoted(c.name)}" for c in labels)
    return (
        f"SELECT {own}, {theirs}, a.{quoted(CONFLICT)} FROM (\n{select(query)}\n) AS s\n"
        f"LEFT JOIN (\n{_latest(actuals, labels)}\n) AS a ON s.`id` = a.`id`"
    )


def _latest(actuals: Wrapped, labels: Sequence[BoundColumn]) -> str:
    """Return SQL with one row for each id: its latest actuals and whether they contradict."""
    timed = actuals.mapping.role(Role.TIMESTAMP) is not None
    key = "r.`id`, r.`timestamp`" if timed else "r.`id`"
    values = ", ".join(f"max(r.{quoted(c.name)}) AS {quoted(c.name)}" for c in labels)
    clash = " OR ".join(
        f"coalesce(min(r.{quoted(c.name)}) <> max(r.{quoted(c.name)}), false)" for c in labels
    )
    merged = (
        f"SELECT {key}, {values}, {clash} AS {quoted(CONFLICT)} FROM (\n{select(actuals)}\n) AS r\n"
        f"GROUP BY {key}"
    )
    if not timed:
        return merged
    names = ", ".join(f"m.{quoted(n)}" for n in ("id", *(c.name for c in labels), CONFLICT))
    # No frame ties are left after the GROUP BY: (id, timestamp) is unique.
    return (
        f"SELECT {names} FROM (SELECT g.*, row_number() OVER "
        f"(PARTITION BY g.`id` ORDER BY g.`timestamp` DESC NULLS LAST) AS `_rank` "
        f"FROM (\n{merged}\n) AS g) AS m WHERE m.`_rank` = 1"
    )


def _conditions(query: Wrapped) -> list[str]:
    found = []
    moment = query.mapping.role(Role.TIMESTAMP)
    if query.window is not None and moment is not None:
        column = f"q.{quoted(moment.column)}"
        if moment.source_type != TIMESTAMP:
            column = f"CAST({column} AS TIMESTAMP)"
        found += [
            f"{column} >= {timestamp_literal(query.window.start)}",
            f"{column} < {timestamp_literal(query.window.end)}",
        ]
    identity = query.mapping.role(Role.ID)
    if query.sample is not None and identity is not None:
        found.append(_sampled(f"q.{quoted(identity.column)}", identity.source_type, query.sample))
    return found


def _sampled(column: str, type_: DataType, share: float) -> str:
    """Return a condition that keeps the same ids on every engine, in every run and window.

    The first 32 bits of the id's MD5, as text, below a threshold: both engines have it alike.
    """
    text = column if type_.is_text else f"CAST({column} AS STRING)"
    threshold = min(int(share * 2**32), 2**32 - 1)
    return f"substring(md5({text}), 1, 8) < '{threshold:08x}'"


def timestamp_literal(moment: datetime) -> str:
    """Return a Spark SQL literal for an aware UTC datetime, whatever the session's time zone."""
    # Not by strftime: it writes the year 1 as `1`.
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return f"TIMESTAMP '{text}Z'"


def private_names(analysis: Analysis, slots: Sequence[str]) -> list[Edit]:
    """Return the edits that give each table reference its private name.

    Args:
        analysis: A query whose references are bound.
        slots: For each reference, in order, its name under the private database.

    Returns:
        Edits that put `hw`.`slot` in the place of each reference, give it the alias by which the
        query calls its columns, and shorten column names that are qualified with a database.
    """
    tokens = Spark().tokenize(analysis.text)
    edits = []
    for reference, slot in zip(analysis.parsed.references, slots, strict=True):
        name = f"{quoted(PRIVATE_DATABASE)}.{quoted(slot)}"
        edits.append(Edit.replace(reference.span, name))
        if reference.alias is None:
            end = _end_of_sample(tokens, reference)
            edits.append(Edit(end, end, f" AS {quoted(reference.name.name)}"))
    return _merged(edits) + _short_qualifiers(analysis)


def _merged(edits: Sequence[Edit]) -> list[Edit]:
    """Join an insertion to the replacement that ends where it stands."""
    by_end = {e.end: e for e in edits if e.start < e.end}
    joined: dict[tuple[int, int], Edit] = {(e.start, e.end): e for e in by_end.values()}
    for edit in edits:
        if edit.start == edit.end:
            before = by_end.get(edit.start)
            if before is None:
                joined[edit.start, edit.end] = edit
            else:
                key = before.start, before.end
                joined[key] = Edit(before.start, before.end, joined[key].text + edit.text)
    return list(joined.values())


def _end_of_sample(tokens: Sequence[Token], reference: TableReference) -> int:
    """Return where a table's alias may stand: after its TABLESAMPLE, if it has one.

    Source: Spark's grammar, `tableName sample? tableAlias`.
    """
    following = [t for t in tokens if t.start >= reference.span.end]
    end = reference.span.end
    if not following or following[0].token_type is not TokenType.TABLE_SAMPLE:
        return end
    depth = 0
    for index, token in enumerate(following[1:], start=1):
        depth += (token.token_type is TokenType.L_PAREN) - (token.token_type is TokenType.R_PAREN)
        if depth == 0 and token.token_type is TokenType.R_PAREN:
            end = token.end + 1
            after = following[index + 1] if index + 1 < len(following) else None
            if after is None or after.text.upper() != "REPEATABLE":
                return end
    return end


def _short_qualifiers(analysis: Analysis) -> list[Edit]:
    """Drop the database of columns written as `db.table.column`: that name is gone."""
    if analysis.parsed.tree is None:
        return []
    edits = []
    for column in analysis.parsed.tree.find_all(exp.Column):
        database, table = column.args.get("db"), column.args.get("table")
        binding = analysis.binding_of(column)
        if database is None or table is None:
            continue
        if binding is not None and binding.fields and binding.source != table.name.casefold():
            continue  # `source.struct.field...`, which sqlglot shows as db.table.column
        edits.append(Edit(database.meta["start"], table.meta["start"], ""))
    return edits


def rename_tables(analysis: Analysis, names: Mapping[str, str]) -> list[Edit]:
    """Return the edits by which an engine gives a plan's tables names of its own.

    Args:
        analysis: The analysis of a plan's SQL.
        names: Slot to the full, quoted name that the engine uses.
    """
    return [Edit.replace(r.span, names[r.name.name]) for r in analysis.parsed.references]
