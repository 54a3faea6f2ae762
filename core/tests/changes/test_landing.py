"""Landing: how late files of labels landed, as the runs over a ledger saw it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from core.tests.changes.test_changes import (
    NOW,
    ROWS,
    Lake,
    asked,
    at,
    lake,
    serving,
    taken,
    workspace,
)

import headwater as hw
from headwater.maturity.maturity import Landing
from headwater.tables.file_facts import FileFacts
from headwater.tables.window import Window

__all__ = ["lake", "serving", "workspace"]

DAY = timedelta(days=1)


def landing(serving: hw.Connection, ledger: Any, as_of: Any = NOW + DAY) -> Landing | None:
    return serving.maturity(at(0), NOW, as_of=as_of, ledger=ledger).landing


def test_labels_that_landed_after_a_run_that_they_are_dated_before_are_late(
    serving: hw.Connection, lake: Lake, tmp_path: Path
) -> None:
    place = tmp_path / "state" / "ledger"
    assert serving.maturity(at(0), NOW, as_of=NOW).landing is None, "no ledger"
    taken(asked(serving, place))
    assert landing(serving, place) is None, "nobody saw these files land"
    # M2 of the design: they are dated two days before the run that did not see them.
    lake.labels(2, [f"1-{i}" for i in range(1, 7, 2)], NOW - 2 * DAY, name="back-dated")
    lake.labels(4, ["3-1"], NOW + timedelta(hours=2), name="in time")
    taken(asked(serving, place, now=NOW + timedelta(hours=3)))
    found = serving.maturity(at(0), NOW, as_of=NOW + DAY, ledger=place)
    assert found.landing == Landing(0.75, 4, 3, timedelta(hours=48))
    assert "75.0% of 4 labels landed later" in str(found)
    assert found.to_dict()["landing"] == {"share": 0.75, "labels": 4, "late": 3, "within": 2.0}
    lake.labels(4, ["3-3", "3-5"], NOW + timedelta(hours=20), name="in time, too")
    taken(asked(serving, place, now=NOW + timedelta(hours=23)))
    assert landing(serving, place) == Landing(0.5, 6, 3, timedelta(hours=48))
    assert landing(serving, place, NOW) == Landing(1.0, 3, 3, timedelta(hours=48))


@pytest.mark.parametrize("how", ["rewritten", "compacted"])
def test_labels_that_were_rewritten_did_not_land_again(
    serving: hw.Connection, lake: Lake, how: str
) -> None:
    ledger = hw.Ledger()
    taken(asked(serving, ledger))
    rows = [f"1-{i}" for i in range(0, ROWS, 2)]
    if how == "compacted":
        lake.path("actuals", 2, "l").unlink()
    lake.labels(2, rows, at(2, hours=3), name="l" if how == "rewritten" else "c")
    taken(asked(serving, ledger, now=NOW + DAY))
    assert landing(serving, ledger) is None


def test_a_table_whose_place_is_another_did_not_land(
    serving: hw.Connection, lake: Lake, workspace: hw.Workspace
) -> None:
    ledger = hw.Ledger()
    taken(asked(serving, ledger))
    (version,) = workspace.versions
    (lake.folder / "actuals").rename(lake.folder / "moved")
    version.disconnect("actuals")
    version.connect_actuals(
        hw.FileDataSource(
            tables={"actuals": str(lake.folder / "moved")},
            partitions={"actuals": hw.TimePartition("decided", keys={"dt": "yyyy-MM-dd"})},
        ),
        "id",
        {"will": "did"},
        "decided",
        horizon=2 * DAY,
    )
    taken(asked(serving, ledger, now=NOW + DAY))
    assert landing(serving, ledger) is None


def test_a_label_of_a_time_that_was_not_listed_is_not_counted(
    serving: hw.Connection, lake: Lake
) -> None:
    ledger = hw.Ledger()
    taken(asked(serving, ledger, start=at(3)))
    # Partitions of labels were listed from a day and a half before the window on.
    lake.labels(1, ["0-1"], at(1, hours=1), name="far")
    taken(asked(serving, ledger, now=NOW + DAY))
    assert landing(serving, ledger) is None


def test_what_is_known_of_listings_is_kept_and_survives_damage() -> None:
    facts = FileFacts()
    window = Window(at(0), at(4))
    facts.listed("c t", [("d/a", "1"), ("e/b", None)], at(4), window)
    facts.listed("c t", [("d/a", "1"), ("e/b", None)], at(5), window)
    facts.listed("c t", [("d/a", "1"), ("d/c", "3"), ("e/b", None)], at(6), window)
    assert [facts.listing(*f) for f in (("d/a", "1"), ("e/b", None), ("d/c", "3"))] == [1, 1, 2]
    assert facts.listing("d/a", "2") is None
    again = FileFacts.from_bytes(facts.to_bytes())
    assert again.to_bytes() == facts.to_bytes()
    seen = again.landing("d/c", "3")
    assert seen is not None
    assert (seen.after, seen.by, seen.since) == (at(4), at(6), at(0))
    assert again.landing("d/a", "1") is None
    assert len(FileFacts.from_bytes(facts.to_bytes().replace(b"d/c", b"d/x"))) == 0
