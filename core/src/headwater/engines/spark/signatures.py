"""Signing: whether a request was signed with a key, by AWS Signature Version 4.

Source: IAM User Guide, "Create a signed AWS API request". Only what the lending service receives:
a POST to `/` without a query.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final

_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8}/[^/]+/[^/]+/aws4_request), ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})"
)


def key_id(headers: Mapping[str, str]) -> str | None:
    """Return the id of the key by which a request says it is signed, or None.

    Args:
        headers: By lower-case name.
    """
    match = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    return match[1] if match else None


def signed_with(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Return whether a POST to `/` was signed with a secret.

    Args:
        secret: The key's secret.
        headers: By lower-case name.
        body: What was posted.
    """
    match = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if match is None:
        return False
    _, scope, names, signature = match.groups()
    if "host" not in names.split(";"):
        return False
    lines = [f"{n}:{' '.join(headers.get(n, '').split())}\n" for n in names.split(";")]
    digest = hashlib.sha256(body).hexdigest()
    request = f"POST\n/\n\n{''.join(lines)}\n{names}\n{digest}"
    text = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            headers.get("x-amz-date", ""),
            scope,
            hashlib.sha256(request.encode()).hexdigest(),
        ]
    )
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), signature)
