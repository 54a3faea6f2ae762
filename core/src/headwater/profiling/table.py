"""Table: the long table in which a profile is written and read, one row for each cell."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from headwater.display.printable import printable
from headwater.errors import ConfigError
from headwater.profiling.cells import (
    EPOCH,
    About,
    Cells,
    Key,
    Place,
    cleaned,
    segment_of,
    segment_text,
)
from headwater.profiling.edges import Edges, damaged, newer
from headwater.profiling.statistics import STATISTICS, Holds, Value
from headwater.tables.window import Window
from headwater.untrusted import limits
from headwater.untrusted.texts import ForeignTextError, json_value

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT: Final = 1
METADATA: Final = b"headwater.profile"
"""Where a profile's table keeps its edges, and what it was made of."""
_MICROSECOND: Final = timedelta(microseconds=1)
_COLUMNS: Final = (
    "window", "segment", "field", "statistic", "bin", "label", "count", "decimal", "number", "text",
    "exact",
)  # fmt: skip


def schema() -> pa.Schema:
    """Return the schema of a profile's table, without its metadata."""
    import pyarrow as pa

    moment = pa.timestamp("us", tz="UTC")
    types: tuple[pa.DataType, ...] = (
        pa.struct([("start", moment), ("end", moment)]), pa.string(), pa.string(), pa.string(),
        pa.int32(), pa.string(), pa.int64(), pa.decimal128(38, 6), pa.float64(), pa.string(),
        pa.bool_(),
    )  # fmt: skip
    return pa.schema(list(zip(_COLUMNS, types, strict=True)))


def to_table(
    cells: Iterable[tuple[Place, Key, Value]],
    edges: Edges,
    by: Sequence[str] | None,
    about: About,
) -> pa.Table:
    """Return the table of a profile.

    Args:
        cells: What it tells, in the order of the table.
        edges: What its histograms and vocabularies are of.
        by: The fields that its segments are made of; None if it has no rows yet.
        about: Where it comes from.
    """
    import pyarrow as pa

    columns: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
    for place, key, value in cells:
        columns["window"].append(place.window)
        columns["segment"].append(place.segment)
        for name, part in zip(Key._fields, key, strict=True):
            columns[name].append(part)
        columns["count"].append(value if type(value) is int else None)
        columns["decimal"].append(value if isinstance(value, Decimal) else None)
        columns["number"].append(value if isinstance(value, float) else None)
        columns["text"].append(value if isinstance(value, str) else None)
        columns["exact"].append(True)
    form = schema()
    arrays = [
        _windows(values, form.field(name).type)
        if name == "window"
        else pa.array(values, form.field(name).type)
        for name, values in columns.items()
    ]
    metadata = {
        "headwater": "profile",
        "format": FORMAT,
        "edges_digest": edges.digest,
        "by": None if by is None else list(by),
        "connections": list(about.connections),
        "as_of": None if about.as_of is None else [moment.isoformat() for moment in about.as_of],
        "edges": edges.to_dict(),
    }
    text = json.dumps(metadata, ensure_ascii=False, separators=(",", ":"))
    return pa.table(arrays, schema=form.with_metadata({METADATA: text.encode()}))


def _windows(windows: Sequence[Window | None], type_: Any) -> Any:
    import pyarrow as pa

    bounds = [
        pa.array(
            [None if w is None else (getattr(w, side) - EPOCH) // _MICROSECOND for w in windows],
            pa.int64(),
        ).cast(type_.field(0).type)
        for side in ("start", "end")
    ]
    mask = pa.array([w is None for w in windows], pa.bool_())
    return pa.StructArray.from_arrays(bounds, fields=list(type_), mask=mask)


def from_table(
    table: pa.Table, name: str
) -> tuple[Edges, dict[Place, Cells], tuple[str, ...] | None, About]:
    """Read a profile's edges, cells, segment fields and origin from its table.

    Args:
        table: It, with its metadata; its rows in any order.
        name: What it is called.

    Raises:
        ProfileError: With code `profile-damaged` or `profile-newer`, if it is none.
    """
    try:
        edges, by, about = _metadata(table, name)
        cells: dict[Place, dict[Key, Value]] = {}
        for place, key, value in _rows(table):
            inside = cells.setdefault(place, {})
            if key in inside:
                raise ValueError(f"two rows tell {key.statistic} of {key.field}")
            inside[key] = value
        for place in cells:
            if set(segment_of(place.segment) or ()) != set(by or ()):
                raise ValueError("a segment is not of the fields that it says")
    except ConfigError as error:
        raise damaged(name, error.message) from None
    except (ForeignTextError, ValueError, TypeError, KeyError, OverflowError) as error:
        raise damaged(name, printable(str(error))[:200]) from None
    return edges, {place: cleaned(inside) for place, inside in cells.items()}, by, about


def _metadata(table: pa.Table, name: str) -> tuple[Edges, tuple[str, ...] | None, About]:
    text = (table.schema.metadata or {}).get(METADATA)
    if text is None:
        raise ValueError("its metadata has no headwater.profile")
    if len(text) > limits.EDGES_BYTES:
        raise ValueError(f"its metadata has more than {limits.EDGES_BYTES:,} bytes")
    document = json_value(text)
    if not isinstance(document, dict) or document.get("headwater") != "profile":
        raise ValueError("it does not say that it is a profile")
    number = document.get("format")
    if type(number) is int and number > FORMAT:
        raise newer(name, number, FORMAT)
    if number != FORMAT:
        raise ValueError("it tells no format")
    by, connections = document["by"], document["connections"]
    for texts in (by or [], connections):
        if not isinstance(texts, list) or not all(isinstance(t, str) for t in texts):
            raise ValueError("names are no texts")
    moments = [datetime.fromisoformat(moment) for moment in document["as_of"] or ()]
    first, last = moments or (None, None)
    return (
        Edges.from_dict(document["edges"]),
        None if by is None else tuple(by),
        About(tuple(connections), first, last),
    )


def _rows(table: pa.Table) -> Iterator[tuple[Place, Key, Value]]:
    import pyarrow as pa

    form = schema()
    table = table.select(list(_COLUMNS)).cast(form)
    window: Any = table.column("window").combine_chunks()
    bounds = [window.field(side).cast(pa.int64()).to_pylist() for side in ("start", "end")]
    valid = window.is_valid().to_pylist()
    windows: dict[tuple[int, int], Window] = {}
    segments: set[str] = set()
    others = [table.column(name).to_pylist() for name in _COLUMNS[1:-1]]
    for has, start, end, segment, field, statistic, number, label, *values in zip(
        valid, *bounds, *others, strict=True
    ):
        if not has:
            within = None
        else:
            within = windows.get((start, end))
            if within is None:
                within = windows[start, end] = Window(
                    EPOCH + timedelta(microseconds=start), EPOCH + timedelta(microseconds=end)
                )
        if segment is not None and segment not in segments:
            _check_segment(segment)
            segments.add(segment)
        yield (
            Place(within, segment),
            Key(field, statistic, number, label),
            _value(STATISTICS[statistic], number, label, values),
        )


def _check_segment(text: str) -> None:
    values = json_value(text)
    if not isinstance(values, dict) or not all(
        v is None or isinstance(v, str) for v in values.values()
    ):
        raise ValueError(f"{text[:80]!r} is no segment")
    if segment_text(values) != text:
        raise ValueError(f"{text[:80]!r} is no segment as headwater writes it")


def _value(statistic: Any, bin: int | None, label: str | None, values: Sequence[Any]) -> Value:
    kinds = [h for h, v in zip(Holds, values, strict=True) if v is not None]
    if len(kinds) != 1 or kinds[0] not in statistic.holds:
        raise ValueError(f"{statistic.name} holds one {' or '.join(statistic.holds)}")
    if (bin is not None) != statistic.binned or (label is not None) != statistic.labelled:
        raise ValueError(f"{statistic.name} is of another bin or label than it should be")
    value: Value = next(v for v in values if v is not None)
    return value
