"""What a data source promises of its rows, and of the permissions to read them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pytest

from headwater.errors import UnsupportedError
from headwater.interfaces.data_source import SourceCapability
from headwater.tables.relation import StreamRelation
from headwater.testing.contract import declared, expect, undeclared
from headwater.testing.edges import (
    COLUMNS,
    differences,
    edge_rows,
    lost_and_repeated,
    many_rows,
)
from headwater.testing.sources.requests import conditions, ids_of
from headwater.testing.sources.support import (
    ENGINE,
    MakeSource,
    SourcePromises,
    dataset,
    only_relations,
    only_stream,
    perhaps_empty,
    read,
    serving,
)

if TYPE_CHECKING:
    from headwater.interfaces.data_source import DataSource
    from headwater.workspace.workspace import Workspace

LENGTHS: Final = (1, 127, 128, 255, 256, 1_001, 4_001, 8_001, 32_768, 65_536, 70_000)
"""Characters of texts just above where systems and drivers have limits."""
PAGES: Final = (
    "ask for pages until there is none, hand over the last and shorter one too, and begin each "
    "where the one before ended (counted in rows that came, not that were asked for)"
)

WINDOWS: Final = tuple(
    (datetime.fromisoformat(a).replace(tzinfo=UTC), datetime.fromisoformat(b).replace(tzinfo=UTC))
    for a, b in (
        ("2026-01-01", "2026-01-02"),
        ("2026-01-02", "2026-01-02T12:00:00"),
        ("2026-01-01T23:59:59.999999", "2026-01-02"),
        ("2026-01-02", "2026-01-02T00:00:00.000001"),
        ("2026-03-29T01:00:00", "2026-03-29T02:00:00"),
        ("1969-12-31T23:59:59.000001", "1970-01-01"),
        ("2500-06-01", "2500-06-02"),
    )
)
"""Windows with a row of the edge rows at one of their bounds or another."""


class RowPromises(SourcePromises):
    """Every value comes back as it was stored, in every window."""

    def test_many_rows_come_whole(self, make_source: MakeSource) -> None:
        """Of 25,013 rows each comes, once, with its values: all pages, and the last, shorter one.

        If it fails: the message says which. Ask for pages until there is none, hand over the last
        one too, and move the cursor on by what came.
        """
        import pyarrow as pa

        rows = many_rows()
        with dataset(make_source(rows)) as data:
            batches: list[pa.RecordBatch] = []
            for batch in data:
                batches.append(batch)
                if sum(b.num_rows for b in batches) > 2 * rows.num_rows:
                    break  # it may never end
        if not batches:
            expect([f"of {rows.num_rows} rows that were stored came none"], PAGES)
        expect(lost_and_repeated(pa.Table.from_batches(batches), rows), PAGES)

    def test_what_it_says_of_its_size_is_about_so(self, make_source: MakeSource) -> None:
        """A stream says how many rows and bytes the table holds, about, or nothing of it.

        A tenth or ten times as many is about so. Plans show these figures, and `max_bytes` refuses
        by them.

        If it fails: say what the system's own statistics say, and None where these are not there
        yet (PostgreSQL has -1 then), or old.
        """
        rows = many_rows()
        source = make_source(rows)
        with source.access() as access:
            relation = only_stream(source, access)
        most = {"rows": 10 * rows.num_rows, "size": 100 * rows.nbytes}
        faults = []
        for what, figure in (("rows", relation.rows), ("size", relation.size)):
            if figure is None:
                continue
            if type(figure) is not int:
                faults.append(f"{what}={figure!r} is no whole number")
            elif not rows.num_rows // 10 <= figure <= most[what]:
                faults.append(
                    f"{what}={figure:,}, of {rows.num_rows:,} rows of {rows.nbytes:,} bytes"
                )
        expect(faults, "leave out StreamRelation.rows or .size where the system does not know")

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
        """A dataset is read anew each time it is iterated, and gives the same rows each time.

        If it fails: open cursors and streams when they are read, not in `relation`; keep nothing
        of one read for the next.
        """
        with dataset(source) as data:
            first, second = data.to_arrow(), data.to_arrow()
        faults = [d for c in first.column_names for d in differences(second, first, c)]
        expect(
            [f"in the second read, {d}" for d in faults],
            "open cursors and streams when they are read, and keep nothing of one for the next",
        )

    def test_texts_are_not_cut(self, make_source: MakeSource, longest_text: int) -> None:
        """A text comes whole, however long, in whatever script; a declared length holds it.

        If it fails: fetch texts without a limit of the driver, and declare `varchar(n)` only where
        the system limits a column so, in characters (not bytes); `string` otherwise.
        """
        lengths = [n for n in LENGTHS if n <= longest_text]
        texts = [letter * n for n in lengths for letter in ("a", "☃")]
        rows = edge_rows().take([0] * len(texts))
        rows = rows.set_column(0, "id", [[f"row-{i}" for i in range(len(texts))]])
        rows = rows.set_column(rows.column_names.index("word"), "word", [texts])
        actual = read(make_source(rows), None)
        spelled = {n.casefold(): n for n in actual.column_names}
        came = dict(
            zip(actual[spelled["id"]].to_pylist(), actual[spelled["word"]].to_pylist(), strict=True)
        )
        expect(
            [
                f"of a text of {len(text)} characters ({text[:1]!r}) came "
                f"{'none' if (text_ := came.get(f'row-{i}')) is None else f'{len(text_)}'}"
                for i, text in enumerate(texts)
                if came.get(f"row-{i}") != text
            ],
            "fetch texts without a limit; or override the fixture longest_text if the system "
            "itself holds no longer ones",
        )

    def test_a_window_is_exact(self, source: DataSource, headwater_workspace: Workspace) -> None:
        """A read of [start, end) gives the row at the start, not the one at the end, never NULL.

        To the microsecond, in UTC, before 1970 too; also where the source itself is asked for the
        window's rows alone.

        If it fails: the timestamp column must be a timestamp in the catalog, in UTC, with its
        microseconds; choosing partitions must not lose rows; and what `open` sends to the system
        must be `>= start` and `< end` of the very moments that the request holds, with their zone.
        """
        connection = serving(headwater_workspace, source)
        faults = []
        for start, end in WINDOWS:
            with perhaps_empty():
                read = connection.read(start, end, engine=ENGINE).to_arrow()
            faults += _row_differences(
                list(map(str, read["id"].to_pylist())), start, end, exact=True
            )
        with source.access() as access:
            relations = only_relations(source, access)
            for start, end in WINDOWS if not faults else ():
                relation = next(relations)
                if isinstance(relation, StreamRelation):
                    ids = ids_of(relation, conditions(relation, at=(start, end)))
                    faults += [
                        f"asked for this window, the stream's rows were fewer: {f}"
                        for f in _row_differences(ids, start, end, exact=False)
                    ]
        expect(
            faults,
            "keep each bound as it is: start included, end not, to the microsecond, in UTC; leave "
            "a condition that your system can't say exactly to the engine",
        )

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


def _row_differences(ids: list[str], start: datetime, end: datetime, *, exact: bool) -> list[str]:
    """Return how rows differ from those of a window, or which of these are missing."""
    edges = edge_rows()
    moments = dict(zip(edges["id"].to_pylist(), edges["at"].to_pylist(), strict=True))
    inside = {str(i) for i, at in moments.items() if at is not None and start <= at < end}
    where = f"of [{start.isoformat()}, {end.isoformat()})"
    faults = [f"{i}, at {moments[i]}, did not come" for i in sorted(inside - set(ids))]
    if exact:
        faults += [f"{i}, at {moments.get(i)}, came" for i in sorted(set(ids) - inside)]
    return [f"{where}: {f}" for f in faults]
