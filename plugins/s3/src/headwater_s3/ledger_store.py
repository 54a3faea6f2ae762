"""S3LedgerStore: a ledger in an object, saved only in the place of the one that was loaded.

S3 compares and writes in one step (conditional writes), so two runners never overwrite each other.

Source: Amazon S3 User Guide, "How to prevent object overwrites with conditional writes": 412 where
the condition does not hold, 404 where the object to be replaced is gone, 409 where another write or
a deletion is under way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, Final, cast

from pydantic import BaseModel, ConfigDict, field_validator

from headwater.auth.credentials import Access, AuthStrategy
from headwater.errors import ConfigError, LedgerError, LedgerMovedError
from headwater.untrusted import limits
from headwater_aws.auth.default import DefaultChain
from headwater_aws.errors import code_of, translating
from headwater_aws.listing import parse_uri

if TYPE_CHECKING:
    from headwater_aws.session import AwsSession

_REF: Final = "ledger"
_MOVED: Final = frozenset(
    {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "404", "409", "412"}
)


class S3LedgerStore(BaseModel):
    """A ledger in one object of S3.

    It needs `s3:GetObject` and `s3:PutObject` on the object, and `s3:ListBucket` on its bucket:
    without that S3 does not tell a missing object from one that may not be read, and a ledger that
    may not be read is never taken for an empty one. What files' footers said is kept beside it, in
    `<key>.files`: with the same rights on that object, footers are not read again by every run.

    Args:
        uri: The object, `s3://bucket/key`.
        region: Region of the bucket.
        auth: Identity that reads and writes it; left out, AWS's own variables decide.
        endpoint_url: Another address of S3.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
    kind: ClassVar[str] = "s3"

    uri: str
    region: str | None = None
    auth: AuthStrategy | None = None
    endpoint_url: str | None = None

    @field_validator("uri")
    @classmethod
    def _names_an_object(cls, uri: str) -> str:
        bucket, key = parse_uri(uri)
        if not bucket or not key or key.endswith("/"):
            raise ConfigError(
                f"{uri!r} names no object", hint="e.g. s3://bucket/state/headwater.ledger"
            )
        return uri

    def load(self) -> tuple[bytes, str | None]:
        """Return the object's content and its ETag; `(b"", None)` where there is no object.

        Raises:
            LedgerError: If it is far too large.
            AccessDeniedError: If it may not be read, or nobody may say whether it is there.
        """
        from botocore.exceptions import ClientError

        bucket, key = parse_uri(self.uri)
        with self._session("load") as session:
            try:
                answer = session.client("s3").get_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if code_of(error) in ("NoSuchKey", "404"):
                    return b"", None
                raise
            if answer["ContentLength"] > limits.LEDGER_BYTES:
                answer["Body"].close()
                size = f"{answer['ContentLength']:,} bytes"
                raise LedgerError(f"the ledger {self.uri} has {size}", hint="is it another object?")
            content: bytes = answer["Body"].read()
        return content, str(answer["ETag"])

    def save(self, content: bytes, expected_mark: str | None) -> str:
        """Put other content in the place of the object's, if it is still what was expected.

        Args:
            content: The content.
            expected_mark: The ETag that it must have; None: there must be no object.

        Raises:
            LedgerMovedError: If it is not, or somebody else writes it at this moment.
            AccessDeniedError: If it may not be written.
        """
        from botocore.exceptions import ClientError

        bucket, key = parse_uri(self.uri)
        condition = {"IfNoneMatch": "*"} if expected_mark is None else {"IfMatch": expected_mark}
        with self._session("save") as session:
            try:
                answer = session.client("s3").put_object(
                    Bucket=bucket, Key=key, Body=content, ContentType="application/jsonl",
                    **condition,
                )  # fmt: skip
            except ClientError as error:
                if code_of(error) not in _MOVED:
                    raise
                raise LedgerMovedError(
                    f"the ledger {self.uri} was saved by somebody else since it was loaded",
                    hint="load it again",
                ) from error
        return str(answer["ETag"])

    def load_files(self) -> bytes:
        """Return what is kept of files, in the object `<name>.files` beside the ledger.

        Raises:
            AccessDeniedError: If it may not be read.
        """
        from botocore.exceptions import ClientError

        bucket, key = parse_uri(f"{self.uri}.files")
        with self._session("load what is kept of files beside") as session:
            try:
                answer = session.client("s3").get_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if code_of(error) in ("NoSuchKey", "404"):
                    return b""
                raise
            if answer["ContentLength"] > limits.KEPT_FILES_BYTES:
                answer["Body"].close()
                return b""
            content: bytes = answer["Body"].read()
        return content

    def save_files(self, content: bytes) -> None:
        """Keep what is known of files; whoever saves last wins.

        Args:
            content: Its bytes.

        Raises:
            AccessDeniedError: If it may not be written.
        """
        bucket, key = parse_uri(f"{self.uri}.files")
        with self._session("save what is kept of files beside") as session:
            session.client("s3").put_object(
                Bucket=bucket, Key=key, Body=content, ContentType="application/octet-stream"
            )

    @contextmanager
    def _session(self, doing: str) -> Iterator[AwsSession]:
        strategy = self.auth or DefaultChain()
        opened = strategy.open(region=self.region, endpoint_url=self.endpoint_url)
        with Access({_REF: opened}) as access:
            session = cast("AwsSession", access.session(_REF))
            with translating(
                doing=f"{doing} the ledger {self.uri}", resource=self.uri, session=session
            ):
                yield session
