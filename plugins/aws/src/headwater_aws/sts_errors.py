"""Why a role can't be assumed: the true causes, most likely first, and what to paste.

Source: STS API reference, AssumeRoleWithWebIdentity and AssumeRole, section Errors; AWS re:Post,
"How do I resolve the error 'InvalidIdentityToken'". That AWS answers a missing role and a trust
policy that does not match with the same AccessDenied is common experience, not documented.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from headwater.errors import AccessDeniedError, AuthError, CredentialsExpiredError
from headwater_aws.errors import EXPIRED, code_of, message_of, translate
from headwater_aws.policy import as_json, provider_arn, provider_name, trust_policy

_ROLE = re.compile(r"arn:(?P<partition>aws[\w-]*):iam::(?P<account>\d{12}):role/(?P<path>.+)")


def role_account(role_arn: str) -> str | None:
    """Return the account number in a role's ARN."""
    match = _ROLE.fullmatch(role_arn)
    return match["account"] if match else None


def show_claims(claims: Mapping[str, Any], now: datetime) -> str:
    """Return what a token says of itself, for a message: issuer, audience, subject, time left.

    Args:
        claims: The decoded, unverified token.
        now: The time, with a zone.
    """
    parts = [f"{name}={_text(claims[name])}" for name in ("iss", "aud", "sub") if name in claims]
    ends = claims.get("exp")
    at = _moment(ends) if isinstance(ends, int | float) else None
    if at is not None:
        left = _span(abs(at - now))
        parts.append(f"exp={at:%Y-%m-%d %H:%M:%SZ} ({f'in {left}' if at > now else f'{left} ago'})")
    return ", ".join(parts) or "no iss, aud, sub or exp"


def _moment(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):  # beyond the years that there are
        return None


def explain_web_identity(
    error: Exception,
    *,
    role_arn: str,
    claims: Mapping[str, Any],
    source: str,
    region: str,
    now: datetime,
    duration: int,
) -> AuthError:
    """Return the error for a refused AssumeRoleWithWebIdentity.

    Args:
        error: What botocore raised.
        role_arn: The role.
        claims: The token's claims, unverified. The token itself is not needed.
        source: Where the token came from, e.g. `file /var/run/token`.
        region: Region of STS.
        now: The time, with a zone.
        duration: Seconds asked for.
    """
    code, reason = code_of(error), " ".join(message_of(error).split())
    issuer = str(claims.get("iss", ""))
    token = f"the token from {source} has {show_claims(claims, now)}"
    start = f"can't become {role_arn} with a web identity token: "
    match = _ROLE.fullmatch(role_arn)
    account, partition = (match["account"], match["partition"]) if match else ("?", "aws")
    provider = provider_arn(account, issuer, partition=partition)
    if code == "InvalidIdentityToken":
        return _invalid_token(start, reason, token, claims, provider)
    if code in EXPIRED:
        return CredentialsExpiredError(
            f"{start}the token has expired ({reason}); {token}; "
            f"it is {now:%Y-%m-%d %H:%M:%SZ} here",
            code="token-expired",
            hint=f"most likely first: what writes {source} has stopped; the token is used for "
            "longer than it lives; this machine's clock is wrong",
        )
    if code in ("AccessDenied", "AccessDeniedException"):
        trust = trust_policy(
            account=account,
            issuer=issuer,
            subject=_text(claims.get("sub", "")),
            audience=_audiences(claims),
            partition=partition,
        )
        return AccessDeniedError(
            f"{start}AWS refused ({reason}), and does not say why; {token}",
            code="role-refused",
            hint=f"most likely first: the role's trust policy asks for another sub or aud; there "
            f"is no such role in account {account} (AWS answers alike); the trust policy names "
            f"another provider than {provider}; a service control policy denies "
            f"sts:AssumeRoleWithWebIdentity. A trust policy that lets this token in:\n"
            f"{as_json(trust)}",
        )
    if code == "IDPCommunicationError":
        return AuthError(
            f"{start}AWS could not reach the identity provider ({reason}); {token}",
            code="issuer-unreachable",
            hint=_fetch_hint(issuer),
            retryable=True,
        )
    if code == "IDPRejectedClaim":
        return AuthError(
            f"{start}the identity provider rejected the token ({reason}); {token}",
            code="token-rejected",
            hint="the token or its session was revoked, or has expired there: get a new one",
        )
    return _common(error, start, role_arn, region, duration)


def explain_assume_role(
    error: Exception,
    *,
    role_arn: str,
    caller: str | None,
    external_id: bool,
    mfa: bool,
    region: str,
    duration: int,
) -> AuthError:
    """Return the error for a refused AssumeRole.

    Args:
        error: What botocore raised; one of headwater's own is returned as it is.
        role_arn: The role.
        caller: ARN of who asked, where it is known.
        external_id: Whether an external id was sent.
        mfa: Whether an MFA code was sent.
        region: Region of STS.
        duration: Seconds asked for.
    """
    code, reason = code_of(error), " ".join(message_of(error).split())
    start = f"can't become {role_arn}: "
    if code not in ("AccessDenied", "AccessDeniedException"):
        return _common(error, start, role_arn, region, duration)
    if "MultiFactorAuthentication" in reason:
        return AuthError(
            f"{start}{reason}",
            code="mfa-refused",
            hint="a code is good once and for a minute: check the device's clock and the serial",
        )
    named = re.search(r"arn:aws[\w-]*:\S+", reason)
    who = caller or (named[0] if named else "the caller")
    causes = [f"the role's trust policy does not name {who}"]
    causes.append(
        "the external id is not the one that the trust policy asks for"
        if external_id
        else "the trust policy asks for an external id (sts:ExternalId), and none was given"
    )
    if not mfa:
        causes.append("the trust policy asks for MFA, and no mfa_serial was given")
    causes += [
        f"{who} has no policy that allows sts:AssumeRole on the role (needed across accounts)",
        "there is no such role (AWS answers alike)",
        "session tags were given, and sts:TagSession is not allowed",
        "a service control policy denies it",
    ]
    return AccessDeniedError(
        f"{start}AWS refused ({reason})",
        code="role-refused",
        hint="most likely first: " + "; ".join(causes),
    )


def _invalid_token(
    start: str, reason: str, token: str, claims: Mapping[str, Any], provider: str
) -> AuthError:
    issuer = str(claims.get("iss", ""))
    if "audience" in reason.lower():
        hint = (
            f"add {_text(claims.get('aud', ''))} to the audiences (client ids) of {provider}, or "
            "have the token issued for an audience that is there"
        )
        return AuthError(f"{start}wrong audience ({reason}); {token}", code="audience", hint=hint)
    if "provider" in reason.lower() and "no " in reason.lower():
        hint = (
            f"create the identity provider {provider} in the role's account (not in yours), with "
            f"the URL {issuer} exactly as the token has it (path and final slash count) and the "
            f"audience {_text(claims.get('aud', ''))}"
        )
        return AuthError(
            f"{start}the role's account knows no such issuer ({reason}); {token}",
            code="issuer-unknown",
            hint=hint,
        )
    if "verification key" in reason.lower() or "retrieve" in reason.lower():
        return AuthError(
            f"{start}AWS could not fetch the issuer's keys ({reason}); {token}",
            code="issuer-unreachable",
            hint=_fetch_hint(issuer),
            retryable=True,
        )
    return AuthError(
        f"{start}AWS does not accept the token ({reason}); {token}",
        code="token-invalid",
        hint="most likely first: it was not signed by a key that the issuer publishes now (keys "
        "were rotated, or it is another issuer's token); it was changed or cut off on the way; it "
        "is signed with an algorithm that STS does not take (RS256, RS384, RS512, ES256, ES384 and "
        "ES512 are taken)",
    )


def _fetch_hint(issuer: str) -> str:
    base = issuer.rstrip("/")
    return (
        f"AWS fetches {base}/.well-known/openid-configuration and the jwks_uri that it names, from "
        "the internet, within 5 seconds: open both from outside your network; a firewall, a "
        "private address, a rate limit or a broken certificate stops it"
    )


def _common(error: Exception, start: str, role_arn: str, region: str, duration: int) -> AuthError:
    code, reason = code_of(error), " ".join(message_of(error).split())
    if "DurationSeconds" in reason or "durationSeconds" in reason:
        return AuthError(
            f"{start}{duration} seconds are more than it allows ({reason})",
            code="duration",
            hint="lower `duration`, or raise the role's maximum session duration; a role that "
            "was assumed from another role lasts one hour at most",
        )
    if code == "PackedPolicyTooLarge":
        return AuthError(
            f"{start}the session policy or tags are too large once AWS has packed them ({reason})",
            code="session-policy-too-large",
            hint="name fewer resources, shorter tags, or use policy_arns",
        )
    if code == "MalformedPolicyDocument":
        return AuthError(
            f"{start}the session policy is malformed ({reason})", code="session-policy"
        )
    if code == "RegionDisabledException":
        return AuthError(
            f"{start}STS is switched off in {region} ({reason})",
            code="region-disabled",
            hint=f"an administrator of {provider_name(role_arn)}'s account activates STS in "
            f"{region} (IAM, Account settings), or name another region",
        )
    translated = translate(error, doing=start.removeprefix("can't ").removesuffix(": "))
    if isinstance(translated, AuthError):
        return translated
    # Throttled, out of reach or unknown: still, what is missing is the identity.
    return AuthError(
        translated.message,
        code=translated.code,
        hint=translated.hint,
        retryable=translated.retryable,
    )


def _audiences(claims: Mapping[str, Any]) -> str | list[str]:
    audience = claims.get("aud", "")
    return [str(a) for a in audience] if isinstance(audience, list) else str(audience)


def _text(value: Any) -> str:
    text = ", ".join(str(v) for v in value) if isinstance(value, list) else str(value)
    return text if len(text) <= 300 else f"{text[:300]}..."


def _span(delta: timedelta) -> str:
    seconds = int(delta.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
