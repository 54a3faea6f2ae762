"""Lending: current credentials for the JVMs of an application that we started.

S3A has one provider of credentials that renews itself, can be told apart by bucket, and needs no
class of ours in the JVMs: `AssumedRoleCredentialProvider`. It asks STS. The application's JVMs are
therefore started with this process as their STS (`aws.endpointUrlSts`), and it answers AssumeRole
with what headwater's session has at that moment. A role here is not one of AWS's: it names a loan.
Requests are signed by the loan's own key, which is good for nothing else and never for longer than
the reads that use it.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from headwater.auth.credentials import Credentials, Secret
from headwater.engines.spark.http_server import HttpServer
from headwater.engines.spark.signatures import key_id, signed_with
from headwater.errors import HeadwaterError

ROLE: Final = "arn:aws:iam::000000000000:role/"
"""The account that no one has: a loan is never mistaken for a role of AWS's."""


@dataclass(frozen=True, slots=True, eq=False)
class Loan:
    """What a JVM needs to borrow an identity's credentials.

    Args:
        role: The role that it asks for.
        key_id: The key by which it signs.
        secret: That key's secret.
        lenders: Sessions that can answer, one for each read that uses the loan.
    """

    role: str
    key_id: str
    secret: Secret
    lenders: list[Callable[[], Credentials]] = field(default_factory=list, repr=False)


class LendingService(HttpServer):
    """Answers AssumeRole on one address.

    Args:
        host: Address to listen on: the loopback's, or the driver's own in its cluster.
    """

    method = "POST"
    content_type = "text/xml"

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._loans: dict[str, Loan] = {}
        self._lock = threading.Lock()
        super().__init__(host)

    @contextmanager
    def lend(self, name: str, lender: Callable[[], Credentials]) -> Iterator[Loan]:
        """Lend an identity's credentials while the context is open.

        Args:
            name: What the loan is known by; the same name gives the same loan again, so that what
                a JVM keeps of it serves later reads.
            lender: Gives the identity's current credentials.
        """
        with self._lock:
            loan = self._loans.get(name)
            if loan is None:
                loan = Loan(
                    f"{ROLE}{name}",
                    f"HEADWATER{secrets.token_hex(8).upper()}",
                    Secret(secrets.token_urlsafe(32)),
                )
                self._loans[name] = loan
            loan.lenders.append(lender)
        try:
            yield loan
        finally:
            with self._lock:
                loan.lenders.remove(lender)

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        """Return status and text for a request; its body is a form."""
        form = parse_qs(body.decode("utf-8", "replace"))
        role = form.get("RoleArn", [""])[0]
        with self._lock:
            loan = next((x for x in self._loans.values() if x.role == role), None)
            lender = loan.lenders[-1] if loan and loan.lenders else None
        if form.get("Action") != ["AssumeRole"] or loan is None:
            return 400, _refusal("InvalidAction", "this address lends credentials to Spark only")
        if key_id(headers) != loan.key_id or not signed_with(loan.secret.reveal(), headers, body):
            return 403, _refusal("SignatureDoesNotMatch", "the request is not signed by the loan")
        if lender is None:
            return 403, _refusal("AccessDenied", "no read uses this identity any more")
        try:
            return 200, _credentials(lender(), role)
        except HeadwaterError as error:
            return 403, _refusal("AccessDenied", error.message)


def _credentials(credentials: Credentials, role: str) -> str:
    """Return STS's answer to AssumeRole.

    Source: AWS STS API Reference, AssumeRole, "Response Elements".
    """

    def secret(name: str) -> str:
        value = credentials.secrets.get(name)
        return escape(value.reveal() if value else "")

    ends = (credentials.expires_at or datetime.max.replace(tzinfo=UTC)).astimezone(UTC)
    return (
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>'
        f"<Credentials><AccessKeyId>{secret('access_key_id')}</AccessKeyId>"
        f"<SecretAccessKey>{secret('secret_access_key')}</SecretAccessKey>"
        f"<SessionToken>{secret('session_token')}</SessionToken>"
        f"<Expiration>{ends:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials>"
        f"<AssumedRoleUser><Arn>{escape(role)}</Arn><AssumedRoleId>HEADWATER</AssumedRoleId>"
        "</AssumedRoleUser></AssumeRoleResult><ResponseMetadata><RequestId>headwater</RequestId>"
        "</ResponseMetadata></AssumeRoleResponse>"
    )


def _refusal(code: str, message: str) -> str:
    return (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender'
        f"</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        "<RequestId>headwater</RequestId></ErrorResponse>"
    )
