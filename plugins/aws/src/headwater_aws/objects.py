"""Objects: small ones that describe tables, read whole; files of rows, streamed."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final

from headwater.errors import HeadwaterError, SourceError
from headwater.interfaces.stopping import Stop
from headwater.tables.relation import DataFile
from headwater.untrusted import limits
from headwater_aws.errors import broken_answer, code_of, translating
from headwater_aws.listing import parse_uri
from headwater_aws.recording import note_object

if TYPE_CHECKING:
    from headwater_aws.session import AwsSession

_THREADS: Final = 16
LARGEST: Final = limits.METADATA_BYTES
"""Bytes beyond which an object that should describe a table is taken for something else."""
_ATTEMPTS: Final = 5
"""How often answers may break off until `_PROGRESS` bytes came: a byte each time is no progress."""
_PROGRESS: Final = 1 << 20


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
    note_object(uri, content)
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


def look(session: AwsSession, uri: str) -> Mapping[str, Any] | None:
    """Return S3's answer to a HEAD of an object, None where there is none.

    A refused HEAD has no body to say why: then a GET of one byte is asked, which has one.

    Raises:
        HeadwaterError: Told as what S3 says.
    """
    from botocore.exceptions import ClientError

    bucket, key = parse_uri(uri)
    client = session.client("s3")
    with translating(doing=f"look at {uri}", resource=uri, session=session):
        try:
            head: Mapping[str, Any] = client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if code_of(error) in ("404", "NoSuchKey", "NotFound"):
                return None
            if code_of(error).isdecimal():
                client.get_object(Bucket=bucket, Key=key, Range="bytes=0-0")["Body"].close()
            raise
    return head


def refusal(session: AwsSession, uri: str, doing: str) -> HeadwaterError | None:
    """Ask S3 for one byte of an object again; return why it is refused, None if it is given.

    Args:
        session: Who is refused.
        uri: The object.
        doing: What was tried, after "can't".
    """
    bucket, key = parse_uri(uri)
    try:
        with translating(doing=doing, resource=uri, session=session):
            answer = session.client("s3").get_object(Bucket=bucket, Key=key, Range="bytes=0-0")
            answer["Body"].close()
    except HeadwaterError as error:
        return error
    return None


def ending(session: AwsSession, file: DataFile, length: int, doing: str) -> bytes:
    """Return the last bytes of an object, of the version that was planned.

    Args:
        session: Who reads it.
        file: The object.
        length: How many bytes, at most.
        doing: What it is read for, after "can't".
    """
    bucket, key = parse_uri(file.path)
    more = {"IfMatch": f'"{file.etag}"'} if file.etag else {}
    span = f"bytes={max(0, file.size - length)}-{file.size - 1}"
    with translating(doing=doing, resource=file.path, session=session):
        answer = session.client("s3").get_object(Bucket=bucket, Key=key, Range=span, **more)
        content: bytes = answer["Body"].read()
    return content


class Content(io.RawIOBase):
    """An object's bytes from its beginning to its end, or some of them, fetched as they are read.

    An answer that breaks off is asked for again from where it ended, while it gets on; nothing is
    asked for once the read is to end.

    Args:
        session: Who reads it.
        file: The object, as it was planned; one of another version is not read.
        doing: What it is read for, after "can't".
        span: The first byte, and the one behind the last; None for all.
    """

    def __init__(
        self,
        session: AwsSession,
        file: DataFile,
        doing: str,
        span: tuple[int, int] | None = None,
    ) -> None:
        self._session = session
        self._file = file
        self._doing = doing
        self._bucket, self._key = parse_uri(file.path)
        self._place, self._end = span or (0, file.size)
        self._broken = 0
        """How often answers broke off since a megabyte came, or since the beginning."""
        self._since = 0
        self._body: Any = None

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; return how many bytes came, 0 at the end."""
        from botocore.exceptions import HTTPClientError, IncompleteReadError

        # A new buffer holds what the process's memory held, a request's keys among it: tools that
        # show a frame's variables are shown where it lies.
        buffer = memoryview(buffer)
        size = min(len(buffer), self._end - self._place)
        if size <= 0:
            return 0
        while self._broken < _ATTEMPTS:
            with translating(doing=self._doing, resource=self._file.path, session=self._session):
                if self._body is None:
                    Stop.current().check()
                    self._body = self._open()
                try:
                    content: bytes = self._body.read(size)
                except (HTTPClientError, IncompleteReadError, ConnectionError):
                    content = b""
            if content:
                buffer[: len(content)] = content
                self._place += len(content)
                if self._place - self._since >= _PROGRESS:
                    self._since, self._broken = self._place, 0
                return len(content)
            self._broken += 1
            self._leave()
        raise broken_answer(self._doing)

    def _open(self) -> Any:
        span = f"{self._place}-{self._end - 1}"
        part = self._place > 0 or self._end < self._file.size
        more = {"Range": f"bytes={span}"} if part else {}
        if self._file.etag:
            more["IfMatch"] = f'"{self._file.etag}"'
        client = self._session.client("s3")
        answer = client.get_object(Bucket=self._bucket, Key=self._key, **more)
        given = answer.get("ContentRange", "")
        if part and given != f"bytes {span}/{self._file.size}":
            # What came would be taken for other bytes than it is.
            answer["Body"].close()
            raise SourceError(
                f"can't {self._doing}: of {self._file.path} the bytes {span} were asked for, and "
                f"{given or 'all'} given",
                code="broken-answer",
                hint="look for what changes requests or answers on their way: a proxy, a cache",
            )
        return answer["Body"]

    def _leave(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            body.close()

    def close(self) -> None:
        """Close the object without reading the rest."""
        self._leave()
        super().close()
