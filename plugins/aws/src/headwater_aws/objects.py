"""Small objects that describe tables: metadata and manifests, read whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Final

from headwater import bounds
from headwater.errors import SourceError
from headwater_aws.errors import translating
from headwater_aws.listing import parse_uri

if TYPE_CHECKING:
    from headwater_aws.session import AwsSession

_THREADS: Final = 16
LARGEST: Final = bounds.METADATA_BYTES
"""Bytes beyond which an object that should describe a table is taken for something else."""


def read_object(session: AwsSession, uri: str, doing: str) -> bytes:
    """Return the content of an object.

    Args:
        session: Who reads it.
        uri: `s3://bucket/key`.
        doing: What it is read for, after "can't".

    Raises:
        SourceError: If it is missing or far too large.
        AccessDeniedError: If the session may not read it.
    """
    bucket, key = parse_uri(uri)
    with translating(doing=f"{doing} at {uri}", resource=uri, session=session):
        answer = session.client("s3").get_object(Bucket=bucket, Key=key)
        if answer["ContentLength"] > LARGEST:
            answer["Body"].close()
            raise SourceError(f"can't {doing}: {uri} has {answer['ContentLength']:,} bytes")
        content: bytes = answer["Body"].read()
    return content


def read_objects(session: AwsSession, uris: Sequence[str], doing: str) -> Mapping[str, bytes]:
    """Return the contents of several objects by URI, read side by side.

    Raises:
        SourceError, AccessDeniedError: As `read_object`, of the first that fails.
    """
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="headwater-s3") as pool:
        # Each gets a context of its own: a deadline set outside holds inside.
        futures = {
            uri: pool.submit(copy_context().run, read_object, session, uri, doing) for uri in uris
        }
        return {uri: future.result() for uri, future in futures.items()}
