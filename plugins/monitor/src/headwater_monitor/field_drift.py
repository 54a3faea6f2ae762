"""Drift: how far each field's distribution moved, from two profiles with the same edges."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from headwater.diagnostics import hint_for
from headwater.display import html
from headwater.display.printable import printable
from headwater.errors import ConfigError, ProfileError
from headwater.interfaces.schema import ACTUAL_PREFIX, Role
from headwater.types import FieldType
from headwater_monitor import distances
from headwater_monitor.classes import share
from headwater_monitor.figures import Figure, exact_figure

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from headwater.profiling.profile import Profile
    from headwater.workspace.model import Connection

METRICS: Final = ("psi", "js", "hellinger", "ks", "wasserstein", "chi2")
"""The distances, in the order in which they are shown."""
LIKELY_CHANCE: Final = 0.001
"""From which probability on a difference may be chance alone."""
_LENGTHS: Final = frozenset(
    {FieldType.TEXT, FieldType.ARRAY, FieldType.VECTOR, FieldType.TENSOR, FieldType.DICT}
)
ORDERED: Final = _LENGTHS | {FieldType.NUMERIC, FieldType.DATETIME}
"""Types whose bins have an order: what is farther away is farther."""
_NO_NUMBERS: Final = ("null", "nan", "inf", "-inf")
_SECOND: Final = 1e6


@dataclass(frozen=True, slots=True)
class FieldDrift:
    """How far one field's distribution lies from that of the reference.

    Of the values that there are: NULL, NaN and infinite ones are in no bin, and `missing` tells how
    many they are. Of text, arrays, vectors, tensors and dicts it is the distribution of their
    lengths. What can't be told is None. Distances are `Figure`s: floats with the bounds `low` and
    `high`.

    Args:
        field: The field's name.
        role: What it is to the model.
        type: Its type.
        rows: Rows of the profile.
        against_rows: Rows of the reference.
        missing: Share of the profile's rows whose value is NULL, NaN or infinite.
        against_missing: The same of the reference.
        psi: Population stability index; an empty bin stands for a share of 0.0001.
        js: Jensen-Shannon distance, to the base 2.
        hellinger: Hellinger distance.
        ks: Largest difference of the distribution functions; None of what has no order.
        wasserstein: How far values moved on average, in the field's unit (datetimes: seconds; texts
            and the like: lengths); None of what has no order.
        chi2: Pearson's chi-square of the two samples.
        chi2_p: How likely chance alone gives as much.
        mean: Average of the profile's values; None where it is not known.
        against_mean: The same of the reference.
    """

    field: str
    role: str
    type: str
    rows: int
    against_rows: int
    missing: float | None
    against_missing: float | None
    psi: Figure | None = None
    js: Figure | None = None
    hellinger: Figure | None = None
    ks: Figure | None = None
    wasserstein: Figure | None = None
    chi2: Figure | None = None
    chi2_p: Figure | None = None
    mean: Figure | None = None
    against_mean: Figure | None = None

    @property
    def figures(self) -> dict[str, Figure]:
        """The distances that there are, by name."""
        return {name: f for name in METRICS if (f := getattr(self, name)) is not None}

    @property
    def by_chance(self) -> bool:
        """Whether chance alone may well give such a difference, with so few rows."""
        return self.chi2_p is not None and self.chi2_p >= LIKELY_CHANCE


class Drift(Mapping[str, FieldDrift]):
    """How far fields' distributions lie from those of a reference, by field: what `drift` returns.

    Args:
        fields: By field.
    """

    def __init__(self, fields: Mapping[str, FieldDrift]) -> None:
        self._fields = MappingProxyType(dict(fields))

    def __getitem__(self, name: str) -> FieldDrift:
        try:
            return self._fields[name]
        except KeyError:
            raise ConfigError(
                f"no drift is told of a field {name!r}",
                hint=hint_for(name, self._fields, what="fields"),
            ) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __contains__(self, name: object) -> bool:
        return name in self._fields

    def worst(self, metric: str = "psi") -> tuple[FieldDrift, ...]:
        """Return the fields by a distance, the farthest first; those that have none come last.

        Args:
            metric: `psi`, `js`, `hellinger`, `ks`, `wasserstein` or `chi2`.

        Raises:
            ConfigError: If there is no such distance.
        """
        if metric not in METRICS:
            raise ConfigError(
                f"no distance is called {metric!r}",
                hint=hint_for(metric, METRICS, what="distances"),
            )
        return tuple(
            sorted(
                self._fields.values(),
                key=lambda f: (-f.figures.get(metric, Figure(-1.0)), f.field),
            )
        )

    def to_arrow(self) -> pa.Table:
        """Return them as a table, a row for each field; a distance `x` has `x_low` and `x_high`."""
        import pyarrow as pa

        texts, counts = ("field", "role", "type"), ("rows", "against_rows")
        columns: dict[str, Any] = {}
        for item in fields(FieldDrift):
            values = [getattr(f, item.name) for f in self._fields.values()]
            if item.name in texts:
                columns[item.name] = pa.array(values, pa.string())
            elif item.name in counts:
                columns[item.name] = pa.array(values, pa.int64())
            else:
                columns[item.name] = pa.array(values, pa.float64())
            if item.name in METRICS:
                for side in ("low", "high"):
                    bounds = [None if v is None else getattr(v, side) for v in values]
                    columns[f"{item.name}_{side}"] = pa.array(bounds, pa.float64())
        return pa.table(columns)

    def to_pandas(self) -> pd.DataFrame:
        """Return them as a pandas frame, as `to_arrow` does."""
        return self.to_arrow().to_pandas()

    def __str__(self) -> str:
        lines = ["Drift, the farthest first"]
        for item in self.worst():
            figures = "  ".join(f"{name} {figure:.4g}" for name, figure in item.figures.items())
            lines.append(f"  {item.field:<16} {figures or 'no values'}")
        return printable("\n".join(lines))

    def __repr__(self) -> str:
        return f"<Drift of {len(self)} fields>"

    def _repr_html_(self) -> str:
        rows = [
            (f.field, *(f"{v:.4g}" if (v := f.figures.get(m)) is not None else "" for m in METRICS))
            for f in self.worst()
        ]
        return html.card("Drift", html.table(("field", *METRICS), rows))


def reference_of(against: Profile | Connection, profile: Profile) -> Profile:
    """Return the profile that is compared with.

    Args:
        against: It, or the connection of which it is made with the edges of `profile`.
        profile: What is compared.
    """
    from headwater.profiling.profile import Profile
    from headwater.workspace.model import Connection

    profiles: tuple[object, object] = profile, against
    if not isinstance(profiles[0], Profile) or not isinstance(profiles[1], Profile | Connection):
        wrong = profiles[1] if isinstance(profiles[0], Profile) else profiles[0]
        raise ConfigError(
            f"a {type(wrong).__name__} is no profile",
            hint="give what connection.profile(...) returns; Profile.from_arrow reads a table",
        )
    return against if isinstance(against, Profile) else against.profile(edges=profile.edges())


def drift(profile: Profile, against: Profile | Connection) -> Drift:
    """Return how far each field's distribution lies from that of a reference.

    All windows and segments of each profile together; `profile.parts()` gives each alone.

    Args:
        profile: What `Connection.profile` returns of the rows in question.
        against: The reference, with the same edges: `training.profile(edges=edges)`, or the
            connection `training` itself, which is counted then.

    Raises:
        ProfileError: With code `edges-differ`, if the two have other edges: their bins are not the
            same, and can't be compared.

    Example:
        >>> from headwater_monitor import drift
        >>> edges = training.profile().edges()  # doctest: +SKIP
        >>> week = serving.profile("2026-07-01", "2026-07-08", edges=edges)  # doctest: +SKIP
        >>> drift(week, training.profile(edges=edges))["income"].psi  # doctest: +SKIP
        0.031
    """
    against = reference_of(against, profile)
    edges = profile.edges()
    if edges != against.edges():
        raise ProfileError(
            f"profiles of different edges can't be compared: {edges.digest[:12]} and "
            f"{against.edges().digest[:12]}",
            code="edges-differ",
            hint="make both with the same edges: profile(..., edges=training.profile().edges())",
        )
    both = {*profile.fields} & {*against.fields}
    drifts = sorted((_field(name, profile, against) for name in both), key=_place)
    return Drift({item.field: item for item in drifts})


def counted(profile: Profile, name: str) -> tuple[int, ...]:
    """Return how a field's values lie in its bins, or which of its vocabulary they are.

    In the order of `places`: rising bins; the words of the vocabulary, and all others.

    Args:
        profile: The profile.
        name: The field.
    """
    edges = profile.edges().of(name)
    if edges.type is FieldType.BOOLEAN:
        return profile.count(name, "true"), profile.count(name, "false")
    if edges.type in (FieldType.CATEGORICAL, FieldType.STRING):
        words = profile.counts(name, "vocabulary")
        return (*(words.get(word, 0) for word in edges.vocabulary), profile.count(name, "other"))
    return profile.histogram(name, "length" if edges.type in _LENGTHS else "histogram")


def places(profile: Profile, name: str) -> tuple[str, ...]:
    """Return the names of what `counted` counts.

    Args:
        profile: The profile.
        name: The field.
    """
    edges = profile.edges().of(name)
    if edges.type is FieldType.BOOLEAN:
        return "true", "false"
    if edges.type in (FieldType.CATEGORICAL, FieldType.STRING):
        return (*edges.vocabulary, "(other)")
    ends = edges.edges
    if not ends:
        return ("all",)
    between = (
        f"{a:.4g}" if _holds_one_value(a, b) else f"{a:.4g} to {b:.4g}" for a, b in pairwise(ends)
    )
    alone = len(ends) > 1 and _holds_one_value(*ends[-2:])
    return (
        f"below {ends[0]:.4g}",
        *between,
        f"above {ends[-2]:.4g}" if alone else f"from {ends[-1]:.4g}",
    )


def _holds_one_value(edge: float, after: float) -> bool:
    """Return whether a bin holds one value alone."""
    return after == (edge + 1 if isinstance(edge, int) else math.nextafter(edge, math.inf))


def _field(name: str, profile: Profile, against: Profile) -> FieldDrift:
    edges = profile.edges().of(name)
    before, after = counted(against, name), counted(profile, name)
    chance = distances.chi_square(before, after)
    ordered = edges.type in ORDERED
    return FieldDrift(
        field=name,
        role=str(Role.ACTUAL if name.startswith(ACTUAL_PREFIX) else edges.role),
        type=str(edges.type),
        rows=profile.count(name),
        against_rows=against.count(name),
        missing=_missing(profile, name),
        against_missing=_missing(against, name),
        psi=distances.psi(before, after),
        js=distances.jensen_shannon(before, after),
        hellinger=distances.hellinger(before, after),
        ks=distances.kolmogorov_smirnov(before, after) if ordered else None,
        wasserstein=_wasserstein(name, profile, against, before, after) if ordered else None,
        chi2=chance and chance[0],
        chi2_p=chance and chance[1],
        mean=_mean(profile, name),
        against_mean=_mean(against, name),
    )


def _place(item: FieldDrift) -> tuple[int, str]:
    """Return the sort key of a field: its role in the model, then its name."""
    return tuple(Role).index(Role(item.role)), item.field


def _wasserstein(
    name: str, profile: Profile, against: Profile, before: Sequence[int], after: Sequence[int]
) -> Figure | None:
    edges = profile.edges().of(name)
    reach, own = _extremes(against, name), _extremes(profile, name)
    if reach is None or own is None:
        return None
    distance = distances.wasserstein(
        before,
        after,
        edges.edges,
        reach=reach,
        extremes=(min(reach[0], own[0]), max(reach[1], own[1])),
    )
    if distance is None or edges.type is not FieldType.DATETIME:
        return distance
    return Figure(distance / _SECOND, distance.low / _SECOND, distance.high / _SECOND)


def _extremes(profile: Profile, name: str) -> tuple[float, float] | None:
    if profile.edges().of(name).type in _LENGTHS:
        return profile.count(name, "min_length"), profile.count(name, "max_length")
    least, most = profile.minimum(name), profile.maximum(name)
    return None if least is None or most is None else (least, most)


def _mean(profile: Profile, name: str) -> Figure | None:
    if profile.edges().of(name).type is not FieldType.NUMERIC:
        return None
    return exact_figure(profile.mean(name))


def _missing(profile: Profile, name: str) -> float | None:
    none = sum(profile.count(name, statistic) for statistic in _NO_NUMBERS)
    return share(none, profile.count(name))
