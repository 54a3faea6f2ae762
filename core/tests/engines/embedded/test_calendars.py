"""Old dates that Spark wrote in the Julian calendar are the dates that were meant."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import headwater as hw
from headwater.auth.credentials import Access
from headwater.engines.embedded import EmbeddedEngine
from headwater.engines.embedded.formats.calendars import MODERN, Calendar, calendar_of
from headwater.engines.embedded.formats.parquet_statistics import ranges
from headwater.sources.local_files import data_file
from headwater.tables.relation import DeltaRelation, FileRelation
from headwater.tables.table import Column, TableName
from headwater.testing.engine_support import DATABASE, answer
from headwater.types import DATE
from headwater.types.text import parse_type

SPARK = "org.apache.spark."
LEGACY = {f"{SPARK}version": "3.5.1", f"{SPARK}legacyDateTime": "", f"{SPARK}timeZone": "UTC"}
SWITCH = date(1582, 10, 15)
EPOCH = date(1970, 1, 1)


def julian(year: int, month: int, day: int) -> int:
    """Return the day of a date of the Julian calendar, counted from 1970: what Spark wrote.

    Source: Claus Tøndering, "Calendar FAQ", "What is the Julian Day".
    """
    a = (14 - month) // 12
    y, m = year + 4800 - a, month + 12 * a - 3
    return day + (153 * m + 2) // 5 + 365 * y + y // 4 - 32083 - 2440588


def written(said: date) -> date:
    """Return the date that a reader without the old calendar sees of one that was written in it."""
    if said >= SWITCH:
        return said
    return EPOCH + timedelta(julian(said.year, said.month, said.day))


def days() -> list[date]:
    """Dates that both calendars have, around every day on which they move apart, and others."""
    found = [
        date(year, month, day) for year in range(1, 1583, 7) for month, day in ((1, 1), (12, 31))
    ]
    for century in range(100, 1600, 100):
        found += [date(century, 2, 28) + timedelta(n) for n in range(-2, 3)]
    found += [date(1582, 10, 4), SWITCH, date(1582, 10, 16), date(1899, 12, 31), date(2026, 1, 1)]
    return sorted(d for d in set(found) if d > date(1, 1, 2))  # Python's own begin 2 days later


def test_every_day_is_what_was_written() -> None:
    said = days()
    rows = pa.table({"d": pa.array([written(d) for d in said]), "n": range(len(said))})
    with duckdb.connect() as connection:
        connection.register("t", rows)
        sql = Calendar(dates=True).converted("DATE", False, "d")
        found = connection.execute(f"SELECT {sql} FROM t ORDER BY n").fetchall()
    assert [d for (d,) in found] == said


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, MODERN),
        ({f"{SPARK}version": "3.5.1", f"{SPARK}timeZone": "UTC"}, MODERN),
        ({f"{SPARK}version": "4.1.4"}, MODERN),
        (LEGACY, Calendar(dates=True)),
        (LEGACY | {f"{SPARK}timeZone": "Europe/Berlin"}, Calendar(dates=True, utc=False)),
        ({f"{SPARK}version": "2.4.8"}, Calendar(dates=True, int96=True, utc=False)),
        ({f"{SPARK}version": "3.0.1"}, Calendar(int96=True, utc=False)),
        (
            {f"{SPARK}version": "4.1.4", f"{SPARK}legacyINT96": "", f"{SPARK}timeZone": "Z"},
            Calendar(int96=True),
        ),
    ],
)
def test_a_footer_tells_the_calendar(metadata: dict[str, str], expected: Calendar) -> None:
    assert calendar_of(metadata) == expected


TIME = pa.timestamp("us", tz="UTC")
COLUMNS = {
    "d": "date",
    "ts": "timestamp",
    "local": "timestamp_ntz",
    "st": "struct<d:date,ts:array<timestamp>>",
}
OLD = datetime(1500, 2, 20, 12, 30, 0, 5, UTC)
SHOWN = OLD + timedelta(days=10 - 1)
"""What a reader without the old calendar sees: 9 days lay between, as 1500 was a leap year."""


def file(path: Path, moments: list[Any], metadata: dict[str, str], **options: Any) -> None:
    dates = [None if m is None else m.date() for m in moments]
    times = pa.array(moments, TIME)
    nested = [
        None if d is None else {"d": d, "ts": [t]} for d, t in zip(dates, moments, strict=True)
    ]
    table = pa.table(
        {
            "d": pa.array(dates, pa.date32()),
            "ts": times,
            "local": times.cast(pa.timestamp("us")),
            "st": pa.array(nested, pa.struct([("d", pa.date32()), ("ts", pa.list_(TIME))])),
        }
    )
    pq.write_table(table.replace_schema_metadata(metadata), path, **options)


def read(folder: Path, query: str) -> list[dict[str, Any]]:
    source = hw.FileDataSource(tables={"t": str(folder)}, columns={"t": COLUMNS})
    with hw.Workspace(engine="embedded") as workspace:
        return workspace.sql(query, source).to_arrow().to_pylist()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "t"
    made.mkdir()
    return made


def test_a_file_of_the_old_calendar_gives_what_was_written(folder: Path) -> None:
    """Beside one of the new calendar: each is read as it says, and found by its own values."""
    today = datetime(2026, 1, 1, tzinfo=UTC)
    file(folder / "a.parquet", [SHOWN, today, None], LEGACY)
    file(folder / "b.parquet", [OLD], {})
    query = "SELECT d, ts, local, st.d AS sd, st.ts[0] AS st FROM t WHERE {} ORDER BY local"
    for where in (
        "d = DATE'1500-02-20'",
        "ts = TIMESTAMP'1500-02-20 12:30:00.000005'",
        "ts < TIMESTAMP'1500-02-21'",
        "st.d = DATE'1500-02-20'",
        "st.ts[0] < TIMESTAMP'1500-02-21'",
    ):
        rows = read(folder, query.format(where))
        assert [(r["d"], r["ts"], r["sd"], r["st"]) for r in rows] == [
            (OLD.date(), OLD, OLD.date(), OLD)
        ] * 2, where
        # A time without a zone was never written in another calendar.
        assert [r["local"] for r in rows] == [m.replace(tzinfo=None) for m in (OLD, SHOWN)]
    assert read(folder, "SELECT count(d) AS n FROM t WHERE d = DATE'2026-01-01'") == [{"n": 1}]
    assert read(folder, "SELECT min(d) AS d, count(*) AS n FROM t") == [{"d": OLD.date(), "n": 4}]


@pytest.mark.parametrize("zone", [{f"{SPARK}timeZone": "America/New_York"}, {}])
def test_a_timestamp_of_another_zone_is_refused_only_where_it_is_old(
    folder: Path, zone: dict[str, str]
) -> None:
    metadata = {k: v for k, v in LEGACY.items() if not k.endswith("timeZone")} | zone
    recent = [datetime(1900, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)]
    file(folder / "a.parquet", recent, metadata)
    assert [r["ts"] for r in read(folder, "SELECT ts FROM t ORDER BY ts")] == recent
    file(folder / "b.parquet", [datetime(1899, 12, 31, tzinfo=UTC)], metadata)
    with pytest.raises(hw.HeadwaterError, match=r"column ts of .*b\.parquet holds") as caught:
        read(folder, "SELECT ts FROM t")
    assert caught.value.code == "not-portable-value"
    assert len(read(folder, "SELECT d FROM t")) == 3


def test_a_day_before_the_year_1_is_refused(folder: Path) -> None:
    file(folder / "a.parquet", [datetime(1, 1, 1, tzinfo=UTC)], LEGACY)
    assert read(folder, "SELECT d FROM t") == [{"d": date(1, 1, 3)}]
    rows = pa.table({"d": pa.array([-719165], pa.int32()).cast(pa.date32())})
    pq.write_table(rows.replace_schema_metadata(LEGACY), folder / "a.parquet")
    with pytest.raises(hw.HeadwaterError, match="before the year 1"):
        read(folder, "SELECT d FROM t")


def test_int96_of_the_old_calendar_is_told_by_its_own_mark(folder: Path) -> None:
    options = {"use_deprecated_int96_timestamps": True}
    file(folder / "a.parquet", [SHOWN], LEGACY, **options)
    assert [r["ts"] for r in read(folder, "SELECT ts FROM t")] == [SHOWN]
    own = {k: v for k, v in LEGACY.items() if "legacy" not in k} | {f"{SPARK}legacyINT96": ""}
    file(folder / "a.parquet", [SHOWN], own, **options)
    assert [r["ts"] for r in read(folder, "SELECT ts FROM t")] == [OLD]
    assert [r["d"] for r in read(folder, "SELECT d FROM t")] == [SHOWN.date()]


def test_footers_of_old_days_are_no_evidence(folder: Path) -> None:
    """What their statistics say is another day than the one that was meant."""
    today = datetime(2026, 1, 1, tzinfo=UTC)
    moments = {"old": [SHOWN, today], "recent": [today], "plain": [OLD]}
    for name, held in moments.items():
        file(folder / f"{name}.parquet", held, {} if name == "plain" else LEGACY)
    files = tuple(data_file(str(folder / f"{name}.parquet")) for name in moments)
    relation = FileRelation(TableName("d", "t"), (Column("d", DATE),), files=files)
    found = ranges(relation, files, "d", Access())
    assert [Path(f.path).stem for f in found] == ["recent", "plain"]


@pytest.mark.parametrize("column", ["d", "ts", "st"])
def test_a_delta_table_of_such_files_is_refused_where_values_are_old(
    folder: Path, column: str
) -> None:
    deltalake = pytest.importorskip("deltalake")
    today = datetime(2026, 1, 1, tzinfo=UTC)
    for held, expected in (([today, None], True), ([SHOWN], False)):
        place = folder / str(expected)
        place.mkdir()
        file(place / "p.parquet", held, LEGACY)
        deltalake.convert_to_deltalake(str(place))
        columns = tuple(Column(n, parse_type(x)) for n, x in COLUMNS.items())
        relation = DeltaRelation(TableName(DATABASE, "t"), columns, str(place), 0)
        data = answer(EmbeddedEngine(), f"SELECT {column} FROM t", relation)
        if expected:
            assert data.to_arrow().num_rows == 2
            continue
        with pytest.raises(hw.HeadwaterError, match=rf"column {column} of .*p\.parquet holds"):
            data.to_arrow()
