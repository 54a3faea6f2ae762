"""Tallies: what was counted of a connection's rows, as values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from headwater.checking.version.codes import NAN, is_number
from headwater.checking.version.tally_query import GROUPS, Counted, GroupSet, TallyQuery
from headwater.interfaces.schema import ModelType, Role

if TYPE_CHECKING:
    import pyarrow as pa

Key = int | str | None
"""A code: of a number, a text; None for NULL."""
Label = int | str | bool | None
"""A label's class; whether it is known, where it is no class."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Rows of one code and one label.

    Args:
        key: The field's code.
        label: The label.
        rows: How many there are.
        low: Least code of the label, where it is an amount.
        high: Its greatest.
    """

    key: Key
    label: Label
    rows: int
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True)
class FieldTally:
    """What a field holds.

    Args:
        field: The field.
        cells: For each label that it was held against, by number: rows by code and label.
            Under -1, rows by code where there is no label.
        whole: Whether all codes are among them; of very many values, the most frequent are.
    """

    field: Counted
    cells: Mapping[int, tuple[Cell, ...]]
    whole: bool

    @property
    def name(self) -> str:
        """Name of the output column."""
        return self.field.name

    @cached_property
    def counts(self) -> Mapping[Key, int]:
        """Rows by code."""
        counts: Counter[Key] = Counter()
        for cell in next(iter(self.cells.values()), ()):
            counts[cell.key] += cell.rows
        return counts

    @cached_property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(self.counts.values())

    @cached_property
    def numbers(self) -> tuple[tuple[int, int], ...]:
        """Finite numbers' codes with their rows, in order."""
        pairs = [(k, n) for k, n in self.counts.items() if isinstance(k, int) and is_number(k)]
        return tuple(sorted(pairs))

    @property
    def nulls(self) -> int:
        """Rows that have no value."""
        return self.counts.get(None, 0)

    @property
    def nans(self) -> int:
        """Rows that hold NaN."""
        return self.counts.get(NAN, 0) if self.field.kind == "number" else 0


@dataclass(frozen=True, slots=True)
class Ids:
    """Ids of a connection's rows.

    Args:
        ids: Different ones.
        repeated: Those that several rows have.
        rows: Rows of these.
        labelled_rows: Rows of repeated ids whose label is known.
        labelled: Repeated ids with such a row.
        found: Ids that the actuals have.
    """

    ids: int = 0
    repeated: int = 0
    rows: int = 0
    labelled_rows: int = 0
    labelled: int = 0
    found: int = 0


@dataclass(frozen=True)
class Tally:
    """What was counted of one connection.

    Args:
        purpose: What its rows are: `serving`, `training` ...
        model_type: What the model answers.
        fields: Its fields, by name of the output column.
        rows: How many there are.
        flags: Rows by what is wrong with them by themselves.
        unmatched: Ids of actuals that no row has.
        ids: Its ids; None where it has none.
        hours: Rows by hour since 1970 and whether their label is known.
        midnight: Rows whose time is exactly midnight.
        gaps: Rows by quarters of an hour from prediction to label, and whether this is dated
            exactly midnight.
        pairs: For two predictions, by number: rows by the codes of both.
        digests: Rows by the digest of their features.
        sampled: Share of the rows whose features are told so.
        label_names: The labels, by number.
        has_actuals: Whether its labels are those of a table of actuals.
        windowed: Whether these are the rows of a window.
    """

    purpose: str
    model_type: ModelType
    fields: Mapping[str, FieldTally] = field(default_factory=dict)
    rows: int = 0
    flags: Mapping[int, int] = field(default_factory=dict)
    unmatched: int = 0
    ids: Ids | None = None
    hours: Mapping[tuple[int, bool], int] = field(default_factory=dict)
    midnight: int = 0
    gaps: Mapping[tuple[int, bool], int] = field(default_factory=dict)
    pairs: Mapping[tuple[str, str], Mapping[tuple[Key, Key], int]] = field(default_factory=dict)
    digests: Mapping[str, int] = field(default_factory=dict)
    sampled: float = 1.0
    label_names: Mapping[int, str] = field(default_factory=dict)
    has_actuals: bool = False
    windowed: bool = False

    def flagged(self, bit: int) -> int:
        """Return how many rows have a flag."""
        return sum(n for flags, n in self.flags.items() if flags & bit)

    def of_role(self, *roles: Role) -> list[FieldTally]:
        """Return the fields of some roles."""
        return [f for f in self.fields.values() if f.field.role in roles]

    @property
    def labelled(self) -> int:
        """Rows whose label is known; of several labels, any."""
        return (
            sum(n for (_, known), n in self.hours.items() if known)
            if self.hours
            else max((f.rows - f.nulls for f in self.of_role(Role.ACTUAL)), default=0)
        )


def tally_of(
    purpose: str,
    model_type: ModelType,
    answers: Sequence[tuple[TallyQuery, pa.Table]],
    **about: Any,
) -> Tally:
    """Build a tally from the answers to its queries.

    Args:
        purpose: What the connection's rows are.
        model_type: What the model answers.
        answers: The queries, each with what it gave.
        about: Further fields of the tally.
    """
    fields: dict[str, FieldTally] = {}
    parts: dict[str, Any] = {}
    for query, table in answers:
        groups = _by_kind(table)
        cells: dict[int, dict[int, tuple[Cell, ...]]] = {}
        whole: dict[int, bool] = {}
        for group in query.sets:
            rows = groups.get(query.number(group))
            if rows is None:
                continue
            if group.what == "field":
                number = group.about[0]
                label = group.about[1] if len(group.about) > 1 else -1
                cells.setdefault(number, {})[label] = tuple(_cells(query, group, rows))
                whole[number] = whole.get(number, True) and rows.num_rows < GROUPS
            else:
                _take(parts, query, group, rows)
        for number, field_cells in cells.items():
            item = query.fields[number]
            fields.setdefault(item.name, FieldTally(item, field_cells, whole[number]))
        parts.setdefault("label_names", {}).update(
            {i: f.name for i, f in enumerate(query.fields) if f.role is Role.ACTUAL}
        )
        parts["sampled"] = min(parts.get("sampled", 1.0), query.sampled)
    ordered = {f.name: fields[f.name] for q, _ in answers for f in q.fields if f.name in fields}
    return Tally(purpose, model_type, ordered, **parts, **about)


def _by_kind(table: pa.Table) -> dict[int, pa.Table]:
    import pyarrow as pa
    import pyarrow.compute as pc

    kinds: list[Any] = table["kind"].to_pylist()
    return {k: table.filter(pc.equal(table["kind"], pa.scalar(k))) for k in set(kinds)}


def _columns(table: pa.Table, names: Iterable[str]) -> Iterable[tuple[Any, ...]]:
    return zip(*(table[n].to_pylist() for n in names), strict=True)


def _cells(query: TallyQuery, group: GroupSet, table: pa.Table) -> Iterable[Cell]:
    number = group.about[0]
    label = group.about[1] if len(group.about) > 1 else None
    names = [f"c{number}", "own", "n"]
    if label is not None:
        names.append(next(k for k in group.keys if k in (f"c{label}", f"k{label}")))
    if label in query.ranges:
        names += [f"l{label}", f"g{label}"]
    for key, own, rows, *rest in _columns(table, names):
        if own:
            yield Cell(key, rest[0] if rest else None, rows, *rest[1:3])


def _take(parts: dict[str, Any], query: TallyQuery, group: GroupSet, table: pa.Table) -> None:
    """Add the counts of a set that is not of a field to the parts of a tally."""
    match group.what:
        case "flags":
            flags: Counter[int] = Counter()
            for bits, own, n in _columns(table, ("flags", "own", "n")):
                if own:
                    flags[bits or 0] += n
                else:
                    parts["unmatched"] = parts.get("unmatched", 0) + n
            parts["flags"], parts["rows"] = flags, sum(flags.values())
        case "time":
            hours: Counter[tuple[int, bool]] = Counter()
            midnight = 0
            for hour, exact, labelled, own, n in _columns(
                table, ("hour", "midnight", "known", "own", "n")
            ):
                if own and hour is not None:
                    hours[hour, bool(labelled)] += n
                    midnight += n if exact else 0
            parts["hours"], parts["midnight"] = hours, midnight
        case "gap":
            gaps: Counter[tuple[int, bool]] = Counter()
            for gap, dated, own, n in _columns(table, ("gap", "dated", "own", "n")):
                if own and gap is not None:
                    gaps[gap, bool(dated)] += n
            parts["gaps"] = gaps
        case "id":
            parts["ids"] = _ids(table)
        case "row":
            digests = {d: n for d, n in _columns(table, ("digest", "n")) if d is not None}
            if table.num_rows >= GROUPS:  # they are the least ones: a smaller share of the rows
                parts["sampled"] = int(max(digests)[:8], 16) / 2**32
            parts["digests"] = digests
        case "pair":
            one, two = (query.fields[i].name for i in group.about)
            keys = (f"c{group.about[0]}", f"c{group.about[1]}", "own", "n")
            counts = {(a, b): n for a, b, own, n in _columns(table, keys) if own}
            parts.setdefault("pairs", {})[one, two] = counts


def _ids(table: pa.Table) -> Ids:
    ids = repeated = rows = labelled_rows = labelled = matched = 0
    names = ("repeats", "found", "has_label", "members", "n", "labelled")
    for repeats, has_match, has_label, members, n, labelled_members in _columns(table, names):
        if repeats is None:
            continue
        ids += members
        matched += members if has_match else 0
        if repeats:
            repeated += members
            rows += n
            labelled_rows += labelled_members
            labelled += members if has_label else 0
    return Ids(ids, repeated, rows, labelled_rows, labelled, matched)
