"""Definition: what a connection is made of, whether Python or a configuration file says it."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from dataclasses import dataclass

from headwater.interfaces.data_source import DataSource
from headwater.interfaces.mapping import Mapping


@dataclass(frozen=True, slots=True)
class Definition:
    """What a connection is made of, as a value: the same definition twice is one connection.

    Args:
        source: Where the rows come from.
        mapping: Which column feeds which field.
        sample: Share of the ids that reads keep, in (0, 1].
        max_bytes: Bytes that a read may read at most.
    """

    source: DataSource
    mapping: Mapping
    sample: float | None = None
    max_bytes: int | None = None

    @classmethod
    def of(
        cls,
        source: DataSource,
        *,
        sample: float | None = None,
        max_bytes: int | None = None,
        **columns: str | MappingABC[str, str] | None,
    ) -> Definition:
        """Return a definition; what is empty or None of its `columns` was not given.

        Args:
            source: Where the rows come from.
            sample: Share of the ids that reads keep.
            max_bytes: Bytes that a read may read at most.
            columns: The arguments of `Mapping`.
        """
        mapping = {
            name: written if isinstance(written, str) else dict(written)
            for name, written in columns.items()
            if written
        }
        return cls(source, Mapping(**mapping), sample, max_bytes)  # type: ignore[arg-type]
