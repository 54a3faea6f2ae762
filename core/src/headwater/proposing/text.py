"""Writing a proposed configuration: what is likely as YAML, what is not as comments beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from headwater.proposing.actuals import JoinedTable
from headwater.proposing.columns import Actual, Proposed, Roles
from headwater.proposing.partition_rule import RuleProposal
from headwater.tables.table import Column, Table

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def propose(
    table: Table,
    source: Mapping[str, Any],
    roles: Roles,
    rule: RuleProposal | None,
    remarks: Iterable[str] = (),
    actuals: JoinedTable | None = None,
) -> str:
    """Return the text of a configuration for one table; valid as it stands.

    Args:
        table: The table.
        source: What stands under `source`, `type` included; names the table without a query.
        roles: What its columns seem to be.
        rule: How its partitions follow from time, if that is likely.
        remarks: What else a reader should know.
        actuals: The table of its actuals, if one was found.
    """
    lines = [*_lines(table, source, roles, rule, remarks), *_joined(actuals)]
    return "\n".join(lines) + "\n"


def _lines(
    table: Table,
    source: Mapping[str, Any],
    roles: Roles,
    rule: RuleProposal | None,
    remarks: Iterable[str],
) -> Iterator[str]:
    yield f"# Proposed for the table {_remark(str(table.name))} ({table.kind})."
    yield "# What is what follows from names and types: a convention, no proof. Edit it, then run"
    yield "# `headwater check`."
    yield from (f"# {_remark(r)}" for r in remarks)
    yield "version: 1"
    yield "models:"
    yield f"  {_key(table.name.name)}:"
    yield "    versions:"
    yield "      v1:"
    yield f"        model_type: {roles.model_type}  # a guess: binary, regression, multiclass ..."
    if roles.raw_inputs:
        yield from _fields("raw_inputs", roles.raw_inputs, "")
    yield from _fields("features", roles.features, "none was found")
    yield from (f"          # {_key(c.column.name)}: {_remark(c.reason)}" for c in roles.left_out)
    yield from _fields("predictions", roles.predictions, "no column is named like one: add yours")
    yield from _connection(table, source, roles, rule)


def _connection(
    table: Table, source: Mapping[str, Any], roles: Roles, rule: RuleProposal | None
) -> Iterator[str]:
    if roles.id is not None and roles.timestamp is not None:
        yield "        serving:"
    else:
        lacking = "id" if roles.id is None else "timestamp"
        yield f"        # A serving log needs an id and a timestamp. None looks like the {lacking}."
        yield "        training:"
    yield "          source:"
    yield from _source(source, roles.query(table))
    yield from _partitions(table, rule)
    if roles.id is not None:
        others = _others(roles.other_ids)
        if roles.id_note is not None:
            others = f"{others or '  #'} ({roles.id_note})" if others else f"  # {roles.id_note}"
        yield f"          id_column: {_key(roles.id)}{others}"
    if roles.timestamp is not None:
        others = _others(roles.other_times)
        yield f"          timestamp_column: {_key(roles.timestamp.name)}{others}"
    yield from _labels(roles)


def _partitions(table: Table, rule: RuleProposal | None) -> Iterator[str]:
    if not table.partition_keys:
        return
    keys = ", ".join(table.partition_keys)
    if rule is None:
        yield f"            # Nothing shows how the partitions ({_remark(keys)}) follow"
        yield "            # from time: a window reads all of them. If they do, declare it:"
        yield "            # partitions: {table: {column: ..., keys: {dt: yyyy-MM-dd}}}"
        return
    declared = rule.rule
    spelled = ", ".join(f"{_key(k)}: {_value(p)}" for k, p in declared.keys.items())
    lateness_text = (
        f", lateness: {declared.lateness.total_seconds():.0f} seconds" if declared.lateness else ""
    )
    text = (
        f"partitions: {{{_key(table.name.name)}: "
        f"{{column: {_key(declared.column)}, keys: {{{spelled}}}{lateness_text}}}}}"
    )
    if rule.proven:
        yield f"            # Checked: the rows of {rule.checked} files, by the least and greatest"
        yield f"            # {_remark(declared.column)} of their footers, lie where this says."
        if declared.lateness:
            yield "            # Only with lateness: rows are older than their partitions say."
        yield f"            {text}"
        return
    if rule.against is not None:
        yield "            # The key values look like times, but a file's footer contradicts it:"
        yield f"            # {_remark(str(rule.against))}. Another time zone, or another column?"
    else:
        yield "            # The key values look like times; no file's footer could confirm it."
    yield f"            # {text}"


def _source(source: Mapping[str, Any], query: str | None) -> Iterator[str]:
    if query is not None:
        source = {k: v for k, v in source.items() if k != "table"} | {"query": query}
    yield from (f"            {_key(k)}: {_value(v)}" for k, v in source.items())


def _joined(joined: JoinedTable | None) -> Iterator[str]:
    """Yield the connection of a table of actuals."""
    if joined is None:
        return
    table = _remark(str(joined.table.name))
    yield f"        actuals:  # {table} has ids of these predictions"
    yield "          source:"
    yield from _source(joined.source, joined.query())
    yield f"          id_column: {_key(joined.id.name)}"
    if joined.timestamp is not None:
        yield f"          timestamp_column: {_key(joined.timestamp.name)}  # when an actual was set"
    else:
        yield "          # Nothing says when an actual was set: no read can be as of a moment."
    spelled = ", ".join(
        f"{_key(a.prediction)}: {_key(a.column.name)}" for a in joined.actuals if a.prediction
    )
    yield f"          labels: {{{spelled}}}"


def _fields(group: str, fields: Iterable[Proposed], none: str) -> Iterator[str]:
    listed = list(fields)
    if not listed:
        yield f"        {group}: {{}}  # {none}"
        return
    yield f"        {group}:"
    for field in listed:
        note = f"  # {_remark(field.note)}" if field.note else ""
        yield f"          {_key(field.name)}: {field.type}{note}"


def _labels(roles: Roles) -> Iterator[str]:
    """Yield the columns that may hold actuals: comments, as a wrong one would go unnoticed."""
    if not roles.labels:
        return
    yield "          # These may hold actuals (so they are no features); choose, and uncomment:"
    first: dict[str, Actual] = {}
    for actual in roles.labels:
        if actual.prediction is not None:
            first.setdefault(actual.prediction, actual)
    chosen = list(first.values())
    if chosen:
        spelled = ", ".join(f"{_key(name)}: {_key(a.column.name)}" for name, a in first.items())
        types = ", ".join(str(a.column.type) for a in chosen)
        yield f"          # labels: {{{spelled}}}  # {types}"
    for actual in roles.labels:
        if actual not in chosen:
            name = _key(actual.prediction or "PREDICTION")
            label = actual.column
            either = "or " if chosen else ""
            yield f"          # {either}labels: {{{name}: {_key(label.name)}}}  # {label.type}"
    if roles.label_times:
        time, *others = roles.label_times
        more = f", or {', '.join(_remark(c.name) for c in others)}" if others else ""
        yield (
            f"          # label_timestamp_column: {_key(time.name)}  # when these were set{more}"
        )


def _others(columns: Iterable[Column]) -> str:
    names = ", ".join(_remark(c.name) for c in columns)
    return f"  # or {names}" if names else ""


def _key(text: str) -> str:
    return text if _is_plain(text) else json.dumps(text, ensure_ascii=False)


def _value(value: Any) -> str:
    if isinstance(value, str) and _is_plain(value):
        return value
    # JSON is YAML; a text that was given is no reference to the environment.
    return json.dumps(value, ensure_ascii=False).replace("${", "$${")


def _is_plain(text: str) -> bool:
    return bool(_PLAIN.fullmatch(text)) and text.lower() not in _WORDS


def _remark(text: str) -> str:
    return " ".join(text.split())
