"""Assuming a role: the calls to STS, and the steps of a chain that they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from headwater.auth.credentials import Secret, TokenSource, leaving_no_frames
from headwater.auth.tokens import claims
from headwater_aws.errors import EXPIRED, code_of
from headwater_aws.redaction import hide_from_logs
from headwater_aws.renewal import Keys, LiveCredentials, RenewingCredentials
from headwater_aws.session import Opening
from headwater_aws.session_policies import PolicyRow
from headwater_aws.sts_errors import explain_assume_role, explain_web_identity, role_account

if TYPE_CHECKING:
    from headwater_aws.auth.chain import TrustedRole
    from headwater_aws.auth.oidc_role import OidcRole


@dataclass(frozen=True)
class AssumeStep:
    """Becomes a role, again and again.

    Args:
        role_arn: The role.
        ask: Calls STS with a session policy or without; raises what botocore raises.
        explain: Gives the error for what `ask` raised.
        opening: Where.
        policy: The user's own session policy. A session that has one is not narrowed further, for
            STS knows one policy and this one would be lost.
    """

    role_arn: str
    ask: Callable[[str | None], Keys]
    explain: Callable[[Exception], Exception]
    opening: Opening
    policy: str | None = None

    @property
    def account(self) -> str | None:
        """The role's account."""
        return role_account(self.role_arn)

    @property
    def narrowable(self) -> bool:
        """Whether a session policy may be set."""
        return self.policy is None

    def credentials(self, narrowed: PolicyRow | None = None) -> LiveCredentials:
        """Return the role's credentials, bounded by a session policy if one is given."""

        def issue() -> Keys:
            while True:
                policy = narrowed.current.document if narrowed else self.policy
                try:
                    return self.ask(policy)
                except (ClientError, BotoCoreError) as error:
                    # The limit on the packed size is not published: find it by asking.
                    if code_of(error) == "PackedPolicyTooLarge" and narrowed and narrowed.widen():
                        continue
                    raise self.explain(error) from error

        return RenewingCredentials(issue, name=self.role_arn, clock=self.opening.clock)


def web_identity_step(role: OidcRole, source: TokenSource, opening: Opening) -> AssumeStep:
    """Return the step that becomes a role with a web identity token.

    Args:
        role: The role and how to assume it.
        source: Gives a token at each renewal.
        opening: Where. The call is not signed: no other identity takes part in it.
    """
    clients = opening.clients(None)
    opening.tokens.append(source)
    last: dict[str, Any] = {}

    def ask_with(token: Secret, policy: str | None) -> Keys:
        last["claims"] = claims(token.reveal(), what=f"the token from {source.describe()}")
        hide_from_logs(token.reveal())
        answer = clients.client("sts").assume_role_with_web_identity(
            WebIdentityToken=token.reveal(), **_parameters(role, policy)
        )
        return _keys(answer)

    @leaving_no_frames
    def ask(policy: str | None) -> Keys:
        token = Secret(source.token())
        try:
            return ask_with(token, policy)
        except ClientError as error:
            # The token may have been replaced while it was on its way.
            again = Secret(source.token()) if code_of(error) in EXPIRED else token
            if again == token:
                raise
        return ask_with(again, policy)

    def explain(error: Exception) -> Exception:
        return explain_web_identity(
            error,
            role_arn=role.role_arn,
            claims=last.get("claims", {}),
            source=source.describe(),
            region=opening.region,
            now=opening.clock(),
            duration=role.duration,
        )

    return AssumeStep(role.role_arn, ask, explain, opening, cast("str | None", role.policy))


def assume_step(role: TrustedRole, source: LiveCredentials, opening: Opening) -> AssumeStep:
    """Return the step that becomes a role from another identity.

    Args:
        role: The role and how to assume it.
        source: Signs the call.
        opening: Where.
    """
    clients = opening.clients(source)

    @leaving_no_frames
    def ask(policy: str | None) -> Keys:
        parameters = _parameters(role, policy)
        if role.external_id is not None:
            parameters["ExternalId"] = role.external_id
        if role.source_identity is not None:
            parameters["SourceIdentity"] = role.source_identity
        if role.tags:
            parameters["Tags"] = [{"Key": k, "Value": v} for k, v in role.tags.items()]
        if role.transitive_tags:
            parameters["TransitiveTagKeys"] = list(role.transitive_tags)
        if role.mfa_serial is not None:
            code = cast("TokenSource", role.mfa_code)
            parameters |= {"SerialNumber": role.mfa_serial, "TokenCode": code.token()}
        return _keys(clients.client("sts").assume_role(**parameters))

    def explain(error: Exception) -> Exception:
        keys = source.cached
        return explain_assume_role(
            error,
            role_arn=role.role_arn,
            caller=keys.caller_arn if keys else None,
            external_id=role.external_id is not None,
            mfa=role.mfa_serial is not None,
            region=opening.region,
            duration=role.duration,
        )

    return AssumeStep(role.role_arn, ask, explain, opening, cast("str | None", role.policy))


def _parameters(role: OidcRole | TrustedRole, policy: str | None) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "RoleArn": role.role_arn,
        "RoleSessionName": role.session_name,
        "DurationSeconds": role.duration,
    }
    if policy:
        parameters["Policy"] = policy
    if role.policy_arns:
        parameters["PolicyArns"] = [{"arn": arn} for arn in role.policy_arns]
    return parameters


def _keys(answer: Mapping[str, Any]) -> Keys:
    issued = answer["Credentials"]
    return Keys(
        access_key_id=issued["AccessKeyId"],
        secret_access_key=Secret(issued["SecretAccessKey"]),
        session_token=Secret(issued["SessionToken"]),
        expires_at=issued["Expiration"].astimezone(UTC),
        caller_arn=answer.get("AssumedRoleUser", {}).get("Arn"),
    )
