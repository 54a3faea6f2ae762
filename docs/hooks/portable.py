"""The calls of the portable subset, from the table that the compiler itself uses."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.sql.portable.constructs import Construct, constructs

RAISES = {
    None: "",
    "spark": "raises where Spark raises",
    "embedded": "may refuse a row that Spark answers",
}


def calls() -> str:
    """Return one row for each function: its arguments, and where it raises."""
    lines = ["| function | arguments | remarks |", "| --- | --- | --- |"]
    for name, rows in sorted(constructs().items()):
        arguments = "<br>".join(f"`({', '.join(_cell(a) for a in row.args)})`" for row in rows)
        lines.append(f"| `{name}` | {arguments} | {_remarks(rows)} |")
    return "\n".join(lines)


def _remarks(rows: Sequence[Construct]) -> str:
    told = dict.fromkeys(t for row in rows for t in (RAISES[row.raises], row.note or "") if t)
    return "; ".join(_cell(t) for t in told)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
