"""Keeping secrets out of logs: botocore's debug logs quote them, so they are struck out there.

At DEBUG botocore logs request parameters (the web identity token), canonical requests (the session
token) and raw answers (the keys that STS has just issued, before anyone else has seen them). The
filter costs nothing until such a record is made. It strikes out the secrets that headwater knows,
the fields in which AWS sends new ones, and the code of a second factor.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable
from urllib.parse import quote

MASK = "***"
_SHORTEST = 16
"""Shorter texts are no secrets of AWS (its keys have 40 characters), and may be plain words."""
_KEPT = 512
"""Secrets remembered: the latest ones. Those of a session of hours ago have expired."""
_ISSUED = re.compile(
    r"""(<(?:SecretAccessKey|SessionToken)>|"(?:secretAccessKey|sessionToken|accessToken)":\s*")"""
    r"""[^<"]+""",
    re.IGNORECASE,
)
"""STS answers in XML; SSO and credential endpoints answer in JSON."""
_SENT = re.compile(r"""(TokenCode(?:': '|=))[^'&\s]+""")
"""The code of a second factor is too short to be looked for, so it is told by its parameter."""
_LOGGERS = (
    "botocore.auth",
    "botocore.awsrequest",
    "botocore.client",
    "botocore.credentials",
    "botocore.endpoint",
    "botocore.handlers",
    "botocore.hooks",
    "botocore.httpsession",
    "botocore.parsers",
    "botocore.regions",
    "botocore.retries.standard",
    "botocore.tokens",
    "botocore.utils",
    "urllib3.connectionpool",
)


class _Filter(logging.Filter):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self.secrets: dict[str, None] = {}

    def learn(self, secrets: tuple[str, ...]) -> None:
        with self._lock:
            learned = dict(self.secrets)
            for secret in secrets:
                learned |= {secret: None, quote(secret, safe=""): None}
            # Replaced as a whole, so that filtering needs no lock.
            self.secrets = dict(list(learned.items())[-2 * _KEPT :])

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        redacted = struck(message)
        if redacted != message:
            record.msg, record.args = redacted, ()
        return True


# One for the process, as logging itself is.
_FILTER = _Filter()


def hide_from_logs(*secrets: str | None) -> None:
    """Strike secrets out of what botocore logs from now on.

    Args:
        secrets: Tokens and secret keys; None and what is too short for one is passed over.
    """
    _FILTER.learn(tuple(s for s in secrets if s and len(s) >= _SHORTEST))
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)


def struck(text: str) -> str:
    """Return a text without the secrets that headwater learned of, and what AWS's answers issue."""
    redacted = strike(text, _FILTER.secrets)
    for pattern in (_ISSUED, _SENT):
        redacted = pattern.sub(rf"\g<1>{MASK}", redacted)
    return redacted


def strike(text: str, secrets: Iterable[str]) -> str:
    """Return the text with each of the secrets replaced by asterisks."""
    # The longest first: one may be part of another.
    for secret in sorted(secrets, key=len, reverse=True):
        if secret in text:
            text = text.replace(secret, MASK)
    return text
