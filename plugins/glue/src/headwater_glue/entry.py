"""What Glue stores of a table or a partition, as values with one spelling.

Glue is a bag of texts that many writers fill: keys in any case, blocks left out, the same fact in
several places. Here it is read once; the other rooms decide on these values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class GlueColumn:
    """A column as Glue holds it: its type is still text."""

    name: str
    type: str
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Storage:
    """A storage descriptor: where files lie and how their bytes become rows.

    Args:
        location: URI of the directory; empty where there is none.
        columns: The data columns, empty where the response leaves them out.
        input_format: Java class that finds the files' records.
        serde: Java class that reads a record; empty where there is none.
        parameters: The descriptor's own and the serde's, keys lower-cased, the serde's winning.
    """

    location: str = ""
    columns: tuple[GlueColumn, ...] = ()
    input_format: str = ""
    serde: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, descriptor: Mapping[str, Any] | None) -> Storage:
        """Return what a `StorageDescriptor` of Glue's API says."""
        descriptor = descriptor or {}
        serde = descriptor.get("SerdeInfo") or {}
        return cls(
            location=descriptor.get("Location") or "",
            columns=glue_columns(descriptor.get("Columns")),
            input_format=descriptor.get("InputFormat") or "",
            serde=serde.get("SerializationLibrary") or "",
            parameters=_folded(descriptor.get("Parameters")) | _folded(serde.get("Parameters")),
        )


@dataclass(frozen=True, slots=True)
class TableLink:
    """Where a resource link points.

    Args:
        catalog_id: Account (or catalog) that owns the table; None means the link's own.
        database: The table's database.
        name: The table; None where a whole database is linked.
        region: Region of the catalog; None means the link's own.
    """

    catalog_id: str | None
    database: str
    name: str | None = None
    region: str | None = None

    @classmethod
    def of(cls, target: Mapping[str, Any] | None) -> TableLink | None:
        """Return what a `TargetTable` or `TargetDatabase` of Glue's API says."""
        if not target or not target.get("DatabaseName"):
            return None
        return cls(
            target.get("CatalogId"),
            target["DatabaseName"],
            target.get("Name"),
            target.get("Region"),
        )


@dataclass(frozen=True, slots=True)
class GlueTable:
    """A table as Glue holds it.

    Args:
        database: Name of its database.
        name: Its own name.
        catalog_id: Account or catalog that it was found in.
        region: Region that it was found in.
        table_type: `EXTERNAL_TABLE`, `VIRTUAL_VIEW` ... or empty.
        storage: Its storage descriptor.
        partition_keys: The columns that come from the partition.
        parameters: Keys lower-cased.
        view_text: What defines a view, as its writer stored it.
        target: Where a resource link points.
        representations: A multi-dialect view's definitions, by dialect in upper case.
        federated: Connection of a table that another system holds; None for Glue's own.
        lake_formation: Whether its location is registered with Lake Formation.
    """

    database: str
    name: str
    catalog_id: str | None = None
    region: str | None = None
    table_type: str = ""
    storage: Storage = Storage()
    partition_keys: tuple[GlueColumn, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    view_text: str = ""
    target: TableLink | None = None
    representations: Mapping[str, str] = field(default_factory=dict)
    federated: str | None = None
    lake_formation: bool = False

    @classmethod
    def of(cls, raw: Mapping[str, Any], *, region: str | None = None) -> GlueTable:
        """Return what a `Table` of Glue's API says."""
        view = raw.get("ViewDefinition") or {}
        federated = raw.get("FederatedTable")
        return cls(
            database=raw.get("DatabaseName") or "",
            name=raw["Name"],
            catalog_id=raw.get("CatalogId"),
            region=region,
            table_type=(raw.get("TableType") or "").upper(),
            storage=Storage.of(raw.get("StorageDescriptor")),
            partition_keys=glue_columns(raw.get("PartitionKeys")),
            parameters=_folded(raw.get("Parameters")),
            view_text=raw.get("ViewOriginalText") or "",
            target=TableLink.of(raw.get("TargetTable")),
            representations={
                r["Dialect"].upper(): r.get("ViewOriginalText") or r.get("ViewExpandedText") or ""
                for r in view.get("Representations") or ()
                if r.get("Dialect")
            },
            federated=(federated.get("ConnectionName") or "unnamed") if federated else None,
            lake_formation=bool(raw.get("IsRegisteredWithLakeFormation")),
        )

    @property
    def columns(self) -> tuple[GlueColumn, ...]:
        """Data columns, then partition keys."""
        return self.storage.columns + self.partition_keys

    def parameter(self, name: str) -> str:
        """Return a parameter of the table, else of its storage, stripped; empty if it has none."""
        folded = name.lower()
        return (self.parameters.get(folded) or self.storage.parameters.get(folded) or "").strip()

    def __str__(self) -> str:
        return ".".join(p for p in (self.catalog_id, self.database, self.name) if p)


def glue_columns(columns: Sequence[Mapping[str, Any]] | None) -> tuple[GlueColumn, ...]:
    """Return the columns of a list of Glue's API."""
    return tuple(
        GlueColumn(c["Name"], c.get("Type") or "", c.get("Comment") or None) for c in columns or ()
    )


def _folded(parameters: Mapping[str, str] | None) -> dict[str, str]:
    return {k.lower(): v for k, v in (parameters or {}).items()}
