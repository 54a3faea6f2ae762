"""A profile of the shared AWS configuration files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from headwater_aws.auth.chain import AwsStrategy

if TYPE_CHECKING:
    from headwater_aws.session import Opening, Step


class Profile(AwsStrategy):
    """The identity of a profile in `~/.aws/config`: keys, SSO, a role, a credential process.

    Args:
        name: The profile.
    """

    type: Literal["profile"] = "profile"
    name: Annotated[str, Field(min_length=1)]

    @property
    def profile_name(self) -> str:
        """The profile."""
        return self.name

    def first_step(self, opening: Opening) -> Step:
        """Use the credentials that boto3 gets from the profile."""
        from headwater_aws.auth.ambient import AmbientStep

        return AmbientStep(self.name, opening)
