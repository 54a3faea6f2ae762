"""Shapes of the texts that text formats hold: which are values of a type, to every reader.

Both engines read by them, so that both read alike: a text of a value's shape is converted, one that
no reader takes is NULL, and any other (a leading plus, `1d`, a date without its zeros) raises,
since Hive's serdes, Athena and Spark each take it in their own way.
"""

from __future__ import annotations

from typing import Final

BLANK: Final = r"[\x00-\x20]*"
"""Lines that CSV and JSON readers pass over."""
DATE: Final = "[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
TIME: Final = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?"
ISO_TIMESTAMP: Final = f"{DATE}[ T]{TIME}Z?"
INTEGER: Final = "-?[0-9]{1,19}"
NUMBER: Final = "-?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"
DECIMAL: Final = "-?[0-9]{1,17}([.][0-9]{0,20})?"
NOT_A_FLOAT: Final = "[A-Za-z_./:-]*"
SPECIAL_FLOAT: Final = "[+-]?(NaN|Inf|Infinity)"
NO_DIGIT: Final = "[A-Za-z_ ./:-]*"
"""Texts without a digit: no number and no time, whichever reader looks at them."""
NOT_A_BOOLEAN: Final = "|\\S(.|\\n)*"
SOME_BOOLEAN: Final = "(?i)([tfyn01]|yes|no|on|off|.*\\s)"
