"""Identities that boto3 finds by itself: its default chain, or one profile of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.display.language import hint_wording
from headwater.errors import AuthError
from headwater_aws.clients import bare_session
from headwater_aws.renewal import AmbientCredentials, LiveCredentials
from headwater_aws.session import Opening
from headwater_aws.session_policies import PolicyRow


@dataclass(frozen=True)
class AmbientStep:
    """Uses the credentials that boto3 finds.

    Args:
        profile: The profile that was named; None lets the whole chain decide.
        opening: Where.
    """

    profile: str | None
    opening: Opening

    @property
    def account(self) -> str | None:
        """Not known without asking."""
        return None

    @property
    def narrowable(self) -> bool:
        """False: the credentials that boto3 finds are used unchanged."""
        return False

    def credentials(self, narrowed: PolicyRow | None = None) -> LiveCredentials:
        """Return the credentials that boto3 finds, at first use."""
        name = f"profile {self.profile}" if self.profile else "default chain"
        return AmbientCredentials(self._load, missing=self._missing, name=name)

    def _load(self) -> Any:
        # A new session each time: it reads the files again when rotated keys were refused.
        session = bare_session(self.profile)
        session.set_config_variable("region", self.opening.region)
        return session.get_credentials()

    def _missing(self) -> AuthError:
        if self.profile:
            return AuthError(
                f"the profile {self.profile} gives no credentials",
                code="no-credentials",
                hint="it needs keys, a role_arn with a source, sso_session or credential_process",
            )
        tried = "\n".join(f"- {line}" for line in looked_at())
        return AuthError(
            f"AWS's default chain found no credentials; it looked at:\n{tried}",
            code="no-credentials",
            hint="give the source an identity, e.g. "
            + hint_wording(
                "auth=OidcRole(role_arn=..., token=...)",
                "auth: {type: oidc-role, role_arn: ..., token: ...}",
            )
            + ", or provide one of these",
        )


def looked_at() -> list[str]:
    """Return where boto3's chain looks and what is there, one line each, without secrets."""

    def variable(name: str) -> str:
        return f"{name} {'is set' if os.environ.get(name) else 'is not set'}"

    def file(name: str, default: str) -> str:
        path = Path(os.environ.get(name) or default).expanduser()
        return f"{path} {'is there' if path.exists() else 'does not exist'}"

    profile = os.environ.get("AWS_PROFILE") or "default"
    checks: list[tuple[str, Callable[[], str]]] = [
        (
            "environment keys",
            lambda: f"{variable('AWS_ACCESS_KEY_ID')}, {variable('AWS_SECRET_ACCESS_KEY')}",
        ),
        (
            "web identity",
            lambda: f"{variable('AWS_ROLE_ARN')}, {variable('AWS_WEB_IDENTITY_TOKEN_FILE')}",
        ),
        (
            f"profile {profile}",
            lambda: (
                f"{file('AWS_SHARED_CREDENTIALS_FILE', '~/.aws/credentials')}, "
                f"{file('AWS_CONFIG_FILE', '~/.aws/config')}"
            ),
        ),
        (
            "container",
            lambda: (
                f"{variable('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI')}, "
                f"{variable('AWS_CONTAINER_CREDENTIALS_FULL_URI')}"
            ),
        ),
        (
            "instance metadata",
            lambda: (
                "switched off by AWS_EC2_METADATA_DISABLED"
                if os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"
                else "no role was offered, or nobody answered"
            ),
        ),
    ]
    return [f"{what}: {check()}" for what, check in checks]
