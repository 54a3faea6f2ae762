"""Requests of the API: what may be asked again is, for a while; the rest is an error."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

from headwater.auth.credentials import without_frames
from headwater.plugin import AccessDeniedError, AuthError, HeadwaterError, Secret, SourceError

AGAIN = frozenset({429, 502, 503, 504})
"""Statuses of a request that was not done, and may be made again as it is."""
LONGEST = 30.0
"""Seconds that are waited for at most before the next attempt, whatever the API asks for."""
LARGEST = 64 * 2**20
"""Bytes of an answer."""


class NoRedirect(HTTPRedirectHandler):
    """A redirect would carry the token to another host."""

    def redirect_request(self, *_: Any) -> None:
        """Return no other request."""


def ask(
    url: str,
    parameters: Mapping[str, Any] | None,
    token: Secret,
    attempts: int,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Return the JSON object that the API answers to a GET.

    Args:
        url: Where to.
        parameters: Of the query; a list is sent once for each of its values.
        token: The bearer's.
        attempts: How often it is asked at most.
        sleep: Waits for so many seconds.

    Raises:
        AuthError: With code `token-expired` where the token is refused.
        AccessDeniedError: If the client may not.
        SourceError: If there is no answer after all attempts (retryable), or it is another than
            the API's.
    """
    query = urlencode({k: v for k, v in (parameters or {}).items() if v is not None}, doseq=True)
    asked = f"{url}?{query}" if query else url
    opener = build_opener(NoRedirect)
    cause: Exception | None = None
    for attempt in range(1, attempts + 1):
        request = Request(asked, headers={"Authorization": f"Bearer {token.reveal()}"})
        wait = min(LONGEST, 0.1 * 2**attempt) * random.uniform(0.5, 1)
        try:
            with opener.open(request, timeout=30) as response:
                raw = response.read(LARGEST + 1)
                if response.length and len(raw) <= LARGEST:  # Python says nothing of it
                    raise HTTPException("the answer broke off")
                return _object(raw, url)
        except HTTPError as error:
            with error:
                if error.code not in AGAIN:
                    raise _refused(error.code, url) from None  # it holds the request, and the token
                cause, problem = error, f"HTTP {error.code}"
                wait = _asked_wait(error.headers.get("Retry-After")) or wait
        except (URLError, OSError, HTTPException) as error:
            cause, problem = error, str(getattr(error, "reason", None) or error)
        if attempt < attempts:
            sleep(wait)
    raise SourceError(
        f"{url}: {problem}, also after {attempts} attempts",
        hint="is the service up? this read may succeed later",
        retryable=True,
    ) from (cause and without_frames(cause))  # their frames hold the token


def _asked_wait(text: str | None) -> float | None:
    """Return how long the API asks to wait; a date is as good as nothing."""
    return min(LONGEST, float(text)) if text is not None and text.isdigit() else None


def _refused(status: int, url: str) -> HeadwaterError:
    if status == 401:
        return AuthError(
            f"{url}: the token is refused",
            code="token-expired",
            hint="is the client's registration still good?",
        )
    if status == 403:
        return AccessDeniedError(f"{url}: this client may not", action="GET", resource=url)
    return SourceError(f"{url}: HTTP {status}", hint="is the table there, and the address right?")


def _object(raw: bytes, url: str) -> dict[str, Any]:
    if len(raw) > LARGEST:
        raise SourceError(f"{url}: an answer of more than {LARGEST} bytes", hint="ask for less")
    try:
        answer = json.loads(raw)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise SourceError(f"{url}: the answer is no JSON object", hint="is this the API?")
    return answer
