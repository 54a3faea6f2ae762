"""What is asked of broken plugins: a plugin of pytest's, for runs by `test_broken_plugins.py`.

All that is cheap is asked of each of them, so that a break shows in its own promise and no other.
The promises that take most of the time are asked of those who keep all, and of those who break
just them; of everybody with `HEADWATER_DEPTH` above 1.
"""

from __future__ import annotations

from typing import Any, Final

import pytest
from core.tests.depth import DEPTH

COSTLY: Final = {
    "test_a_lake_table_is_read_or_refused",
    "test_a_read_can_be_left_and_begun_again",
    "test_a_read_leaves_nothing_behind",
    "test_a_read_that_is_left_lets_go",
    "test_a_session_leaves_nothing_behind",
    "test_a_stream_is_read_whole_or_refused",
    "test_a_window_is_exact",
    "test_an_order_is_kept",
    "test_columns_come_as_they_are_asked_for",
    "test_every_call_ends_in_time",
    "test_it_leaves_nothing_behind",
    "test_many_rows_come_whole",
    "test_readers_see_whole_ledgers",
    "test_reads_do_not_meet",
    "test_two_streams_side_by_side",
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left = [item for item in items if not _is_asked(item)]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]


def _is_asked(item: pytest.Item) -> bool:
    promise = item.name.partition("[")[0]
    suite: Any = getattr(item, "cls", None)
    breaks = suite.breaks.partition("[")[0]
    return DEPTH > 1 or promise not in COSTLY or breaks in ("", promise)
