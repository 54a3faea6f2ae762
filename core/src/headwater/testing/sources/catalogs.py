"""What a data source promises of its catalog: tables, their names, their partitions."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from headwater.errors import TableNotFoundError, UnsupportedError
from headwater.interfaces.data_source import SourceCapability
from headwater.partitions.time_partitions import keeps
from headwater.tables.table import KeyCondition
from headwater.tables.window import Window
from headwater.testing.contract import declared, expect, undeclared
from headwater.testing.edges import COLUMNS, days, differences, edge_rows
from headwater.testing.sources.support import (
    MakeSource,
    SourcePromises,
    only_name,
    only_table,
    partitioned,
    read,
    renamed,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from headwater.interfaces.data_source import DataSource


class CatalogPromises(SourcePromises):
    """A catalog finds tables, names what is missing, and never loses a partition."""

    def test_the_tables_of_its_query_are_found(self, source: DataSource) -> None:
        """The catalog knows the table that the query names: its columns, each once, and no others.

        If it fails: `catalog(access).table(name)` must return a Table of what the system declares.
        """
        with source.access() as access:
            table = only_table(source, access)
        assert sorted(c.name.casefold() for c in table.columns) == sorted(("id", *COLUMNS))

    def test_names_are_found_in_any_case(self, source: DataSource) -> None:
        """Spark compares names without case, so `SELECT * FROM Predictions` finds `predictions`.

        If it fails: compare casefolded names in `Catalog.table`.
        """
        name = only_name(source)
        with source.access() as access:
            catalog = source.catalog(access)
            assert catalog.table(renamed(name, name.name.swapcase())).name.name == (
                catalog.table(name).name.name
            )

    def test_a_missing_table_is_named(self, source: DataSource) -> None:
        """A table that is not there is a TableNotFoundError that names it.

        If it fails: raise it from `Catalog.table`, and let no other error of the system through.
        """
        with source.access() as access, pytest.raises(TableNotFoundError, match="no_such_table_x"):
            source.catalog(access).table(renamed(only_name(source), "no_such_table_x"))

    def test_a_near_miss_gets_a_suggestion(self, source: DataSource) -> None:
        """For a misspelled table, the error's hint names the one that was perhaps meant.

        If it fails: hint=headwater.diagnostics.hint_for(name, known, what="tables").
        """
        name = only_name(source)
        with source.access() as access, pytest.raises(TableNotFoundError) as caught:
            source.catalog(access).table(renamed(name, f"{name.name}x"))
        assert name.name.casefold() in str(caught.value.hint).casefold()

    def test_it_can_be_asked_from_many_threads(self, source: DataSource) -> None:
        """One opened access serves all threads: headwater fetches tables side by side.

        If it fails: give each call its own cursor or connection, or guard the one with a lock.
        """
        name = only_name(source)
        with source.access() as access, ThreadPoolExecutor(8) as pool:
            catalog = source.catalog(access)
            answers = list(pool.map(lambda _: catalog.table(name), range(24)))
        assert len({(t.name, t.columns) for t in answers}) == 1

    def test_two_accesses_do_not_share_their_end(self, source: DataSource) -> None:
        """Closing one opened access leaves another usable.

        If it fails: open what `access` returns anew each time; share nothing that is closed.
        """
        name = only_name(source)
        with source.access() as one:
            with source.access() as other:
                source.catalog(other).table(name)
            assert source.catalog(one).table(name).columns

    def test_discovery_lists_what_can_be_queried(self, source: DataSource) -> None:
        """What declares `discover` lists the query's own table in its database.

        If it fails: yield the database from `databases` and the table from `tables`; or do not
        declare it.
        """
        if SourceCapability.DISCOVER not in source.capabilities:
            undeclared(source, "discover")
        with source.access() as access:
            table = only_table(source, access).name
            catalog = source.catalog(access)
            assert table.database.casefold() in {d.casefold() for d in catalog.databases()}
            assert table.name.casefold() in {t.casefold() for t in catalog.tables(table.database)}

    def test_undeclared_discovery_is_refused(self, source: DataSource) -> None:
        """What does not declare `discover` raises UnsupportedError, instead of an empty list.

        If it fails: raise it from `databases` and `tables`, saying why; or declare it.
        """
        if SourceCapability.DISCOVER in source.capabilities:
            declared(source, "discover")
        with source.access() as access:
            catalog = source.catalog(access)
            for listing in (catalog.databases, lambda: catalog.tables(only_name(source).database)):
                with pytest.raises(UnsupportedError):
                    list(listing())

    def test_partitions_hold_every_row(self, make_source: MakeSource) -> None:
        """The partitions are those of the rows, each once, NULL as None; together they give all.

        If it fails: `partitions` must list each partition with its values as text, in key order.
        """
        source = partitioned(make_source)
        with source.access() as access:
            catalog = source.catalog(access)
            table = only_table(source, access)
            assert [k.casefold() for k in table.partition_keys] == ["day"]
            values = [p.values for p in catalog.partitions(table)]
        assert len(values) == len(set(values))
        assert {v for (v,) in values} == days(edge_rows())
        assert differences(read(source), edge_rows(), "day") == []

    def test_a_condition_never_loses_a_partition(self, make_source: MakeSource) -> None:
        """Partitions that are asked for by a condition are all that match, or more.

        If it fails: ignore conditions that the system can't answer; the caller filters again.
        """
        source = partitioned(make_source)
        with source.access() as access:
            catalog = source.catalog(access)
            table = only_table(source, access)
            key = table.partition_keys[0]
            cases: list[tuple[KeyCondition, set[str | None]]] = [
                (KeyCondition(key, "in", ("2026-01-01",)), {"2026-01-01"}),
                (
                    KeyCondition(key, ">=", ("2026-01-02",)),
                    {"2026-01-02", "2026-03-29", "2500-06-01"},
                ),
                (KeyCondition(key, "in", ("2026-01-01",), or_null=True), {"2026-01-01", None}),
                (KeyCondition(key, "in", ("1900-01-01",)), set()),
            ]
            for condition, matching in cases:
                values = {p.values[0] for p in catalog.partitions(table, (condition,))}
                assert matching <= values, condition

    def test_a_time_partition_says_the_truth(
        self, make_source: MakeSource, day_zones: Sequence[str]
    ) -> None:
        """Where the source says how partitions follow from time, each row lies where that says.

        If it fails: say the zone in which the keys were written, and how late rows may come; return
        None from `time_partition` where the system does not tell.
        """
        faults = []
        source, rule = partitioned(make_source), None
        for zone in ("UTC", *day_zones):
            rows = _by_days_of(zone)
            source = make_source(rows, "day")
            with source.access() as access:
                catalog = source.catalog(access)
                table = only_table(source, access)
                rule = source.time_partition(table)
                partitions = {p.values[0]: p for p in catalog.partitions(table)}
            if rule is None:
                continue
            rule_text = f"{rule.column} gives {dict(rule.keys)} in {rule.timezone}"
            for moment, day in zip(rows["at"].to_pylist(), rows["day"].to_pylist(), strict=True):
                partition = None if day is None else partitions.get(day.isoformat())
                if moment is None or partition is None:
                    continue
                window = Window(moment, moment + timedelta(microseconds=1))
                if not keeps(rule, window, table)(partition):
                    faults.append(
                        f"the row of {moment} lies in {day} (days of {zone}), and {rule_text}"
                    )
        if not faults and rule is None:
            pytest.skip(f"{source.kind} does not say how partitions follow from time")
        expect(
            faults,
            "a read of a window would leave these rows out: say the zone of the keys, and how late "
            "rows may come; or return None from time_partition",
        )

    def test_undeclared_partitions_are_refused(self, source: DataSource) -> None:
        """What does not declare `partitions` has tables without keys, and refuses to list any.

        If it fails: raise UnsupportedError from `Catalog.partitions`; or declare it.
        """
        if SourceCapability.PARTITIONS in source.capabilities:
            declared(source, "partitions")
        with source.access() as access:
            table = only_table(source, access)
            assert table.partition_keys == ()
            with pytest.raises(UnsupportedError):
                list(source.catalog(access).partitions(table))


def _by_days_of(zone: str) -> pa.Table:
    """Return the edge rows with days of a zone, instead of those of UTC."""
    import pyarrow as pa

    rows = edge_rows()
    moments = rows["at"].to_pylist()
    local = [m if m is None else m.astimezone(ZoneInfo(zone)).date() for m in moments]
    return rows.set_column(rows.column_names.index("day"), "day", pa.array(local, pa.date32()))
