"""What a data source promises of its rows, and of the permissions to read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headwater.errors import UnsupportedError
from headwater.interfaces.data_source import SourceCapability
from headwater.testing.contract import declared, undeclared
from headwater.testing.edges import COLUMNS, differences, edge_rows
from headwater.testing.sources.support import (
    ENGINE,
    MakeSource,
    SourcePromises,
    dataset,
    read,
    serving,
)

if TYPE_CHECKING:
    from headwater.interfaces.data_source import DataSource
    from headwater.workspace.workspace import Workspace


class RowPromises(SourcePromises):
    """Every value comes back as it was stored, in every window."""

    @pytest.mark.parametrize("column", COLUMNS)
    def test_values_come_back_exactly(self, source: DataSource, column: str) -> None:
        """Every value comes back as it was stored, to the last bit, in its own type.

        If it fails: the message names rows and values. Type the column in the catalog as what it
        holds, and hand it over without a detour through text or floats.
        """
        assert differences(read(source), edge_rows(), column) == []

    def test_no_rows_are_an_answer(self, make_source: MakeSource) -> None:
        """An empty table gives no rows, with the same columns and types.

        If it fails: type columns by what the system declares, not by the first row.
        """
        rows = read(make_source(edge_rows().slice(0, 0)))
        assert rows.num_rows == 0
        assert {n.casefold() for n in rows.column_names} >= {"id", *COLUMNS}

    def test_it_can_be_read_again(self, source: DataSource) -> None:
        """A dataset is read anew each time it is iterated.

        If it fails: open cursors and streams when they are read, not in `relation`.
        """
        with dataset(source) as data:
            assert data.to_arrow().num_rows == data.to_arrow().num_rows == edge_rows().num_rows

    def test_a_window_is_exact(self, source: DataSource, headwater_workspace: Workspace) -> None:
        """A read of [start, end) gives the row at the start, not the one at the end, never NULL.

        If it fails: the timestamp column must be a timestamp in the catalog, in UTC, with its
        microseconds; and choosing partitions must not lose rows.
        """
        read = serving(headwater_workspace, source).read("2026-01-01", "2026-01-02", engine=ENGINE)
        assert sorted(map(str, read.to_arrow()["id"].to_pylist())) == ["row-0", "row-1"]

    def test_check_finds_it_sound(self, source: DataSource, headwater_workspace: Workspace) -> None:
        """`headwater check` passes every stage on a source that works.

        If it fails: the failed stage's message says what; `DataSource.examine` must not raise.
        """
        report = serving(headwater_workspace, source).check()
        assert report.ok, str(report)

    def test_permissions_say_what_and_why(
        self, source: DataSource, headwater_workspace: Workspace
    ) -> None:
        """What declares `permissions` names actions, resources, and a reason for each.

        If it fails: fill in all three, or do not declare it.
        """
        if SourceCapability.PERMISSIONS not in source.capabilities:
            undeclared(source, "permissions")
        plan = serving(headwater_workspace, source).plan(engine=ENGINE)
        permissions = list(source.permissions(plan))
        assert permissions
        assert [p for p in permissions if not (p.action and p.resources and p.reason)] == []

    def test_undeclared_permissions_are_refused(
        self, source: DataSource, headwater_workspace: Workspace
    ) -> None:
        """What does not declare `permissions` raises UnsupportedError, instead of naming none.

        If it fails: leave `permissions` as DataSource has it; or declare it.
        """
        if SourceCapability.PERMISSIONS in source.capabilities:
            declared(source, "permissions")
        plan = serving(headwater_workspace, source).plan(engine=ENGINE)
        with pytest.raises(UnsupportedError):
            list(source.permissions(plan))
