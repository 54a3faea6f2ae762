"""Iceberg and Delta tables as Arrow streams, through pyiceberg and deltalake."""

from __future__ import annotations

from collections.abc import Collection
from importlib.util import find_spec
from typing import TYPE_CHECKING

from headwater.auth.credentials import Credentials
from headwater.diagnostics import Diagnostic
from headwater.engines.embedded.lake_formats.files import (
    ON_SPARK,
    GiveCredentials,
    LakeFiles,
    store_for,
    unknown_feature,
)
from headwater.engines.embedded.row_streams import RowStream
from headwater.errors import UnsupportedError
from headwater.lakes.delta import storage_options
from headwater.lakes.places import Store, split, store_of
from headwater.tables.relation import (
    DataFile,
    DeltaRelation,
    FileTimes,
    IcebergRelation,
    Relation,
)

if TYPE_CHECKING:
    pass


def stream(
    relation: IcebergRelation | DeltaRelation,
    columns: frozenset[str],
    credentials: GiveCredentials,
) -> RowStream:
    """Return the rows of a table at the version that the plan pinned.

    Args:
        relation: The table.
        columns: Casefolded names of the columns to read.
        credentials: Gives the current credentials of the identity that reads it; None for a table
            that needs none.

    Raises:
        UnsupportedError: If the package that reads such tables is not installed, or the table
            uses a feature that it does not know, or leads out of its own storage.
    """
    names = [c.name for c in relation.columns if c.name.casefold() in columns]
    names = names or [relation.columns[0].name]
    if isinstance(relation, IcebergRelation):
        need("pyiceberg", f"Iceberg table {relation.name}")
        from headwater.engines.embedded.lake_formats.iceberg import open_scan

        return RowStream(open_scan(relation, names, _iceberg_files(relation, credentials)))
    need("deltalake", f"Delta table {relation.name}")
    from headwater.engines.embedded.lake_formats.delta import open_scan as open_delta

    current = credentials()
    store, root = _delta_place(relation, current)
    files = LakeFiles(relation, store, credentials)
    return RowStream(open_delta(relation, names, files, root, storage_options(current)))


def files_of(
    relation: IcebergRelation | DeltaRelation, column: str, credentials: GiveCredentials
) -> list[tuple[DataFile, FileTimes]]:
    """Return the files of a table at the version that the plan pinned, each with its times.

    Args:
        relation: The table.
        column: The time column.
        credentials: As for `stream`.

    Raises:
        HeadwaterError: As `stream`.
    """
    if isinstance(relation, IcebergRelation):
        need("pyiceberg", f"Iceberg table {relation.name}")
        from headwater.engines.embedded.lake_formats import iceberg

        return iceberg.list_files(relation, column, _iceberg_files(relation, credentials))
    need("deltalake", f"Delta table {relation.name}")
    from headwater.engines.embedded.lake_formats import delta

    current = credentials()
    _, root = _delta_place(relation, current)
    return delta.list_files(relation, column, root, storage_options(current))


def compacted_since(
    relation: IcebergRelation | DeltaRelation, credentials: GiveCredentials
) -> Collection[int]:
    """Return the states of a table since which its own metadata says that no row moved.

    Args:
        relation: The table.
        credentials: As for `stream`.

    Returns:
        Snapshots or versions, the relation's among them.

    Raises:
        HeadwaterError: As `stream`.
    """
    if isinstance(relation, IcebergRelation):
        need("pyiceberg", f"Iceberg table {relation.name}")
        from headwater.engines.embedded.lake_formats.iceberg import replaced_since

        return replaced_since(relation, _iceberg_files(relation, credentials))
    need("deltalake", f"Delta table {relation.name}")
    from headwater.engines.embedded.lake_formats.delta import rearranged_since

    store, root = _delta_place(relation, credentials())
    return rearranged_since(relation, LakeFiles(relation, store, credentials), root)


def _iceberg_files(relation: IcebergRelation, credentials: GiveCredentials) -> LakeFiles:
    place = relation.metadata_location
    store = store_for(place, credentials(), relation.name) or store_of(place)
    return LakeFiles(relation, store, credentials)


def _delta_place(relation: DeltaRelation, current: Credentials | None) -> tuple[Store, str]:
    """Return a table's store, and the path of its directory there."""
    place = relation.location
    store = store_for(place, current, relation.name) or Store("file", root=split(place)[2])
    return store, store.path(place, "its place", relation.name, directory=True)


def refusals(relation: Relation) -> tuple[Diagnostic, ...]:
    """Return why a table can't be read here, as far as its plan tells; empty if it can."""
    if not isinstance(relation, DeltaRelation):
        return ()
    problem = unknown_feature(relation.features, relation.name)
    return () if problem is None else (Diagnostic("unsupported", problem, hint=ON_SPARK),)


def need(package: str, what: str) -> None:
    """Raise an `UnsupportedError` if a package is not installed.

    Args:
        package: The module that is imported.
        what: What needs it.
    """
    if find_spec(package) is None:
        raise UnsupportedError(
            f"{what} needs the package {package}, which is not installed",
            hint=f"pip install {package}, or use the spark engine",
        )
