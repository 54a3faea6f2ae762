"""Functions that are not equal to Spark's to the last bit, and the word that they may differ.

The entry `equal` of the table of functions says how near they are.
"""

from __future__ import annotations

from typing import Final

INEXACT: Final = {
    "ulps": "its last digits differ from those that Spark's Java gives",
    "rounded": "its last digits depend on the order of rows, which Spark does not fix either",
    "deviations": "its last digits depend on the order of rows, which Spark does not fix either",
    "absolute": "its last digits depend on the order of rows, which Spark does not fix either",
    "moments": "its last digits depend on the order of rows, which Spark does not fix either",
    "slopes": "its last digits depend on the order of rows, which Spark does not fix either",
    "lines": "its last digits depend on the order of rows, which Spark does not fix either",
}
"""Why a function is refused without a tolerance, by the word that the table has for it."""

MEANINGS: Final = {
    "ulps": "of itself",
    "rounded": "of itself",
    "deviations": "of the product of both standard deviations",
    "absolute": "as it stands between -1 and 1",
    "moments": "of its size plus 3",
    "slopes": "of the quotient of both standard deviations",
    "lines": "of the mean of y, and of both deviations' quotient times the mean of x",
}
"""What a tolerance is a share of, by the same words."""

HINT: Final = 'let it differ: engine: {type: embedded, tolerance: "1e-9"}'
