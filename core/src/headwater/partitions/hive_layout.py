"""Hive layout: partition keys in directory names, `key=value/`. Pure functions over paths.

Source: Spark SQL guide, "Partition Discovery"; Hive's `FileUtils.escapePathName`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from urllib.parse import unquote

from headwater.errors import SourceError
from headwater.types import BIGINT, DATE, INT, STRING, DataType

NULL_PARTITION: Final = "__HIVE_DEFAULT_PARTITION__"
"""Directory value that stands for NULL."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the files under a root are partitioned.

    Args:
        keys: Partition keys, outermost first; empty if there are none.
        values: For each file, its key values, unescaped; None is NULL.
    """

    keys: tuple[str, ...]
    values: tuple[tuple[str | None, ...], ...]


def is_hidden(relative: str) -> bool:
    """Return whether readers skip a file: a path segment that starts with `_` or `.`.

    A directory such as `_key=1/` is a partition, not hidden (as in Spark).
    """
    return any(s[:1] in ("_", ".") and "=" not in s for s in relative.split("/"))


def layout(relatives: Sequence[str], root: str) -> Layout:
    """Return the layout of files, given by their paths relative to `root`.

    Raises:
        SourceError: If some files are partitioned differently from others.
    """
    layouts = [_keys_and_values(r) for r in relatives]
    kinds = {tuple(k for k, _ in pairs) for pairs in layouts}
    if len(kinds) > 1:
        kinds_text = " and ".join(
            "/".join(f"{k}=" for k in ks) or "no keys" for ks in sorted(kinds)
        )
        raise SourceError(
            f"the files under {root} are not partitioned alike: {kinds_text}",
            hint="give each layout a table of its own",
        )
    keys = next(iter(kinds), ())
    return Layout(keys, tuple(tuple(v for _, v in pairs) for pairs in layouts))


def key_type(values: Iterable[str | None]) -> DataType:
    """Return the narrowest of int, bigint, date, string that holds every value, as Spark infers."""
    present = [v for v in values if v is not None]
    if present and all(re.fullmatch(r"-?[0-9]{1,18}", v) for v in present):
        return INT if all(-(2**31) <= int(v) < 2**31 for v in present) else BIGINT
    if present and all(_is_date(v) for v in present):
        return DATE
    return STRING


def _keys_and_values(relative: str) -> list[tuple[str, str | None]]:
    pairs: list[tuple[str, str | None]] = []
    for segment in relative.split("/")[:-1]:
        key, equals, value = segment.partition("=")
        if equals:
            pairs.append((unquote(key), None if value == NULL_PARTITION else unquote(value)))
    return pairs


def _is_date(text: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
