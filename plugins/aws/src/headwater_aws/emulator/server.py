"""The emulator itself: started, seeded, asked, stopped."""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
import botocore.session
from botocore.config import Config

from headwater_aws.emulator.faults import Faults
from headwater_aws.emulator.front import ACCOUNT, Front
from headwater_aws.emulator.identities import Identities
from headwater_aws.emulator.issuer import OidcIssuer
from headwater_aws.emulator.policy import parse
from headwater_aws.emulator.record import RequestLog
from headwater_aws.emulator.replay import Replay, replayed_configuration
from headwater_aws.emulator.state import State
from headwater_aws.emulator.wire import HttpServer

REGION = "us-east-1"
Policy = Mapping[str, Any]
_making = threading.Lock()


class Emulator:
    """A strict pretence of AWS's STS, Glue, S3 and IAM on 127.0.0.1. It is not AWS.

    Several may run in one process; they share nothing.

    Args:
        latency: Seconds that every call waits, but not the seeding client's.
        clock: Gives Unix time in seconds; tokens and sessions expire by it.

    Attributes:
        issuer: An OIDC issuer that runs beside it.
        faults: Faults on demand.
        requests: Record of every call but the seeding client's.

    Examples:
        >>> with Emulator() as aws:
        ...     aws.client("s3").create_bucket(Bucket="lake")["ResponseMetadata"]["HTTPStatusCode"]
        200
    """

    def __init__(self, *, latency: float = 0.0, clock: Callable[[], float] = time.time) -> None:
        self.requests = RequestLog()
        self._state = State()
        self._identities = Identities(self._state, clock)
        self.faults = Faults(self._identities.expire_sessions)
        self._front = Front(
            self._state, self._identities, self.faults, self.requests, clock, latency
        )
        self.issuer = OidcIssuer(clock=clock)
        self._clients: dict[tuple[str, ...], Any] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._server = HttpServer(
            self._front.handle, name="aws-emulator", server_header="headwater-emulator"
        )

    @classmethod
    def from_bundle(
        cls, path: str | os.PathLike[str], *, clock: Callable[[], float] = time.time
    ) -> Self:
        """Make an emulator that answers as AWS did when a support bundle was recorded.

        A question that was asked then gets the answer that it got then, errors included; others
        are answered from the tables, listings and footers that the bundle tells. It holds no rows:
        reading them is refused with code `not-recorded`. Whoever asks is taken for who asked then.

        Args:
            path: What `headwater check --bundle` wrote.
            clock: Gives Unix time in seconds.

        Raises:
            BundleError: If it is no bundle that can be read.
        """
        from headwater.bundle.bundle import Bundle  # the emulator itself stands without the core

        replay = Replay(Bundle.load(path))  # before sockets are opened: it may be damaged
        emulator = cls(clock=clock)
        emulator._front.replay = replay
        return emulator

    def configuration(self) -> Path:
        """Return a configuration file of what a bundle examined, whose sources ask this emulator.

        For `Workspace.open`, of an emulator made by `from_bundle`. The file is gone when the
        emulator is closed. Its identities are of the kinds that they were, and open nothing else.
        """
        replay = self._front.replay
        if replay is None:
            raise ValueError("this emulator was not made from a bundle: Emulator.from_bundle(path)")
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="headwater-bundle-")
        folder = Path(self._folder.name)
        token = self.issuer.token(sub="replay")
        document = replayed_configuration(replay, self.endpoint_url, folder, token)
        file = folder / "headwater.json"
        file.write_text(json.dumps(document, indent=1), encoding="utf-8")
        return file

    @property
    def endpoint_url(self) -> str:
        """Endpoint for every service; S3 wants path-style addresses."""
        return self._server.url

    @property
    def mfa_code(self) -> str:
        """The code that every MFA device shows."""
        return self._front.sts.mfa_code

    def start(self) -> None:
        """Begin to answer."""
        self._server.start()
        self.issuer.start()

    def close(self) -> None:
        """Stop answering and forget everything."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        self._server.close()
        self.issuer.close()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
        self._state.clear()

    def reset(self) -> None:
        """Forget accounts, sessions, faults and the record; address and issuer stay."""
        self._state.clear()
        self._identities.clear()
        self.faults.clear()
        self.requests.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def client(self, service: str, *, account_id: str = ACCOUNT, region: str = REGION) -> Any:
        """An administrator's boto3 client: for seeding, not for what is being tested.

        Nothing is forbidden to it, and its calls meet no fault and are not recorded.

        Args:
            service: `glue`, `s3`, `iam` or `sts`.
            account_id: The account that it acts in.
            region: Its region.

        Returns:
            A boto3 client.
        """
        client_key = (service, _account(account_id), region)
        if client_key not in self._clients:
            key, secret = self._identities.admin_keys(account_id)
            self._clients[client_key] = self._client(service, region, key, secret, None)
        return self._clients[client_key]

    def client_for(
        self,
        service: str,
        credentials: Mapping[str, Any],
        *,
        region: str = REGION,
    ) -> Any:
        """Make a boto3 client that retries nothing, for given credentials.

        Args:
            service: `glue`, `s3`, `iam` or `sts`.
            credentials: `Credentials` of an STS response, or its `AccessKeyId` and
                `SecretAccessKey` alone.
            region: Its region.

        Returns:
            A boto3 client.
        """
        return self._client(
            service,
            region,
            credentials["AccessKeyId"],
            credentials["SecretAccessKey"],
            credentials.get("SessionToken"),
        )

    def create_oidc_role(
        self,
        *,
        account_id: str = ACCOUNT,
        name: str = "monitoring",
        subject: str,
        audience: str = "sts.amazonaws.com",
        policy: Policy | None = None,
        max_session_duration: int = 3600,
        issuer: OidcIssuer | None = None,
    ) -> str:
        """Make a role that an issuer's tokens may assume, and the issuer's provider.

        Args:
            account_id: Account of the role.
            name: Its name.
            subject: The `sub` it trusts; `*` is a wildcard.
            audience: The `aud` it trusts.
            policy: Its access policy; None lets it read Glue and S3 of its account.
            max_session_duration: Longest session, seconds, 3,600 to 43,200.
            issuer: The issuer that it trusts; None for this emulator's own.

        Returns:
            ARN of the role.
        """
        iam = self.client("iam", account_id=account_id)
        url = (issuer or self.issuer).url
        bare = url.partition("://")[2]
        provider = f"arn:aws:iam::{account_id}:oidc-provider/{bare}"
        with self._state.lock:
            existing = self._state.iam(account_id).open_id_providers.get(provider)
            if existing is not None and audience not in existing.client_id_list:
                existing.client_id_list.append(audience)  # moto has no AddClientID...
        if existing is None:
            iam.create_open_id_connect_provider(
                Url=url, ClientIDList=[audience], ThumbprintList=["0" * 40]
            )
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Federated": provider},
                    "Action": "sts:AssumeRoleWithWebIdentity",
                    "Condition": {
                        "StringEquals": {f"{bare}:aud": audience},
                        "StringLike": {f"{bare}:sub": subject},
                    },
                }
            ],
        }
        return self.create_role(
            account_id=account_id,
            name=name,
            trust=trust,
            policy=policy,
            max_session_duration=max_session_duration,
        )

    def create_role(
        self,
        *,
        account_id: str = ACCOUNT,
        name: str,
        trust: Policy,
        policy: Policy | None = None,
        max_session_duration: int = 3600,
    ) -> str:
        """Make a role with a trust policy of your own.

        Args:
            account_id: Account of the role.
            name: Its name.
            trust: Its trust policy.
            policy: Its access policy; None lets it read Glue and S3 of its account.
            max_session_duration: Longest session, seconds, 3,600 to 43,200.

        Returns:
            ARN of the role.
        """
        iam = self.client("iam", account_id=account_id)
        role = iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=_document(trust),
            MaxSessionDuration=max_session_duration,
        )["Role"]
        document = _document(policy if policy is not None else read_policy(account_id))
        iam.put_role_policy(RoleName=name, PolicyName="access", PolicyDocument=document)
        return str(role["Arn"])

    def create_user_keys(
        self,
        account_id: str = ACCOUNT,
        policy: Policy | None = None,
        *,
        name: str | None = None,
    ) -> tuple[str, str]:
        """Make a user with long-lived keys.

        Args:
            account_id: Account of the user.
            policy: Its access policy; None lets it read Glue and S3 of its account.
            name: Its name; None makes one up.

        Returns:
            Access key id and secret access key.
        """
        iam = self.client("iam", account_id=account_id)
        name = name or f"user-{len(iam.list_users()['Users']) + 1}"
        iam.create_user(UserName=name)
        document = _document(policy if policy is not None else read_policy(account_id))
        iam.put_user_policy(UserName=name, PolicyName="access", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def environment(
        self,
        account_id: str = ACCOUNT,
        policy: Policy | None = None,
        *,
        region: str = REGION,
    ) -> dict[str, str]:
        """Make a user, and return the variables with which any AWS client is that user here.

        boto3, the AWS CLI and other SDKs of a process with these variables, and no others that
        begin with `AWS_`, call the emulator. S3 wants path-style addresses.

        Args:
            account_id: Account of the user.
            policy: Its access policy; None lets it do everything in its account.
            region: Its region.
        """
        key, secret = self.create_user_keys(account_id, policy or _all_policy())
        return {
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def govern(
        self,
        database: str,
        table: str,
        grants: Mapping[str, Sequence[str]],
        *,
        account_id: str = ACCOUNT,
        region: str = REGION,
    ) -> None:
        """Let Lake Formation govern a table: Glue shows of it what is granted, and no more.

        Args:
            database: The table's database.
            table: Its name.
            grants: Columns that may be selected, by the ARN of a role or user: `["*"]` for all,
                none for DESCRIBE alone. Whoever is not named sees nothing.
            account_id: Account of the catalog.
            region: Its region.
        """
        with self._state.lock:
            place = (_account(account_id), region, database.lower(), table.lower())
            self._state.lake_formation.govern(place, grants)

    def _client(self, service: str, region: str, key: str, secret: str, token: str | None) -> Any:
        config = Config(
            # boto3 still presigns for S3 with version 2, which the emulator does not know.
            signature_version="s3v4" if service == "s3" else None,
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
            proxies={},
        )
        with _making:  # a boto3 session may make one client at a time
            session: Any = _session()  # typed by service name, of which this one is not yet known
            return session.client(
                service,
                endpoint_url=self.endpoint_url,
                region_name=region,
                aws_access_key_id=key,
                aws_secret_access_key=secret,
                aws_session_token=token,
                config=config,
            )


def read_policy(account_id: str) -> Policy:
    """A policy that reads Glue and S3 of an account.

    S3's ARNs name no account, so every bucket is named; other accounts' buckets still need a
    bucket policy.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["glue:Get*", "glue:BatchGet*", "glue:SearchTables"],
                "Resource": f"arn:aws:glue:*:{account_id}:*",
            },
            {
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"],
                "Resource": "arn:aws:s3:::*",
            },
        ],
    }


def _all_policy() -> Policy:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _document(policy: Policy) -> str:
    """A policy as JSON; refused here, not at its first use, if the emulator can't judge by it."""
    text = json.dumps(policy)
    parse(text)
    return text


def _account(account_id: str) -> str:
    if not (len(account_id) == 12 and account_id.isdigit()):
        raise ValueError(f"an AWS account id has twelve digits, unlike {account_id!r}")
    return account_id


@lru_cache
def _session() -> boto3.Session:
    # Loading a service's model takes longer than starting the emulator: do it once a process. The
    # user's profiles and config files are no business of an administrator of a pretended account.
    nothing = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    return boto3.Session(botocore_session=botocore.session.Session(session_vars=nothing))
