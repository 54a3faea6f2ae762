"""What the names of columns suggest: a convention, not a proof. Pure."""

from __future__ import annotations

import re
from typing import Final

_IDS: Final = (
    "prediction_id",
    "inference_id",
    "id",
    "uuid",
    "row_id",
    "request_id",
    "event_id",
)
_ID: Final = re.compile(r".*_(id|uuid|guid|key)|id|uuid|guid", re.IGNORECASE)
_TIMES: Final = (
    "prediction_timestamp",
    "prediction_time",
    "predicted_at",
    "inference_timestamp",
    "inference_time",
    "scored_at",
    "served_at",
    "event_timestamp",
    "event_time",
    "timestamp",
    "ts",
    "request_time",
    "requested_at",
    "logged_at",
    "time",
    "at",
    "created_at",
)
_TIME: Final = re.compile(r"ts|at|.*(time|timestamp|date|datetime)|.*_(ts|at)", re.IGNORECASE)
_PREDICTION: Final = re.compile(
    r"pred.*|.*_pred(s|icted|iction|ictions)?|y_(hat|pred)|(model|predicted)_.*(score|output)"
    r"|model_(score|output|answer)",
    re.IGNORECASE,
)
_SCORE: Final = re.compile(
    r"scores?|.*_scores?|prob(a|s|ability|abilities)?(_.*)?|.*_prob(a|s|ability|abilities)?"
    r"|confidence|will_.*|.*_hat|forecast(_.*)?|.*_forecast|estimated?_.*|.*_estimate"
    r"|rank(ing|ed_.*)?|recommend(ed|ations?)(_.*)?",
    re.IGNORECASE,
)
_LABEL: Final = re.compile(
    r"y|y_(true|test)|(labels?|targets?|actuals?|truth|ground_truth|outcomes?|true|gt|observed)(_.*)?"
    r"|.*_(labels?|targets?|actuals?|truth|outcomes?|true|gt|observed|realized|realised)|did_.*"
    r"|relevance(_(grade|label))?|(clicked|purchased|converted|relevant)(_(items|docs|documents))?",
    re.IGNORECASE,
)
_LABEL_TIME: Final = re.compile(
    r"(label(l?ed)?|target|actual|truth|ground_truth|outcome|decided|decision|resolved|settled"
    r"|confirmed|did|observed|known|feedback)_(.+_)?(at|on|ts|time|timestamp|date|day)"
    r"|.*_(arrived|arrival|known|observed|settled|resolved)(_(at|on|ts|time|timestamp|date|day))?",
    re.IGNORECASE,
)
_PROBABILITY: Final = re.compile(
    r"(.*_)?(prob(a|s|ability|abilities)?|confidence|scores?)(_.*)?|p_.*", re.IGNORECASE
)
_CLASS: Final = re.compile(
    r"(.*_)?(class|label|category|species|segment|intent)(_.*)?", re.IGNORECASE
)
_RANK: Final = re.compile(
    r"(.*_)?(rank(ing|s)?|ranked|recommend(ed|ations?)|position)(_.*)?", re.IGNORECASE
)
_GROUP: Final = re.compile(
    r"(query|search|session|list|impression|group|user|request)_id|qid", re.IGNORECASE
)
_ITEM: Final = re.compile(
    r"(item|doc|document|product|candidate|ad|listing|movie)_id", re.IGNORECASE
)
_WORDS_OF_ROLES: Final = frozenset(
    {
        "pred",
        "preds",
        "predicted",
        "prediction",
        "predictions",
        "true",
        "actual",
        "actuals",
        "label",
        "labels",
        "target",
        "targets",
        "truth",
        "ground",
        "will",
        "did",
        "was",
        "is",
        "has",
        "y",
        "hat",
        "outcome",
        "outcomes",
        "gt",
        "observed",
        "test",
        "final",
        "model",
        "output",
        "answer",
        "realized",
        "realised",
        "score",
        "scores",
    }
)


def id_rank(name: str) -> int | None:
    """Return how likely a name is a row's identifier, the least first; None if it is none."""
    folded = name.casefold()
    if _ID.fullmatch(name) is None:
        return None
    return _IDS.index(folded) if folded in _IDS else len(_IDS)


def time_rank(name: str) -> int | None:
    """Return how likely a time is a prediction's, the least first; None if nothing says so."""
    folded = name.casefold()
    return _TIMES.index(folded) if folded in _TIMES else None


def is_time(name: str) -> bool:
    """Return whether a text of this name may hold times."""
    return _TIME.fullmatch(name) is not None


def is_label(name: str) -> bool:
    """Return whether a name is that of an actual."""
    return _LABEL.fullmatch(name) is not None


def is_label_time(name: str) -> bool:
    """Return whether a time's name is that of when a label became known."""
    return _LABEL_TIME.fullmatch(name) is not None


def is_prediction(name: str) -> bool:
    """Return whether a name is that of a model's prediction."""
    if id_rank(name) is not None and not name.casefold().startswith("predicted_"):
        return False
    return bool(_PREDICTION.fullmatch(name) or (_SCORE.fullmatch(name) and not is_label(name)))


def is_probability(name: str) -> bool:
    """Return whether a name is that of a probability."""
    return _PROBABILITY.fullmatch(name) is not None


def is_class(name: str) -> bool:
    """Return whether a name is that of one of several classes."""
    return _CLASS.fullmatch(name) is not None


def is_rank(name: str) -> bool:
    """Return whether a name is that of an order of items."""
    return _RANK.fullmatch(name) is not None


def is_group(name: str) -> bool:
    """Return whether a name is that of a group of ranked items, such as a query."""
    return _GROUP.fullmatch(name) is not None


def is_item(name: str) -> bool:
    """Return whether a name is that of a ranked item."""
    return _ITEM.fullmatch(name) is not None


def stem(name: str) -> tuple[str, ...]:
    """Return the words of a name without those that only mark a prediction or an actual.

    >>> stem("will_buy"), stem("true_species"), stem("price_actual")
    (('buy',), ('species',), ('price',))
    """
    words = [w for w in re.split(r"[^a-z0-9]+", name.casefold()) if w]
    return tuple(w for w in words if w not in _WORDS_OF_ROLES)


def alike(one: str, other: str) -> bool:
    """Return whether two names are about the same: `will_churn` and `churned`."""
    stem_, other_stem = stem(one), stem(other)
    return len(stem_) == len(other_stem) and all(
        a == b or (min(len(a), len(b)) > 3 and (a.startswith(b) or b.startswith(a)))
        for a, b in zip(stem_, other_stem, strict=True)
    )
