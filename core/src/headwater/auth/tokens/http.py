"""HTTP for token sources: one small request, refused redirects, errors that hide the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from headwater.auth.credentials import Secret, leaving_no_frames
from headwater.errors import AuthError
from headwater.untrusted import limits
from headwater.untrusted.texts import json_value


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer.

    Args:
        what: Who answered, for messages.
        text: Body; hidden from the repr, for it holds a token.
        headers: Header names in lower case.
    """

    what: str
    text: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @leaving_no_frames
    def json_text(self, name: str) -> str:
        """Return a text field of the body, which is a JSON object.

        Raises:
            AuthError: If there is none; lists the fields that there are, without their values.
        """
        try:
            body = json_value(self.text)
        except ValueError:
            # `from None`: the original carries the body.
            raise AuthError(f"{self.what} answered with something that is not JSON") from None
        value = body.get(name) if isinstance(body, dict) else None
        if not isinstance(value, str) or not value:
            content = ", ".join(sorted(body)) if isinstance(body, dict) else type(body).__name__
            raise AuthError(
                f"{self.what} gave no {name}", hint=f"its answer holds: {content or 'nothing'}"
            )
        return value


@leaving_no_frames
def fetch(
    url: str,
    *,
    what: str,
    headers: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
    timeout: float = 10.0,
    proxies: bool = True,
    hide: Sequence[Secret] = (),
) -> Answer:
    """Make one request for a token: GET, or POST where there is a form.

    Redirects are refused: they would carry the secret to another host.

    Args:
        url: Where to.
        what: Who that is, for messages, e.g. `the token endpoint https://...`.
        headers: Headers to send.
        form: Fields of a form to POST.
        timeout: Seconds.
        proxies: Whether the environment's proxies apply; a metadata address is never proxied.
        hide: Secrets to strike out of the reason that the other side gives.

    Raises:
        AuthError: Naming `what`; never with the answer's body, except an OAuth error's own fields.
    """
    body = urlencode(form).encode() if form is not None else None
    handlers: list[Any] = [_NoRedirect]
    if not proxies:
        handlers.append(ProxyHandler({}))
    try:
        request = Request(url, data=body, headers=dict(headers or {}))
        with build_opener(*handlers).open(request, timeout=timeout) as response:
            raw: bytes = response.read(limits.TOKEN_BYTES)
            answer_headers = {k.lower(): v for k, v in response.headers.items()}
    except HTTPError as error:
        with error:
            reason = _reason(_body(error), hide)
        raise AuthError(
            f"{what} answered HTTP {error.code}{reason}",
            code="token-refused",
            retryable=error.code >= 500 or error.code == 429,
        ) from None
    except (URLError, OSError, HTTPException, ValueError, OverflowError) as error:
        cause = getattr(error, "reason", None) or error
        raise AuthError(
            f"{what} can't be reached: {cause}",
            code="token-unreachable",
            hint="check the address, and that this machine may open it",
            retryable=True,
        ) from None
    return Answer(what, raw.decode(errors="replace").strip(), answer_headers)


def _body(error: HTTPError) -> bytes:
    try:
        return error.read(limits.TOKEN_BYTES)
    except (
        OSError,
        HTTPException,
        ValueError,
        OverflowError,
    ):  # the rest of it is broken; the status is known
        return b""


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


def _reason(raw: bytes, hide: Sequence[Secret]) -> str:
    """Return the error that an OAuth server names (RFC 6749, section 5.2), or nothing."""
    try:
        body = json_value(raw)
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    reason = ": ".join(
        body[k] for k in ("error", "error_description") if isinstance(body.get(k), str)
    )
    for secret in hide:
        reason = reason.replace(secret.reveal(), "***")
    return f": {' '.join(reason.split())[:300]}" if reason else ""
