"""The Security Token Service: who may become whom, for how long, and how narrowed.

Source: STS API reference (actions, limits, errors) and "Requesting temporary security
credentials", IAM User Guide. AWS's wording of some messages is known only from public reports.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from headwater_aws.emulator import tokens
from headwater_aws.emulator.authorize import refusal, why_not
from headwater_aws.emulator.errors import XML, AwsError
from headwater_aws.emulator.faults import Faults
from headwater_aws.emulator.identities import Identities, Principal, Session, managed_text
from headwater_aws.emulator.policy import Decision, Document, Query, decide, parse
from headwater_aws.emulator.state import State
from headwater_aws.emulator.wire import Response

Form = Mapping[str, str]

MIN_SECONDS, DEFAULT_SECONDS, MAX_SECONDS = 900, 3600, 43200
MAX_CHAINED_SECONDS = 3600
MAX_POLICY = 2048  # characters
_ROLE_ARN = re.compile(r"arn:aws:iam::(\d{12}):role/(?:.*/)?([\w+=,.@-]+)")
#: A parameter that is not known might have narrowed the session: it is refused, not ignored.
_KNOWN = re.compile(
    r"Version|RoleArn|RoleSessionName|DurationSeconds|Policy|PolicyArns\.member\.\d+\.arn|"
    r"WebIdentityToken|ExternalId|SerialNumber|TokenCode|Tags\.member\.\d+\.(Key|Value)"
)
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}")


@dataclass(frozen=True)
class _Role:
    arn: str
    account_id: str
    name: str
    role_id: str
    trust: Document
    max_seconds: int


class Sts:
    """STS of one emulator.

    Args:
        state: Where roles and identity providers are.
        identities: Where sessions are opened.
        faults: May shorten sessions.
        clock: Gives Unix time in seconds.
    """

    #: The code that a virtual MFA device shows, always.
    mfa_code = "123456"

    def __init__(
        self,
        state: State,
        identities: Identities,
        faults: Faults,
        clock: Callable[[], float],
    ) -> None:
        self._state = state
        self._identities = identities
        self._faults = faults
        self._clock = clock

    def call(self, action: str, form: Form, principal: Principal | None) -> Response:
        """Answer one call.

        Args:
            action: Such as `AssumeRole`.
            form: Its parameters.
            principal: The caller; None for an unsigned call.

        Returns:
            The response.

        Raises:
            AwsError: With AWS's code and message.
        """
        unknown = [name for name in form if not _KNOWN.fullmatch(name)]
        if unknown:
            message = f"The emulator does not know the parameters {', '.join(unknown)}."
            raise AwsError("NotImplemented", message, 501)
        if action == "AssumeRoleWithWebIdentity":
            return self._assume_with_web_identity(form)
        if principal is None:
            raise AwsError(
                "MissingAuthenticationToken", "Request is missing Authentication Token", 403
            )
        if action == "GetCallerIdentity":
            return _xml(
                action,
                f"<Arn>{escape(principal.arn)}</Arn><UserId>{escape(principal.user_id)}</UserId>"
                f"<Account>{principal.account_id}</Account>",
            )
        if action == "AssumeRole":
            return self._assume(form, principal)
        raise AwsError("NotImplemented", f"The emulator does not know sts:{action}.", 501)

    def _assume_with_web_identity(self, form: Form) -> Response:
        _require(form, "RoleArn", "RoleSessionName", "WebIdentityToken")
        token = form["WebIdentityToken"]
        if not 4 <= len(token) <= 20000:
            raise AwsError(
                "ValidationError",
                "1 validation error detected: Value at 'webIdentityToken' failed to satisfy "
                "constraint: Member must have length between 4 and 20000",
            )
        session_name, seconds = _session_name(form), _seconds(form)
        account_id, _ = _role_parts(form["RoleArn"])
        narrowed = self._session_policies(form, account_id)
        unverified = tokens.unverified_claims(token)
        issuer = str(unverified.get("iss", ""))
        bare = re.sub(r"^https?://", "", issuer)
        with self._state.lock:
            providers = list(self._state.iam(account_id).open_id_providers.values())
        provider = next((one for one in providers if one.url == bare), None)
        if provider is None:
            raise AwsError(
                "InvalidIdentityToken",
                f"No OpenIDConnect provider found in your account for {issuer}",
            )
        claims = tokens.verify(token, issuer, list(provider.client_id_list), self._clock())
        context = {
            f"{bare}:{name}": [str(item) for item in value]
            if isinstance(value, list)
            else str(value)
            for name, value in claims.items()
            if isinstance(value, str | int | list)
        }
        role = self._role(form["RoleArn"])
        action, trust = "sts:AssumeRoleWithWebIdentity", Decision()
        if role is not None:
            query = Query(action, role.arn, context, (provider.arn,), federated=provider.arn)
            trust = decide([role.trust], query)
        if role is None or trust.denied or not trust.allowed:
            raise AwsError("AccessDenied", f"Not authorized to perform {action}", 403)
        _within_role(seconds, role)
        session = self._open(role, session_name, seconds, narrowed, {})
        audience = claims["aud"] if isinstance(claims["aud"], str) else claims["aud"][0]
        return _xml(
            "AssumeRoleWithWebIdentity",
            f"<SubjectFromWebIdentityToken>{escape(str(claims['sub']))}"
            f"</SubjectFromWebIdentityToken><Audience>{escape(str(audience))}</Audience>"
            f"<Provider>{escape(provider.arn)}</Provider>{_credentials(session)}",
        )

    def _assume(self, form: Form, caller: Principal) -> Response:
        _require(form, "RoleArn", "RoleSessionName")
        session_name, tags, seconds = _session_name(form), _tags(form), _seconds(form)
        account_id, _ = _role_parts(form["RoleArn"])
        narrowed = self._session_policies(form, account_id)
        role = self._role(form["RoleArn"])
        context = self._context(form, session_name, tags)
        for action in ("sts:AssumeRole", *(("sts:TagSession",) if tags else ())):
            if role is None or not self._is_allowed(caller, action, role, context):
                raise refusal(caller, action, form["RoleArn"], "", "AccessDenied", 403)
        assert role is not None
        if caller.is_role and seconds > MAX_CHAINED_SECONDS:
            raise AwsError(
                "ValidationError",
                "The requested DurationSeconds exceeds the 1 hour session limit for roles "
                "assumed by role chaining",
            )
        _within_role(seconds, role)
        carried = {f"aws:PrincipalTag/{name}": value for name, value in tags.items()}
        session = self._open(role, session_name, seconds, narrowed, carried)
        return _xml("AssumeRole", _credentials(session))

    def _context(self, form: Form, session_name: str, tags: Mapping[str, str]) -> dict[str, str]:
        """Condition keys that a trust policy may ask for."""
        context: dict[str, str] = {"sts:RoleSessionName": session_name}
        if "ExternalId" in form:
            context["sts:ExternalId"] = form["ExternalId"]
        if "SerialNumber" in form:
            if form.get("TokenCode") != self.mfa_code:
                raise AwsError(
                    "AccessDenied",
                    "MultiFactorAuthentication failed with invalid MFA one time pass code.",
                    403,
                )
            context["aws:MultiFactorAuthPresent"] = "true"
        context.update({f"aws:RequestTag/{name}": value for name, value in tags.items()})
        return context

    def _is_allowed(
        self, caller: Principal, action: str, role: _Role, context: Mapping[str, str]
    ) -> bool:
        with self._state.lock:
            why = why_not(
                self._identities,
                caller,
                action,
                role.arn,
                owner=role.account_id,
                resource_policies=[role.trust],
                context=context,
            )
        # Elsewhere a caller's own policies may be enough; here trust is never implied.
        keys = {**caller.context, "aws:PrincipalAccount": caller.account_id, **context}
        trust = decide([role.trust], Query(action, role.arn, keys, caller.also_known_as))
        return why is None and trust.allowed and not trust.denied

    def _session_policies(self, form: Form, account_id: str) -> tuple[Document, ...] | None:
        """The inline session policy and the managed ones, which must be the account's own."""
        text = form.get("Policy")
        if text and len(text) > MAX_POLICY:
            raise AwsError(
                "ValidationError",
                "1 validation error detected: Value at 'policy' failed to satisfy constraint: "
                f"Member must have length less than or equal to {MAX_POLICY}",
            )
        policies = [parse(text)] if text else []
        with self._state.lock:
            managed = dict(self._state.iam(account_id).managed_policies)
        for name, arn in form.items():
            if re.fullmatch(r"PolicyArns\.member\.\d+\.arn", name):
                if arn not in managed:
                    raise AwsError("InvalidParameterValue", f"No such managed policy: {arn}")
                policies.append(parse(managed_text(managed[arn])))
        return tuple(policies) or None

    def _role(self, arn: str) -> _Role | None:
        account_id, name = _role_parts(arn)
        with self._state.lock:
            for role in self._state.iam(account_id).roles.values():
                if role.name == name and role.arn == arn:
                    return _Role(
                        arn,
                        account_id,
                        name,
                        role.id,
                        parse(role.assume_role_policy_document),
                        int(role.max_session_duration or DEFAULT_SECONDS),
                    )
        return None

    def _open(
        self,
        role: _Role,
        session_name: str,
        seconds: int,
        narrowed: tuple[Document, ...] | None,
        carried: Mapping[str, str],
    ) -> Session:
        principal = Principal(
            f"arn:aws:sts::{role.account_id}:assumed-role/{role.name}/{session_name}",
            role.account_id,
            f"{role.role_id}:{session_name}",
            role.name,
            narrowed,
            {"aws:PrincipalArn": role.arn, **carried},
            is_role=True,
        )
        return self._identities.open_session(principal, self._faults.session_seconds or seconds)


def _role_parts(arn: str) -> tuple[str, str]:
    match = _ROLE_ARN.fullmatch(arn)
    if match is None:
        raise AwsError("ValidationError", f"{arn} is invalid")
    return match[1], match[2]


def _require(form: Form, *names: str) -> None:
    for name in names:
        if not form.get(name):
            member = name[0].lower() + name[1:]
            raise AwsError(
                "ValidationError",
                f"1 validation error detected: Value null at '{member}' failed to satisfy "
                "constraint: Member must not be null",
            )


def _session_name(form: Form) -> str:
    name = form["RoleSessionName"]
    if not _SESSION_NAME.fullmatch(name):
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]* and have "
            "length between 2 and 64",
        )
    return name


def _seconds(form: Form) -> int:
    text = form.get("DurationSeconds") or str(DEFAULT_SECONDS)
    seconds = int(text) if text.isdecimal() else 0
    if seconds < MIN_SECONDS:
        rule = f"value greater than or equal to {MIN_SECONDS}"
    elif seconds > MAX_SECONDS:
        rule = f"value less than or equal to {MAX_SECONDS}"
    else:
        return seconds
    raise AwsError(
        "ValidationError",
        f"1 validation error detected: Value '{text}' at 'durationSeconds' failed to satisfy "
        f"constraint: Member must have {rule}",
    )


def _within_role(seconds: int, role: _Role) -> None:
    if seconds > role.max_seconds:
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )


def _tags(form: Form) -> dict[str, str]:
    return {
        value: form.get(name.removesuffix("Key") + "Value", "")
        for name, value in form.items()
        if re.fullmatch(r"Tags\.member\.\d+\.Key", name)
    }


def _credentials(session: Session) -> str:
    expires = datetime.fromtimestamp(session.expires_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    who = session.principal
    return (
        f"<AssumedRoleUser><Arn>{escape(who.arn)}</Arn>"
        f"<AssumedRoleId>{escape(who.user_id)}</AssumedRoleId></AssumedRoleUser>"
        f"<Credentials><AccessKeyId>{session.access_key_id}</AccessKeyId>"
        f"<SecretAccessKey>{session.secret}</SecretAccessKey>"
        f"<SessionToken>{session.token}</SessionToken>"
        f"<Expiration>{expires}</Expiration></Credentials>"
    )


def _xml(action: str, result: str) -> Response:
    text = (
        f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        f"<{action}Result>{result}</{action}Result>"
        "<ResponseMetadata><RequestId>emulated</RequestId></ResponseMetadata>"
        f"</{action}Response>"
    )
    return Response(200, {"content-type": XML}, text.encode())
