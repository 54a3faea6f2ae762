"""The stage `match`: labels that find their prediction."""

from __future__ import annotations

from collections.abc import Iterator

from headwater.checking.version.findings import (
    Datasets,
    Finding,
    failure,
    in_query,
    percent,
    warning,
)
from headwater.checking.version.sampling import at_least

SPELLED = 0.005
"""Share of labels without a prediction from which on it is asked whether others would find one."""
UNMATCHED = 0.1
"""Share of labels without a prediction that is a finding, even where nothing explains it."""


def examine(data: Datasets) -> Iterator[Finding]:
    """Yield whether labels find predictions.

    Args:
        data: The datasets.
    """
    tally = data.serving
    if tally is None or not tally.has_actuals or tally.ids is None or not tally.rows:
        return
    labels = tally.ids.found + tally.unmatched
    if not labels:
        return
    none = tally.ids.found == 0
    if not none and (tally.windowed or not at_least(tally.unmatched, labels, SPELLED)):
        return
    spelled = data.spelled()
    missing = (
        f"none of {labels:,} labels has a prediction"
        if none
        else f"{tally.unmatched:,} of {labels:,} labels ({percent(tally.unmatched, labels)}) have "
        "no prediction"
    )
    if spelled is not None:
        tell = failure if none else warning
        yield tell(
            "unmatched-labels",
            f"{missing}; {spelled.ids:,} would by {spelled.expression}",
            in_query(spelled.connection, spelled.expression, spelled.column),
            data.mended(spelled.connection, spelled.column, spelled.expression),
        )
    elif none and not tally.windowed:
        yield failure(
            "unmatched-labels",
            missing,
            "is id_column of both the id of a prediction? Nothing of letters' case, blanks, zeros "
            "or a prefix makes them equal",
        )
    elif none or at_least(tally.unmatched, labels, UNMATCHED):
        yield warning(
            "unmatched-labels",
            missing + (" of this window" if tally.windowed else ""),
            "are they labels of another model, of predictions that are not kept any more, or set "
            "before the window? Leave them out in the actuals' query, if so",
        )


def summary(data: Datasets) -> str:
    """Return the figures in a line."""
    tally = data.serving
    if tally is None:
        return "there is no serving"
    labelled = f"{tally.labelled:,} of {tally.rows:,} predictions have a label"
    if not tally.has_actuals or tally.ids is None:
        return labelled
    labels = tally.ids.found + tally.unmatched
    return f"{labelled}; {tally.ids.found:,} of {labels:,} labels have a prediction"
