"""Dates before 1582 in Parquet files of Spark that were written in the calendar of then.

Spark before 3.0, and later ones where they are told so (`datetimeRebaseModeInWrite=LEGACY`), wrote
old dates as the Julian calendar counts days, and said so in the file's footer. Spark gives back the
date that was written; a reader that does not look gives one some days off. A timestamp of another
zone than UTC was moved by what that zone's clocks were set to before 1900 as well: that is not
repeated here, such a value is refused.

Source: Apache Spark 4.1, `DataSourceUtils.datetimeRebaseSpec`, `int96RebaseSpec`; `RebaseDateTime`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from headwater.errors import UnsupportedError
from headwater.sql.portable.raising import not_portable
from headwater.types import DATE, TIMESTAMP, DataType

_PREFIX: Final = "org.apache.spark."
_SWITCH: Final = datetime(1582, 10, 15, tzinfo=UTC)
_CLOCKS: Final = datetime(1900, 1, 1, tzinfo=UTC)
_UTC: Final = frozenset({"UTC", "Etc/UTC", "Z", "GMT", "Etc/GMT", "+00:00"})


@dataclass(frozen=True, slots=True)
class Calendar:
    """In which calendar a file's old values were written.

    Args:
        dates: Whether its dates and timestamps are Julian before 1582.
        int96: Whether its INT96 timestamps are.
        utc: Whether its timestamps were written on a clock of UTC.
        place: Column and file, for the values of it that are refused.
    """

    dates: bool = False
    int96: bool = False
    utc: bool = True
    place: str = ""

    def converted(self, file_type: str, local: bool, value: str) -> str:
        """Return a value as Spark reads it.

        Args:
            file_type: Its type in the file, in DuckDB's words.
            local: Whether it is a time without a zone, which was never written otherwise.
            value: DuckDB expression of it.
        """
        if file_type == "DATE" and self.dates:
            return _converted(value, "DATE", self._too_early(DATE))
        if not (
            self.int96 if file_type == "INT96" else self.dates and _is_instant(file_type, local)
        ):
            return value
        spelled = "TIMESTAMPTZ" if file_type == "TIMESTAMP WITH TIME ZONE" else "TIMESTAMP"
        if self.utc:
            return _converted(value, spelled, self._too_early(TIMESTAMP))
        refused = not_portable(
            f"{self.place} holds a timestamp before 1900 that Spark wrote in the old calendar, on "
            "the clock of another zone than UTC",
            TIMESTAMP,
        )
        return f"CASE WHEN {value} < {spelled} '1900-01-01' THEN {refused} ELSE {value} END"

    def check(self, array: Any, place: str) -> None:
        """Refuse values that Spark would read as other ones, of readers that can't convert them.

        Args:
            array: A column's values, as an Arrow array.
            place: The column and the file.

        Raises:
            UnsupportedError: If there is one.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        if pa.types.is_nested(array.type):
            parts = (
                array.flatten()
                if pa.types.is_struct(array.type)
                else (array.keys, array.items)
                if pa.types.is_map(array.type)
                else (array.flatten(),)
            )
            for part in parts:
                self.check(part, place)
            return
        instant = pa.types.is_timestamp(array.type) and array.type.tz is not None
        if not (instant or (pa.types.is_date(array.type) and self.dates)):
            return
        since = _CLOCKS if instant and not self.utc else _SWITCH
        if pc.any(pc.less(array, pa.scalar(since).cast(array.type))).as_py():
            raise UnsupportedError(
                f"{place} holds a time before {since:%Y-%m-%d}, which Spark wrote in the old "
                "calendar",
                hint="run this read on Spark",
            )

    def _too_early(self, type_: DataType) -> str:
        return not_portable(
            f"{self.place} holds a day before the year 1 that Spark wrote in the old calendar",
            type_,
        )


MODERN: Final = Calendar()


SPARK_KEYS: Final = frozenset(
    f"{_PREFIX}{key}".encode() for key in ("version", "legacyDateTime", "legacyINT96", "timeZone")
)
"""What of a footer's metadata tells it."""


def calendar_of(metadata: Mapping[str, str]) -> Calendar:
    """Return in which calendar a file was written.

    Args:
        metadata: The key-value metadata of its footer. A file without Spark's version is read as
            it is, by Spark's setting `datetimeRebaseModeInRead=CORRECTED`.
    """
    version = metadata.get(f"{_PREFIX}version")
    if version is None:
        return MODERN
    dates = version < "3.0.0" or f"{_PREFIX}legacyDateTime" in metadata
    int96 = version < "3.1.0" or f"{_PREFIX}legacyINT96" in metadata
    if not dates and not int96:
        return MODERN
    return Calendar(dates, int96, metadata.get(f"{_PREFIX}timeZone") in _UTC)


def _is_instant(file_type: str, local: bool) -> bool:
    return file_type in ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE") and not local


def _converted(value: str, spelled: str, too_early: str) -> str:
    """Return what has the same year, month and day in our calendar as a value has in the Julian."""
    parts = []
    for first, days in reversed(_MOVES):
        since = f"CAST(DATE '1970-01-01' + ({first}) AS {spelled})"
        moved = f"{value} + ({days})" if spelled == "DATE" else f"{value} + to_days({days})"
        parts.append(f"WHEN {value} >= {since} THEN {moved if days else value}")
    old = f"CASE {' '.join(parts)} ELSE {too_early} END"
    return f"CASE WHEN {value} < {spelled} '1582-10-15' THEN {old} ELSE {value} END"


def _moves() -> tuple[tuple[int, int], ...]:
    """Return since which day (counted from 1970) the two calendars differ by how many days.

    The Julian calendar has a 29th of February in every fourth year, ours not in three of four
    centuries: they move apart on a first of March.
    """
    moves = []
    for year, month in [(1, 1), *((y, 3) for y in range(100, 1600, 100) if y % 400)]:
        leap = year % 4 == 0
        before = 0 if month == 1 else 59 + leap
        julian = 365 * (year - 1) + (year - 1) // 4 + before + _FIRST
        moves.append((julian, date(year, month, 1).toordinal() - _EPOCH - julian))
    return tuple(moves)


_EPOCH: Final = date(1970, 1, 1).toordinal()
_FIRST: Final = -719164
"""The Julian 1st of January of the year 1, counted from 1970."""
_MOVES: Final = _moves()
