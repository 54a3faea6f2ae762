"""Iceberg and Delta tables as Arrow streams, through pyiceberg and deltalake."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from headwater.credentials import Credentials
from headwater.errors import UnsupportedError
from headwater.relation import DeltaRelation, IcebergRelation

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS: Final = 65_536


class RowStream:
    """Rows that can be streamed any number of times, through Arrow's C interface.

    Args:
        open_: Opens the rows from their beginning.
    """

    def __init__(self, open_: Callable[[], pa.RecordBatchReader]) -> None:
        self._open = open_

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        reader: Any = self._open()
        return reader.__arrow_c_stream__(requested_schema)


def stream(
    relation: IcebergRelation | DeltaRelation,
    columns: frozenset[str],
    credentials: Credentials | None,
) -> RowStream:
    """Return the rows of a table at the version that the plan pinned.

    Args:
        relation: The table.
        columns: Casefolded names of the columns to read.
        credentials: Of the identity that reads it, as they are now: readers of other packages
            keep them for the whole read.

    Raises:
        UnsupportedError: If the package that reads such tables is not installed, or the table
            uses a feature that it does not know.
    """
    wanted = [c.name for c in relation.columns if c.name.casefold() in columns]
    wanted = wanted or [relation.columns[0].name]
    if isinstance(relation, IcebergRelation):
        return _iceberg(relation, wanted, credentials)
    return _delta(relation, wanted, credentials)


def _iceberg(
    relation: IcebergRelation, columns: Sequence[str], credentials: Credentials | None
) -> RowStream:
    need("pyiceberg", f"Iceberg table {relation.name}")
    from pyiceberg.table import StaticTable

    table = StaticTable.from_metadata(
        relation.metadata_location, properties=_iceberg_properties(credentials)
    )

    def open_() -> pa.RecordBatchReader:
        scan = table.scan(
            snapshot_id=relation.snapshot_id, selected_fields=tuple(columns), case_sensitive=False
        )
        if relation.snapshot_id is None:
            return scan.to_arrow_batch_reader().schema.empty_table().to_reader()
        return scan.to_arrow_batch_reader()

    return RowStream(open_)


def _delta(
    relation: DeltaRelation, columns: Sequence[str], credentials: Credentials | None
) -> RowStream:
    need("deltalake", f"Delta table {relation.name}")
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaProtocolError

    table = DeltaTable(
        relation.location, version=relation.version, storage_options=_delta_options(credentials)
    )
    try:
        dataset = table.to_pyarrow_dataset()
    except DeltaProtocolError as error:
        raise UnsupportedError(
            f"Delta table {relation.name}: {error}", hint="use the spark engine for this table"
        ) from error
    spelled = {n.casefold(): n for n in dataset.schema.names}
    names = [spelled.get(c.casefold(), c) for c in columns]

    def open_() -> pa.RecordBatchReader:
        return dataset.scanner(columns=names, batch_size=BATCH_ROWS).to_reader()

    return RowStream(open_)


def _iceberg_properties(credentials: Credentials | None) -> dict[str, str]:
    return _renamed(
        credentials,
        secrets={
            "access_key_id": "s3.access-key-id",
            "secret_access_key": "s3.secret-access-key",
            "session_token": "s3.session-token",
        },
        settings={"region": "s3.region", "endpoint_url": "s3.endpoint"},
    )


def _delta_options(credentials: Credentials | None) -> dict[str, str]:
    options = _renamed(
        credentials,
        secrets={
            "access_key_id": "AWS_ACCESS_KEY_ID",
            "secret_access_key": "AWS_SECRET_ACCESS_KEY",
            "session_token": "AWS_SESSION_TOKEN",
        },
        settings={"region": "AWS_REGION", "endpoint_url": "AWS_ENDPOINT_URL"},
    )
    if options.get("AWS_ENDPOINT_URL", "").startswith("http://"):
        options["AWS_ALLOW_HTTP"] = "true"
    return options


def _renamed(
    credentials: Credentials | None, *, secrets: Mapping[str, str], settings: Mapping[str, str]
) -> dict[str, str]:
    if credentials is None:
        return {}
    found = {
        new: credentials.secrets[k].reveal()
        for k, new in secrets.items()
        if k in credentials.secrets
    }
    return found | {
        new: credentials.settings[k] for k, new in settings.items() if k in credentials.settings
    }


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
