"""The reference: the version and settings of Spark whose answers headwater promises.

Every setting here can change rows, not only speed. Values are those with which Spark 4.1 starts,
but for the time zone (a session's own is that of its machine) and the two that keep a query from
reaching files and settings by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

VERSION: Final = "4.1"
"""Spark's version, without the patch release: the newest for which Iceberg and Delta have jars."""

SETTINGS: Final[Mapping[str, str]] = {
    "spark.sql.ansi.doubleQuotedIdentifiers": "false",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.ansi.enforceReservedKeywords": "false",
    "spark.sql.avro.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.caseSensitive": "false",
    "spark.sql.crossJoin.enabled": "true",
    "spark.sql.decimalOperations.allowPrecisionLoss": "true",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.groupByAliases": "true",
    "spark.sql.groupByOrdinal": "true",
    "spark.sql.legacy.charVarcharAsString": "false",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.mapKeyDedupPolicy": "EXCEPTION",
    "spark.sql.orderByOrdinal": "true",
    "spark.sql.parquet.binaryAsString": "false",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96AsTimestamp": "true",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.sql.readSideCharPadding": "true",
    "spark.sql.runSQLOnFiles": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
    "spark.sql.variable.substitute": "false",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which a session is not the reference.

    Args:
        name: A setting, or `version`.
        wanted: Its value in the reference.
        found: Its value in the session; None where the session does not know it.
    """

    name: str
    wanted: str
    found: str | None

    def __str__(self) -> str:
        actual = "not known to it" if self.found is None else self.found
        return f"{self.name} is {actual}, the reference has {self.wanted}"


def differences(version: str, setting: Callable[[str], str | None]) -> tuple[Difference, ...]:
    """Return how a session differs from the reference.

    Args:
        version: The session's own word for its version, e.g. `4.1.4` or `4.1.0-amzn-1`.
        setting: Gives the value of a setting, None for one that is not known.
    """
    differing = []
    if version.split(".")[:2] != VERSION.split("."):
        differing.append(Difference("version", f"{VERSION}.x", version))
    for name, expected in SETTINGS.items():
        value = setting(name)
        if value is None or value.casefold() != expected.casefold():
            differing.append(Difference(name, expected, value))
    return tuple(differing)


def remedy(differing: tuple[Difference, ...]) -> str:
    """Return what to do about differences: one `conf.set` a line, and the way to go on anyway."""
    lines = [f'spark.conf.set("{d.name}", "{d.wanted}")' for d in differing if d.name != "version"]
    if any(d.name == "version" for d in differing):
        lines.append(f"use Spark {VERSION}")
    lines.append('or accept this session\'s answers: SparkEngine(..., semantics="session")')
    return "\n".join(lines)
