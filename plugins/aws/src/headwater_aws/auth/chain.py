"""Role chains, and the base of the strategies: first an identity, then one role after another."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from headwater.auth.credentials import AuthStrategy
from headwater_aws.auth.fields import Duration, PolicyText, RoleArn, SessionName, Token

if TYPE_CHECKING:
    from headwater_aws.renewal import Clock
    from headwater_aws.session import AwsSession, Opening, Step

MAX_CHAINED_SECONDS = 3600
"""Source: IAM User Guide, "Roles terms and concepts", role chaining."""


class TrustedRole(BaseModel):
    """A role that another identity assumes, and how.

    Args:
        role_arn: The role.
        session_name: Name of its sessions, as CloudTrail shows it.
        duration: Seconds that a session lasts before it is renewed.
        external_id: What the role's owner agreed on with you.
        source_identity: Who acts, where the role demands it.
        tags: Session tags.
        transitive_tags: Keys of the tags that the next role of a chain gets too.
        mfa_serial: Serial number or ARN of an MFA device.
        mfa_code: Gives the device's code at each renewal: a callable, or `command:...`.
        policy: Session policy: the session may do no more than this.
        policy_arns: Managed policies that do the same.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True
    )

    role_arn: RoleArn
    session_name: SessionName = "headwater"
    duration: Duration = 3600
    external_id: Annotated[str, Field(min_length=2, max_length=1224)] | None = None
    source_identity: SessionName | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    transitive_tags: tuple[str, ...] = ()
    mfa_serial: str | None = None
    mfa_code: Token | None = Field(default=None, repr=False)
    policy: PolicyText | None = None
    policy_arns: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _mfa_is_complete(self) -> Self:
        if (self.mfa_serial is None) != (self.mfa_code is None):
            raise ValueError(
                "mfa_serial and mfa_code go together: the code is asked for at each renewal"
            )
        return self


def _roles(roles: Sequence[str | TrustedRole]) -> tuple[TrustedRole, ...]:
    return tuple(TrustedRole(role_arn=r) if isinstance(r, str) else r for r in roles)


class AwsStrategy(AuthStrategy):
    """What AWS's strategies share.

    Args:
        type: Word for it in configuration.
        then: Roles to assume one after another, starting from this identity: ARNs, or mappings
            with a role's fields.
        session_policy: `plan` narrows the role's session, while a plan is read, to the tables and
            prefixes of that plan; what AWS's limits force to be wider is among its warnings.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    is_role: ClassVar[bool] = False
    """Whether the identity itself is a role's session, which shortens what is chained to it."""

    type: str
    then: Annotated[Sequence[str | TrustedRole], AfterValidator(_roles)] = ()
    session_policy: Literal["plan"] | None = None

    @model_validator(mode="after")
    def _chained_roles_are_short(self) -> Self:
        for role in self.chained if self.is_role else self.chained[1:]:
            if role.duration > MAX_CHAINED_SECONDS:
                raise ValueError(
                    f"{role.role_arn}: a role that is assumed from another role lasts at most "
                    f"{MAX_CHAINED_SECONDS} seconds, not {role.duration}"
                )
        return self

    @model_validator(mode="after")
    def _only_a_role_is_narrowed(self) -> Self:
        if self.session_policy is not None and not (self.is_role or self.chained):
            raise ValueError(
                f"session_policy: a {self.type} identity can't be narrowed, only the session of a "
                "role that is assumed; name a role under `then`"
            )
        return self

    @property
    def chained(self) -> tuple[TrustedRole, ...]:
        """The roles of `then`."""
        return cast("tuple[TrustedRole, ...]", self.then)

    def open(
        self,
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        clock: Clock | None = None,
    ) -> AwsSession:
        """Return a session. No network call is made before it is used.

        Args:
            region: Region of STS and of the services; None leaves it to `AWS_REGION`,
                `AWS_DEFAULT_REGION` or the profile.
            endpoint_url: Address of every service, for an emulator.
            clock: Gives the time, with a zone; for tests.

        Raises:
            AuthError: If there is no region, or the strategy can't be used as it is configured.
        """
        from headwater_aws.renewal import utc_now
        from headwater_aws.session import AwsSession, Opening, region_of

        opening = Opening(
            region=region_of(region, self.profile_name),
            endpoint_url=endpoint_url,
            profile=self.profile_name,
            clock=clock or utc_now,
        )
        return AwsSession(
            strategy=self.type,
            step=self.last_step(opening),
            opening=opening,
            narrows_to_plan=self.session_policy == "plan",
        )

    def last_step(self, opening: Opening) -> Step:
        """Return how the identity is obtained, with all chained roles."""
        from headwater_aws.auth.assumption import assume_step

        step = self.first_step(opening)
        for role in self.chained:
            step = assume_step(role, step.credentials(), opening)
        return step

    @property
    def profile_name(self) -> str | None:
        """Profile whose settings apply; None is AWS_PROFILE's or the default one."""
        return None

    @abstractmethod
    def first_step(self, opening: Opening) -> Step:
        """Return how the identity is obtained, before any chained role.

        Args:
            opening: What the step needs of the session: region, endpoint, clock.
        """
