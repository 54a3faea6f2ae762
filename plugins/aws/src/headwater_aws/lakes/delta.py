"""A Delta table's state, read from its transaction log by the deltalake library.

Glue's columns are a stand-in (`col array<string>`) where Spark registered the table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headwater.errors import SourceError, UnsupportedError
from headwater.foreign import json_value
from headwater.table import Column
from headwater_aws.errors import translating
from headwater_aws.lakes.spark_schema import schema_columns
from headwater_aws.listing import list_files, parse_uri
from headwater_aws.objects import read_object

if TYPE_CHECKING:
    from headwater_aws.session import AwsSession

INSTALL = "pip install deltalake"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class DeltaState:
    """A Delta table at one version.

    Args:
        columns: Of its schema, in its order.
        version: The newest version of its log.
        location: URI of its directory.
        files: Data files of that version.
        bytes: Their size.
    """

    columns: tuple[Column, ...]
    version: int
    location: str
    files: int
    bytes: int


def delta_state(session: AwsSession, location: str, table: str) -> DeltaState:
    """Return a table's newest state.

    Args:
        session: Who reads it.
        location: URI of the table's directory.
        table: The table, for messages.

    Raises:
        UnsupportedError: If deltalake is not installed.
        AccessDeniedError: If the session may not list or read its log.
        SourceError: If there is no log there, or it can't be read.
    """
    try:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError
    except ImportError as error:
        raise UnsupportedError(
            f"table {table} is a Delta table, and deltalake is not installed", hint=INSTALL
        ) from error
    uri = "s3://" + location.partition("://")[2]
    try:
        log = DeltaTable(uri, storage_options=storage_options(session))
        columns = schema_columns(json_value(log.schema().to_json()))
        sizes = log.get_add_actions(flatten=True)["size_bytes"].to_pylist()
    except TableNotFoundError as error:
        raise SourceError(
            f"table {table}: there is no Delta log at {uri}",
            code="broken-delta",
            hint="the table was moved or removed; or it is not a Delta table any more",
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(
            f"table {table}: its Delta log at {uri} names a schema that can't be read: {error}",
            code="broken-delta",
        ) from error
    except (DeltaError, OSError) as error:
        said = _ANSI.sub("", str(error))
        if "403" in said or "privileges" in said:
            _refusal(session, f"{uri.rstrip('/')}/_delta_log/", table)
        raise SourceError(
            f"table {table}: its Delta log at {uri} can't be read: {said}", code="broken-delta"
        ) from error
    return DeltaState(columns, log.version(), uri, len(sizes), sum(sizes))


def _refusal(session: AwsSession, log: str, table: str) -> None:
    """Ask again what deltalake was refused, so that the error names action, resource and caller.

    Raises:
        AccessDeniedError: If it is refused here too.
    """
    bucket, prefix = parse_uri(log)
    doing = f"read the Delta log of {table}"
    with translating(doing=f"{doing} at {log}", resource=f"s3://{bucket}", session=session):
        session.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    for file in list_files(session, log):
        read_object(session, file.uri, doing)


def storage_options(session: AwsSession) -> dict[str, str]:
    """Return how deltalake reaches S3 as a session; holds secrets, so it is not kept."""
    credentials = session.storage()
    options = {
        "AWS_ACCESS_KEY_ID": credentials.secrets["access_key_id"].reveal(),
        "AWS_SECRET_ACCESS_KEY": credentials.secrets["secret_access_key"].reveal(),
        "AWS_REGION": credentials.settings["region"],
    }
    if "session_token" in credentials.secrets:
        options["AWS_SESSION_TOKEN"] = credentials.secrets["session_token"].reveal()
    if endpoint := credentials.settings.get("endpoint_url"):
        options["AWS_ENDPOINT_URL"] = endpoint
        options["AWS_VIRTUAL_HOSTED_STYLE_REQUEST"] = "false"
        if endpoint.startswith("http://"):
            options["AWS_ALLOW_HTTP"] = "true"
    return options
