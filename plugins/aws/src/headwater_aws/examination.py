"""The examination of an identity: its token, the token's issuer, the caller it becomes.

Each stage explains itself, and none is needed for the next to be tried, so that one run shows all
that is wrong. The issuer is asked from here; AWS asks it from the internet, which may differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from headwater.auth.credentials import Secret, TokenSource
from headwater.auth.tokens.http import fetch
from headwater.auth.tokens.jwt import claims, header
from headwater.diagnostics import Diagnostic, Severity
from headwater.errors import AuthError, HeadwaterError
from headwater.interfaces.report import CheckStage, Status
from headwater.untrusted.texts import json_value
from headwater_aws.session import AwsSession
from headwater_aws.sts_errors import show_claims

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
"""Signatures that STS takes. Source: STS API reference, AssumeRoleWithWebIdentity."""


def examine(session: AwsSession) -> Iterator[CheckStage]:
    """Yield the stages `token` and `issuer`, where a web identity is used, then `identity`.

    Args:
        session: The opened identity; AWS is asked who it is.
    """
    missing = False
    for source in session.tokens:
        try:
            token = Secret(source.token())
            token_claims = claims(token.reveal(), what=f"the token from {source.describe()}")
            head = header(token.reveal())
        except AuthError as error:
            yield CheckStage.failed("token", error)
            yield CheckStage.skipped("issuer", "not examined: there is no token that names it")
            missing = True
            continue
        yield _token_stage(source, token_claims)
        yield _issuer_stage(token_claims, head)
    if missing:
        yield CheckStage.skipped("identity", "not examined: there is no token to show")
    else:
        yield _identity_stage(session)


def _token_stage(source: TokenSource, token_claims: Mapping[str, Any]) -> CheckStage:
    now = datetime.now(UTC)
    claims = {
        name: token_claims[name] for name in ("iss", "aud", "sub", "exp") if name in token_claims
    }
    summary = f"{source.describe()}: {show_claims(token_claims, now)}"
    lacking = [name for name in ("iss", "aud", "sub", "exp") if name not in token_claims]
    diagnostics = []
    if lacking:
        diagnostics.append(
            _warning(
                "token-claims",
                f"the token has no {', '.join(lacking)}",
                "AWS wants iss, aud, sub and exp: have the provider put them in",
            )
        )
    ends = token_claims.get("exp")
    if isinstance(ends, int | float) and ends <= now.timestamp():
        diagnostics.append(
            _warning(
                "token-expired",
                "the token has expired, by the clock of this machine",
                "see whether what writes it still does, and whether the clock is right",
            )
        )
    return CheckStage(
        "token", _status(diagnostics), summary, tuple(diagnostics), {"claims": claims}
    )


def _issuer_stage(token_claims: Mapping[str, Any], head: Mapping[str, Any]) -> CheckStage:
    issuer = str(token_claims.get("iss", ""))
    diagnostics = []
    if head.get("alg") not in ALGORITHMS:
        diagnostics.append(
            _warning(
                "token-algorithm",
                f"the token is signed with {head.get('alg')}, which STS does not take",
                f"have it signed with one of {', '.join(ALGORITHMS)}",
            )
        )
    try:
        keys = _keys(issuer)
    except AuthError as error:
        hint = (
            f"{error.hint + '; ' if error.hint else ''}AWS fetches the keys from the internet: it "
            "may reach what this machine does not, and the other way round"
        )
        diagnostics.append(_warning("issuer-unreachable", error.message, hint))
        return CheckStage(
            "issuer", Status.WARNING, f"{issuer}: not seen from here", tuple(diagnostics)
        )
    ids = [str(key.get("kid")) for key in keys if isinstance(key, Mapping)]
    if head.get("kid") is not None and head["kid"] not in ids:
        diagnostics.append(
            _warning(
                "issuer-key",
                f"the issuer does not publish the key {head['kid']} that the token is signed with",
                "its keys were rotated, or the token comes from another issuer: get a new token",
            )
        )
    summary = f"{issuer}: {len(ids)} {'key' if len(ids) == 1 else 'keys'} published"
    return CheckStage("issuer", _status(diagnostics), summary, tuple(diagnostics), {"keys": ids})


def _keys(issuer: str) -> list[Any]:
    """Fetch an issuer's public keys, as STS does.

    Source: OpenID Connect Discovery 1.0, section 4.
    """
    if urlsplit(issuer).scheme not in ("http", "https"):
        raise AuthError(f"the issuer {issuer!r} is no address")
    base = issuer.rstrip("/")
    configuration = fetch(
        f"{base}/.well-known/openid-configuration", what=f"the issuer {issuer}", timeout=5.0
    )
    address = configuration.json_text("jwks_uri")
    answer = fetch(address, what=f"the issuer's keys at {address}", timeout=5.0)
    try:
        keys = json_value(answer.text)["keys"]
    except (ValueError, KeyError, TypeError) as error:
        raise AuthError(f"{answer.what} are no key set") from error
    return list(keys) if isinstance(keys, list) else []


def _identity_stage(session: AwsSession) -> CheckStage:
    try:
        identity = session.identity()
    except HeadwaterError as error:
        return CheckStage.failed("identity", error)
    ends = identity.expires_at
    details = {
        "arn": identity.name,
        "account": identity.account,
        "strategy": identity.strategy,
        "region": session.region,
        "expires_at": ends and ends.isoformat(),
    }
    until = f", renewed before {ends:%Y-%m-%d %H:%M:%SZ}" if ends else ""
    summary = f"{identity.name} in {session.region}{until}"
    return CheckStage("identity", Status.OK, summary, (), details)


def _status(diagnostics: list[Diagnostic]) -> Status:
    return Status.WARNING if diagnostics else Status.OK


def _warning(code: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic(code, message, Severity.WARNING, hint=hint)
