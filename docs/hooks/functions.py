"""The functions of Spark SQL that a query may call, from the table that headwater itself uses."""

from __future__ import annotations

from headwater.sql.functions.arguments import SHORT
from headwater.sql.functions.arguments import listed as listed_types
from headwater.sql.functions.table import Form, Function, functions
from headwater.sql.portable.constructs import Construct, constructs

RAISES = {
    None: "",
    "spark": "raises where Spark raises",
    "embedded": "may refuse a row that Spark answers",
}


def listed() -> str:
    """Return one row for each function: how it is called, its kind, and where it runs."""
    lines = ["| function | arguments | kind | engines |", "| --- | --- | --- | --- |"]
    for name, function in sorted(functions().items()):
        calls = "<br>".join(map(_form, function.forms)) or "not checked"
        lines.append(f"| `{name}` | {calls} | {function.kind} | {_engines(function)} |")
    return "\n".join(lines)


def _form(form: Form) -> str:
    words = [SHORT.get(word := listed_types(p.takes), word) for p in form.parameters]
    words = [word.replace(", ", "/").replace(" or ", "/") for word in words]
    optional = [f"[{word}]" for word in words[form.needed :]]
    return f"({', '.join([*words[: form.needed], *optional])}{', ...' * bool(form.repeated)})"


def _engines(function: Function) -> str:
    if function.entry("duckdb"):
        return "Spark, embedded"
    return "Spark, embedded (with OVER)" if function.entry("over") else "Spark"


def portable() -> str:
    """Return one row for each function that the embedded engine knows, and where it raises."""
    lines = ["| function | arguments | remarks |", "| --- | --- | --- |"]
    for name, function in sorted(functions().items()):
        rows = constructs(name)
        shown = [f"`({', '.join(map(_cell, row.args))})`" for row in rows]
        if function.rule or function.entry("over"):
            shown.append("by a rule of its own" + (" with OVER" * (not function.rule)))
        if shown:
            lines.append(f"| `{name}` | {'<br>'.join(shown)} | {_remarks(function, rows)} |")
    return "\n".join(lines)


EQUAL = {
    "ulps": "within {} units of the last place, with a tolerance",
    "rounded": "within a tolerance",
    "deviations": "within a tolerance, as a share of both standard deviations",
    "absolute": "within a tolerance, as it stands",
}
"""How near a function is that is not equal to the last bit."""


def _remarks(function: Function, rows: tuple[Construct, ...]) -> str:
    said = EQUAL.get(function.entry("equal").partition(" ")[0], "")
    raising = (RAISES[row.raises] for row in rows)
    told = dict.fromkeys(
        [said.format(function.entry("equal")[5:]), *raising, function.entry("note")]
    )
    return "; ".join(_cell(t) for t in told if t)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
