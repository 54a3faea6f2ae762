"""Profiles of rows: what is counted is what plain Python counts, and parts are the whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from core.tests.profiling import rows as made

import headwater as hw

END = made.START + timedelta(days=3)


@pytest.fixture
def workspace() -> Iterator[hw.Workspace]:
    with hw.Workspace(engine="embedded") as opened:
        yield opened


def cells(profile: hw.Profile) -> dict[tuple[Any, ...], Any]:
    return {tuple(key): value for _, key, value in profile.total().cells()}


def test_a_profile_is_what_python_counts(workspace: hw.Workspace) -> None:
    rows = made.table(Random(11), 400)
    serving = made.binary(workspace, rows)
    edges = made.binary(workspace, made.table(Random(12), 300), "training").profile().edges()
    profile = serving.profile(edges=edges)
    assert cells(profile) == made.expected(rows, edges)
    assert profile.edges() == edges
    assert profile.windows == (None,)
    assert profile.connections == ("m/v1/serving",)
    whole = serving.profile(made.START, END, edges=edges)
    assert whole.windows == (hw.Window(made.START, END),)
    assert cells(whole) == cells(profile)


def test_parts_by_windows_and_segments_are_the_whole(workspace: hw.Workspace) -> None:
    rows = made.table(Random(13), 300)
    serving = made.binary(workspace, rows)
    edges = serving.profile().edges()
    whole = serving.profile(made.START, END, edges=edges)
    parted = serving.profile(
        made.START, END, every="4 hours", timezone="Europe/Berlin", by=("vip", "owner"), edges=edges
    )
    assert len(parted.windows) > 12
    assert {s["vip"] for s in parted.segments if s} == {"true", "false", None}
    assert {s["owner"] for s in parted.segments if s} >= {"Zu\u0308rich", "Z\u00fcrich", "", None}
    assert parted.total() == whole.total()
    for window, segment, part in list(parted.parts())[::40]:
        assert window is not None
        assert segment is not None
        mask = pc.and_(
            pc.and_(
                pc.greater_equal(rows["at"], pa.scalar(window.start, rows["at"].type)),
                pc.less(rows["at"], pa.scalar(window.end, rows["at"].type)),
            ),
            pc.and_(*(_is(rows[name], segment[name]) for name in ("vip", "owner"))),
        )
        assert cells(part) == made.expected(rows.filter(mask), edges)


def _is(column: pa.ChunkedArray, value: str | None) -> Any:
    if value is None:
        return pc.is_null(column)
    texts: Any = column.cast(pa.string())
    same: Any = pc.equal(texts, pa.scalar(value))
    return pc.fill_null(same, False)


def splits(workspace: hw.Workspace, random: Random, count: int, engine: str = "embedded") -> None:
    """Split rows at random again and again; each time the parts must merge to the whole."""
    rows = made.table(random, 40)
    edges = made.binary(workspace, made.table(random, 100), "training").profile().edges()
    whole = made.binary(workspace, rows, "whole").profile(edges=edges, engine=engine).total()
    copies = []
    for number in range(count):
        parts = random.randrange(1, 6)
        names = [f"{number} {random.randrange(parts)}" for _ in range(len(rows))]
        copies.append(rows.set_column(rows.schema.get_field_index("owner"), "owner", [names]))
    # One read counts all splits: each part of each is a segment.
    several = pa.concat_tables(copies)
    serving = made.binary(workspace, several, "several")
    told = serving.profile(by="owner", edges=edges, engine=engine)
    sums: dict[str, hw.Profile] = {}
    for _, segment, part in told.parts():
        name = str((segment or {})["owner"]).partition(" ")[0]
        sums[name] = sums.get(name, hw.Profile.empty(edges)) + part.total()
    assert len(sums) == count
    own = {k: v for k, v in cells(whole).items() if k[0] != "owner"}
    for found in sums.values():
        assert {k: v for k, v in cells(found).items() if k[0] != "owner"} == own


def test_random_splits_merge_to_the_whole(workspace: hw.Workspace) -> None:
    splits(workspace, Random(14), 60)


@pytest.mark.slow
def test_a_thousand_random_splits_merge_to_the_whole(workspace: hw.Workspace) -> None:
    splits(workspace, Random(15), 1000)
