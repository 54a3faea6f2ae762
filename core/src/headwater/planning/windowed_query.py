"""Wrapping: the SQL that a plan runs, built around the user's text, which stays as it is.

Only here does headwater write Spark SQL of its own. It is small on purpose: an outer SELECT that
names, maps and filters, and a join that brings delayed actuals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from sqlglot.dialects.spark import Spark
from sqlglot.tokenizer_core import Token, TokenType

from headwater.interfaces.mapping import BoundColumn, BoundMapping
from headwater.interfaces.schema import Role
from headwater.sql.analysis import Analysis, TableReference
from headwater.sql.private_names import (
    CONFLICT,
    EARLY,
    PART,
    PRIVATE_DATABASE,
    PRIVATE_PREFIX,
    REMARKS,
    STALE,
    UNTIMED,
)
from headwater.sql.rewriting import Edit, aliases_for, quoted, text_literal
from headwater.sql.typing.rules import has_map
from headwater.tables.window import Window
from headwater.types import (
    DOUBLE,
    STRING,
    TIMESTAMP,
    UNKNOWN,
    DataType,
    FieldType,
    array,
    map_of,
)
from headwater.windows.labels import MAY_BELONG, stretch

_DAY: Final = timedelta(days=1)
_SET: Final = "_hw_set"
"""When an actual was set, among the columns of the joined side."""
_KNOWN: Final = "_hw_known"
"""Whether any of an id's latest actuals is known, likewise."""
_NEXT: Final = "_hw_next"
"""When the next actual of an id was set, likewise."""
_AHEAD: Final = "_hw_ahead"
"""By how many microseconds an actual is dated before its prediction."""
_EARLIEST: Final = "TIMESTAMP '0001-01-01 00:00:00Z'"
_LATEST: Final = "TIMESTAMP '9999-12-31 23:59:59.999999Z'"
"""Moments before and behind those until which labels are taken."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of several windows that are read at once.

    Args:
        window: The window.
        as_of: Until when its rows take labels, where anything says when they were set.
    """

    window: Window
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A user's query with what its rows must satisfy.

    Args:
        text: The query's text, its tables already under their private names.
        mapping: What is selected from it.
        window: Rows to keep, by the column whose role is timestamp; None keeps all.
        sample: Share of the ids to keep, in (0, 1); None keeps all.
        as_of: Until when its labels are taken, where the mapping says when they were set.
        untimed: Whether rows whose time is NULL are kept, too, whatever the window.
        parts: The windows of `window` that are read at once, in order: each row is told of which
            one it is, and takes the labels that it has as one of its rows. Rows between them are
            not taken.
    """

    text: str
    mapping: BoundMapping
    window: Window | None = None
    sample: float | None = None
    as_of: datetime | None = None
    untimed: bool = False
    parts: tuple[Part, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """Names of the columns that `select` adds behind those of the mapping."""
        if self.mapping.label_timestamp is None or not self.mapping.actuals:
            return ()
        dated = self.mapping.role(Role.TIMESTAMP) is not None
        return (EARLY, UNTIMED) if dated else (UNTIMED,)


def select(query: Wrapped) -> str:
    """Return the SELECT that maps and filters a user's query.

    Labels that were set after `as_of` are NULL; so are those of which nothing says when.
    """
    names = [f"{_value(query, c)} AS {quoted(c.name)}" for c in query.mapping]
    names += [f"{_remark(query, r)} AS {quoted(r)}" for r in query.remarks]
    if query.parts:
        number = _by_part(query, "q", [str(n) for n in range(len(query.parts))])
        names.append(f"{number} AS {quoted(PART)}")
    where = _conditions(query)
    # The newline ends a trailing `--` comment of the user's.
    text = f"SELECT {', '.join(names)} FROM (\n{query.text}\n) AS q"
    return f"{text}\nWHERE {' AND '.join(where)}" if where else text


def select_with_actuals(query: Wrapped, actuals: Wrapped) -> str:
    """Return `select(query)` with actuals of another source joined on the id.

    For each id the actual of the latest time wins; where the latest time has several rows, they are
    one if they agree, and `CONFLICT` is true if they contradict each other. Rows of `query`
    never multiply: the joined side has one row for each id. An actual that is dated too long
    before its prediction, or not at all, is left out row by row: what a prediction's actual is does
    not depend on the window in which it is read.
    """
    labels = actuals.mapping.actuals
    own = [c.name for c in query.mapping]
    beside = [quoted(c.name) for c in labels] + [quoted(CONFLICT)]
    set_at, made_at = (w.mapping.role(Role.TIMESTAMP) for w in (actuals, query))
    if set_at is not None:
        beside += [quoted(_SET), quoted(_KNOWN)]
    # What both sides have to say of a row is told apart by `s` and `a`.
    columns = [f"s.{quoted(n)}" for n in own]
    columns += [f"s.{quoted(r)} AS {quoted(f'{r}_own')}" for r in query.remarks]
    columns += [f"a.{name}" for name in beside]
    if set_at is not None and made_at is not None:
        label = as_instant(f"a.{quoted(_SET)}", set_at.source_type)
        prediction_time = as_instant(f"s.{quoted(made_at.name)}", made_at.source_type)
        columns.append(f"{ahead_by(prediction_time, label)} AS {quoted(_AHEAD)}")
    if query.parts:
        columns.append(f"s.{quoted(PART)}")
    chosen = _each(actuals, labels) if _moves(query) else latest_actuals(actuals, labels)
    text = (
        f"SELECT {', '.join(columns)} FROM (\n{select(query)}\n) AS s\n"
        f"LEFT JOIN (\n{chosen}\n) AS a ON {' AND '.join(_belongs(query, actuals))}"
    )
    remarks = _remarks(query, actuals)
    left_out = " OR ".join(remarks[r] for r in (STALE, UNTIMED) if r in remarks)
    names = [f"j.{quoted(n)}" for n in own]
    if left_out:
        belongs = f"NOT ({left_out})"
        names += [
            f"CASE WHEN {belongs} THEN j.{quoted(c.name)} END AS {quoted(c.name)}" for c in labels
        ]
        remarks[CONFLICT] = f"{remarks[CONFLICT]} AND {belongs}"
    else:
        names += [f"j.{quoted(c.name)}" for c in labels]
    for remark in query.remarks:
        both = [f"j.{quoted(f'{remark}_own')}", *([remarks[remark]] if remark in remarks else [])]
        remarks[remark] = " OR ".join(f"({b})" for b in both)
    names += [f"{remarks[r]} AS {quoted(r)}" for r in REMARKS if r in remarks]
    if query.parts:
        names.append(f"j.{quoted(PART)}")
    return f"SELECT {', '.join(names)} FROM (\n{text}\n) AS j"


def _moves(query: Wrapped) -> bool:
    """Return whether rows of different windows take labels until different moments."""
    return len({part.as_of for part in query.parts}) > 1


def _belongs(query: Wrapped, actuals: Wrapped) -> list[str]:
    """Return the conditions of the join: the id, and for each window those of a read of it alone.

    Alone, a window's labels are looked for in a stretch of its own (`headwater.windows.labels`).
    """
    conditions = ["s.`id` = a.`id`"]
    set_at, made_at = (w.mapping.role(Role.TIMESTAMP) for w in (actuals, query))
    if not query.parts or set_at is None or made_at is None or query.as_of is None:
        return conditions
    label = as_instant(f"a.{quoted(_SET)}", set_at.source_type)
    # One comparison each, of one side with the other: an OR over both would have an engine compare
    # all rows with all labels. A label without a time is in every stretch.
    starts = [timestamp_literal(_stretch(part).start) for part in query.parts]
    begin = _by_part(query, "s", starts, made_at.name)
    conditions.append(f"coalesce({label}, {_LATEST}) >= {begin}")
    if _moves(query):
        ends = [timestamp_literal(part.as_of or query.as_of) for part in query.parts]
        end = _by_part(query, "s", ends, made_at.name)
        following = as_instant(f"a.{quoted(_NEXT)}", set_at.source_type)
        conditions.append(f"coalesce({label}, {_EARLIEST}) <= {end}")
        conditions.append(f"coalesce({following}, {_LATEST}) > {end}")
    return conditions


def _stretch(part: Part) -> Window:
    assert part.as_of is not None, "labels are cut by it"
    return stretch(part.window, part.as_of)


def _by_part(query: Wrapped, alias: str, values: Sequence[str], column: str | None = None) -> str:
    """Return SQL for what a row's window makes of it: the one value, or a CASE by its time.

    Args:
        query: Whose windows they are.
        alias: What the rows are called.
        values: SQL for each window.
        column: The column that holds the time; default: that of the query itself.
    """
    if len(set(values)) == 1:
        return values[0]
    moment = query.mapping.role(Role.TIMESTAMP)
    assert moment is not None, "a window was asked for"
    time = as_instant(f"{alias}.{quoted(column or moment.column)}", moment.source_type)
    before = [
        f"WHEN {time} < {timestamp_literal(part.window.end)} THEN {value}"
        for part, value in zip(query.parts[:-1], values, strict=False)
    ]
    return f"CASE {' '.join(before)} ELSE {values[-1]} END"


def _remarks(query: Wrapped, actuals: Wrapped) -> dict[str, str]:
    """Return what is remarked of a joined row, as SQL that is never NULL."""
    remarks = {CONFLICT: f"coalesce(j.{quoted(CONFLICT)}, false)"}
    set_at, made_at = (w.mapping.role(Role.TIMESTAMP) for w in (actuals, query))
    if set_at is None:
        return remarks
    has_label, moment, ahead = (f"j.{quoted(n)}" for n in (_KNOWN, _SET, _AHEAD))
    remarks[UNTIMED] = f"coalesce({has_label} AND {moment} IS NULL, false)"
    if made_at is not None:
        early = is_early(ahead, as_instant(moment, set_at.source_type))
        remarks[EARLY] = f"coalesce({has_label} AND {early}, false)"
        remarks[STALE] = f"coalesce({has_label} AND {ahead} >= {_micros(MAY_BELONG)}, false)"
    return remarks


def latest_actuals(actuals: Wrapped, labels: Sequence[BoundColumn]) -> str:
    """Return SQL with one row for each id: its latest actuals and whether they contradict."""
    merged = _merged_labels(actuals, labels)
    if actuals.mapping.role(Role.TIMESTAMP) is None:
        return merged
    # No frame ties are left after the GROUP BY: (id, timestamp) is unique.
    return (
        f"SELECT {_label_columns(labels)} "
        f"FROM (SELECT g.*, row_number() OVER "
        f"(PARTITION BY g.`id` ORDER BY g.`timestamp` DESC NULLS LAST) AS `_rank` "
        f"FROM (\n{merged}\n) AS g) AS m WHERE m.`_rank` = 1"
    )


def _each(actuals: Wrapped, labels: Sequence[BoundColumn]) -> str:
    """Return SQL with all actuals of each id, each with when the next one was set.

    At any moment one of an id's is the latest: that which was set by then, and whose next one was
    not. So a join by both multiplies no row.
    """
    return (
        f"SELECT {_label_columns(labels)}, lead(m.`timestamp`) OVER "
        f"(PARTITION BY m.`id` ORDER BY m.`timestamp` ASC NULLS FIRST) AS {quoted(_NEXT)} "
        f"FROM (\n{_merged_labels(actuals, labels)}\n) AS m"
    )


def _label_columns(labels: Sequence[BoundColumn]) -> str:
    names = ", ".join(f"m.{quoted(n)}" for n in ("id", *(c.name for c in labels), CONFLICT))
    has_label = " OR ".join(f"m.{quoted(c.name)} IS NOT NULL" for c in labels)
    return f"{names}, m.`timestamp` AS {quoted(_SET)}, {has_label} AS {quoted(_KNOWN)}"


def _merged_labels(actuals: Wrapped, labels: Sequence[BoundColumn]) -> str:
    """Return SQL with one row for each id and time: its actuals and whether they contradict."""
    timed = actuals.mapping.role(Role.TIMESTAMP) is not None
    key = "r.`id`, r.`timestamp`" if timed else "r.`id`"
    values = ", ".join(f"{greatest_value(c)} AS {quoted(c.name)}" for c in labels)
    clash = " OR ".join(_contradicted(c) for c in labels)
    return (
        f"SELECT {key}, {values}, {clash} AS {quoted(CONFLICT)} FROM (\n{select(actuals)}\n) AS r\n"
        f"GROUP BY {key}"
    )


def greatest_value(label: BoundColumn) -> str:
    """Return the greatest of a label's values, by its canonical form where it has no order."""
    value = f"r.{quoted(label.name)}"
    if (type_ := nested_type(label)) is None:
        return f"max({value})"
    return f"max_by({value}, {canonical(value, type_)})"


def _contradicted(label: BoundColumn) -> str:
    """Return whether a label has several values, as SQL that is never NULL."""
    value = f"r.{quoted(label.name)}"
    if (type_ := nested_type(label)) is None:
        return f"coalesce(min({value}) <> max({value}), false)"
    return f"count(DISTINCT {canonical(value, type_)}) > 1"


def nested_type(label: BoundColumn) -> DataType | None:
    """Return a label's type if it is nested; by its field's where the source's can't be told."""
    if label.source_type.is_known:
        return label.source_type if label.source_type.children else None
    match label.field_type:
        case FieldType.DICT:
            return map_of(STRING, DOUBLE)
        case FieldType.ARRAY:
            return array(UNKNOWN)
    return None


def canonical(value: str, type_: DataType, depth: int = 0) -> str:
    """Return Spark SQL for a value that is equal and ordered where nested values are the same.

    Maps have no order and, with their entries in another one, no equality: an array of their
    entries, sorted, stands for each.
    """
    item = f"`e{depth}`"
    if not has_map(type_):
        return value
    match type_.name:
        case "array":
            inner = canonical(item, type_.element, depth + 1)
            return f"transform({value}, {item} -> {inner})"
        case "map":
            entries = f"map_entries({value})"
            if has_map(type_.value):
                inner = canonical(f"{item}.`value`", type_.value, depth + 1)
                pair = f"named_struct('key', {item}.`key`, 'value', {inner})"
                entries = f"transform({entries}, {item} -> {pair})"
            return f"sort_array({entries})"
    fields = ", ".join(
        f"{text_literal(n)}, {canonical(f'{value}.{quoted(n)}', c, depth)}" for n, c in type_.fields
    )
    return f"CASE WHEN {value} IS NOT NULL THEN named_struct({fields}) END"


def _value(query: Wrapped, column: BoundColumn) -> str:
    """Return what an output column is: a label is NULL until the time at which it was set."""
    value, moment = f"q.{quoted(column.column)}", query.mapping.label_timestamp
    if column.role is not Role.ACTUAL or moment is None or query.as_of is None:
        return value
    label = as_instant(f"q.{quoted(moment.column)}", moment.source_type)
    return f"CASE WHEN {label} <= {_cut(query, query.as_of)} THEN {value} END"


def _cut(query: Wrapped, as_of: datetime) -> str:
    """Return SQL for the moment until which a row takes labels."""
    moments = [part.as_of or as_of for part in query.parts] or [as_of]
    return _by_part(query, "q", [timestamp_literal(m) for m in moments])


def _remark(query: Wrapped, remark: str) -> str:
    """Return what is remarked of a row's own labels, as SQL that is never NULL."""
    set_at, made_at = query.mapping.label_timestamp, query.mapping.role(Role.TIMESTAMP)
    assert set_at is not None, "there are no remarks without it"
    has_label = " OR ".join(f"q.{quoted(c.column)} IS NOT NULL" for c in query.mapping.actuals)
    moment = f"q.{quoted(set_at.column)}"
    if remark == UNTIMED or made_at is None:
        return f"(({has_label}) AND {moment} IS NULL)"
    label = as_instant(moment, set_at.source_type)
    prediction_time = as_instant(f"q.{quoted(made_at.column)}", made_at.source_type)
    early = is_early(ahead_by(prediction_time, label), label)
    if query.as_of is not None:
        early = f"{label} <= {_cut(query, query.as_of)} AND {early}"
    return f"coalesce(({has_label}) AND {early}, false)"


def is_early(ahead: str, label: str) -> str:
    """Return whether a label is dated before its prediction; midnight stands for the whole day."""
    midnight = f"CAST(CAST({label} AS DATE) AS TIMESTAMP) = {label}"
    return f"{ahead} > 0 AND (NOT ({midnight}) OR {ahead} >= {_micros(_DAY)})"


def ahead_by(prediction_time: str, label: str) -> str:
    """Return by how many microseconds a label is ahead of its prediction; nothing overflows."""
    first, second = (f"CAST(unix_micros({x}) AS DECIMAL(20,0))" for x in (prediction_time, label))
    return f"{first} - {second}"


def _micros(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)


def as_instant(column: str, type_: DataType) -> str:
    """Return a column as a timestamp."""
    return column if type_ == TIMESTAMP else f"CAST({column} AS TIMESTAMP)"


def _conditions(query: Wrapped) -> list[str]:
    conditions = []
    moment = query.mapping.role(Role.TIMESTAMP)
    if query.window is not None and moment is not None:
        column = as_instant(f"q.{quoted(moment.column)}", moment.source_type)
        inside = (
            f"{column} >= {timestamp_literal(query.window.start)} AND "
            f"{column} < {timestamp_literal(query.window.end)}"
        )
        if query.untimed:
            inside = f"(q.{quoted(moment.column)} IS NULL OR ({inside}))"
        conditions.append(inside)
        for before, after in pairwise(part.window for part in query.parts):
            if before.end < after.start:
                conditions.append(
                    f"({column} < {timestamp_literal(before.end)} OR "
                    f"{column} >= {timestamp_literal(after.start)})"
                )
    identity = query.mapping.role(Role.ID)
    if query.sample is not None and identity is not None:
        conditions.append(
            _sampled(f"q.{quoted(identity.column)}", identity.source_type, query.sample)
        )
    return conditions


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
        Edits that put `hw`.`slot` in the place of each reference, and give it an alias by which the
        query calls its columns.
    """
    tokens = Spark().tokenize(analysis.text)
    slot_of = dict(zip(analysis.parsed.references, slots, strict=True))
    own = {r: f"{PRIVATE_PREFIX}{slot}" for r, slot in slot_of.items() if r.alias is None}
    aliases, columns = aliases_for(analysis, own)
    edits = []
    for reference, slot in slot_of.items():
        name = f"{quoted(PRIVATE_DATABASE)}.{quoted(slot)}"
        edits.append(Edit.replace(reference.span, name))
        if reference in aliases:
            end = _end_of_sample(tokens, reference)
            edits.append(Edit(end, end, f" AS {aliases[reference]}"))
    return [*_merged(edits), *columns]


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
