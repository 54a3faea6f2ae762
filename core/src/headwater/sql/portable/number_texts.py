"""Numbers as texts, `format_number` and Java's `format_string`; texts as numbers, `to_number`."""

from __future__ import annotations

import re
from typing import Final

from headwater import types as t
from headwater.sql.portable import arithmetic
from headwater.sql.portable.casts import cast
from headwater.sql.portable.comparing import widened
from headwater.sql.portable.pieces import Piece, Refusal, made, refuse_unless
from headwater.sql.portable.raising import not_portable, spark_error
from headwater.sql.portable.spelling import cast as spell
from headwater.sql.portable.spelling import null, text
from headwater.types import INTEGER_BITS, DataType

_MOST_PLACES: Final = 6
_EXACT: Final = 15
"""Digits that a double holds, whatever they are."""


def format_number(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `format_number(x, places)`: with commas, rounded half to even.

    Example: `format_number(i, 2)` -> `(format('{:,}', CAST("i" AS BIGINT)) || '.00')`

    Raises:
        Refusal: If the places are no literal from 0 to 6, or the number is of many digits.
    """
    value, places = arguments[0], arguments[1].literal
    if not isinstance(places, int) or not 0 <= places <= _MOST_PLACES:
        raise Refusal("format_number() to places that are no literal from 0 to 6")
    zeros = f".{'0' * places}" if places else ""
    if value.type.is_integer:
        sql = f"(format('{{:,}}', CAST({value.sql} AS BIGINT)) || {text(zeros)})"
        return made(sql, type_, [value])
    if value.type.name == "decimal":
        return _decimal_number(value, places, type_)
    x = widened(value, t.DOUBLE)
    many = not_portable(f"format_number() of a double of more than {_EXACT} digits", type_)
    sql = (
        f"CASE WHEN {x.sql} IS NULL THEN NULL WHEN isnan({x.sql}) THEN 'NaN' "
        f"WHEN isinf({x.sql}) THEN CASE WHEN {x.sql} > 0 THEN '∞' ELSE '-∞' END "
        f"WHEN abs({x.sql}) < 1e{_EXACT - places} THEN format('{{:,.{places}f}}', {x.sql}) "
        f"ELSE {many} END"
    )
    return made(sql, type_, [x], declines=True)


def _decimal_number(value: Piece, places: int, type_: DataType) -> Piece:
    """Return a decimal as text; what rounds to 0 keeps its sign."""
    precision, scale = value.type.precision or 0, value.type.scale or 0
    refuse_unless(
        precision + places < arithmetic.HALF_DIGITS, f"format_number({value.type}, {places})"
    )
    exact = t.decimal(precision - scale + 1 + places, places)
    literal = Piece(str(places), t.INT, literal=places)
    rounded = arithmetic.rounded_to_even([value, literal], exact)
    sign = f"CASE WHEN {value.sql} < 0 AND {rounded.sql} = 0 THEN '-' ELSE '' END"
    return made(f"({sign} || sp_grouped({cast(rounded, t.STRING).sql}))", type_, [value])


# -- to_number and to_char -----------------------------------------------------------------------

_FORMAT: Final = re.compile(
    r"(?P<before>S|MI)?(?P<dollar>\$)?(?P<whole>[09]+(?:,[09]+)*)?(?P<point>\.(?P<part>[09]*))?"
    r"(?P<behind>S|MI|PR)?"
)
_SIGNS: Final = {"S": "[+-]?", "MI": "-?"}
_WIDEST_FORMAT: Final = 30
"""Digits of a format by which numbers are written: each number of them is a case of its own."""


def _format(pattern: Piece, name: str) -> re.Match[str]:
    """Return the parts of a number format, a literal.

    Raises:
        Refusal: If it is none, or has a sign on both sides.
    """
    text_of = pattern.literal.upper() if isinstance(pattern.literal, str) else ""
    found = _FORMAT.fullmatch(text_of.replace("D", ".").replace("G", ","))
    if not text_of or found is None or (found["before"] and found["behind"]):
        raise Refusal(f"{name}() by a format that is no literal of one sign, as 'S999,999.99'")
    return found


def to_number(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `to_number(text, '$999,999.99')`: a 0 wants a digit, a 9 takes one or none.

    Raises:
        Refusal: If the format is no literal, or has a sign on both sides.
    """
    return _read(arguments, type_, trying=False)


def try_to_number(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `try_to_number(text, '999.99')`: NULL where `to_number` raises."""
    return _read(arguments, type_, trying=True)


def _read(arguments: list[Piece], type_: DataType, *, trying: bool) -> Piece:
    value, pattern = arguments
    found = _format(pattern, "to_number")
    refuse_unless(value.type == t.STRING, f"to_number({value.type}, ...)")
    x, part = value.sql, f"[.][0-9]{{0,{len(found['part'] or '')}}}"
    if found["whole"] is None:
        digits = part
    else:
        digits = _grouped(found["whole"]) + (f"(?:{part})?" if found["point"] else "")
    before, behind = (_SIGNS.get(found[side] or "", "") for side in ("before", "behind"))
    shape = f"{before}{'[$]' if found['dollar'] else ''}{digits}{behind}"
    if found["behind"] == "PR":
        shape = f"(?:{shape}|<{shape}>)"
    fits = f"regexp_full_match({x}, {text(shape)}) AND regexp_matches({x}, '[0-9]')"
    # Spark passes over white space among digits, and takes digits of other scripts.
    plain = f"regexp_full_match({x}, '[!-~]*')"
    if found["whole"] is None:
        plain += f" AND contains({x}, '.')"
    bad = spark_error("INVALID_FORMAT.MISMATCH_INPUT", "a text is not of the number format", type_)
    bad = null(type_) if trying else bad
    other = not_portable("to_number() of a text that is no plain number", type_)
    sign = f"CASE WHEN regexp_matches({x}, '[-<]') THEN '-' ELSE '' END"
    number = spell(f"({sign} || regexp_replace({x}, '[^0-9.]', '', 'g'))", type_, trying=True)
    sql = (
        f"CASE WHEN {x} IS NULL THEN NULL WHEN {fits} THEN {number} "
        f"WHEN {plain} THEN {bad} ELSE {other} END"
    )
    return made(sql, type_, [value], raises=not trying, declines=True)


def _grouped(whole: str) -> str:
    """Return the shapes of digits before the point; groups on the left may be missing."""
    groups = whole.split(",")
    shapes = [f"[0-9]{{{'' if g[0] == '0' else '0,'}{len(g)}}}" for g in groups]
    starts = [n for n in range(len(groups)) if not any(g[0] == "0" for g in groups[:n])]
    return f"(?:{'|'.join(','.join(shapes[n:]) for n in starts)})"


_WHOLE, _PART, _OVERFLOW = 0xE000, 0xE100, "#"
"""Stand for the digits before and behind the point, where a number's text is laid out."""


def written(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `to_char(number, '999,999.99')`; a number of more digits is written as `#`.

    Where digits, blanks and signs stand depends on how many digits there are, and on the sign.

    Example: `to_char(i, '99')`
        -> `CASE WHEN "i" IS NOT NULL THEN list_transform([...], lambda p: CASE ... END)[1] END`

    Raises:
        Refusal: If the format is no literal, or very long, or the number is a float.
    """
    value, pattern = arguments
    found = _format(pattern, "to_char")
    exact = value.type.is_integer or value.type.name == "decimal"
    refuse_unless(exact, f"to_char({value.type}, ...)")
    whole, part = len((found["whole"] or "").replace(",", "")), len(found["part"] or "")
    refuse_unless(whole + part <= _WIDEST_FORMAT, "to_char() by a format of so many digits")

    def laid_out(before: str, after: str) -> str:
        below, above = (_spelled(_layout(found, before, after, sign)) for sign in (True, False))
        below_zero = "struct_extract(p, 'n')"
        return above if above == below else f"CASE WHEN {below_zero} THEN {below} ELSE {above} END"

    after = "".join(chr(_PART + place) for place in range(part))
    cases = " ".join(
        f"WHEN {count} THEN {laid_out(digits.rjust(whole), after)}"
        for count in range(whole + 1)
        for digits in ["".join(chr(_WHOLE + place) for place in range(count))]
    )
    shown = cast(value, t.STRING).sql
    digits = f"ltrim(split_part(ltrim({shown}, '-'), '.', 1), '0')"
    rest = f"rtrim(split_part({shown}, '.', 2), '0')"
    count, length = (f"length(struct_extract(p, '{word}'))" for word in "wa")
    beyond = laid_out(_OVERFLOW * whole, _OVERFLOW * part)
    sql = (
        f"list_transform([{{n: {value.sql} < 0, w: {digits}, a: {rest}}}], lambda p: "
        f"CASE WHEN {count} > {whole} OR {length} > {part} "
        f"THEN {beyond} ELSE CASE {count} {cases} END END)[1]"
    )
    return made(f"CASE WHEN {value.sql} IS NOT NULL THEN {sql} END", type_, [value])


def _layout(found: re.Match[str], before: str, after: str, negative: bool) -> str:
    """Return a number's text by a format, its digits given, blanks before them.

    Source: Apache Spark 4.1, `ToNumberParser.format`.
    """
    shown = "<" if found["behind"] == "PR" and negative else ""
    shown = _signed(shown, found["before"], negative)
    shown += found["dollar"] or ""
    digits = iter(before)
    for place, group in enumerate((found["whole"] or "").split(",")):
        if place:
            shown = f"{shown}," if shown and _is_digit(shown[-1]) else _blank(shown)
        for _ in group:
            digit = next(digits)
            if digit != " ":
                shown += digit
            else:
                shown = f"{shown}0" if group[0] == "0" else _blank(shown)
    if found["point"]:
        shown = f"{shown[:-1]}0" if shown.endswith(" ") else shown
        shown += f".{after}"
    if found["behind"] == "PR":
        shown = _without_point(shown)
        shown = _before_blanks(shown, ">") if negative else f"{shown}  "
    else:
        shown = _signed(shown, found["behind"], negative)
    shown = _without_point(shown)
    return "0" if shown in ("", "+", "-") else shown


def _signed(shown: str, sign: str | None, negative: bool) -> str:
    if sign == "S":
        return _before_blanks(_without_point(shown), "-" if negative else "+")
    if sign == "MI":
        return _before_blanks(_without_point(shown), "-") if negative else f"{shown} "
    return shown


def _is_digit(character: str) -> bool:
    return character.isdigit() or ord(character) >= _WHOLE


def _blank(shown: str) -> str:
    """Add a blank, in front of signs that stand at the end."""
    kept = shown.rstrip("+-<")
    return f"{kept} {shown[len(kept) :]}"


def _before_blanks(shown: str, sign: str) -> str:
    """Add a sign, in front of blanks that stand at the end."""
    kept = shown.rstrip(" ")
    return f"{kept}{sign}{shown[len(kept) :]}"


def _without_point(shown: str) -> str:
    """Blank a point behind which nothing stands."""
    place = shown.find(".")
    lone = place >= 0 and shown[place + 1 : place + 2] in ("", " ")
    return f"{shown[:place]} {shown[place + 1 :]}" if lone else shown


def _spelled(shown: str) -> str:
    """Return the SQL of a text with marks in it for the digits of a number."""
    parts = []
    for run in re.findall(r"[\ue000-\ue0ff]+|[\ue100-\ue1ff]+|[^\ue000-\ue1ff]+", shown):
        mark = ord(run[0])
        if mark < _WHOLE:
            parts.append(text(run))
        elif mark < _PART:
            parts.append(f"substring(struct_extract(p, 'w'), {mark - _WHOLE + 1}, {len(run)})")
        else:
            digits = f"rpad(struct_extract(p, 'a'), {mark - _PART + len(run)}, '0')"
            parts.append(digits if mark == _PART else f"substring({digits}, {mark - _PART + 1})")
    return " || ".join(parts) or "''"


# -- format_string -------------------------------------------------------------------------------

_SPECIFIER: Final = re.compile(
    r"%(?:(?P<index>[1-9]\d{0,2})\$)?(?P<flags>[-#+ 0,(<]*)(?P<width>[1-9]\d{0,3})?"
    r"(?:\.(?P<places>\d{1,3}))?(?P<kind>[a-zA-Z%])?"
)
_WIDEST: Final = 1_000


def format_string(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `format_string('%05d: %.2f', i, d)`, the format a literal.

    Example: `format_string('%s-%d', s, i)`
        -> `(coalesce("s", 'null') || '-' || CASE WHEN "i" IS NULL THEN 'null' ELSE ... END)`

    Raises:
        Refusal: If a specifier is not `%s`, `%d`, `%x`, `%f`, `%n` or `%%`, or of another type.
    """
    pattern, *values = arguments
    if not isinstance(pattern.literal, str):
        raise Refusal("format_string() by a format that is no literal")
    parts, used, position, following = [], [], 0, iter(values)
    for found in _SPECIFIER.finditer(pattern.literal):
        parts.append(text(pattern.literal[position : found.start()]))
        position = found.end()
        if found["kind"] in ("%", "n"):
            refuse_unless(len(found[0]) == 2, f"format_string() with {found[0]}")
            parts.append(text("%" if found["kind"] == "%" else "\n"))
            continue
        index = int(found["index"] or 0)
        piece = next(following, None) if not index else dict(enumerate(values, 1)).get(index)
        if piece is None:
            raise Refusal(f"format_string() with {found[0]}, for which there is no value")
        used.append(_written(piece, found, type_))
        parts.append(used[-1].sql)
    parts.append(text(pattern.literal[position:]))
    listed = " || ".join(p for p in parts if p != "''") or "''"
    return made(f"({listed})", type_, [*values, *used])


def _written(piece: Piece, found: re.Match[str], type_: DataType) -> Piece:
    """Return a value as a specifier writes it."""
    flags, kind = set(found["flags"]), found["kind"]
    width, places = int(found["width"] or 0), found["places"]
    known = len(flags) == len(found["flags"]) and width <= _WIDEST
    if kind == "s" and known and flags <= {"-"} and places is None and (width or not flags):
        return _shown(piece, width, "-" in flags, type_)
    signs = {"-", "0", "+", ","} if kind in "df" else {"-", "0"}
    sure = flags <= signs and not ({"-", "0"} <= flags) and (width or not flags & {"-", "0"})
    if known and sure and kind == "d" and places is None and piece.type.is_integer:
        number = spell(piece.sql, t.BIGINT)
        digits = f"ltrim(format('{{:,}}', {number}), '-')"
        digits = digits if "," in flags else f"ltrim(CAST({number} AS VARCHAR), '-')"
        negative = f"{piece.sql} < 0"
        return _numeric(piece, negative, digits, width, flags, type_)
    if known and sure and kind in ("x", "X") and places is None and piece.type.is_integer:
        bits = INTEGER_BITS[piece.type.name]
        number = spell(piece.sql, t.BIGINT)
        number = number if bits == 64 else f"({number} & {2**bits - 1})"
        digits = f"hex({number})" if kind == "X" else f"lower(hex({number}))"
        null = "NULL" if kind == "X" else "null"
        return _numeric(piece, "false", digits, width, flags, type_, null)
    if known and sure and kind == "f" and piece.type.is_floating:
        count = int(places) if places is not None else 6
        if count <= _MOST_PLACES:
            null = "null" if places is None else "null"[:count]  # Java cuts that off, too
            return _fixed(piece, count, width, flags, type_, null)
    raise Refusal(f"format_string() with {found[0]} of a {piece.type}")


def _shown(piece: Piece, width: int, left: bool, type_: DataType) -> Piece:
    plain = piece.type.name in ("string", "boolean", "double", "float", "void")
    few = piece.type.name == "decimal" and (piece.type.scale or 0) <= _MOST_PLACES
    refuse_unless(
        plain or few or piece.type.is_integer, f"format_string() with %s of a {piece.type}"
    )
    shown = cast(piece, t.STRING)
    value = f"coalesce({shown.sql}, 'null')"
    if not width:
        return made(value, type_, [shown])
    value = _padded(value, width, left)
    if piece.type != t.STRING:
        return made(value, type_, [shown])
    # Java counts a character beyond 16 bits as two.
    wide = not_portable("format_string() with a width of characters beyond 16 bits", type_)
    beyond = f"regexp_matches({shown.sql}, '[\\x{{10000}}-\\x{{10FFFF}}]')"
    return made(f"CASE WHEN {beyond} THEN {wide} ELSE {value} END", type_, [shown], declines=True)


def _padded(value: str, width: int, left: bool) -> str:
    spaces = f"repeat(' ', {width} - length(z))"
    padded = f"z || {spaces}" if left else f"{spaces} || z"
    return f"list_transform([{value}], lambda z: {padded})[1]"


def _numeric(
    piece: Piece,
    negative: str,
    digits: str,
    width: int,
    flags: set[str],
    type_: DataType,
    null: str = "null",
) -> Piece:
    """Return digits with their sign, filled to a width; `null` stands for NULL."""
    sign = f"CASE WHEN {negative} THEN '-' ELSE '{'+' if '+' in flags else ''}' END"
    value = f"({sign} || {digits})"
    if "0" in flags:
        value = (
            f"list_transform([{{g: {sign}, d: {digits}}}], lambda z: struct_extract(z, 'g') || "
            f"repeat('0', {width} - length(struct_extract(z, 'g') || struct_extract(z, 'd')))"
            f" || struct_extract(z, 'd'))[1]"
        )
    value = f"CASE WHEN {piece.sql} IS NULL THEN '{null}' ELSE {value} END"
    padded = _padded(value, width, "-" in flags) if width else value
    return made(padded, type_, [piece])


def _fixed(
    piece: Piece, places: int, width: int, flags: set[str], type_: DataType, null: str
) -> Piece:
    """Return a double with so many places, its shortest digits rounded half up, as Java does."""
    x = widened(piece, t.DOUBLE)
    exact = cast(made(f"abs({x.sql})", t.DOUBLE, [x]), t.decimal(t.MOST_DIGITS - 1, places))
    digits = cast(exact, t.STRING).sql
    digits = f"sp_grouped({digits})" if "," in flags else digits
    number = _numeric(x, f"signbit({x.sql})", digits, width, flags, type_, null)
    plus = "+" if "+" in flags else ""
    infinite = f"WHEN {x.sql} > 0 THEN '{plus}Infinity' ELSE '-Infinity' END"
    special = f"CASE WHEN isnan({x.sql}) THEN 'NaN' {infinite}"
    special = _padded(special, width, "-" in flags) if width else special
    sql = f"CASE WHEN isnan({x.sql}) OR isinf({x.sql}) THEN {special} ELSE {number.sql} END"
    return made(sql, type_, [exact, number])
