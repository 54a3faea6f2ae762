"""Performance: how right a model's predictions were, from a profile alone."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from headwater.diagnostics import hint_for
from headwater.display import html
from headwater.display.printable import printable
from headwater.errors import ConfigError, UnsupportedError
from headwater.interfaces.schema import ACTUAL_PREFIX, ModelType, Role
from headwater.types import FieldType
from headwater_monitor import classes, scores
from headwater_monitor.classes import ClassFigures, Confusion
from headwater_monitor.figures import Figure, exact_figure
from headwater_monitor.label_sets import MultiLabel
from headwater_monitor.query_ranking import Ranking
from headwater_monitor.scores import ROUNDED, Calibrated, Scores

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from headwater.profiling.edges import Edges
    from headwater.profiling.profile import Profile

METRICS: Final = (
    "accuracy", "precision", "recall", "f1", "auc", "log_loss", "brier", "ece",
    "mae", "rmse", "bias", "r2", "ndcg", "mrr", "hit_rate",
)  # fmt: skip
"""The figures of performance, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Performance:
    """How right predictions were, of the rows whose label is known.

    What does not apply to a model, or can't be told of its rows, is None. Every number is a
    `Figure`: a float with the bounds `low` and `high`.

    Args:
        prediction: The prediction that was judged; with its score, if it has one.
        model_type: What the model answers.
        rows: Rows, labelled or not; of a ranking, its queries.
        labelled: Rows whose label is known; of a ranking, queries whose items all have one.
        scored: Of them, rows whose prediction is known, too: what the figures are of.
        accuracy: Share of right classes.
        precision: Share of right ones among those said to be true; of several classes, the average.
        recall: Share of those that were true that were said to be; likewise.
        f1: Harmonic mean of the two; likewise.
        auc: Area under the ROC curve.
        log_loss: Average of -ln(probability given to what came true).
        brier: Average square of score less outcome.
        ece: Expected calibration error over ten bins.
        mae: Average absolute error.
        rmse: Root of the average square of errors.
        bias: Average error, prediction less actual.
        r2: Share of the actuals' variance that predictions explain.
        ndcg: Average normalised discounted cumulative gain of queries.
        mrr: Average of 1 / rank of the first relevant item.
        hit_rate: Share of queries with a relevant item among the first.
        by_class: The figures of each class.
        calibration: Average score and what came true, in ten bins.
        notes: What should be known of these figures.
    """

    prediction: str
    model_type: ModelType
    rows: int
    labelled: int
    scored: int
    accuracy: Figure | None = None
    precision: Figure | None = None
    recall: Figure | None = None
    f1: Figure | None = None
    auc: Figure | None = None
    log_loss: Figure | None = None
    brier: Figure | None = None
    ece: Figure | None = None
    mae: Figure | None = None
    rmse: Figure | None = None
    bias: Figure | None = None
    r2: Figure | None = None
    ndcg: Figure | None = None
    mrr: Figure | None = None
    hit_rate: Figure | None = None
    by_class: Mapping[str, ClassFigures] = field(default_factory=dict)
    calibration: tuple[Calibrated, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def coverage(self) -> float | None:
        """Share of rows whose label is known; None of no rows."""
        return classes.share(self.labelled, self.rows)

    @property
    def figures(self) -> dict[str, Figure]:
        """The figures that there are, by name."""
        return {name: f for name in METRICS if (f := getattr(self, name)) is not None}

    def to_arrow(self) -> pa.Table:
        """Return the figures as a table: `metric`, `value`, `low`, `high`."""
        import pyarrow as pa

        rows = [(name, float(f), f.low, f.high) for name, f in self.figures.items()]
        columns: Sequence[tuple[Any, ...]] = list(zip(*rows, strict=True)) or [(), (), (), ()]
        types = (pa.string(), pa.float64(), pa.float64(), pa.float64())
        return pa.table(
            [pa.array(list(c), t) for c, t in zip(columns, types, strict=True)],
            names=["metric", "value", "low", "high"],
        )

    def to_pandas(self) -> pd.DataFrame:
        """Return the figures as a pandas frame, as `to_arrow` does."""
        return self.to_arrow().to_pandas()

    def __str__(self) -> str:
        coverage = "" if self.coverage is None else f" ({self.coverage:.0%})"
        head = f"Performance of {self.prediction}: {self.labelled:,} of {self.rows:,} rows are "
        lines = [f"{head}labelled{coverage}"]
        for name, figure in self.figures.items():
            bounds = "" if figure.exact else f"  ({figure.low:.4g} to {figure.high:.4g})"
            lines.append(f"  {name:<9} {figure:.4g}{bounds}")
        return printable("\n".join([*lines, *(f"  note: {note}" for note in self.notes)]))

    def _repr_html_(self) -> str:
        rows = [
            (n, f"{f:.4g}", "" if f.exact else f"{f.low:.4g} to {f.high:.4g}")
            for n, f in self.figures.items()
        ]
        table = html.table(("metric", "value", "bounds"), rows)
        return html.card(f"Performance of {self.prediction}", table, *map(html.line, self.notes))


def performance(
    profile: Profile | Ranking | MultiLabel, prediction: str | None = None
) -> Performance:
    """Return how right predictions were, of the rows whose label is known.

    All windows and segments of the profile together; `profile.parts()` gives each alone.

    Args:
        profile: What `Connection.profile` returns; of a ranking model what `ranking`, of a
            multi-label one what `multilabel` returns.
        prediction: The prediction to judge, where the model gives several. A decision and its score
            are judged together, whichever of them is named.

    Raises:
        ConfigError: If the model has no such prediction, or several and none was named.
        UnsupportedError: For the profile of a ranking or multi-label model: it does not tell.

    Example:
        >>> from headwater_monitor import performance
        >>> july = performance(serving.profile("2026-07-01", "2026-08-01"))  # doctest: +SKIP
        >>> july.accuracy, july.auc.low, july.auc.high  # doctest: +SKIP
        (0.82, 0.885, 0.889)
    """
    if isinstance(profile, Ranking):
        return _of_ranking(profile)
    if isinstance(profile, MultiLabel):
        return _of_labels(profile)
    from headwater.profiling.profile import Profile

    if not isinstance(profile, Profile):
        raise ConfigError(
            f"a {type(profile).__name__} is no profile",
            hint="give what connection.profile(...), ranking(...) or multilabel(...) returns",
        )
    edges = profile.edges()
    if edges.model_type is ModelType.RANKING:
        raise UnsupportedError(
            "a profile does not tell how items of a query were ranked",
            hint="headwater_monitor.ranking(connection, start, end, query=...) does; performance "
            "takes what it returns",
        )
    if edges.model_type is ModelType.MULTI_LABEL:
        raise UnsupportedError(
            "a profile does not tell which labels of a row were right",
            hint="headwater_monitor.multilabel(connection, start, end) does; performance takes "
            "what it returns",
        )
    if edges.model_type is ModelType.REGRESSION:
        return _of_errors(profile, _chosen_prediction(profile, prediction))
    if edges.model_type is ModelType.MULTICLASS:
        named = {n for n, t in predictions(edges).items() if t is not FieldType.NUMERIC}
        among = () if prediction in predictions(edges) else sorted(named)
        return _of_classes(profile, _chosen_prediction(profile, prediction, among))
    return _of_binary(profile, edges, prediction)


def predictions(edges: Edges) -> dict[str, FieldType]:
    """Return a model's predictions, by name.

    Args:
        edges: Those of its profiles.
    """
    return {name: f.type for name, f in edges.items() if f.role is Role.PREDICTION}


def labelled(profile: Profile) -> str | None:
    """Return the prediction whose labels a profile counts; None if there are several or none.

    Args:
        profile: The profile, of a stretch of time in which some labels are known.
    """
    names = [n for n in predictions(profile.edges()) if f"{ACTUAL_PREFIX}{n}" in profile.fields]
    return names[0] if len(names) == 1 else None


def _chosen_prediction(profile: Profile, prediction: str | None, among: Sequence[str] = ()) -> str:
    """Return the prediction to judge: the one that is named, or the only one that has a label.

    Raises:
        ConfigError: If there is none of this name, or none was named of several.
    """
    names = list(among or predictions(profile.edges()))
    if prediction is None and (only := labelled(profile)) in names:
        return str(only)
    if prediction is not None:
        if prediction not in names:
            raise ConfigError(
                f"the model has no prediction {prediction!r}",
                hint=hint_for(prediction, names, what="predictions"),
            )
        return prediction
    if len(names) != 1:
        raise ConfigError(
            f"the model has {len(names)} predictions"
            + (f" ({', '.join(names)}), and each has figures of its own" if names else ""),
            hint=f"name one: prediction={names[0]!r} (--prediction)"
            if names
            else "declare predictions in the model version's schema",
        )
    return names[0]


# -- Binary ----------------------------------------------------------------------------------------


def _of_binary(profile: Profile, edges: Edges, prediction: str | None) -> Performance:
    kinds = predictions(edges)
    if prediction is not None:
        _chosen_prediction(profile, prediction)
    decisions = [n for n, t in kinds.items() if t is FieldType.BOOLEAN]
    numbers = [n for n, t in kinds.items() if t is FieldType.NUMERIC]
    if prediction is not None:
        same = decisions if prediction in decisions else numbers
        other = numbers if prediction in decisions else decisions
        if len(other) > 1:
            other = []  # nothing says which score belongs to which decision
        decisions, numbers = ([prediction], other) if same is decisions else (other, [prediction])
    decision = _chosen_prediction(profile, None, decisions) if decisions else None
    score = _chosen_prediction(profile, None, numbers) if numbers else None
    main = decision or score
    if main is None:
        raise ConfigError(
            "the model has no prediction", hint="declare predictions in the version's schema"
        )
    score_counts = None if score is None else scores_of(profile, score)
    notes = []
    if decision is not None and profile.counts(decision, "confusion"):
        confusion = confusion_of(profile, decision)
        scored = profile.count(decision, "scored")
    elif score_counts is not None and score_counts.rows:
        confusion, scored, main = scores.decided(score_counts), score_counts.rows, score or main
        notes.append("decided for true from a score of 0.5 on")
    else:
        confusion, scored = {}, 0
    if score is not None and (outside := profile.count(score, "score_outside")):
        notes.append(f"{outside:,} scores are no number from 0 to 1, and left out")
    figures = classes.by_class(confusion)
    true = classes.class_figures(confusion, "true")
    right = sum(n for (predicted, actual), n in confusion.items() if predicted == actual)
    labelled = max(profile.count(name, "labelled") for name in (decision, score) if name)
    return Performance(
        prediction=main,
        model_type=edges.model_type,
        rows=profile.count(),
        labelled=labelled,
        scored=scored,
        accuracy=exact_figure(classes.share(right, sum(confusion.values()))),
        precision=true.precision,
        recall=true.recall,
        f1=true.f1,
        by_class=figures,
        notes=tuple(notes),
        **({} if score_counts is None else _of_scores(score_counts)),
    )


def _of_scores(counts: Scores) -> dict[str, Any]:
    return {
        "auc": scores.auc(counts),
        "log_loss": scores.log_loss(counts),
        "brier": scores.brier(counts),
        "ece": scores.ece(counts),
        "calibration": scores.calibration(counts),
    }


def scores_of(profile: Profile, name: str) -> Scores:
    """Return the score counts of a binary model from a profile.

    Args:
        profile: The profile.
        name: The prediction that is a score.
    """
    edges = profile.edges().bins(name, "score")
    counts = {true: [0] * (len(edges) + 1) for true in (False, True)}
    sums = {true: [Decimal(0)] * (len(edges) + 1) for true in (False, True)}
    for (number, label), count in profile.counts(name, "score").items():
        counts[label == "true"][number] = count
    for (number, label), total in profile.decimals(name, "score_sum").items():
        sums[label == "true"][number] = total
    squares = profile.decimals(name, "score_sum_squares")
    return Scores(
        edges,
        counts,
        sums,
        {true: squares.get("true" if true else "false", Decimal(0)) for true in (False, True)},
    )


# -- Several classes -------------------------------------------------------------------------------


def confusion_of(profile: Profile, name: str) -> Confusion:
    """Return a profile's counts by (predicted, actual) class.

    Args:
        profile: The profile.
        name: The prediction.
    """
    confusion: dict[tuple[str | None, str | None], int] = {}
    for label, count in profile.counts(name, "confusion").items():
        predicted, actual = json.loads(label)
        confusion[predicted, actual] = count
    return confusion


def _of_classes(profile: Profile, name: str) -> Performance:
    confusion = confusion_of(profile, name)
    figures = classes.by_class(confusion)
    scored = profile.count(name, "scored")
    rest = sum(n for pair, n in confusion.items() if None in pair)
    notes = (
        f"{rest:,} rows are of classes beyond the {len(figures)} that are counted one by one: "
        "accuracy is of all, the averages are of these"
    )
    return Performance(
        prediction=name,
        model_type=profile.edges().model_type,
        rows=profile.count(),
        labelled=profile.count(name, "labelled"),
        scored=scored,
        accuracy=exact_figure(classes.share(profile.count(name, "correct"), scored)),
        precision=classes.macro(figures, "precision"),
        recall=classes.macro(figures, "recall"),
        f1=classes.macro(figures, "f1"),
        by_class=figures,
        notes=(notes,) if rest else (),
    )


def _of_labels(label_sets: MultiLabel) -> Performance:
    total = label_sets.total
    figures = {}
    for name in sorted({label for label, _, _ in total.labels}):
        confusion: Confusion = {
            (str(predicted).lower(), str(actual).lower()): count
            for (label, predicted, actual), count in total.labels.items()
            if label == name
        }
        figures[name] = classes.class_figures(confusion, "true")
    return Performance(
        prediction=label_sets.prediction,
        model_type=ModelType.MULTI_LABEL,
        rows=total.rows,
        labelled=total.labelled,
        scored=total.scored,
        accuracy=exact_figure(classes.share(total.exact, total.scored)),
        precision=classes.macro(figures, "precision"),
        recall=classes.macro(figures, "recall"),
        f1=classes.macro(figures, "f1"),
        by_class=figures,
        notes=("a row is right where all its labels are, and none is missing",),
    )


# -- Regression ------------------------------------------------------------------------------------


def _of_errors(profile: Profile, name: str) -> Performance:
    edges = profile.edges().of(name)
    scored = profile.count(name, "scored")
    absolute = profile.mean_absolute_error(name)
    mean_square = _rounded(profile.mean_squared_error(name), 2 * edges.error_square_scale)
    notes: tuple[str, ...] = ()
    if scored and absolute is None:
        notes = ("an error is too large to be added up exactly: there are no averages",)
    return Performance(
        prediction=name,
        model_type=ModelType.REGRESSION,
        rows=profile.count(),
        labelled=profile.count(name, "labelled"),
        scored=scored,
        mae=_rounded(absolute, edges.error_scale),
        rmse=None
        if mean_square is None
        else Figure(
            *(math.sqrt(max(v, 0.0)) for v in (mean_square, mean_square.low, mean_square.high))
        ),
        bias=_rounded(profile.error_mean(name), edges.error_scale),
        r2=_explained(profile, name, scored, mean_square),
        notes=notes,
    )


def _rounded(average: float | None, scale: int) -> Figure | None:
    """Return an average with what rounding each value to 6 digits, times 10**scale, may hide."""
    if average is None:
        return None
    doubt = ROUNDED * 10.0**-scale + 4 * math.ulp(average)
    return Figure(average, average - doubt, average + doubt)


def _explained(
    profile: Profile, name: str, scored: int, mean_square: Figure | None
) -> Figure | None:
    """Return R2; None where the actuals that were scored are not those that have a variance."""
    actual = f"{ACTUAL_PREFIX}{name}"
    if mean_square is None or actual not in profile.fields or profile.finite(actual) != scored:
        return None
    variance, bounds = profile.variance(actual), profile.variance_bounds(actual)
    if not variance or bounds is None:
        return None
    return Figure(
        1 - mean_square / variance,
        1 - max(mean_square.high, 0.0) / bounds[0],
        1 - max(mean_square.low, 0.0) / bounds[1],
    )


# -- Ranking ---------------------------------------------------------------------------------------


def _of_ranking(ranking: Ranking) -> Performance:
    return Performance(
        prediction=ranking.prediction,
        model_type=ModelType.RANKING,
        rows=ranking.queries,
        labelled=ranking.judged,
        scored=ranking.judged,
        ndcg=ranking.ndcg,
        mrr=ranking.mrr,
        hit_rate=ranking.hit_rate,
        notes=ranking.notes,
    )
