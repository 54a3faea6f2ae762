"""Entry: what was handed over of one window. A value; one line of a ledger's text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

_KEY: Final = re.compile(
    r"(?P<window>[^\x00-\x1f]+)/g(?P<generation>[1-9][0-9]{0,8})-(?P<share>[0-9a-f]{8,32})"
)
_HEX: Final = re.compile(r"[0-9a-f]{8,64}")
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{6})?)?Z"
)
STATES: Final = ("open", "landing", "ripening", "closed")
"""What a window can be when it is handed over: not over yet; over, and rows of it may still land;
its labels are still taken; past its horizon."""

_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Entry:
    """What was handed over of one window.

    Args:
        window_key: The window: connection, step, and start in UTC; stable for ever.
        generation: How often it was handed over with other content: 1, 2, ...
        share: Digest of what it was read from, its `as_of` included.
        end: When the window ends.
        definition: Digest of how it was read: query, mapping, rules, horizon.
        tables: Digest of the window's share of each table, by the table's name.
        rows: Digest of all that was delivered but the actuals.
        labels: Digest of the ids with their actuals.
        counts: How many `rows` there were, and how many `labels` were known.
        state: One of `STATES`.
        reasons: Why it was handed over.
        done_at: When.
        as_of: Until when actuals were taken; None where nothing says when they were set.
        next: When the first actual that `as_of` cut off comes to count; None if there is none.
        pins: Snapshot or version of each lake table, by name.
        evidence: Digest of the evidence of the read.
        more: What a newer headwater of the same format wrote beside.
    """

    window_key: str
    generation: int
    share: str
    end: datetime
    definition: str
    tables: Mapping[str, str]
    rows: str
    labels: str
    counts: Mapping[str, int]
    state: str
    reasons: tuple[str, ...]
    done_at: datetime
    as_of: datetime | None = None
    next: datetime | None = None
    pins: Mapping[str, int] = field(default_factory=lambda: _EMPTY)
    evidence: str | None = None
    more: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)

    @property
    def key(self) -> str:
        """What was handed over: the window's key with generation and share."""
        return f"{self.window_key}/g{self.generation}-{self.share}"

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as it is written; what is absent is left out."""
        written: dict[str, Any] = {
            **self.more,
            "key": self.key,
            "end": moment_text(self.end),
            "definition": self.definition,
            "tables": dict(self.tables),
            "content": {"rows": self.rows, "labels": self.labels},
            "counts": dict(self.counts),
            "state": self.state,
            "reasons": list(self.reasons),
            "done_at": moment_text(self.done_at),
        }
        for name in ("as_of", "next"):
            if (moment := getattr(self, name)) is not None:
                written[name] = moment_text(moment)
        if self.pins:
            written["pins"] = dict(self.pins)
        if self.evidence is not None:
            written["evidence"] = self.evidence
        return written

    @classmethod
    def of(cls, written: object) -> Entry:
        """Return the entry that was written so.

        Raises:
            ValueError: If it is none; says what is wrong with it.
        """
        if not isinstance(written, dict):
            raise ValueError("it is no object")
        left = dict(written)
        key = _text(left, "key")
        match = _KEY.fullmatch(key)
        if match is None:
            raise ValueError(f"key is {key[:80]!r}, which no window was handed over by")
        content, counts = _texts(left, "content", _HEX), _numbers(left, "counts")
        if content.keys() != {"rows", "labels"} or not counts.keys() >= {"rows", "labels"}:
            raise ValueError("content and counts must tell rows and labels")
        state = _text(left, "state")
        if state not in STATES:
            raise ValueError(f"state is {state[:80]!r}")
        reasons = left.pop("reasons", None)
        if not isinstance(reasons, list) or not all(isinstance(r, str) for r in reasons):
            raise ValueError("reasons are no list of texts")
        return cls(
            match["window"],
            int(match["generation"]),
            match["share"],
            _moment(left, "end"),
            _text(left, "definition", _HEX),
            _texts(left, "tables", _HEX),
            content["rows"],
            content["labels"],
            counts,
            state,
            tuple(reasons),
            _moment(left, "done_at"),
            _moment(left, "as_of") if "as_of" in left else None,
            _moment(left, "next") if "next" in left else None,
            _numbers(left, "pins") if "pins" in left else _EMPTY,
            _text(left, "evidence", _HEX) if "evidence" in left else None,
            left or _EMPTY,
        )


def moment_text(moment: datetime) -> str:
    """Return a moment in UTC as short as it can be told: `2026-01-05T00:00Z`."""
    moment = moment.astimezone(UTC).replace(tzinfo=None)
    if moment.microsecond:
        return moment.isoformat(timespec="microseconds") + "Z"
    return moment.isoformat(timespec="seconds" if moment.second else "minutes") + "Z"


def _text(left: dict[str, Any], name: str, shape: re.Pattern[str] | None = None) -> str:
    value = left.pop(name, None)
    if not isinstance(value, str) or (shape is not None and not shape.fullmatch(value)):
        raise ValueError(f"{name} is {str(value)[:80]!r}")
    return value


def _moment(left: dict[str, Any], name: str) -> datetime:
    value = _text(left, name)
    if _MOMENT.fullmatch(value):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError(f"{name} is {value[:80]!r}, and no moment in UTC")


def _texts(left: dict[str, Any], name: str, shape: re.Pattern[str]) -> Mapping[str, str]:
    value = left.pop(name, None)
    if not isinstance(value, dict) or not all(
        isinstance(v, str) and shape.fullmatch(v) for v in value.values()
    ):
        raise ValueError(f"{name} holds no digests by name")
    return value


def _numbers(left: dict[str, Any], name: str) -> Mapping[str, int]:
    value = left.pop(name, None)
    if not isinstance(value, dict) or not all(type(v) is int and v >= 0 for v in value.values()):
        raise ValueError(f"{name} holds no numbers by name")
    return value
