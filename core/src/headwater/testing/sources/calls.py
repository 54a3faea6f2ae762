"""What a data source promises of its calls: each ends, in time."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from headwater.errors import HeadwaterError
from headwater.interfaces.data_source import SourceCapability
from headwater.tables.relation import StreamRelation
from headwater.testing.edges import edge_rows
from headwater.testing.sources.support import (
    MakeSource,
    SourcePromises,
    fields,
    only_name,
    opened,
)

if TYPE_CHECKING:
    from headwater.interfaces.data_source import DataSource


class CallPromises(SourcePromises):
    """No call waits for ever. Asked first: of what hangs, nothing more is asked."""

    def test_every_call_ends_in_time(
        self, make_source: MakeSource, broken_source: DataSource
    ) -> None:
        """Each method of a source, its catalog and its streams returns within `deadline` seconds.

        If it fails: the message says which call hangs, and in which line. Give it a timeout.
        """
        source = make_source(edge_rows())
        kind = type(source).__name__
        again = self.within(f"{kind}(...)", lambda: type(source)(**fields(source)))
        self.within(f"{kind}.describe()", again.describe)
        access = self.within(f"{kind}.access()", source.access)
        try:
            catalog = self.within(f"{kind}.catalog(access)", lambda: source.catalog(access))
            name = only_name(source)
            table = self.within("catalog.table(name)", lambda: catalog.table(name))
            if SourceCapability.DISCOVER in source.capabilities:
                self.within("catalog.databases()", lambda: list(catalog.databases()))
                database = table.name.database
                self.within("catalog.tables(database)", lambda: list(catalog.tables(database)))
            partitions = None
            if table.partition_keys:
                partitions = self.within(
                    "catalog.partitions(table)", lambda: list(catalog.partitions(table))
                )
            relation = self.within(
                f"{kind}.relation(table, ...)", lambda: source.relation(table, partitions, access)
            )
            if isinstance(relation, StreamRelation):
                names = [c.name for c in relation.columns]
                stream = self.within("relation.open(...)", lambda: opened(relation, names))
                self.within("reading the stream to its end", lambda: list(stream))
            self.within(f"{kind}.examine(access)", lambda: list(source.examine(access)))
        finally:
            self.within("access.close()", access.close)
        self.within(f"{kind} of a place that can't be reached", lambda: _look_up_any(broken_source))


def _look_up_any(source: DataSource) -> None:
    with suppress(HeadwaterError), source.access() as access:
        source.catalog(access).table(only_name(source))
