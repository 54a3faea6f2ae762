"""Access keys that are given, not obtained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, cast

from pydantic import Field

from headwater.auth.credentials import Secret, TokenSource
from headwater.auth.secret_references import SecretReference
from headwater_aws.auth.chain import AwsStrategy

if TYPE_CHECKING:
    from headwater_aws.renewal import Keys, LiveCredentials
    from headwater_aws.session import Opening, Step
    from headwater_aws.session_policies import PolicyRow


class StaticKeys(AwsStrategy):
    """Access keys of a user, or of a session that somebody else renews.

    The references are read again when AWS calls the keys expired.

    Args:
        access_key_id: The key's id, which is no secret.
        secret_access_key: Reference to the key: `env:NAME`, `file:/path`, `command:...`, a
            callable, or `Secret(...)` in code.
        session_token: Reference to a session token, for temporary keys.
    """

    type: Literal["static"] = "static"
    access_key_id: Annotated[str, Field(pattern=r"^\w{4,128}$")]
    secret_access_key: SecretReference = Field(repr=False)
    session_token: SecretReference | None = Field(default=None, repr=False)

    def first_step(self, opening: Opening) -> Step:
        """Take the keys as they are."""
        return _StaticStep(
            self.access_key_id,
            cast("TokenSource", self.secret_access_key),
            cast("TokenSource | None", self.session_token),
            opening,
        )


@dataclass(frozen=True)
class _StaticStep:
    access_key_id: str
    secret: TokenSource
    session_token: TokenSource | None
    opening: Opening

    @property
    def account(self) -> str | None:
        return None

    @property
    def narrowable(self) -> bool:
        return False

    def credentials(self, narrowed: PolicyRow | None = None) -> LiveCredentials:
        from headwater_aws.renewal import RenewingCredentials

        name = f"static keys {self.access_key_id}"
        return RenewingCredentials(self._read, name=name, clock=self.opening.clock)

    def _read(self) -> Keys:
        from headwater_aws.renewal import Keys

        token = Secret(self.session_token.token()) if self.session_token else None
        return Keys(self.access_key_id, Secret(self.secret.token()), token)
