"""Signature Version 4, from the server's side: what was signed, by which key, and is it true?

Source: "AWS Signature Version 4 for API requests", IAM User Guide; for presigned URLs
"Authenticating requests: using query parameters", S3 API reference. The clock of the signature is
not judged: an emulator whose clock is moved forward would refuse every client.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from urllib.parse import quote

from headwater_aws.emulator.errors import AwsError
from headwater_aws.emulator.wire import Request

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Signature:
    """The claims of a signed request.

    Args:
        access_key_id: Who says to have signed.
        date: Day of the scope, `yyyymmdd`.
        region: Region of the scope.
        service: Signing name of the service, such as `s3`.
        signed_headers: Names of the headers covered, lower case.
        value: The signature, hexadecimal.
        timestamp: Time of signing, `yyyymmddThhmmssZ`.
        token: Session token sent along, if any.
        presigned: Whether the claims stood in the query string.
    """

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    value: str = field(repr=False)
    timestamp: str
    token: str | None = field(repr=False)
    presigned: bool


def read(request: Request) -> Signature | None:
    """Read a request's signature, from its header or its query string.

    Args:
        request: The request.

    Returns:
        The signature, or None for an anonymous request.

    Raises:
        AwsError: `IncompleteSignature`, when the claims cannot be read.
    """
    header = request.headers.get("authorization")
    query = dict(request.query)
    if header is None and "X-Amz-Signature" not in query:
        return None
    try:
        if header is not None:
            algorithm, _, rest = header.partition(" ")
            fields = dict(part.strip().split("=", 1) for part in rest.split(","))
            credential, signature = fields["Credential"], fields["Signature"]
            signed = fields["SignedHeaders"]
            timestamp = request.headers["x-amz-date"]
            token = request.headers.get("x-amz-security-token")
        else:
            algorithm, credential = query["X-Amz-Algorithm"], query["X-Amz-Credential"]
            signature, signed = query["X-Amz-Signature"], query["X-Amz-SignedHeaders"]
            timestamp = query["X-Amz-Date"]
            token = query.get("X-Amz-Security-Token")
        key, date, region, service, _ = credential.rsplit("/", 4)
        if algorithm != ALGORITHM:
            raise ValueError(algorithm)
    except (KeyError, ValueError) as error:
        raise AwsError(
            "IncompleteSignature",
            "Authorization header requires 'Credential', 'Signature' and 'SignedHeaders' "
            f"parameters and an X-Amz-Date, signed with {ALGORITHM}.",
        ) from error
    return Signature(
        key,
        date,
        region,
        service.lower(),
        tuple(signed.lower().split(";")),
        signature,
        timestamp,
        token,
        header is None,
    )


def verify(request: Request, signature: Signature, secret: str) -> bool:
    """Whether a request was signed with a secret.

    Args:
        request: The request, as sent.
        signature: Its claims.
        secret: Secret of the key that it names.

    Returns:
        True when the signature is the secret's.
    """
    scope = f"{signature.date}/{signature.region}/{signature.service}/aws4_request"
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    for path in _canonical_paths(request, signature.service):
        digest = hashlib.sha256(_canonical_request(request, signature, path).encode()).hexdigest()
        text = "\n".join((ALGORITHM, signature.timestamp, scope, digest))
        if hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), signature.value):
            return True
    return False


def _canonical_paths(request: Request, service: str) -> list[str]:
    path = quote(request.path, safe="/-_.~")
    # S3 encodes the path once. Every other service encodes it twice, but theirs is always "/".
    # Clients differ in which characters they leave alone, so what they sent counts as well.
    return [path, request.raw_path] if service == "s3" and path != request.raw_path else [path]


def _canonical_request(request: Request, signature: Signature, path: str) -> str:
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in request.query
        if name != "X-Amz-Signature"
    )
    headers = "".join(
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n"
        for name in signature.signed_headers
    )
    if signature.presigned:
        payload = "UNSIGNED-PAYLOAD"
    else:
        payload = (
            request.headers.get("x-amz-content-sha256") or hashlib.sha256(request.body).hexdigest()
        )
    query = "&".join(f"{name}={value}" for name, value in pairs)
    signed = ";".join(signature.signed_headers)
    return "\n".join((request.method, path, query, headers, signed, payload))
