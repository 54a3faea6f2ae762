"""Who is calling? Access keys, sessions, and the principals behind them."""

from __future__ import annotations

import secrets
import string
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from moto.iam.models import ManagedPolicy

from headwater_aws.emulator import sigv4
from headwater_aws.emulator.errors import AwsError
from headwater_aws.emulator.policy import Document, parse
from headwater_aws.emulator.state import State
from headwater_aws.emulator.wire import Request

_ALPHABET = string.ascii_uppercase + "234567"


@dataclass(frozen=True)
class Principal:
    """A caller whose signature has been verified.

    Args:
        arn: Such as `arn:aws:sts::123456789012:assumed-role/monitoring/session`.
        account_id: The account that it belongs to.
        user_id: What GetCallerIdentity calls `UserId`.
        name: Name of the role or user in IAM; empty for the administrator.
        session_policies: Narrow the role's policies for this session; None when none were given.
        context: Condition keys that the session carries, such as `aws:PrincipalTag/team`.
        is_role: Whether this is a session of a role.
        is_admin: Whether nothing is forbidden to it: the seeding client.
    """

    arn: str
    account_id: str
    user_id: str
    name: str = ""
    session_policies: tuple[Document, ...] | None = None
    context: Mapping[str, str] = field(default_factory=dict)
    is_role: bool = False
    is_admin: bool = False

    @property
    def role_arn(self) -> str:
        """ARN of the role behind a session, or of the user."""
        if not self.is_role:
            return self.arn
        return str(self.context["aws:PrincipalArn"])

    @property
    def also_known_as(self) -> tuple[str, ...]:
        """Everything by which a resource policy or trust policy may name this caller."""
        root = f"arn:aws:iam::{self.account_id}:root"
        return (self.arn, self.role_arn, root, self.account_id)


@dataclass(frozen=True)
class Session:
    """Temporary credentials, as STS hands them out.

    Args:
        access_key_id: Begins with `ASIA`.
        secret: The secret key.
        token: The session token.
        expires_at: Unix time, seconds.
        principal: Whose they are.
    """

    access_key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    expires_at: float
    principal: Principal


class Identities:
    """Every key that the emulator accepts.

    Args:
        state: Where IAM's users and roles are.
        clock: Gives Unix time in seconds.
    """

    def __init__(self, state: State, clock: Callable[[], float]) -> None:
        self._state = state
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._admin_secret = secrets.token_urlsafe(30)
        self._lock = threading.Lock()

    def admin_keys(self, account_id: str) -> tuple[str, str]:
        """Access key id and secret with which an account is seeded; nothing is forbidden to it."""
        return f"ADMIN{account_id}", self._admin_secret

    def open_session(self, principal: Principal, seconds: float) -> Session:
        """Hand out temporary credentials.

        Args:
            principal: Whose they are.
            seconds: How long they are good.

        Returns:
            The session.
        """
        session = Session(
            "ASIA" + "".join(secrets.choice(_ALPHABET) for _ in range(16)),
            secrets.token_urlsafe(30),
            "IQoJb3JpZ2lu" + secrets.token_urlsafe(150),
            self._clock() + seconds,
            principal,
        )
        with self._lock:
            self._sessions[session.access_key_id] = session
        return session

    def expire_sessions(self) -> None:
        """End every session that has been handed out so far."""
        with self._lock:
            self._sessions = {
                key: Session(key, old.secret, old.token, 0.0, old.principal)
                for key, old in self._sessions.items()
            }

    def clear(self) -> None:
        """Forget every session; their keys become unknown."""
        with self._lock:
            self._sessions.clear()

    def authenticate(self, request: Request, signature: sigv4.Signature) -> Principal:
        """Find and verify the caller of a signed request.

        Args:
            request: The request.
            signature: Its claims.

        Returns:
            The caller.

        Raises:
            AwsError: The key is unknown, the signature wrong, or the session over; with the code
                that this service uses for it.
        """
        service, key = signature.service, signature.access_key_id
        session = self._sessions.get(key)
        if session:
            secret, principal = session.secret, session.principal
        else:
            credential = self._long_lived(key)
            if credential is None:
                raise _unknown_key(service)
            secret, principal = credential
        if (session.token if session else None) != signature.token:
            raise _wrong_token(service)
        if not sigv4.verify(request, signature, secret):
            raise _wrong_signature(service)
        if session and session.expires_at <= self._clock():
            raise _expired(service)
        return principal

    def policies(self, principal: Principal) -> list[Document]:
        """Identity policies of a caller as they stand now: inline and attached.

        Args:
            principal: The caller.

        Returns:
            The documents; none for a role or user that has been deleted meanwhile.
        """
        iam = self._state.iam(principal.account_id)
        holders = iam.roles.values() if principal.is_role else iam.users.values()
        texts: list[str] = []
        for holder in holders:
            if holder.name == principal.name:
                texts += holder.policies.values()
                texts += [managed_text(policy) for policy in holder.managed_policies.values()]
        return [parse(text) for text in texts]

    def _long_lived(self, key: str) -> tuple[str, Principal] | None:
        if key.startswith("ADMIN"):
            account_id = key.removeprefix("ADMIN")
            arn = f"arn:aws:iam::{account_id}:root"
            return self._admin_secret, Principal(arn, account_id, account_id, is_admin=True)
        for account_id in self._state.iam_accounts:
            for user in list(self._state.iam(account_id).users.values()):
                for access_key in user.access_keys:
                    if access_key.access_key_id == key and access_key.status == "Active":
                        context = {"aws:PrincipalArn": user.arn, "aws:username": user.name}
                        return access_key.secret_access_key, Principal(
                            user.arn, account_id, user.id, user.name, context=context
                        )
        return None


def managed_text(policy: ManagedPolicy) -> str:
    """The document of a managed policy that is in force."""
    return next(str(one.document) for one in policy.versions if one.is_default)


_INVALID = "The security token included in the request is invalid."


def _unknown_key(service: str) -> AwsError:
    if service == "s3":
        message = "The AWS Access Key Id you provided does not exist in our records."
        return AwsError("InvalidAccessKeyId", message, 403)
    if service == "glue":
        return AwsError("UnrecognizedClientException", _INVALID)
    return AwsError("InvalidClientTokenId", _INVALID, 403)


def _wrong_token(service: str) -> AwsError:
    if service == "s3":
        message = "The provided token is malformed or otherwise invalid."
        return AwsError("InvalidToken", message)
    return _unknown_key(service)


def _wrong_signature(service: str) -> AwsError:
    message = (
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method."
    )
    if service == "glue":
        return AwsError("InvalidSignatureException", message)
    return AwsError("SignatureDoesNotMatch", message, 403)


def _expired(service: str) -> AwsError:
    if service == "s3":
        return AwsError("ExpiredToken", "The provided token has expired.")
    message = "The security token included in the request is expired"
    return (
        AwsError("ExpiredTokenException", message)
        if service == "glue"
        else AwsError("ExpiredToken", message, 403)
    )
