"""Glue's two little languages: patterns of names, and filters of partitions.

Source: GetTables and GetPartitions, Glue API reference.
"""

from __future__ import annotations

import re
from typing import Any

from headwater_aws.emulator.errors import AwsError


def name_pattern(text: str) -> re.Pattern[str]:
    """Compile a pattern of names: a regular expression in which a bare `*` is anything.

    Args:
        text: The pattern.

    Returns:
        It compiled; it must match the whole name.

    Raises:
        AwsError: `InvalidInputException`, when it is no pattern.
    """
    try:
        return re.compile(re.sub(r"(?<![.\])\\])\*", ".*", text), re.IGNORECASE)
    except re.error as error:
        message = f"Invalid regular expression {text!r}: {error}"
        raise AwsError("InvalidInputException", message) from error


def for_moto(text: str, table: Any) -> str | None:
    """Write a filter of partitions as moto's parser, stricter than Glue's, can read it.

    Args:
        text: Glue's expression.
        table: moto's table, whose partition keys it names in any case.

    Returns:
        The expression; None for no filter.
    """
    if not text.strip():
        return None
    latest = list(table.versions.values())[-1]
    names = {key["Name"].lower(): key["Name"] for key in latest.get("PartitionKeys", [])}
    parts = re.split(r"('(?:[^']|'')*'|\"[^\"]*\")", text)
    for index in range(0, len(parts), 2):  # between the string literals
        part = re.sub(r"\b(?:date|timestamp)\s*$", "", parts[index], flags=re.IGNORECASE)
        part = part.replace("!=", "<>")
        parts[index] = re.sub(r"[\w.]+", lambda m: names.get(m[0].lower(), m[0]), part)
    for index in range(1, len(parts), 2):
        if parts[index].startswith('"'):
            parts[index] = "'" + parts[index][1:-1].replace("'", "''") + "'"
    return "".join(parts)
