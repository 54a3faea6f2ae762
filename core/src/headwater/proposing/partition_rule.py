"""Proposing how a table's partitions follow from its time column, and checking it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from headwater.partitions.rule_evidence import TimeRange, judged
from headwater.tables.table import Table, TimePartition

_LATE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RuleProposal:
    """A rule, and whether what was looked at agrees with it.

    Args:
        rule: The rule.
        checked: How many files agree with it.
        against: A file that does not; None if all do.
    """

    rule: TimePartition
    checked: int
    against: TimeRange | None = None

    @property
    def proven(self) -> bool:
        """Whether there were files to check, and all agree."""
        return self.against is None and self.checked > 0


def proposal(rule: TimePartition, table: Table, ranges: Sequence[TimeRange]) -> RuleProposal:
    """Return a rule with what files say about it; with a day's lateness if they agree only then."""
    against = judged(rule, table, ranges).against
    if against:
        with_lateness = replace(rule, lateness=_LATE)
        if not judged(with_lateness, table, ranges).against:
            return RuleProposal(with_lateness, len(ranges))
    return RuleProposal(rule, len(ranges), against[0].file if against else None)
