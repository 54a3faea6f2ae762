"""Times as text and back, by the patterns that were measured."""

from __future__ import annotations

from typing import Final

from headwater import types as t
from headwater.sql.portable import casts, number_texts, time_patterns
from headwater.sql.portable.pieces import Piece, Refusal, made, refuse_unless
from headwater.sql.portable.raising import not_portable, spark_error
from headwater.sql.portable.spelling import null, text
from headwater.types import DataType

_DATE_SHAPES: Final = {
    "yyyy-MM-dd": ("%Y-%m-%d", "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"),
    "yyyyMMdd": ("%Y%m%d", "[1-9][0-9]{3}[0-9]{2}[0-9]{2}"),
    "MM/dd/yyyy": ("%m/%d/%Y", "[0-9]{2}/[0-9]{2}/[1-9][0-9]{3}"),
    "dd/MM/yyyy": ("%d/%m/%Y", "[0-9]{2}/[0-9]{2}/[1-9][0-9]{3}"),
}
_TIME_SHAPES: Final = {
    "yyyy-MM-dd HH:mm:ss": (
        "%Y-%m-%d %H:%M:%S",
        "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}",
    ),
    **_DATE_SHAPES,
}
"""Spark's pattern to strptime's, and the shape of the texts that both read alike."""


def date_format(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `date_format(time, 'pattern')`; years outside of 1 to 9999 raise.

    Example: `date_format(ts, 'yyyy-MM')`
        -> `CASE ... THEN strftime(sp_wall("ts"), '%Y-%m') ELSE ... END`
    """
    refuse_unless(len(arguments) == 2, "date_format takes two arguments")
    moment, pattern = arguments
    if not isinstance(pattern.literal, str):
        raise Refusal(f"date_format with {_described('pattern', pattern)}: not proven")
    if moment.type == t.DATE:
        moment = casts.cast(moment, t.TIMESTAMP_NTZ)
    if moment.type == t.STRING:
        moment = casts.cast(moment, t.TIMESTAMP)
    if moment.type not in (t.TIMESTAMP, t.TIMESTAMP_NTZ):
        raise Refusal(f"date_format({moment.type}, ...)")
    wall = f"sp_wall({moment.sql})" if moment.type == t.TIMESTAMP else moment.sql
    other = not_portable("date_format of a year outside of 1 to 9999", type_)
    sql = (
        f"CASE WHEN {moment.sql} IS NULL THEN NULL WHEN year({wall}) BETWEEN 1 AND 9999 "
        f"THEN {time_patterns.written(pattern.literal, wall)} ELSE {other} END"
    )
    return made(sql, type_, [moment], declines=True)


def _described(what: str, piece: Piece) -> str:
    is_literal = isinstance(piece.literal, str)
    return f"the {what} {piece.literal!r}" if is_literal else f"a {what} that is not a literal"


def to_date(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `to_date(a)` and `to_date(text, 'pattern')`.

    Example: `to_date(s, 'yyyyMMdd')`
        -> `CASE ... THEN CAST(strptime("s", '%Y%m%d') AS DATE) ... END`
    """
    if len(arguments) == 1:
        return casts.cast(arguments[0], t.DATE)
    return _time_by_pattern(arguments, type_, _DATE_SHAPES, "CAST({} AS DATE)")


def to_timestamp(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `to_timestamp(a)` and `to_timestamp(text, 'pattern')`."""
    if len(arguments) == 1:
        return casts.cast(arguments[0], t.TIMESTAMP)
    return _time_by_pattern(arguments, type_, _TIME_SHAPES, "timezone('UTC', {})")


def to_local_time(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `to_timestamp_ntz(a)` and `to_timestamp_ntz(text, 'pattern')`."""
    if len(arguments) == 1:
        return casts.cast(arguments[0], t.TIMESTAMP_NTZ)
    return _time_by_pattern(arguments, type_, _TIME_SHAPES, "{}")


def _time_by_pattern(
    arguments: list[Piece],
    type_: DataType,
    shapes: dict[str, tuple[str, str]],
    template: str,
    *,
    trying: bool = False,
) -> Piece:
    refuse_unless(len(arguments) == 2, "reading times takes a text and a pattern")
    value, pattern = arguments
    if not isinstance(pattern.literal, str) or value.type != t.STRING:
        raise Refusal(f"reading times by {_described('pattern', pattern)}: not proven")
    bad = spark_error(
        "CANNOT_PARSE_TIMESTAMP", f"a text is not of the pattern {pattern.literal}", type_
    )
    # A text of another shape may still be one that Spark reads (a sign, other digits).
    other = not_portable(f"a text of another shape than {pattern.literal}", type_)
    bad = null(type_) if trying else bad
    if pattern.literal in shapes:
        strptime_format, shape = shapes[pattern.literal]
        parse = "try_strptime" if trying else "strptime"
        parsed = template.format(f"{parse}({value.sql}, {text(strptime_format)})")
        fits = f"regexp_full_match({value.sql}, {text(shape)})"
    else:
        reader = time_patterns.Reader(pattern.literal, value.sql)
        if type_ == t.DATE:
            read = reader.date
        else:
            clock = reader.wall_clock if type_ == t.TIMESTAMP_NTZ else reader.moment
            read = template.format(clock)
        parsed = f"CASE WHEN {reader.in_range} THEN {read} ELSE {bad} END"
        fits = reader.fits
    sql = (
        f"CASE WHEN {value.sql} IS NULL THEN NULL "
        f"WHEN {fits} THEN {parsed} "
        f"WHEN NOT regexp_matches({value.sql}, '[0-9]') THEN {bad} ELSE {other} END"
    )
    return Piece(sql, type_, raises=True)


def try_to_timestamp(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `try_to_timestamp(text, 'pattern')`: NULL where `to_timestamp` raises."""
    if len(arguments) == 1:
        return casts.cast(arguments[0], t.TIMESTAMP, trying=True)
    return _time_by_pattern(arguments, type_, _TIME_SHAPES, "timezone('UTC', {})", trying=True)


def try_to_date(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `try_to_date(text, 'pattern')`: NULL where `to_date` raises."""
    if len(arguments) == 1:
        return casts.cast(arguments[0], t.DATE, trying=True)
    return _time_by_pattern(arguments, type_, _DATE_SHAPES, "CAST({} AS DATE)", trying=True)


def unix_timestamp(arguments: list[Piece], type_: DataType) -> Piece:
    """Return seconds since the epoch of a time or a text.

    Example: `unix_timestamp(ts)` -> `(epoch_us("ts") // 1000000)`
    """
    formats = [a.type for a in arguments[1:]]
    refuse_unless(
        all(x == t.STRING for x in formats), "unix_timestamp() with a format that is no text"
    )
    refuse_unless(bool(arguments), "unix_timestamp() of now")
    value = arguments[0]
    if value.type in (t.DATE, t.TIMESTAMP_NTZ):
        value = casts.cast(value, t.TIMESTAMP)
    if value.type == t.STRING:
        default = Piece("", t.STRING, literal="yyyy-MM-dd HH:mm:ss")
        value = to_timestamp([value, arguments[1] if len(arguments) > 1 else default], t.TIMESTAMP)
    refuse_unless(value.type == t.TIMESTAMP, f"unix_timestamp({value.type})")
    # Spark truncates towards zero here, and rounds down in CAST(... AS BIGINT).
    return Piece(f"(epoch_us({value.sql}) // 1000000)", type_, value.raises)


def from_unixtime(arguments: list[Piece], type_: DataType) -> Piece:
    """Return the text of seconds since the epoch, by a pattern.

    Example: `from_unixtime(b, 'yyyy-MM')`
        -> `CASE WHEN "b" BETWEEN ... THEN strftime(..., '%Y-%m') ... END`
    """
    seconds, *patterns = arguments
    pattern = patterns[0] if patterns else Piece("", t.STRING, literal="yyyy-MM-dd HH:mm:ss")
    if not (seconds.type.is_integer and isinstance(pattern.literal, str)):
        raise Refusal(f"from_unixtime({seconds.type}) by {_described('pattern', pattern)}")
    seconds = casts.cast(seconds, t.BIGINT)
    other = not_portable("from_unixtime of a year outside of 1 to 9999", type_)
    wall = f"sp_wall(make_timestamptz({seconds.sql} * 1000000))"
    sql = (
        f"CASE WHEN {seconds.sql} BETWEEN -62135596800 AND 253402300799 "
        f"THEN {time_patterns.written(pattern.literal, wall)} "
        f"WHEN {seconds.sql} IS NULL THEN NULL ELSE {other} END"
    )
    return made(sql, type_, [seconds], declines=True)


def to_char(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `to_char(time, 'pattern')`, which is `date_format`, and `to_char(number, '999.9')`.

    Raises:
        Refusal: Of floats, texts and bytes.
    """
    temporal = arguments[0].type in (t.DATE, t.TIMESTAMP, t.TIMESTAMP_NTZ)
    return date_format(arguments, type_) if temporal else number_texts.written(arguments, type_)


def from_utc_timestamp(arguments: list[Piece], type_: DataType) -> Piece:
    """Return the wall clock of a zone at an instant, written as if it were UTC.

    Example: `from_utc_timestamp(ts, 'UTC')` -> `timezone('UTC', timezone('UTC', "ts"))`
    """
    moment, zone = _zoned(arguments, "from_utc_timestamp")
    return Piece(f"timezone('UTC', timezone({zone}, {moment.sql}))", type_, moment.raises)


def to_utc_timestamp(arguments: list[Piece], type_: DataType) -> Piece:
    """Return the instant at which a zone's wall clock shows a time; before 1900 it raises.

    An hour that a clock shows twice is the first of both, as Java has it.
    """
    moment, zone = _zoned(arguments, "to_utc_timestamp")
    other = not_portable("to_utc_timestamp before 1900", type_)
    sql = (
        f"CASE WHEN {moment.sql} < TIMESTAMPTZ '1900-01-02 00:00:00+00' THEN {other} "
        f"ELSE sp_instant({zone}, sp_wall({moment.sql})) END"
    )
    return Piece(sql, type_, raises=True)


def _zoned(arguments: list[Piece], name: str) -> tuple[Piece, str]:
    refuse_unless(len(arguments) == 2, f"{name} takes two arguments")
    moment, zone = arguments
    if moment.type in (t.DATE, t.STRING):
        moment = casts.cast(moment, t.TIMESTAMP)
    refuse_unless(moment.type == t.TIMESTAMP, f"{name}({moment.type}, ...)")
    if not isinstance(zone.literal, str) or zone.literal not in _ZONES:
        raise Refusal(f"{name} with {_described('zone', zone)}: not one that was measured")
    return moment, zone.sql


def convert_timezone(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `convert_timezone(from, to, time)`: what one zone's clocks show by another's."""
    *zones, moment = arguments
    local = casts.cast(casts.cast(moment, t.TIMESTAMP_NTZ), t.TIMESTAMP)
    if len(zones) == 2 and zones[0].literal != "UTC":
        local = to_utc_timestamp([local, zones[0]], t.TIMESTAMP)
    instant, zone = _zoned([local, zones[-1]], "convert_timezone")
    return made(f"timezone({zone}, {instant.sql})", type_, [instant])


_ZONES: Final = frozenset(
    {
        "UTC",
        "America/New_York",
        "America/Chicago",
        "America/Denver",
        "America/Los_Angeles",
        "America/Sao_Paulo",
        "Europe/London",
        "Europe/Berlin",
        "Europe/Paris",
        "Asia/Kolkata",
        "Asia/Tokyo",
        "Asia/Shanghai",
        "Asia/Singapore",
        "Australia/Sydney",
    }
)


def make_timestamp(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `make_timestamp(year, month, day, hour, minute, seconds)`.

    A minute may have a 60th second, which is the next minute; a part out of its range raises.
    """
    refuse_unless(len(arguments) == 6, "make_timestamp() with a time zone, or of a date")
    *whole, seconds = arguments
    refuse_unless(all(a.type.is_numeric for a in arguments), "make_timestamp() of texts")
    pieces = [casts.cast(a, t.INT) for a in whole] + [casts.cast(seconds, t.decimal(16, 6))]
    year, month, day, hour, minute, second = (p.sql for p in pieces)
    nothing = " OR ".join(f"{p.sql} IS NULL" for p in pieces)
    bad = spark_error("DATETIME_FIELD_OUT_OF_BOUNDS", "no time has such parts", type_)
    fits = f"{hour} BETWEEN 0 AND 23 AND {minute} BETWEEN 0 AND 59 AND {second} BETWEEN 0 AND 60"
    minutes = f"{hour} * 60 + {minute}"
    time = f"to_minutes({minutes}) + to_microseconds(CAST({second} * 1000000 AS BIGINT))"
    wall = f"make_date({year}, {month}, {day}) + {time}"
    made_of = wall if type_ == t.TIMESTAMP_NTZ else f"timezone('UTC', {wall})"
    sql = f"CASE WHEN {nothing} THEN NULL WHEN {fits} THEN {made_of} ELSE {bad} END"
    return Piece(sql, type_, raises=True)


def months_between(arguments: list[Piece], type_: DataType) -> Piece:
    """Return the months between two times, rounded to 8 digits if a third argument is not false."""
    exactly = len(arguments) == 3 and arguments[2].literal is False
    known = exactly or len(arguments) == 2 or arguments[2].literal is True
    refuse_unless(known, "months_between() rounded by what is no literal")
    later, earlier = (casts.cast(a, t.TIMESTAMP) for a in arguments[:2])
    a, b = f"sp_wall({later.sql})", f"sp_wall({earlier.sql})"
    months = f"((year({a}) - year({b})) * 12 + month({a}) - month({b}))"
    ends = f"CAST({a} AS DATE) = last_day({a}) AND CAST({b} AS DATE) = last_day({b})"
    same = f"day({a}) = day({b}) OR ({ends})"
    seconds = f"(epoch_us({a}) - epoch_us(date_trunc('day', {a}))) // 1000000"
    other = f"(epoch_us({b}) - epoch_us(date_trunc('day', {b}))) // 1000000"
    rest = f"((day({a}) - day({b})) * 86400 + {seconds} - {other})"
    apart = f"CAST({months} AS DOUBLE) + CAST({rest} AS DOUBLE) / 2678400"
    sql = (
        f"CASE WHEN {later.sql} IS NULL OR {earlier.sql} IS NULL THEN NULL "
        f"WHEN {same} THEN CAST({months} AS DOUBLE) "
        f"ELSE {apart if exactly else f'round({apart}, 8)'} END"
    )
    return Piece(sql, type_, later.raises or earlier.raises)
