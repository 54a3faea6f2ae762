"""A sample of a table's rows, with ranges from file footers. Pure: others read the files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pyarrow as pa

_ROUNDING: Final = 0.02


@dataclass(frozen=True)
class Sample:
    """Some rows of a table, and what footers say of whole files.

    Args:
        rows: The rows; None where none could be looked at.
        ranges: Least and greatest number in the files that were looked at, by folded column name,
            where their footers tell.
        nanoseconds: Folded names of columns that the files hold in nanoseconds.
    """

    rows: pa.Table | None = None
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    nanoseconds: frozenset[str] = frozenset()

    def column(self, name: str) -> Any:
        """Return the values of a column, or None where there are none."""
        if self.rows is None or not self.rows.num_rows:
            return None
        folded = [n.casefold() for n in self.rows.schema.names]
        if name.casefold() not in folded:
            return None
        return self.rows.column(folded.index(name.casefold()))

    def repeats(self, *names: str) -> bool:
        """Return whether two of the rows have the same values in columns."""
        import pyarrow as pa

        columns = [self.column(name) for name in names]
        if any(c is None for c in columns):
            return False
        keys = pa.table(dict(zip(map(str, range(len(columns))), columns, strict=True)))
        return bool(keys.group_by(keys.column_names).aggregate([]).num_rows < keys.num_rows)

    def only_zero_one(self, name: str) -> bool:
        """Return whether a column of whole numbers holds 0 and 1 and nothing else."""
        import pyarrow.compute as pc

        ends = self.ranges.get(name.casefold())
        if ends is not None:
            return ends in ((0, 1), (0, 0), (1, 1))
        column = self.column(name)
        if column is None:
            return False
        values = {v for v in pc.unique(column).to_pylist() if v is not None}
        return bool(values) and values <= {0, 1}

    def within(self, name: str, low: float, high: float) -> bool:
        """Return whether all numbers of a column lie between two."""
        import pyarrow.compute as pc

        column = self.column(name)
        if column is None or column.null_count == len(column):
            return False
        ends: Any = pc.min_max(column).as_py()
        return bool(ends["min"] >= low and ends["max"] <= high)

    def after(self, name: str, moment: str) -> bool:
        """Return whether a time is later than another one in every row that has both."""
        import pyarrow.compute as pc

        own, earlier = self.column(name), self.column(moment)
        if own is None or earlier is None or own.type != earlier.type:
            return False
        later = pc.drop_null(pc.greater(own, earlier))
        return len(later) > 0 and bool(pc.all(later).as_py())

    def comes_with(self, name: str, time: str) -> bool:
        """Return whether a column is NULL in exactly the rows where a time is, and some are."""
        import pyarrow.compute as pc

        column, times = self.column(name), self.column(time)
        if column is None or times is None or not 0 < times.null_count < len(times):
            return False
        return bool(pc.all(pc.equal(column.is_null(), times.is_null())).as_py())

    def sums_to_one(self, name: str) -> bool:
        """Return whether the numbers of a struct or map add up to one in each row."""
        column = self.column(name)
        sums = [s for s in map(_total, column.to_pylist() if column is not None else ()) if s]
        return bool(sums) and all(abs(s - 1) < _ROUNDING for s in sums)

    def shares(self, name: str, other: Sample, theirs: str) -> bool | None:
        """Return whether a value of a column is also one of another sample's; None if unknown."""
        import pyarrow as pa
        import pyarrow.compute as pc

        own, column = self.column(name), other.column(theirs)
        if own is None or column is None:
            return None
        try:
            shared = pc.is_in(own.cast(column.type), pc.unique(column))
        except pa.ArrowException:
            return None
        return bool(pc.any(shared).as_py())


def _total(value: Any) -> float | None:
    if value is None:
        return None
    values: Iterable[Any] = value.values() if isinstance(value, dict) else (v for _, v in value)
    numbers = [v for v in values if v is not None]
    if not numbers or any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers):
        return None
    return float(sum(numbers))
