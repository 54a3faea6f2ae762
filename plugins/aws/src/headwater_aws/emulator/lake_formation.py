"""Lake Formation's say in what Glue answers: tables denied or hidden, columns and partitions too.

Of its permissions only DESCRIBE and SELECT on tables and columns are modelled, and only for the
catalog: who may read the objects in S3 is left to IAM, as it is on AWS for engines that read
without credentials of Lake Formation's.

Source: Lake Formation Developer Guide, "Lake Formation permissions reference". That Glue answers
no partitions to DESCRIBE alone is our choice; AWS does not document it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headwater_aws.emulator.errors import AwsError

if TYPE_CHECKING:
    from headwater_aws.emulator.identities import Principal

EVERY = "*"
Place = tuple[str, str, str, str]
"""Account, region, database and table."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a principal may see of a table.

    Args:
        columns: The columns that it may select, `*` for all; with none it may describe the table.
        governed: Whether Lake Formation governs the table at all.
    """

    columns: tuple[str, ...] = (EVERY,)
    governed: bool = False

    def cut(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Return a table or a partition as Glue answers it: with the granted columns alone."""
        storage = entry.get("StorageDescriptor")
        if not self.columns or EVERY in self.columns or not storage:
            return entry
        columns = [c for c in storage.get("Columns", []) if c["Name"] in self.columns]
        return {**entry, "StorageDescriptor": {**storage, "Columns": columns}}


class LakeFormation:
    """The tables that are governed, and who was granted what."""

    def __init__(self) -> None:
        self._grants: dict[Place, dict[str, Grant]] = {}

    def govern(self, place: Place, grants: Mapping[str, Sequence[str]]) -> None:
        """Register a table; its earlier grants are forgotten."""
        by_arn = {arn: Grant(tuple(columns), governed=True) for arn, columns in grants.items()}
        self._grants[place] = by_arn

    def grant(self, place: Place, caller: Principal) -> Grant | None:
        """Return what a caller may see of a table; None for nothing."""
        if caller.is_admin or place not in self._grants:
            return Grant(governed=place in self._grants)
        return self._grants[place].get(caller.role_arn)

    def require(self, place: Place, caller: Principal) -> Grant:
        """Return what a caller may see of a table.

        Raises:
            AwsError: If it is nothing.
        """
        grant = self.grant(place, caller)
        if grant is None:
            message = f"Insufficient Lake Formation permission(s): Required Describe on {place[3]}"
            raise AwsError("AccessDeniedException", message)
        return grant

    def clear(self) -> None:
        """Forget everything."""
        self._grants.clear()
