"""Keeping secrets out of logs: botocore's debug logs quote them, so they are struck out there.

At DEBUG botocore logs request parameters (the web identity token), canonical requests (the session
token) and raw answers (the keys that STS issues). The filter costs nothing until such a record is
made, and changes only records that hold a secret that headwater knows.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from urllib.parse import quote

MASK = "***"
_KEPT = 512
"""Secrets remembered: the latest ones. Those of a session of hours ago have expired."""
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
        self._secrets: dict[str, None] = {}

    def learn(self, secrets: tuple[str, ...]) -> None:
        with self._lock:
            known = dict(self._secrets)
            for secret in secrets:
                known |= {secret: None, quote(secret, safe=""): None}
            # Replaced as a whole, so that filtering needs no lock.
            self._secrets = dict(list(known.items())[-2 * _KEPT :])

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        shown = strike(message, self._secrets)
        if shown != message:
            record.msg, record.args = shown, ()
        return True


# One for the process, as logging itself is.
_FILTER = _Filter()


def hide_from_logs(*secrets: str | None) -> None:
    """Strike secrets out of what botocore logs from now on.

    Args:
        secrets: Tokens and secret keys; None is passed over.
    """
    _FILTER.learn(tuple(s for s in secrets if s))
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)


def strike(text: str, secrets: Iterable[str]) -> str:
    """Return the text with each of the secrets replaced by asterisks."""
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, MASK)
    return text
