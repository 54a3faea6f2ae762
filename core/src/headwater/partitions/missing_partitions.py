"""Gaps: partitions that a window should have and that a read won't find.

A read without rows ends in a verdict. One that finds six days of seven looks complete, so its plan
says what is missing. Nothing is asked of anyone for it: the plan has it all.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from headwater.diagnostics import Diagnostic, Severity
from headwater.partitions.patterns import parse_pattern
from headwater.partitions.time_partitions import expected_keys
from headwater.partitions.values import canonical
from headwater.tables.relation import FileRelation
from headwater.tables.table import Partition, Table, TimePartition
from headwater.tables.window import Window
from headwater.types import STRING, DataType

EXPECTED: Final = 2000
"""Partitions of a window that are looked for; beyond that, hours of years, nothing is said."""
_SHOWN: Final = 3
CODES: Final = frozenset({"partitions-missing", "partitions-empty", "partition-unread", "no-files"})
"""Warnings of a plan which mean that its rows are not all that there might be."""

_Keys = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Gaps:
    """What a scan lacks, each partition as `dt=2026-01-31`, in order.

    Args:
        expected: How many partitions were looked for.
        unregistered: Those that the window needs and the catalog does not have.
        without_files: Those that the catalog has, and in which no file lies.
    """

    expected: int
    unregistered: tuple[str, ...] = ()
    without_files: tuple[str, ...] = ()


def of_window(
    table: Table, rule: TimePartition, window: Window, relation: FileRelation, now: datetime
) -> Gaps | None:
    """Return the partitions that a window lacks by a table's rule; None if unknown.

    Late rows may lie in later partitions, but those need not exist; nor does the future.

    Args:
        table: The table.
        rule: How its keys follow from time.
        window: The rows that are wanted.
        relation: The table's files and partitions for that window.
        now: The present.
    """
    with_files = {f.partition for f in relation.files}
    values = [p.values for p in relation.partitions]
    return of_partitions(table, rule, window, values, with_files, now)


def of_rows(
    table: Table,
    rule: TimePartition,
    window: Window,
    partitions: Sequence[Partition],
    now: datetime,
) -> Gaps | None:
    """Like `of_window`, for a table whose source gives rows and no files.

    Args:
        table: The table.
        rule: How its keys follow from time.
        window: The rows that are wanted.
        partitions: The partitions that the catalog has for that window.
        now: The present.
    """
    values = [p.values for p in partitions]
    return of_partitions(table, rule, window, values, range(len(values)), now)


def of_partitions(
    table: Table,
    rule: TimePartition,
    window: Window,
    partitions: Sequence[_Keys],
    with_files: Collection[int],
    now: datetime,
) -> Gaps | None:
    """Like `of_window`, from the values of partitions alone.

    Args:
        table: The table.
        rule: How its keys follow from time.
        window: The rows that are wanted.
        partitions: Key values of the partitions that the catalog has for that window.
        with_files: Which of them have files.
        now: The present.
    """
    if window.start >= now:
        return None
    past = Window(window.start, min(window.end, now))
    prompt = replace(rule, lateness=timedelta(0))
    expected = list(islice(expected_keys(prompt, past), EXPECTED + 1))
    if len(expected) > EXPECTED:
        return None
    registered = {_keys(table, rule, values) for values in partitions}
    landed = {_keys(table, rule, v) for i, v in enumerate(partitions) if i in with_files}
    unregistered, empty = [], []
    for values in dict.fromkeys(expected):
        name = spelled(tuple(rule.keys), values)
        if values not in registered:
            unregistered.append(name)
        elif values not in landed:
            empty.append(name)
    return Gaps(len(expected), tuple(unregistered), tuple(empty))


def of_registered(table: Table, partitions: Sequence[Partition], relation: FileRelation) -> Gaps:
    """Return which of the partitions that will be read are registered and have no file."""
    with_files = {relation.partitions[f.partition].values for f in relation.files}
    empty = tuple(
        spelled(table.partition_keys, p.values)
        for p in partitions
        if not p.computed and p.values not in with_files
    )
    return Gaps(len(partitions), without_files=tuple(sorted(empty)))


def spelled(keys: Sequence[str], values: Sequence[str | None]) -> str:
    """Return a partition as it is shown: `dt=2026-01-31/hour=07`."""
    return "/".join(f"{k}={v}" for k, v in zip(keys, values, strict=True))


def warnings(table: object, gaps: Gaps | None) -> list[Diagnostic]:
    """Return what a plan says of the gaps of one of its tables."""
    if gaps is None:
        return []
    diagnostics = []
    if some := gaps.unregistered:
        diagnostics.append(
            Diagnostic(
                "partitions-missing",
                f"{table}: {len(some)} of the window's {gaps.expected} partitions are not "
                f"registered ({_examples(some)}): no row of theirs is read",
                Severity.WARNING,
                hint="if their data has landed, register them; if they never were, the declared "
                "time partition may be wrong: `headwater check` compares it with the files",
            )
        )
    if some := gaps.without_files:
        diagnostics.append(
            Diagnostic(
                "partitions-empty",
                f"{table}: {len(some)} of {gaps.expected} partitions have no files "
                f"({_examples(some)}): no row of theirs is read",
                Severity.WARNING,
                hint="their data has not landed, was deleted, or lies elsewhere",
            )
        )
    return diagnostics


def _examples(partitions: Sequence[str]) -> str:
    more = f" and {len(partitions) - _SHOWN} more" if len(partitions) > _SHOWN else ""
    return ", ".join(partitions[:_SHOWN]) + more


def _keys(table: Table, rule: TimePartition, values: Sequence[str | None]) -> _Keys:
    """Return a partition's values of a rule's keys, each in its one spelling."""
    folded = [k.casefold() for k in table.partition_keys]
    key_values = []
    for key, text in rule.keys.items():
        value = values[folded.index(key.casefold())]
        pattern = parse_pattern(text)
        key_values.append(None if value is None else canonical(value, pattern, _type(table, key)))
    return tuple(key_values)


def _type(table: Table, key: str) -> DataType:
    column = table.column(key)
    return STRING if column is None else column.type
