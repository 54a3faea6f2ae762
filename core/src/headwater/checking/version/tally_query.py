"""The SQL that counts a connection's rows: one pass over the columns that the mapping names.

A row is turned into codes (`codes`), and grouped by several sets of them at once: each field with
each label, the hour, the gap between prediction and label, the id. Nothing is held but the groups.
Where there are actuals, rows and actuals are joined whole (FULL JOIN), so that those are counted,
too, that find nothing on the other side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from headwater.checking.version.codes import roots
from headwater.interfaces.mapping import BoundColumn, BoundMapping
from headwater.interfaces.schema import ID, TIMESTAMP, ModelType, Role
from headwater.planning.planner import Draft
from headwater.planning.windowed_query import Wrapped, as_instant, latest_actuals, select
from headwater.sql.private_names import CONFLICT
from headwater.sql.rewriting import quoted
from headwater.types import BOOLEAN, DataType, FieldType
from headwater.windows import labels as label_times

SET: Final = "_hw_set"
_OWN, _THERE, _OTHER = "_hw_own", "_hw_there", "_hw_other"
BATCH: Final = 30
"""Fields that are counted in one pass: Spark tells sets of at most 64 columns apart."""
GROUPS: Final = 100_000
"""Groups of a set that are looked at, the largest first; of digests, the least."""
TEXT: Final = 100
"""Characters of a text that tell it from others."""
HOUR: Final = 3_600_000_000
QUARTER: Final = HOUR // 4
DAY: Final = HOUR * 24
MOST_QUARTERS: Final = 4 * 24 * 60
"""Quarters of an hour from which on it does not matter how many more a label is late or early."""

NULL_ID, CONFLICTS, NULL_TIME, BAD_SHARE, BAD_SUM, NOT_LARGEST = 1, 2, 4, 8, 16, 32
SUM_TOLERANCE: Final = 0.01
"""By how much the shares of a prediction may miss 1: they are often written with two digits."""


@dataclass(frozen=True, slots=True)
class Counted:
    """One field as it is counted.

    Args:
        column: The output column of a read.
        kind: `number` and `moment` have codes that have an order; `text` is its own; of what is
            `other` only its size is looked at.
    """

    column: BoundColumn
    kind: str

    @property
    def name(self) -> str:
        """Name of the output column."""
        return self.column.name

    @property
    def role(self) -> Role:
        """What it is."""
        return self.column.role


def counted(column: BoundColumn) -> Counted:
    """Return a field with how it is counted.

    Args:
        column: An output column of a read, neither id nor timestamp.
    """
    declared, source = column.field_type, column.source_type
    if declared is FieldType.NUMERIC and source.is_numeric:
        return Counted(column, "number")
    if declared is FieldType.DATETIME and source.name in ("timestamp", "date"):
        return Counted(column, "moment")
    plain = source.is_text or source.is_integer or source == BOOLEAN
    if plain and declared in (FieldType.CATEGORICAL, FieldType.STRING, FieldType.BOOLEAN):
        return Counted(column, "text")
    return Counted(column, "other")


@dataclass(frozen=True, slots=True)
class GroupSet:
    """One set of codes that rows are grouped by.

    Args:
        what: `field`, `time`, `gap`, `flags`, `id`, `row` or `pair`.
        keys: The columns.
        about: Numbers of the fields that they are about.
    """

    what: str
    keys: tuple[str, ...]
    about: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TallyQuery:
    """The SQL of a tally, and how its rows are read.

    Args:
        sql: Over the slots of the plan.
        fields: The fields, by number.
        keys: Columns of codes, in order.
        sets: The sets; those of a group are found by the columns that it has.
        ranges: Numbers of the labels whose least and greatest code stand beside each group.
        sampled: Share of the rows whose features are told as a digest.
    """

    sql: str
    fields: tuple[Counted, ...]
    keys: tuple[str, ...]
    sets: tuple[GroupSet, ...]
    ranges: tuple[int, ...]
    sampled: float

    def number(self, group: GroupSet) -> int:
        """Return what `grouping_id()` gives for a set."""
        last = len(self.keys) - 1
        return sum(1 << (last - i) for i, key in enumerate(self.keys) if key not in group.keys)


def tally_queries(
    draft: Draft, model_type: ModelType, sampled: float, *, digests: bool
) -> list[TallyQuery]:
    """Return the queries that count a connection's rows: one, unless there are very many fields.

    Args:
        draft: What its plan is made of.
        model_type: What the model answers.
        sampled: Share of the rows whose features are told as a digest.
        digests: Whether to compute these digests.
    """
    columns = [*draft.serving.mapping, *(draft.actuals.mapping.actuals if draft.actuals else ())]
    plain = [counted(c) for c in columns if c.role not in (Role.ID, Role.TIMESTAMP)]
    labels = [c for c in plain if c.role is Role.ACTUAL]
    others = [c for c in plain if c.role is not Role.ACTUAL]
    batches = [others[i : i + BATCH] for i in range(0, len(others), BATCH)] or [[]]
    return [
        _query(draft, model_type, (*batch, *labels), sampled, first=not number, digests=digests)
        for number, batch in enumerate(batches)
    ]


def is_class(item: Counted, model_type: ModelType) -> bool:
    """Return whether a label is one of a few classes, rather than an amount."""
    if item.kind == "text":
        return True
    return item.kind == "number" and model_type in (ModelType.BINARY, ModelType.MULTICLASS)


def _query(
    draft: Draft,
    model_type: ModelType,
    fields: Sequence[Counted],
    sampled: float,
    *,
    first: bool,
    digests: bool,
) -> TallyQuery:
    mapping = draft.serving.mapping
    labels = [i for i, f in enumerate(fields) if f.role is Role.ACTUAL][:3]
    classes = [i for i in labels if is_class(fields[i], model_type)]
    amounts = [i for i in labels if fields[i].kind == "number" and i not in classes]
    has_id = mapping.role(Role.ID) is not None
    timed = mapping.role(Role.TIMESTAMP) is not None
    dated = _set_type(draft) is not None
    sets: list[GroupSet] = []
    for number in range(len(fields)):
        grouped_labels = classes or labels[:1]
        if not labels:
            sets.append(GroupSet("field", (f"c{number}", "own"), (number,)))
        for label in grouped_labels:
            key = f"c{label}" if label in classes else f"k{label}"
            keys = dict.fromkeys([f"c{number}", key, "own"])
            sets.append(GroupSet("field", tuple(keys), (number, label)))
        sets += [
            GroupSet("field", (f"c{number}", f"k{label}", "own"), (number, label))
            for label in amounts
            if label not in grouped_labels
        ]
    if first:
        sets += [
            GroupSet("pair", (f"c{one}", f"c{two}", "own"), (one, two))
            for one, two in _pairs(fields)
        ]
        sets.append(GroupSet("flags", ("flags", "own", "there")))
        if timed:
            sets.append(GroupSet("time", ("hour", "midnight", "known", "own")))
        if timed and dated:
            sets.append(GroupSet("gap", ("gap", "dated", "own")))
        if has_id:
            sets.append(GroupSet("id", ("identity",)))
        features = [i for i, f in enumerate(fields) if f.role is Role.FEATURE and f.kind != "other"]
        if digests and len(features) > 1:
            sets.append(GroupSet("row", ("digest",)))
    sets = list({s.keys: s for s in sets}.values())
    names = tuple(dict.fromkeys(k for s in sets for k in s.keys))
    query = TallyQuery("", tuple(fields), names, tuple(sets), tuple(amounts), sampled)
    return replace(query, sql=_grouped(query, _coded(draft, fields, labels, sampled)))


def _pairs(fields: Sequence[Counted]) -> list[tuple[int, int]]:
    """Return predictions that should agree: a decision and a number, of which it is made."""
    own = [i for i, f in enumerate(fields) if f.role is Role.PREDICTION]
    numbers = [i for i in own if fields[i].kind == "number"]
    decisions = [i for i in own if fields[i].kind == "text"]
    pairs = [(d, n) for d in decisions for n in numbers]
    pairs += [(a, b) for a in numbers for b in numbers if a < b]
    return pairs[:12]


def _coded(draft: Draft, fields: Sequence[Counted], labels: Sequence[int], sampled: float) -> str:
    """Return SQL with a row's codes."""
    mapping = draft.serving.mapping
    made_at = mapping.role(Role.TIMESTAMP)
    numbers = [i for i, f in enumerate(fields) if f.kind == "number"]
    texts = [i for i, f in enumerate(fields) if f.kind != "number"]
    names = [f"CAST({quoted(fields[i].name)} AS DOUBLE) AS v{i}" for i in numbers]
    names += [f"{_key(fields[i])} AS t{i}" for i in texts]
    has_label = " OR ".join(f"{quoted(fields[i].name)} IS NOT NULL" for i in labels) or "false"
    names += [f"{_OWN} AS own", f"{_THERE} AS there", f"({has_label}) AS known"]
    time = f"unix_micros({as_instant(quoted(TIMESTAMP), made_at.source_type)})" if made_at else None
    names.append(f"{time or 'CAST(NULL AS BIGINT)'} AS made")
    set_type = _set_type(draft)
    moment = (
        f"unix_micros({as_instant(quoted(SET), set_type)})" if set_type else "CAST(NULL AS BIGINT)"
    )
    names.append(f"{moment} AS decided")
    identity = quoted(ID) if mapping.role(Role.ID) else "CAST(NULL AS STRING)"
    names.append(f"{identity} AS identity")
    names.append(f"{_flags(draft, fields)} AS flags")
    text = f"SELECT {', '.join(names)} FROM (\n{_joined(draft)}\n) AS j"
    text_columns = [f"t{i}" for i in texts]
    further = "own, there, known, made, decided, identity, flags"
    for number, step in enumerate(roots([f"v{i}" for i in numbers])):
        text = f"SELECT {', '.join([*step, *text_columns, further])} FROM ({text}) AS e{number}"
    rank = {i: n for n, i in enumerate(numbers)}
    codes = [f"c{rank[i]} AS z{i}" if i in rank else f"t{i} AS z{i}" for i in range(len(fields))]
    text = f"SELECT {', '.join([*codes, further])} FROM ({text}) AS f"
    names = [f"z{i} AS c{i}" for i in range(len(fields))]
    names += [f"(z{i} IS NOT NULL) AS k{i}" for i in labels]
    names += [
        "own, there, known, identity, flags",
        f"made div {HOUR} AS hour",
        f"(made % {DAY} = 0L) AS midnight",
        f"CASE WHEN known THEN {_gap()} END AS gap",
        f"(decided % {DAY} = 0L) AS dated",
        f"{_digest(fields, sampled)} AS digest",
    ]
    return f"SELECT {', '.join(names)} FROM ({text}) AS h"


def _key(item: Counted) -> str:
    """Return SQL for the code of a field that is not a number."""
    name, source = quoted(item.name), item.column.source_type
    if item.kind == "moment":
        return f"unix_micros({as_instant(name, source)}) div {HOUR}"
    if item.kind == "text":
        text = name if source.is_text else f"CAST({name} AS STRING)"
        return f"substring({text}, 1, {TEXT})"
    if source.is_text:
        return f"CASE WHEN trim({name}) = '' THEN 0L WHEN {name} IS NOT NULL THEN 1L END"
    if source.name in ("array", "map"):
        return f"CASE WHEN {name} IS NOT NULL THEN CAST(size({name}) AS BIGINT) END"
    return f"CASE WHEN {name} IS NOT NULL THEN 1L END"


def _gap() -> str:
    """Return SQL for the quarters of an hour from prediction to label; early is below zero."""
    quarters = f"(decided div {QUARTER}) - (made div {QUARTER})"
    return (
        f"CASE WHEN decided < made THEN greatest(least({quarters}, -1L), -{MOST_QUARTERS}L) "
        f"WHEN decided >= made THEN least({quarters}, {MOST_QUARTERS}L) END"
    )


def _digest(fields: Sequence[Counted], sampled: float) -> str:
    """Return SQL for a digest of a row's features, for a share of the rows; else NULL."""
    parts = [
        f"coalesce({f'CAST(z{i} AS STRING)' if f.kind != 'text' else f'z{i}'}, '~')"
        for i, f in enumerate(fields)
        if f.role is Role.FEATURE and f.kind != "other"
    ]
    if not parts:
        return "CAST(NULL AS STRING)"
    digest = f"md5(concat_ws('|', {', '.join(parts)}))"
    sampled_rows = f"own AND substring({digest}, 1, 8) < '{int(sampled * 2**32):08x}'"
    return f"CASE WHEN {sampled_rows if sampled < 1 else 'own'} THEN substring({digest}, 1, 16) END"


def _flags(draft: Draft, fields: Sequence[Counted]) -> str:
    """Return SQL for what is wrong with a row by itself, as bits."""
    mapping = draft.serving.mapping
    bits = []
    if mapping.role(Role.ID) is not None:
        bits.append((NULL_ID, f"{quoted(ID)} IS NULL"))
    if draft.actuals is not None:
        bits.append((CONFLICTS, quoted(CONFLICT)))
    if mapping.role(Role.TIMESTAMP) is not None:
        bits.append((NULL_TIME, f"{quoted(TIMESTAMP)} IS NULL"))
    for item in fields:
        if item.role is not Role.PREDICTION or item.column.field_type is not FieldType.DICT:
            continue
        if item.column.source_type.name != "map":
            continue
        shares = f"map_values({quoted(item.name)})"
        total = f"aggregate({shares}, 0.0D, (a, b) -> a + CAST(b AS DOUBLE))"
        bits += [
            (BAD_SHARE, f"exists({shares}, x -> x < 0 OR x > 1)"),
            (BAD_SUM, f"size({shares}) > 0 AND abs({total} - 1.0D) > {SUM_TOLERANCE}D"),
        ]
        for other in fields:
            if other.role is Role.PREDICTION and other.kind == "text":
                chosen = f"element_at({quoted(item.name)}, {quoted(other.name)})"
                if other.column.source_type.is_text:
                    bits.append((NOT_LARGEST, f"{chosen} < array_max({shares})"))
                break
    conditions_of: dict[int, list[str]] = {}
    for bit, condition in bits:
        conditions_of.setdefault(bit, []).append(f"({condition})")
    terms = [
        f"CASE WHEN {' OR '.join(conditions)} THEN {bit}L ELSE 0L END"
        for bit, conditions in conditions_of.items()
    ]
    return " + ".join(terms) or "0L"


def _joined(draft: Draft) -> str:
    """Return SQL of the rows joined with their actuals, including actuals without a row."""
    own = _query_with_label_time(draft)
    names = [c.name for c in own.mapping]
    rows = f"SELECT q.*, true AS {_OWN} FROM (\n{select(own)}\n) AS q"
    if draft.actuals is None or draft.actuals_text is None:
        return f"SELECT r.*, CAST(NULL AS BOOLEAN) AS {_THERE} FROM (\n{rows}\n) AS r"
    mapping = draft.actuals.mapping
    window, as_of = draft.request.window, draft.as_of
    timed = as_of is not None and mapping.role(Role.TIMESTAMP) is not None
    stretch = label_times.stretch(window, as_of) if as_of is not None and timed else None
    wrapped = Wrapped(draft.actuals_text, mapping, stretch, untimed=True)
    latest = latest_actuals(wrapped, mapping.actuals)
    actual_columns = [c.name for c in mapping.actuals] + [CONFLICT]
    if mapping.role(Role.TIMESTAMP) is not None:
        actual_columns.append(SET)
        names = [n for n in names if n != SET]
    columns = [f"s.{quoted(n)}" for n in names] + [f"s.{_OWN}"]
    columns += [f"a.{quoted(n)}" for n in actual_columns] + [f"a.{_THERE}"]
    return (
        f"SELECT {', '.join(columns)} FROM (\n{rows}\n) AS s\n"
        f"FULL JOIN (SELECT b.*, true AS {_THERE} FROM (\n{latest}\n) AS b "
        f"WHERE b.`id` IS NOT NULL) AS a ON s.`id` = a.`id`"
    )


def _query_with_label_time(draft: Draft) -> Wrapped:
    """Return the connection's query with the time of its own labels as a further column."""
    mapping = draft.serving.mapping
    columns = mapping.columns
    if (moment := mapping.label_timestamp) is not None:
        set_at = BoundColumn(SET, Role.RAW_INPUT, moment.column, moment.source_type, None)
        columns = (*columns, set_at)
    return Wrapped(draft.text, BoundMapping(columns), draft.request.window)


def _set_type(draft: Draft) -> DataType | None:
    """Return the type of the time at which labels were set, where there is one."""
    if draft.actuals is not None:
        moment = draft.actuals.mapping.role(Role.TIMESTAMP)
        if moment is not None:
            return moment.source_type
    own = draft.serving.mapping.label_timestamp
    return None if own is None else own.source_type


def _grouped(query: TallyQuery, coded: str) -> str:
    """Return SQL with the groups of all sets, those of single ids put together."""
    keys = ", ".join(query.keys)
    sets = ", ".join(f"({', '.join(s.keys)})" for s in query.sets)
    # A column that is grouped by is NULL in the sets that are without it: it is taken by its copy.
    named = "".join(f", c{i} AS y{i}" for i in query.ranges)
    ranges = "".join(f", min(y{i}) AS l{i}, max(y{i}) AS g{i}" for i in query.ranges)
    text = (
        f"SELECT grouping_id() AS kind, {keys}, count(*) AS n, "
        f"count(CASE WHEN known0 THEN 1 END) AS labelled, count(there0) AS matched{ranges} "
        f"FROM (SELECT o.*, known AS known0, there AS there0{named} FROM (\n{coded}\n) AS o) AS p "
        f"GROUP BY {keys} GROUPING SETS ({sets})"
    )
    ids = next((query.number(s) for s in query.sets if s.what == "id"), None)
    others = [k for k in query.keys if k != "identity"]
    if ids is not None:
        least = "".join(f", min(l{i}) AS l{i}, max(g{i}) AS g{i}" for i in query.ranges)
        repeats = f"CASE WHEN kind = {ids} AND identity IS NOT NULL THEN n > 1 END"
        has_match = f"CASE WHEN kind = {ids} AND identity IS NOT NULL THEN matched > 0 END"
        has_label = f"CASE WHEN kind = {ids} AND identity IS NOT NULL THEN labelled > 0 END"
        by = ", ".join(["kind", *others, "repeats", "found", "has_label"])
        text = (
            f"SELECT {by}, sum(n) AS n, count(*) AS members, sum(labelled) AS labelled{least} FROM "
            f"(SELECT u.*, {repeats} AS repeats, {has_match} AS found, {has_label} AS has_label "
            f"FROM (\n{text}\n) AS u) AS w GROUP BY {by}"
        )
    digests = next((query.number(s) for s in query.sets if s.what == "row"), -1)
    # Of digests the least are kept: they are those of a share of the rows, the same in all tables.
    largest = f"CASE WHEN kind = {digests} THEN 0L ELSE n END DESC"
    order = ", ".join([largest, *others])
    return (
        "SELECT * FROM (SELECT x.*, "
        f"row_number() OVER (PARTITION BY kind ORDER BY {order}) AS place "
        f"FROM (\n{text}\n) AS x) AS y WHERE place <= {GROUPS}"
    )
