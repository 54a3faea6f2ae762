"""Files that are of another format than their table says: both engines tell of them alike."""

from __future__ import annotations

import re
from typing import Final

from headwater.errors import EngineError

NAMES: Final = {"parquet": "Parquet", "orc": "ORC", "avro": "Avro"}
"""How the formats are called whose files begin or end with a mark of their own."""
_SIGNS: Final = {
    "parquet": "No magic bytes found at end of file|too small to be a Parquet file"
    "|is not a Parquet file",
    "orc": "Not an ORC file|Malformed ORC file|Invalid postscript",
    "avro": "Not an? (?:Avro )?data file",
}
"""What the formats' readers say of a file that is none, or is cut."""
_TOLD: Final = {name: re.compile(sign) for name, sign in _SIGNS.items()}


def told_format(message: str) -> str | None:
    """Return the format of which a file is none, as a reader's message says it, or None."""
    return next((name for name, sign in _TOLD.items() if sign.search(message)), None)


def wrong_format(engine: str, where: str, format: str, why: str = "") -> EngineError:
    """Return the error for a file that is not of its table's format.

    Args:
        engine: Who says so.
        where: The file, and its table.
        format: The format that the table declares: `parquet`, `orc` or `avro`.
        why: What its reader stumbled over; empty where it says no more than that.
    """
    return EngineError(
        f"{engine} engine: {where} can't be read as {NAMES[format]}, which the table says that it "
        f"is: {why or 'it is no such file, or is cut'}",
        code="wrong-format",
        hint="correct the table's format (its serde in the catalog, or the source's `format`), "
        "take the file out of the table's place, or write it anew, if it is cut",
    )
