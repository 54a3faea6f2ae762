"""A file's own columns, read from its footer or its first line, in one or two small requests."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from headwater.arrow_types import data_type
from headwater.errors import SourceError, UnsupportedError
from headwater.table import Column
from headwater.types import STRING
from headwater_aws.errors import translating
from headwater_aws.listing import S3Object, parse_uri

if TYPE_CHECKING:
    from headwater_aws.session import AwsSession

_TAIL = 64 * 1024
"""Bytes of a file's end that are asked for first: most footers are in there."""
_HEAD = 64 * 1024


def file_columns(
    session: AwsSession, file: S3Object, format: str, separator: str
) -> tuple[Column, ...]:
    """Return the columns of a Parquet, ORC or CSV file.

    Args:
        session: Who reads.
        file: The file.
        format: `parquet`, `orc` or `csv`.
        separator: Of a CSV file's header row.

    Raises:
        SourceError: If the file is not of that format.
        AccessDeniedError: If the session may not read it.
    """
    import pyarrow as pa

    try:
        if format == "csv":
            return _header(session, file, separator)
        if format == "orc":
            from pyarrow import orc

            schema = orc.ORCFile(io.BytesIO(_read(session, file, 0))).schema
        else:
            import pyarrow.parquet as pq

            schema = pq.read_schema(pa.BufferReader(_footer(session, file)))
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise SourceError(f"{file.uri} can't be read as {format}: {error}") from error
    return tuple(Column(f.name, data_type(f.type)) for f in schema)


def _footer(session: AwsSession, file: S3Object) -> bytes:
    """Return bytes that end as the file does and hold its whole Parquet footer.

    Source: Parquet format, "File Format": the footer's length stands before the final magic.
    """
    tail = _read(session, file, max(0, file.size - _TAIL))
    needed = int.from_bytes(tail[-8:-4], "little") + 8
    if len(tail) < needed <= file.size:
        tail = _read(session, file, file.size - needed)
    return b"PAR1" + tail if len(tail) < file.size else tail


def _header(session: AwsSession, file: S3Object, separator: str) -> tuple[Column, ...]:
    if file.uri.endswith((".gz", ".zst", ".bz2", ".snappy")):
        raise UnsupportedError(
            f"{file.uri}: the columns of a compressed CSV file must be declared",
            hint='columns={"prediction_id": "string", "score": "double"}',
        )
    head = _read(session, file, 0, _HEAD).decode("utf-8-sig", errors="ignore")
    names = head.splitlines()[0].split(separator)
    return tuple(Column(n.strip().strip('"'), STRING) for n in names)


def _read(session: AwsSession, file: S3Object, start: int, length: int | None = None) -> bytes:
    bucket, key = parse_uri(file.uri)
    end = "" if length is None else str(start + length - 1)
    arn = f"arn:aws:s3:::{bucket}/{key}"
    with translating(doing=f"read {file.uri}", resource=arn, session=session):
        answer = session.client("s3").get_object(
            Bucket=bucket, Key=key, Range=f"bytes={start}-{end}", IfMatch=file.etag
        )
        body: bytes = answer["Body"].read()
        return body
