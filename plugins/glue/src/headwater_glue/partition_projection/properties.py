"""Reading partition projection out of a table's properties.

Source: AWS Athena User Guide, "Supported types for partition projection" and "Set up partition
projection".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from headwater.diagnostics import did_you_mean
from headwater.errors import ConfigError, SourceError
from headwater.partitions.patterns import Pattern, Unit, parse_pattern
from headwater.untrusted import limits as bounds
from headwater.untrusted.texts import whole_number
from headwater_glue.entry import GlueTable
from headwater_glue.kinds import data_location
from headwater_glue.partition_projection.partitions import (
    MILLISECONDS,
    Axis,
    DateAxis,
    EnumAxis,
    InjectedAxis,
    IntegerAxis,
    Projection,
    parse_moment,
    shifted,
)

TYPES: Final = ("enum", "integer", "date", "injected")

_NOW: Final = re.compile(
    r"\s*NOW\s*(?:([+-])\s*([0-9]+)\s*"
    r"(YEAR|MONTH|WEEK|DAY|HOUR|MINUTE|SECOND)S?\s*)?",
    re.IGNORECASE,
)


def projection_of(
    table: GlueTable, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Projection | None:
    """Return the projection that a table declares, or None if it declares none.

    Args:
        table: As Glue holds it.
        now: Clock behind `NOW`.

    Raises:
        SourceError: If the declaration is incomplete or can't be read; names the parameter.
    """
    if table.parameter("projection.enabled").lower() != "true" or not table.partition_keys:
        return None
    axes = tuple(_axis(table, key.name, now) for key in table.partition_keys)
    template = table.parameter("storage.location.template") or None
    if template:
        _check_template(table, template)
    elif not data_location(table):
        raise _broken(table, "it has neither a location nor a storage.location.template")
    return Projection(
        f"{table.database}.{table.name}", table.partition_keys, axes, data_location(table), template
    )


def _axis(table: GlueTable, key: str, now: Callable[[], datetime]) -> Axis:
    kind = table.parameter(f"projection.{key}.type").lower()
    match kind:
        case "enum":
            return EnumAxis(tuple(_raw(table, key, "values").split(",")))
        case "integer":
            first, last = _range(table, key)
            return IntegerAxis(
                _integer(table, key, "range", first),
                _integer(table, key, "range", last),
                _positive(table, key, "interval", 1),
                _digits(table, key),
            )
        case "date":
            return _date_axis(table, key, now)
        case "injected":
            return InjectedAxis()
        case "":
            raise _broken(
                table, f"projection.{key}.type is missing", f"set it to one of {', '.join(TYPES)}"
            )
        case _:
            raise _broken(
                table,
                f"projection.{key}.type is {kind!r}",
                did_you_mean(kind, TYPES) or f"types: {', '.join(TYPES)}",
            )


def _date_axis(table: GlueTable, key: str, now: Callable[[], datetime]) -> DateAxis:
    try:
        pattern = parse_pattern(_raw(table, key, "format"))
        if Unit.YEAR not in pattern.units:
            raise ConfigError(f"its format {pattern.text!r} names no year")
        moment = now()
        first, last = (_bound(text, pattern, moment) for text in _range(table, key))
    except (ConfigError, ValueError, OverflowError) as error:
        raise _broken(table, f"projection of {key!r}: {error}") from None
    default = {Unit.MONTH: "MONTHS", Unit.DAY: "DAYS"}.get(max(pattern.units), "")
    unit = (table.parameter(f"projection.{key}.interval.unit") or default).upper()
    if not unit.endswith("S") and unit:
        unit += "S"
    if unit not in (*MILLISECONDS, "MONTHS", "YEARS"):
        raise _broken(
            table,
            f"projection.{key}.interval.unit is {repr(unit) if unit else 'missing'}",
            "set it: YEARS, MONTHS, WEEKS, DAYS, HOURS, MINUTES, SECONDS or MILLIS",
        )
    interval = _positive(table, key, "interval", 1 if default else None)
    return DateAxis(first, last, pattern, interval, unit)


def _bound(text: str, pattern: Pattern, now: datetime) -> datetime:
    match = _NOW.fullmatch(text)
    if match is None:
        moment = parse_moment(pattern, text.strip())
        if moment is None:
            raise ValueError(f"{text!r} does not follow the date pattern {pattern.text!r}")
        return moment
    if match[1] is None:
        return now
    amount = whole_number(match[1] + match[2])
    if amount is None:
        raise ValueError(f"{text[:40]!r} lies beyond all dates")
    return shifted(now, amount, f"{match[3].upper()}S")


def _check_template(table: GlueTable, template: str) -> None:
    named = {n.strip().lower() for n in re.findall(r"\$\{([^}]*)\}", template)}
    keys = {k.name.lower() for k in table.partition_keys}
    if unknown := sorted(named - keys):
        raise _broken(
            table,
            f"storage.location.template names {unknown[0]!r}, which is not a partition key",
            did_you_mean(unknown[0], keys),
        )
    if missing := sorted(keys - named):
        raise _broken(table, f"storage.location.template does not name the key {missing[0]!r}")


def _raw(table: GlueTable, key: str, property_: str) -> str:
    """Return a parameter as it stands: blanks belong to an enum's values."""
    name = f"projection.{key}.{property_}".lower()
    text = table.parameters.get(name) or table.storage.parameters.get(name) or ""
    if not text:
        raise _broken(table, f"{name} is missing")
    return text


def _range(table: GlueTable, key: str) -> tuple[str, str]:
    text = _raw(table, key, "range")
    bounds = text.split(",")
    if len(bounds) != 2:
        raise _broken(
            table, f"projection.{key}.range is {text!r}, not two values with a comma between"
        )
    return bounds[0], bounds[1]


def _integer(table: GlueTable, key: str, property_: str, text: str) -> int:
    number = whole_number(text.strip())
    if number is None or not -(2**63) <= number < 2**63:
        shortened = text if len(text) <= 40 else f"{text[:40]}..."
        raise _broken(table, f"projection.{key}.{property_}: {shortened!r} is not a whole number")
    return number


def _positive(table: GlueTable, key: str, property_: str, default: int | None) -> int:
    text = table.parameter(f"projection.{key}.{property_}")
    if not text and default is not None:
        return default
    number = _integer(table, key, property_, text) if text else 0
    if number < 1:
        raise _broken(
            table, f"projection.{key}.{property_} is {text or 'missing'!r}, not a positive number"
        )
    return number


def _digits(table: GlueTable, key: str) -> int:
    digits = _positive(table, key, "digits", 0)
    if digits > bounds.PROJECTED_DIGITS:
        raise _broken(
            table,
            f"projection.{key}.digits is {digits}; {bounds.PROJECTED_DIGITS} are the most",
        )
    return digits


def _broken(table: GlueTable, problem: str, hint: str | None = None) -> SourceError:
    return SourceError(
        f"table {table.database}.{table.name} declares partition projection, but {problem}",
        code="broken-projection",
        hint=hint or "correct the table's properties; Athena can't read it either",
    )
