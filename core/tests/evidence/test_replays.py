"""A hundred reads, of tables that change all the while: a replay is the same, or says why not."""

from __future__ import annotations

import shutil
import warnings
from collections import Counter
from random import Random
from typing import Any

import pytest
from core.tests.changes.test_histories import (
    WINDOWS,
    DeltaHistories,
    Histories,
    IcebergHistories,
    day,
    rows_of,
)

import headwater as hw
from headwater.evidence.evidence import Evidence

READS = 34
"""Of each kind of table: a hundred and two in all."""


def happens(tables: Histories, draw: Random) -> None:
    """Change the tables, or not."""
    seed, number = draw.randrange(10**6), draw.randrange(WINDOWS)
    table = draw.choice(["log", "actuals"])
    match draw.randrange(9):
        case 0:
            tables.rows_land(number, draw.random() < 0.3, seed)
        case 1 | 2:
            tables.labels_land(seed, number, False, 5)
        case 3:
            tables.rows_are_rewritten(table, seed)
        case 4:
            tables.a_partition_is_compacted(table, number)
        case 5:
            tables.rows_are_deleted(table, seed, False)
        case 6:
            tables.the_schema_changes(table)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::headwater.EmptyReadWarning")
@pytest.mark.parametrize("kind", [Histories, DeltaHistories, IcebergHistories])
def test_a_hundred_reads_give_the_same_or_the_name_of_what_changed(kind: type[Histories]) -> None:
    draw = Random(16)
    tables = kind()
    tables.begin(None, True)
    recorded: list[tuple[Evidence, list[dict[str, Any]]]] = []
    for number in range(READS):
        happens(tables, draw)
        if number == READS // 2:
            tables.the_query_changes()
        start = draw.randrange(WINDOWS)
        end = draw.randrange(start, WINDOWS) + 1
        sample = draw.choice((None, None, 0.5))
        digests = draw.random() < 0.8
        data = tables.serving.read(
            day(start), day(end), as_of=tables.now, sample=sample, digests=digests
        )
        rows = rows_of(data.to_arrow())
        recorded.append((Evidence.from_json(data.evidence().to_json()), rows))
    told: Counter[str] = Counter()
    for evidence, rows in recorded:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", hw.EmptyReadWarning)
            data = tables.workspace.replay(evidence)
            again = rows_of(data.to_arrow())
        done = data.replay
        assert done is not None
        assert done.same == (rows == again), "the digests say what the rows say"
        assert done.same or done.changes or done.other_definition, "what changed has a name"
        assert done.same or not done.exact
        told.update(c.kind for c in done.changes)
        told[f"same: {done.same}"] += 1
        told["other definition"] += done.other_definition
    assert told["same: True"] + told["same: False"] == READS
    assert told["same: True"] > 3
    assert told["same: False"] > 3
    assert told["other definition"] == READS // 2
    if kind is Histories:  # lakes keep what was read
        assert {"overwritten", "gone", "landed"} <= told.keys()
    tables.workspace.close()
    shutil.rmtree(tables.folder)
