"""Storage: how a session opens the files of an identity, through Hadoop's S3A.

Settings are for a bucket (`fs.s3a.bucket.<b>.*`), and the files are opened under a scheme that
stands for one set of credentials: Hadoop keeps a file system for each scheme and bucket, with the
credentials that it was made with. So several roles, also of one bucket, live in one application.

The settings are put into the read's own session, where no table and no plan shows them; where the
DataFrame outlives the read (`to_spark`), and for a second role of one bucket, into its reader's
options.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from headwater.auth.credentials import Access, Credentials
from headwater.engines import identities
from headwater.engines.spark.credential_server import LendingService, Loan
from headwater.engines.spark.listings import path_of
from headwater.engines.spark.session.packages import is_s3

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_S3A: Final = "org.apache.hadoop.fs.s3a"


@dataclass(frozen=True, slots=True)
class Opening:
    """How a relation's files are opened.

    Args:
        scheme: Scheme that stands in the place of `s3`; None leaves paths as they are.
        options: Hadoop settings for its reader, secrets among them.
    """

    scheme: str | None = None
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def path(self, planned: str) -> str:
        """Return the URI under which Spark opens a planned file."""
        if self.scheme is None or not is_s3(planned):
            return path_of(planned)
        return f"{self.scheme}://{planned.partition('://')[2]}"


class Storage:
    """Opens storage for one read.

    Args:
        session: Where the tables will be.
        access: The identities.
        lending: Renews credentials while the read lasts; None gives Spark those of the moment.
        private: Whether the session's settings are this read's own.
        cleanup: Receives what is to be undone at the end.
    """

    def __init__(
        self,
        session: SparkSession,
        access: Access,
        *,
        lending: LendingService | None,
        private: bool,
        cleanup: ExitStack,
    ) -> None:
        self._session = session
        self._access = access
        self._lending = lending
        self._private = private
        self._cleanup = cleanup
        self._owners: dict[str, str] = {}

    def opening(self, auth_ref: str, *paths: str) -> Opening:
        """Return how an identity opens files.

        Args:
            auth_ref: The identity.
            paths: The files, or places of files.

        Raises:
            AuthError: If the identity has no credentials.
            UnsupportedError: If they are for another storage than S3.
        """
        buckets = sorted({bucket(p) for p in paths if is_s3(p)})
        if not buckets:
            return Opening()
        credentials = self.credentials(auth_ref)
        scheme = _scheme(credentials)
        loan = self._loan(scheme, auth_ref, credentials)
        settings = {f"fs.{scheme}.impl": f"{_S3A}.S3AFileSystem"}
        for name in buckets:
            settings |= s3a(name, credentials, loan)
        conflicts = any(self._owners.get(b, scheme) != scheme for b in buckets)
        if not self._private or conflicts:
            return Opening(scheme, settings)
        for name in buckets:
            self._owners[name] = scheme
        for key, value in settings.items():
            self._session.conf.set(key, value)
        return Opening(scheme)

    @property
    def renews(self) -> bool:
        """Whether credentials are renewed while the read lasts."""
        return self._lending is not None

    @property
    def address(self) -> str:
        """Address of this process at which the read's JVMs reach it."""
        return self._lending.host if self._lending is not None else "127.0.0.1"

    def credentials(self, auth_ref: str) -> Credentials:
        """Return an identity's current credentials.

        Raises:
            AuthError: If it has none.
            UnsupportedError: If they are for another storage than S3.
        """
        hint = 'let the cluster\'s own identity read it: storage_identity="cluster"'
        return identities.current(self._access, auth_ref, engine="spark", hint=hint)

    def _loan(self, scheme: str, auth_ref: str, credentials: Credentials) -> Loan | None:
        if self._lending is None or credentials.expires_at is None:
            return None
        return self._cleanup.enter_context(
            self._lending.lend(scheme, lambda: self.credentials(auth_ref))
        )


def bucket(path: str) -> str:
    """Return the bucket of an S3 URI."""
    return path.partition("://")[2].partition("/")[0]


def _scheme(credentials: Credentials) -> str:
    """Return a scheme for these keys: a file system that Hadoop keeps has never other ones."""
    key = credentials.secrets["access_key_id"].reveal()
    place = credentials.settings.get("endpoint_url", "")
    return f"hw{hashlib.sha256(f'{key} {place}'.encode()).hexdigest()[:12]}"


def s3a(bucket: str, credentials: Credentials, loan: Loan | None) -> dict[str, str]:
    """Return the settings by which S3A opens a bucket.

    Args:
        bucket: Its name.
        credentials: The identity's credentials of the moment.
        loan: Where S3A gets current ones; None for those of the moment.

    Source: Hadoop-AWS documentation, "Configuring different S3 buckets with Per-Bucket
    Configuration" and "Working with IAM Assumed Roles".
    """
    settings = {}
    if region := credentials.settings.get("region"):
        settings["endpoint.region"] = region
    if url := credentials.settings.get("endpoint_url"):
        settings["endpoint"] = url
        settings["path.style.access"] = "true"
        settings["connection.ssl.enabled"] = str(url.startswith("https:")).lower()
    if loan is not None:
        settings |= {
            "aws.credentials.provider": f"{_S3A}.auth.AssumedRoleCredentialProvider",
            "assumed.role.arn": loan.role,
            "assumed.role.session.name": "headwater",
            "assumed.role.credentials.provider": f"{_S3A}.SimpleAWSCredentialsProvider",
            "access.key": loan.key_id,
            "secret.key": loan.secret.reveal(),
        }
    else:
        secrets = {k: s.reveal() for k, s in credentials.secrets.items()}
        token = secrets.get("session_token")
        kind = "TemporaryAWSCredentialsProvider" if token else "SimpleAWSCredentialsProvider"
        settings |= {
            "aws.credentials.provider": f"{_S3A}.{kind}",
            "access.key": secrets["access_key_id"],
            "secret.key": secrets["secret_access_key"],
        }
        if token:
            settings["session.token"] = token
    return {f"fs.s3a.bucket.{bucket}.{key}": value for key, value in settings.items()}
