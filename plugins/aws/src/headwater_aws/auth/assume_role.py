"""A role, from another identity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from headwater_aws.auth.chain import MAX_CHAINED_SECONDS, AwsStrategy, TrustedRole
from headwater_aws.auth.default import DefaultChain
from headwater_aws.auth.oidc_role import OidcRole
from headwater_aws.auth.profile import Profile
from headwater_aws.auth.static import StaticKeys

if TYPE_CHECKING:
    from headwater_aws.session import Opening, Step

AnyStrategy: TypeAlias = Annotated[
    "DefaultChain | Profile | StaticKeys | OidcRole | AssumeRole", Field(discriminator="type")
]


class AssumeRole(AwsStrategy, TrustedRole):
    """A role that trusts another AWS identity.

    Args:
        source: The identity that assumes it; None is the default chain.
    """

    is_role: ClassVar[bool] = True

    type: Literal["assume-role"] = "assume-role"
    source: AnyStrategy | None = None

    @model_validator(mode="after")
    def _fits_its_source(self) -> Self:
        chained = self.source is not None and (self.source.is_role or bool(self.source.then))
        if chained and self.duration > MAX_CHAINED_SECONDS:
            raise ValueError(
                f"{self.role_arn}: a role that is assumed from another role lasts at most "
                f"{MAX_CHAINED_SECONDS} seconds, not {self.duration}"
            )
        return self

    @property
    def profile_name(self) -> str | None:
        """The source's profile."""
        return self.source.profile_name if self.source else None

    def first_step(self, opening: Opening) -> Step:
        """Assume the role from the source, its own chain included."""
        from headwater_aws.auth.assumption import assume_step

        source = self.source or DefaultChain()
        return assume_step(self, source.last_step(opening).credentials(), opening)
