"""Texts without the secrets that addresses carry: signatures, tokens, passwords."""

from __future__ import annotations

import re
from typing import Final

_HIDDEN: Final = "***"
_USER: Final = re.compile(
    r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]{0,30}://)[^/\s?#@'\"]{0,300}:[^/\s?#@'\"]{0,300}@"
)
_ASKED: Final = re.compile(
    r"(?P<address>\b[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s?#'\"]*\?)(?P<asked>[^\s'\"]+)"
)
PATHS: Final = ("s3://", "s3a://", "s3n://", "file://")
"""Schemes whose paths may hold a question mark that is only a character."""
_SECRET: Final = re.compile(
    r"(?i)(^|[?&;_-])(x-amz-\w|x-goog-\w|awsaccesskeyid|signature|sig|token|\w{0,40}_token|key|"
    r"\w{0,40}secret|password|passwd|pwd|credential|se|sv|sp|code|auth)[\w.-]{0,40}="
)
_KNOWN: Final = re.compile(
    r"(?P<name>\b(?:X-Amz-(?:Signature|Security-Token|Credential)|AWSAccessKeyId|Signature)=)"
    r"[^&\s'\"]+",
    re.IGNORECASE,
)


def without_secrets(text: str) -> str:
    """Return a text in which what addresses carry beside a place is hidden.

    Of web addresses, everything behind the question mark; of others that, where it names a
    signature, a token or the like; of all, a user's password.

    Example:
        >>> without_secrets("https://b.example/a.parquet?sig=1234")
        'https://b.example/a.parquet?***'
    """
    if "://" not in text:
        return _KNOWN.sub(rf"\g<name>{_HIDDEN}", text) if "=" in text else text
    text = _USER.sub(rf"\g<scheme>{_HIDDEN}@", text)
    if "?" in text:
        text = _ASKED.sub(_without_query, text)
    return _KNOWN.sub(rf"\g<name>{_HIDDEN}", text)


def _without_query(match: re.Match[str]) -> str:
    address, query = match["address"], match["asked"]
    if address.casefold().startswith(PATHS) and not _SECRET.search(query):
        return match[0]
    return f"{address}{_HIDDEN}"
