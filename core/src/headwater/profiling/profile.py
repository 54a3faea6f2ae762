"""Profile: counts of a connection's rows, by window, segment and field, that merge exactly."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Context, Decimal
from functools import cached_property
from itertools import islice, pairwise
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from headwater.diagnostics import Diagnostic, hint_for
from headwater.display import html
from headwater.display.printable import printable
from headwater.errors import ConfigError, ProfileError
from headwater.profiling.cells import (
    EPOCH,
    About,
    Cells,
    Key,
    Place,
    key_order,
    merged,
    narrowed,
    nulls_first,
    place_order,
    segment_of,
)
from headwater.profiling.edges import Edges, damaged
from headwater.profiling.statistics import HASHES, STATISTICS, Holds, Value, distinct
from headwater.profiling.table import from_table, to_table
from headwater.tables.window import Window
from headwater.types import FieldType
from headwater.untrusted import limits

if TYPE_CHECKING:
    import pyarrow as pa

_SHOWN: Final = 10
"""Windows and segments that a text names one by one."""
_EXACT: Final = Context(prec=76)
_ROUNDED: Final = Decimal("0.5e-6")
"""How far a value that is summed may be from what it was: it has 6 digits."""
_DOUBLE: Final = Decimal("1e-15")
"""How far, as a share of it, a few operations on doubles may move a number."""


class Profile:
    """Counts of a connection's rows, by window, segment and field, that merge exactly.

    Made by `Connection.profile` and `Change.profile`. All of it is integers, exact decimals,
    extremes, and hashes, so the profile of a whole is the sum of the profiles of its parts, however
    it was parted, and the same on both engines. It holds no row. How the statistics are called,
    and what each holds, is told in `headwater.profiling.statistics`.

    `a + b` adds what both tell of the same window and segment, and keeps what one of them tells;
    `total` then makes one of all windows. Only profiles with the same edges can be added.

    Args:
        edges: What its histograms and vocabularies are of.
        cells: What it tells, by place.
        by: The fields that its segments are made of; None where there is nothing to tell yet.
        about: What it was made of.

    Example:
        >>> from headwater.interfaces.schema import ModelType
        >>> nothing = Profile.empty(Edges(ModelType.BINARY))
        >>> (nothing + nothing).count()
        0
    """

    def __init__(
        self,
        edges: Edges,
        cells: Mapping[Place, Cells],
        by: Sequence[str] | None = None,
        about: About | None = None,
    ) -> None:
        self._edges = edges
        self._cells: Mapping[Place, Cells] = MappingProxyType(
            {
                place: MappingProxyType(dict(cells[place]))
                for place in sorted(cells, key=place_order)
            }
        )
        self._by = None if by is None else tuple(sorted(by))
        self._about = about or About()

    @classmethod
    def empty(cls, edges: Edges) -> Profile:
        """Return the profile of no rows: what a sum begins with.

        Args:
            edges: Those of the profiles that are to be added.
        """
        return cls(edges, {})

    def edges(self) -> Edges:
        """Return the edges of its histograms and vocabularies; give them to other profiles."""
        return self._edges

    @property
    def by(self) -> tuple[str, ...]:
        """The fields that its segments are made of."""
        return self._by or ()

    @property
    def windows(self) -> tuple[Window | None, ...]:
        """Its windows, in order; None stands for all that was asked for, or for a total."""
        return tuple(dict.fromkeys(place.window for place in self._cells))

    @property
    def segments(self) -> tuple[Mapping[str, str | None] | None, ...]:
        """Its segments, each as the value of every field of `by`; None where there are none."""
        segments = dict.fromkeys(place.segment for place in self._cells)
        return tuple(segment_of(text) for text in sorted(segments, key=nulls_first))

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The profiled fields: those of the edges, and actuals."""
        names = {key.field for cells in self._cells.values() for key in cells} - {None}
        order = list(self._edges)
        return tuple(sorted(names, key=lambda n: _field_order(str(n), order)))  # type: ignore[arg-type]

    @property
    def connections(self) -> tuple[str, ...]:
        """Names of the connections that it was made of."""
        return self._about.connections

    @property
    def as_of(self) -> tuple[datetime, datetime] | None:
        """The earliest and the latest moment until which actuals were taken; None if none were."""
        return self._about.as_of

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What a reader should know of the rows; not kept in files."""
        return self._about.warnings

    def cells(self) -> Iterator[tuple[Place, Key, Value]]:
        """Yield all cells, in the order of its table."""
        for place, cells in self._cells.items():
            for key in sorted(cells, key=key_order):
                yield place, key, cells[key]

    def parts(self) -> Iterator[tuple[Window | None, Mapping[str, str | None] | None, Profile]]:
        """Yield each window and segment with its own profile."""
        for place, cells in self._cells.items():
            part = Profile(self._edges, {place: cells}, self._by, self._about)
            yield place.window, segment_of(place.segment), part

    # -- Merging -----------------------------------------------------------------------------------

    def __add__(self, other: object) -> Profile:
        if not isinstance(other, Profile):
            return NotImplemented
        if self._edges != other._edges:
            raise ProfileError(
                f"profiles of different edges can't be added: {self._edges.digest[:12]} "
                f"({', '.join(self.connections) or 'empty'}) and {other._edges.digest[:12]} "
                f"({', '.join(other.connections) or 'empty'})",
                code="edges-differ",
                hint="make both with the same edges, e.g. profile(..., edges=training.profile()"
                ".edges())",
            )
        by = self._by if other._by is None else other._by
        if self._by is not None and self._by != by:
            raise ProfileError(
                f"profiles by {_names(self._by)} and by {_names(by or ())} can't be added: their "
                "segments would overlap",
                code="segments-differ",
                hint="make both with the same by, or add what total(by=...) gives of each",
            )
        cells = {**self._cells}
        for place, other_cells in other._cells.items():
            own_cells = cells.get(place)
            cells[place] = other_cells if own_cells is None else merged((own_cells, other_cells))
        return Profile(self._edges, cells, by, self._about + other._about)

    def __radd__(self, other: object) -> Profile:
        # `sum` begins with 0, where it is not told with what.
        return self if type(other) is int and other == 0 else NotImplemented

    def total(self, by: str | Iterable[str] = ()) -> Profile:
        """Return the profile of all windows together.

        Args:
            by: Fields of its segments to keep; without them, segments are added up, too.

        Raises:
            ConfigError: If its segments are not by such a field.
            ProfileError: With code `windows-overlap`, if some of its windows have rows in common,
                which would count twice.
        """
        names = tuple(sorted((by,) if isinstance(by, str) else by))
        for name in names:
            if self._by is not None and name not in self._by:
                raise ConfigError(
                    f"the profile is not by {name!r}",
                    hint=hint_for(name, self.by, what="fields of its segments")
                    if self.by
                    else "ask for it: profile(..., by=(...,))",
                )
        self._check_windows()
        groups: dict[Place, list[Cells]] = {}
        for place, cells in self._cells.items():
            groups.setdefault(Place(None, narrowed(place.segment, names)), []).append(cells)
        whole = {place: merged(cells) for place, cells in groups.items()}
        return Profile(self._edges, whole, None if self._by is None else names, self._about)

    def _check_windows(self) -> None:
        windows = sorted((w for w in self.windows if w is not None), key=lambda w: w.start)
        for first, second in pairwise(windows):
            if second.start < first.end:
                raise ProfileError(
                    f"the windows {first} and {second} overlap: their rows would count twice",
                    code="windows-overlap",
                    hint="add profiles of windows that have no time in common",
                )

    # -- Looking up, over all windows and segments -------------------------------------------------

    @cached_property
    def _all(self) -> Cells:
        if len(self._cells) == 1:
            return next(iter(self._cells.values()))
        self._check_windows()
        return merged(list(self._cells.values()))

    @cached_property
    def _keys_of_statistic(self) -> Mapping[tuple[str | None, str], Sequence[Key]]:
        """Keys of the cells by field and statistic, so that a lookup does not scan all cells."""
        keys: dict[tuple[str | None, str], list[Key]] = {}
        for key in self._all:
            keys.setdefault((key.field, key.statistic), []).append(key)
        return keys

    def count(
        self,
        field: str | None = None,
        statistic: str = "rows",
        *,
        bin: int | None = None,
        label: str | None = None,
    ) -> int:
        """Return a count of all windows and segments together; without a field, of the rows.

        Args:
            field: A field.
            statistic: What of it is counted, e.g. `null`.
            bin: Number of the bin, of what is counted by bin.
            label: Value or class, of what is counted by label.

        Raises:
            ConfigError: If there is no such field or statistic, or it is no count.
        """
        _check(statistic, Holds.COUNT)
        self._check_field(field)
        value = self._all.get(Key(field, statistic, bin, label), 0)
        return value if isinstance(value, int) else 0

    def counts(self, field: str, statistic: str) -> dict[Any, int]:
        """Return a statistic's counts by bin, by label, or by both as a pair.

        Args:
            field: A field.
            statistic: What is counted, e.g. `vocabulary`.

        Raises:
            ConfigError: If it is not counted by bin or label.
        """
        checked = _check(statistic, Holds.COUNT)
        return {
            _part(checked, k): v for k, v in self._cells_of(field, checked) if isinstance(v, int)
        }

    def histogram(self, field: str, statistic: str = "histogram") -> tuple[int, ...]:
        """Return the counts of all bins of a statistic, also of those that are empty.

        Args:
            field: A field.
            statistic: `histogram`, `length`, `error` or, whatever the class, `score`.

        Raises:
            ConfigError: If it has no bins, or there is no such field.
        """
        checked = _check(statistic, Holds.COUNT)
        counts = [0] * (len(self._edges.bins(field, statistic)) + 1)
        for key, value in self._cells_of(field, checked):
            if isinstance(value, int) and key.bin is not None:
                counts[key.bin] += value
        return tuple(counts)

    def decimals(self, field: str, statistic: str) -> dict[Any, Decimal]:
        """Return a statistic's sums by bin, by label, or by both as a pair.

        Args:
            field: A field.
            statistic: What is summed: `score_sum` or `score_sum_squares`.

        Raises:
            ConfigError: If it is not summed by bin or label.
        """
        checked = _check(statistic, Holds.DECIMAL)
        return {
            _part(checked, k): v
            for k, v in self._cells_of(field, checked)
            if isinstance(v, Decimal)
        }

    def decimal(self, field: str, statistic: str) -> Decimal | None:
        """Return a sum, as it is in the table; None where there is none, or not of all values.

        Args:
            field: A field.
            statistic: `sum`, `sum_squares`, `error_sum` ...

        Raises:
            ConfigError: If there is no such statistic, or it is no sum.
        """
        _check(statistic, Holds.DECIMAL)
        self._check_field(field)
        value = self._all.get(Key(field, statistic))
        return value if isinstance(value, Decimal) else None

    def minimum(self, field: str) -> float | None:
        """Return the smallest finite value; of a datetime, microseconds since 1970.

        Args:
            field: A field.
        """
        return self._extreme(field, "min")

    def maximum(self, field: str) -> float | None:
        """Return the largest finite value; of a datetime, microseconds since 1970.

        Args:
            field: A field.
        """
        return self._extreme(field, "max")

    def _extreme(self, field: str, statistic: str) -> float | None:
        self._check_field(field)
        value = self._all.get(Key(field, statistic))
        return value if isinstance(value, int | float) else None

    def finite(self, field: str) -> int:
        """Return how many values of a numeric field are finite numbers.

        Args:
            field: A field.
        """
        none = sum(self.count(field, s) for s in ("null", "nan", "inf", "-inf"))
        return self.count(field) - none

    def mean(self, field: str) -> float | None:
        """Return the average of the finite values of a numeric field; None where it is not known.

        It is made of the exact sum of values that were rounded to 6 digits, after they were
        multiplied with the field's scale.

        Args:
            field: A field.
        """
        total, count = self.decimal(field, "sum"), self.finite(field)
        if total is None or not count:
            return None
        mean = _EXACT.divide(total, Decimal(count))
        return float(mean.scaleb(-self._edges.of(field).scale, _EXACT))

    def variance(self, field: str) -> float | None:
        """Return the variance (divided by the number of values) as `mean` returns the average.

        It is None, too, where values vary so little about so large an average that a hundredth of
        it may come from their rounding: seconds since 1970 within a day.

        Args:
            field: A field.
        """
        variance = self._variance(field)
        return None if variance is None else variance[0]

    def variance_bounds(self, field: str) -> tuple[float, float] | None:
        """Return between what the variance lies, as values are rounded; None as `variance`.

        Args:
            field: A field.
        """
        variance = self._variance(field)
        return (
            None
            if variance is None
            else (max(variance[0] - variance[1], 0.0), variance[0] + variance[1])
        )

    def _variance(self, field: str) -> tuple[float, float] | None:
        """Return the variance, and how far rounding may have moved it."""
        total, squares = self.decimal(field, "sum"), self.decimal(field, "sum_squares")
        count = Decimal(self.finite(field))
        if total is None or squares is None or not count:
            return None
        mean = _EXACT.divide(total, count)
        scale = 2 * (self._edges.of(field).square_scale - self._edges.of(field).scale)
        mean_square = _EXACT.divide(squares, count).scaleb(-scale, _EXACT)
        variance = _EXACT.subtract(mean_square, _EXACT.multiply(mean, mean))
        back = -2 * self._edges.of(field).scale
        least = self.minimum(field)
        if least is not None and least == self.maximum(field):
            return 0.0, 0.0
        # By rounding to 6 digits of each square and each value, and of doubles as such.
        rounding = _EXACT.add(_ROUNDED.scaleb(-scale, _EXACT), 2 * abs(mean) * _ROUNDED)
        rounding += abs(mean_square) * _DOUBLE
        if rounding * 100 > variance:
            return None
        return float(variance.scaleb(back, _EXACT)), float(rounding.scaleb(back, _EXACT))

    def error_mean(self, field: str) -> float | None:
        """Return the average of prediction minus actual, where both are known; or None.

        Args:
            field: A regression's prediction.
        """
        return self._error(field, "error_sum", self._edges.of(field).error_scale)

    def mean_absolute_error(self, field: str) -> float | None:
        """Return the average size of the error, where actuals are known; or None.

        Args:
            field: A regression's prediction.
        """
        return self._error(field, "absolute_error_sum", self._edges.of(field).error_scale)

    def mean_squared_error(self, field: str) -> float | None:
        """Return the average square of the error, where actuals are known; or None.

        Args:
            field: A regression's prediction.
        """
        return self._error(field, "squared_error_sum", 2 * self._edges.of(field).error_square_scale)

    def _error(self, field: str, statistic: str, scale: int) -> float | None:
        total, count = self.decimal(field, statistic), self.count(field, "scored")
        if total is None or not count:
            return None
        return float(_EXACT.divide(total, Decimal(count)).scaleb(-scale, _EXACT))

    def distinct(self, field: str) -> float:
        """Return how many values of a field differ: exact up to 1,023, then within about 10 %.

        Args:
            field: A field.
        """
        self._check_field(field)
        sketch = self._all.get(Key(field, "distinct"))
        return distinct(sketch) if isinstance(sketch, str) else 0.0

    def _check_field(self, field: str | None) -> None:
        """Raise for an unknown field: a mistyped name must not count as zero."""
        if field is not None and field not in self._edges and field not in self.fields:
            self._edges.of(field)

    def _cells_of(self, field: str, statistic: Any) -> Iterator[tuple[Key, Value]]:
        if not (statistic.binned or statistic.labelled):
            raise ConfigError(
                f"{statistic.name!r} is one value, neither by bin nor by label",
                hint=f"count({field!r}, {statistic.name!r}) or decimal(...) returns it",
            )
        self._check_field(field)
        keys = self._keys_of_statistic.get((field, statistic.name), ())
        yield from ((key, self._all[key]) for key in sorted(keys, key=key_order))

    # -- Tables and files --------------------------------------------------------------------------

    def to_arrow(self) -> pa.Table:
        """Return it as a long table, one row for each cell, sorted; zeros are left out.

        | column | what it holds |
        |---|---|
        | `window` | `start` and `end`, in UTC; NULL for all that was asked for, or a total |
        | `segment` | JSON of the fields of `by`, e.g. `{"owner":"ann"}`; NULL without them |
        | `field` | the field; NULL for the rows as a whole |
        | `statistic` | its name |
        | `bin`, `label` | which bin or value, of what is counted by one |
        | `count`, `decimal`, `number`, `text` | one of them: what the statistic holds |
        | `exact` | whether it is the same however rows were parted: always, today |

        Its metadata keeps the edges: `from_arrow` returns the same profile, also from Parquet.
        """
        return to_table(self.cells(), self._edges, self._by, self._about)

    @classmethod
    def from_arrow(cls, table: pa.Table) -> Profile:
        """Return the profile that `to_arrow` gave.

        Args:
            table: It, with its metadata; its rows in any order.

        Raises:
            ProfileError: With code `profile-damaged` or `profile-newer`, if it is none.
        """
        return cls(*from_table(table, "the table"))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to a Parquet file, replacing what is there.

        Args:
            path: The file.

        Returns:
            Its path.

        Raises:
            ConfigError: If it can't be written.
        """
        import pyarrow.parquet as pq

        place = Path(path)
        hidden = place.with_name(f".{place.name}.{os.getpid()}")
        try:
            pq.write_table(self.to_arrow(), hidden, compression="zstd")
            hidden.replace(place)
        except OSError as error:
            raise ConfigError(
                f"the profile can't be written to {place}: {error.strerror or error}",
                hint="name a file in a directory that exists and may be written to",
            ) from error
        finally:
            with suppress(OSError):
                hidden.unlink(missing_ok=True)
        return place

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Profile:
        """Return the profile of a Parquet file.

        Args:
            path: The file.

        Raises:
            ConfigError: If it can't be read.
            ProfileError: With code `profile-damaged` or `profile-newer`, if it holds no profile.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        name = os.fspath(path)
        try:
            with pq.ParquetFile(name) as file:
                if file.metadata.num_rows > limits.PROFILE_ROWS:
                    raise damaged(name, f"it has more than {limits.PROFILE_ROWS:,} rows")
                table = file.read()
        except pa.ArrowException as error:
            raise damaged(name, str(error)[:200]) from None
        except OSError as error:
            raise ConfigError(
                f"{name} can't be read: {error.strerror or error}",
                hint="profile(...).save(path) writes one",
            ) from error
        return cls(*from_table(table, name))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Profile):
            return NotImplemented
        return self._edges == other._edges and dict(self._cells) == dict(other._cells)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        cells = {place: dict(cells) for place, cells in self._cells.items()}
        return Profile, (self._edges, cells, self._by, self._about)

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON-ready dict: its cells as in its table, without what is NULL."""
        as_of = self.as_of
        return {
            "connections": list(self.connections),
            "by": list(self.by),
            "as_of": None if as_of is None else [moment.isoformat() for moment in as_of],
            "edges": {"digest": self._edges.digest, **self._edges.to_dict()},
            "cells": [_cell(*cell) for cell in self.cells()],
            "warnings": [w.to_dict() for w in self.warnings],
        }

    def __str__(self) -> str:
        """Return what a person wants to know of it first: rows, and a line for each field."""
        head = f"profile of {', '.join(self.connections) or 'nothing'}"
        lines = [f"{head}, {sum(p.count() for _, _, p in self.parts()):,} rows"]
        lines[0] += f", edges {self._edges.digest[:12]}"
        for window, segment, part in islice(self.parts(), _SHOWN):
            where = "all rows" if window is None else str(window)
            if segment is not None:
                where += "".join(f"  {k}={'NULL' if v is None else v}" for k, v in segment.items())
            lines.append(f"  {where}  {part.count():,} rows")
        if len(self._cells) > _SHOWN:
            lines.append(f"  and {len(self._cells) - _SHOWN:,} more windows and segments")
        try:
            lines += _lines(self)
        except ProfileError as error:
            lines.append(f"  {error.message}")
        lines += [w.render() for w in self.warnings]
        return printable("\n".join(lines))

    def __repr__(self) -> str:
        cells = sum(map(len, self._cells.values()))
        return f"<Profile of {', '.join(self.connections) or 'nothing'}: {cells:,} cells>"

    def _repr_html_(self) -> str:
        rows = [(w or "all rows", s, f"{p.count():,}", len(p.fields)) for w, s, p in self.parts()]
        table = html.table(("window", "segment", "rows", "fields"), rows)
        return html.card(f"Profile of {', '.join(self.connections) or 'nothing'}", table)


def _cell(place: Place, key: Key, value: Value) -> dict[str, Any]:
    window = place.window
    cell: dict[str, Any] = {}
    if window is not None:
        cell["window"] = {"start": window.start.isoformat(), "end": window.end.isoformat()}
    if place.segment is not None:
        cell["segment"] = segment_of(place.segment)
    cell |= {name: part for name, part in key._asdict().items() if part is not None}
    if isinstance(value, Decimal):
        return {**cell, "decimal": str(value)}
    if isinstance(value, float) and not isfinite(value):
        return {**cell, "number": str(value)}
    return {**cell, {int: "count", float: "number", str: "text"}[type(value)]: value}


def _lines(profile: Profile) -> Iterator[str]:
    names = profile.fields
    width = max(map(len, names), default=0)
    for name in names:
        null = profile.count(name, "null") / max(profile.count(name), 1)
        yield f"  {name:<{width}}  {null:>6.1%} NULL  {'  '.join(_summary(profile, name))}".rstrip()


def _summary(profile: Profile, name: str) -> Iterator[str]:
    """Yield the parts of a field's line in the printed profile."""
    edges = profile.edges().of(name)
    low, high, mean = profile.minimum(name), profile.maximum(name), profile.mean(name)
    if low is not None and high is not None:
        if edges.type is FieldType.DATETIME:
            yield f"{_moment_text(low)} to {_moment_text(high)}"
        else:
            yield f"{low:g} to {high:g}"
    if mean is not None:
        yield f"mean {mean:.6g}"
    for statistic in ("nan", "inf", "-inf"):
        if count := profile.count(name, statistic):
            yield f"{count:,} {statistic}"
    if edges.type is FieldType.BOOLEAN:
        values = profile.count(name, "true") + profile.count(name, "false")
        if values:
            yield f"{profile.count(name, 'true') / values:.1%} true"
    if longest := profile.count(name, "max_length"):
        yield f"{profile.count(name, 'min_length'):,} to {longest:,} long"
    if distinct := profile.distinct(name):
        yield f"{'' if distinct < HASHES else 'about '}{distinct:,.0f} values"
    if other := profile.count(name, "other"):
        yield f"{other:,} beyond the vocabulary"
    if labelled := profile.count(name, "labelled"):
        yield f"{labelled:,} with an actual"


def _moment_text(micros: float) -> str:
    try:
        moment = EPOCH + timedelta(microseconds=int(micros))
    except OverflowError:
        return "beyond the year 9999" if micros > 0 else "before the year 1"
    return moment.strftime("%Y-%m-%d %H:%M")


def _check(name: str, holds: Holds) -> Any:
    statistic = STATISTICS.get(name)
    if statistic is None or holds not in statistic.holds:
        what = "count" if holds is Holds.COUNT else "sum"
        raise ConfigError(
            f"no {what} is called {name!r}",
            hint=hint_for(
                name, [s.name for s in STATISTICS.values() if holds in s.holds], what=f"{what}s"
            ),
        )
    return statistic


def _part(statistic: Any, key: Key) -> Any:
    if statistic.binned and statistic.labelled:
        return key.bin, key.label
    return key.bin if statistic.binned else key.label


def _names(by: Sequence[str]) -> str:
    return ", ".join(by) or "nothing"


def _field_order(name: str, order: Sequence[str]) -> tuple[int, str]:
    return (order.index(name) if name in order else len(order), name)
