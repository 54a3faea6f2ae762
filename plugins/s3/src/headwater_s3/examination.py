"""The examination of a query's inputs: may each be listed and read, and what tables are they?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from headwater.errors import AccessDeniedError
from headwater.interfaces.report import CheckStage
from headwater.interfaces.table_lookup import look_up, tables_stage
from headwater.tables.table import TableName
from headwater_aws.places import Place, examine_places
from headwater_s3.catalog import S3Catalog
from headwater_s3.inputs import LAKES, Input

if TYPE_CHECKING:
    from headwater_aws.listings import Listings


def examine_tables(
    names: Sequence[TableName], inputs: Sequence[Input], catalog: S3Catalog, listings: Listings
) -> Iterator[CheckStage]:
    """Yield two stages for each input that the query names, then `tables`.

    Args:
        names: The tables that the query names.
        inputs: The inputs of the source.
        catalog: Where they are looked up.
        listings: Lists and reads for the operation.
    """
    named = {name.name.casefold() for name in names}
    yield from examine_places(listings, (_place(i) for i in inputs if i.name.casefold() in named))
    lookup = look_up(catalog, names)
    # What may not be listed or read was told above, of its very place.
    denied = {e.code for e in lookup.errors.values() if isinstance(e, AccessDeniedError)}
    yield tables_stage(lookup, denied)


def _place(input_: Input) -> Place:
    root, description = input_.location.root, f"input {input_.name}"
    if input_.format == "iceberg" and root.endswith(".json"):
        return Place((), description, object=root, listed=False)
    if input_.format in LAKES:
        return Place(
            (f"{root.rstrip('/')}/",), description, "parquet" if input_.format == "delta" else ""
        )
    return Place((root,), description, input_.format, matching=input_.location.pattern)
