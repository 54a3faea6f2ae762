"""What a data source promises of what a scan asks for: it loses no row that is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from headwater.tables.relation import StreamRelation
from headwater.tables.scan_request import Condition, Operator, ScanRequest, Value
from headwater.testing.contract import expect
from headwater.testing.edges import edge_rows, many_rows
from headwater.testing.sources.support import (
    MakeSource,
    SourcePromises,
    batches_of,
    only_streams,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from headwater.interfaces.data_source import DataSource

_MIDNIGHT: Final = datetime(2026, 1, 2, tzinfo=UTC)
_ASKED: Final[tuple[tuple[tuple[str, str, tuple[Value, ...]], ...], ...]] = (
    (("small", "in", (0, 7)),),
    (("small", ">=", (1,)),),
    (("small", "<", (0,)),),
    (("small", "null or >=", (8,)),),
    (("big", ">=", (2**63 - 1,)),),
    (("day", ">=", (date(2026, 1, 2),)), ("day", "<", (date(2026, 3, 29),))),
    (("id", "in", ("row-1", "row-4")),),
    (("word", "in", ("quote ' double \" back ` slash \\", "plain", "")),),
    (("word", "in", ("snow ☃, music 𝄞, e\u0301", "NULL")),),
    (("word", "in", (" spaces ", "spaces", "PLAIN")),),
    (("at", "null or <", (_MIDNIGHT,)),),
    (("small", ">=", (0,)), ("id", "in", ("row-0", "row-3", "row-4"))),
)
"""Conditions on the edge rows, each with a row that meets it at its very edge."""
_TOLD: Final = 10
"""Rows that are told of those that a condition lost, at most."""
_UNKNOWN: Final = "begins with"
"""An operator that there is not yet."""


class RequestPromises(SourcePromises):
    """What a stream leaves out, nobody wanted; what it says that it did, it did."""

    def test_conditions_lose_no_row(self, source: DataSource, make_source: MakeSource) -> None:
        """Asked for conditions, or for a few rows, a stream gives all rows that meet them, or more.

        An operator that it does not know, as there may be one day, it leaves alone. Rows that meet
        them come wherever in the table they lie, also behind 25,000 others.

        If it fails: apply only what your system says exactly as the request does (NULL meets only
        `null or ...`; texts are compared by each character), by parameters, never by text that is
        put together; the engine does the rest.
        """
        with source.access() as access:
            streams = only_streams(source, access)
            relation = next(streams)
            faults = [
                f for request in _requests(relation) for f in _lost_rows(next(streams), request)
            ]
            strange = Condition(_spelled(relation, "word"), cast("Operator", _UNKNOWN), ("plain",))
            faults += _lost_rows(next(streams), ScanRequest(_needed(relation), (strange,)))
            few = ScanRequest(_needed(relation), limit=3)
            if len(ids := ids_of(next(streams), few)) < 3:
                faults.append(f"asked for 3 rows, it gave {len(ids)} of {edge_rows().num_rows}")
        rows = many_rows()
        many = make_source(rows)
        with many.access() as access:
            streams = only_streams(many, access)
            # That it gives others without conditions, too, is told by another promise.
            whole = _gives_all(next(streams), rows)
            for column, operator, values in _conditions_on_many(rows) if whole else ():
                relation = next(streams)
                needed = tuple(_spelled(relation, n) for n in ("id", column))
                condition = Condition(needed[1], operator, values)
                request = ScanRequest(tuple(dict.fromkeys(needed)), (condition,))
                faults += _lost_rows(relation, request, rows.select(list({"id": 1, column: 1})))
        expect(
            faults,
            "leave a condition that your system does not say exactly so to the engine, and pass "
            "values as parameters",
        )

    def test_what_was_applied_was_applied(self, source: DataSource) -> None:
        """Every row meets the conditions that the stream says it applied, and stops at the limit.

        If it fails: name in Opened.applied what your system was sent and compares exactly, no more.
        """
        faults = []
        with source.access() as access:
            streams = only_streams(source, access)
            relation = next(streams)
            for request in _requests(relation):
                try:
                    opened = next(streams).opened(request)
                    rows = _rows(batches_of(opened))
                except Exception:  # noqa: BLE001 - told by another promise
                    continue
                for condition in opened.applied:
                    wrong = sorted(r["id"] for r in rows if not _meets(r, condition))
                    if wrong:
                        faults.append(f"it says that it applied {condition}, and gave {wrong}")
            few = ScanRequest(_needed(relation), limit=3)
            opened = next(streams).opened(few)
            if opened.limited and (count := len(_rows(batches_of(opened)))) > 3:
                faults.append(f"it says that it stopped at 3 rows, and gave {count}")
        expect(faults, "name in Opened.applied what was really applied, and nothing else")


def _conditions_on_many(rows: pa.Table) -> Iterator[tuple[str, Operator, tuple[Value, ...]]]:
    """Yield conditions on many rows, which the last of them meet."""
    last = rows.slice(rows.num_rows - 13)
    yield "id", "in", (str(rows["id"][0]), *map(str, last["id"].to_pylist()))
    yield "big", ">=", (last["big"][0].as_py(),)
    yield "small", "null or >=", (rows.num_rows - 13,)


def _gives_all(relation: StreamRelation, rows: pa.Table) -> bool:
    """Return whether a stream gives the rows that were stored, and no more."""
    stored, came = set(rows["id"].to_pylist()), []
    for batch in batches_of(relation.opened(ScanRequest((_spelled(relation, "id"),)))):
        came += batch.column(0).to_pylist()
        if len(came) > rows.num_rows:
            return False  # it may never end
    return stored == set(came)


def conditions(relation: StreamRelation, at: tuple[datetime, datetime]) -> ScanRequest:
    """Return the request of a read of a window."""
    column = _spelled(relation, "at")
    bounds = (Condition(column, ">=", (at[0],)), Condition(column, "<", (at[1],)))
    return ScanRequest(_needed(relation), bounds, column)


def ids_of(relation: StreamRelation, request: ScanRequest) -> list[str]:
    """Return the ids of the rows that a stream gives for a request."""
    return [row["id"] for row in _rows(batches_of(relation.opened(request)))]


def _requests(relation: StreamRelation) -> Iterator[ScanRequest]:
    for conditions_ in _ASKED:
        yield ScanRequest(
            _needed(relation),
            tuple(
                Condition(_spelled(relation, c), cast("Operator", op), v)
                for c, op, v in conditions_
            ),
        )


def _needed(relation: StreamRelation) -> tuple[str, ...]:
    return tuple(c.name for c in relation.columns)


def _spelled(relation: StreamRelation, name: str) -> str:
    return next(c.name for c in relation.columns if c.name.casefold() == name)


def _lost_rows(
    relation: StreamRelation, request: ScanRequest, rows: pa.Table | None = None
) -> list[str]:
    """Return which rows that meet a request's conditions did not come; of many, the first."""
    where = " and ".join(map(str, request.conditions))
    stored = (edge_rows() if rows is None else rows).to_pylist()
    try:
        came = set(ids_of(relation, request))
    except Exception as error:  # noqa: BLE001 - whatever a plugin raises
        return [f"asked for {where}, it failed: {type(error).__name__}: {error}"]
    meeting = [r for r in stored if all(_meets(r, c) for c in request.conditions)]
    lost = [
        f"asked for {where}, it left out {r['id']} ({', '.join(_shown(r, request.conditions))})"
        for r in meeting
        if r["id"] not in came
    ]
    more = [f"and {len(lost) - _TOLD} more"] if len(lost) > _TOLD else []
    return lost[:_TOLD] + more


def _shown(row: dict[str, Any], conditions: Sequence[Condition]) -> list[str]:
    return [f"{c.column} {row[c.column.casefold()]!r}" for c in conditions]


def _rows(stream: Any) -> list[dict[str, Any]]:
    """Return a stream's rows, with the names of their columns casefolded."""
    return [
        {name.casefold(): value for name, value in row.items()}
        for batch in stream
        for row in batch.to_pylist()
    ]


def _meets(row: dict[str, Any], condition: Condition) -> bool:
    """Return whether a row meets a condition, as Spark compares."""
    value = row[condition.column.casefold()]
    if isinstance(value, datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    if value is None:
        return condition.operator.startswith("null or ")
    match condition.operator.removeprefix("null or "):
        case "in":
            return value in condition.values
        case ">=":
            return bool(value >= condition.value)
        case "<":
            return bool(value < condition.value)
        case _:
            return True  # of what it does not know, it leaves out nothing
