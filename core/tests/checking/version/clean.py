"""Datasets without a fault: public ones that scikit-learn carries, and drawn ones that look odd."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from core.tests.checking.version.worlds import World, classes, prices, shop


def modelled(
    features: pd.DataFrame,
    truth: np.ndarray[Any, Any],
    kind: str,
    seed: int = 0,
    *,
    types: dict[str, str] | None = None,
    model_on: pd.DataFrame | None = None,
    order: np.ndarray[Any, Any] | None = None,
    times: Callable[[np.random.Generator, int], np.ndarray[Any, Any]] | None = None,
) -> World:
    """Return a version whose rows are parted by chance, answered by a model that was really fitted.

    Args:
        features: The rows.
        truth: What is to be answered.
        kind: `binary`, `multiclass` or `regression`.
        seed: Of chance.
        types: Types of features; default: all are numeric.
        model_on: What the model is given, where not all of the features are numbers.
        order: The rows in the order of time; default: by chance.
        times: Draws the seconds within the datasets' time.
    """
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(seed)
    count = len(features)
    places = rng.permutation(count) if order is None else order
    cuts = [int(count * 0.4), int(count * 0.55)]
    parts = dict(zip(("training", "testing", "serving"), np.split(places, cuts), strict=True))
    given = (features if model_on is None else model_on).fillna(-1.0)
    inner = Ridge() if kind == "regression" else LogisticRegression(max_iter=200)
    model = make_pipeline(StandardScaler(), inner).fit(
        given.iloc[parts["training"]], truth[parts["training"]]
    )
    answer = model.predict(given)
    tables = {}
    for number, (purpose, chosen) in enumerate(parts.items()):
        frame = features.iloc[chosen].reset_index(drop=True)
        seconds = (
            rng.integers(0, 40 * 86400, len(frame)) if times is None else times(rng, len(frame))
        )
        frame.insert(0, "id", [f"{number}-{i}" for i in range(len(frame))])
        frame.insert(
            1,
            "ts",
            pd.Timestamp("2025-06-01")
            + pd.to_timedelta(number * 45, "D")
            + pd.to_timedelta(seconds, "s"),
        )
        frame["answer"] = answer[chosen]
        if kind == "binary":
            frame["score"] = model.predict_proba(given.iloc[chosen])[:, 1]
        frame["truth"] = truth[chosen]
        tables[purpose] = frame
    log = tables["serving"]
    delay = pd.to_timedelta(rng.exponential(4 * 86400, len(log)) + 1, "s")
    known = rng.random(len(log)) < 0.7
    tables["actuals"] = pd.DataFrame(
        {"id": log["id"], "truth": log["truth"], "decided_at": log["ts"] + delay}
    )[known].reset_index(drop=True)
    tables["serving"] = log.drop(columns="truth")
    answers = {"answer": "numeric"} | ({"score": "numeric"} if kind == "binary" else {})
    return World(
        tables,
        features=types or dict.fromkeys(features.columns, "numeric"),
        predictions=answers,
        model_type=kind,
        label="answer",
    )


def _public(name: str, kind: str) -> World:
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    features = bunch.data.copy()
    features.columns = [
        c.replace(" ", "_").replace("(", "").replace(")", "").replace("/", "_") for c in features
    ]
    return modelled(features.astype(float), bunch.target.to_numpy().astype(float), kind)


def cancer() -> World:
    return _public("breast_cancer", "binary")


def wine() -> World:
    return _public("wine", "multiclass")


def iris() -> World:
    return _public("iris", "multiclass")


def diabetes() -> World:
    return _public("diabetes", "regression")


def digits() -> World:
    return _public("digits", "multiclass")


def linnerud_like() -> World:
    """Few rows of much: sixty in all."""
    from sklearn import datasets

    bunch = datasets.load_linnerud(as_frame=True)
    features = pd.concat([bunch.data] * 3, ignore_index=True)
    features += np.random.default_rng(0).normal(0, 1, features.shape)
    target = np.tile(bunch.target["Weight"].to_numpy().astype(float), 3)
    return modelled(features, target, "regression")


def rare() -> World:
    """One in a hundred is a yes."""
    from sklearn.datasets import make_classification

    x, y = make_classification(
        8000, 10, n_informative=5, weights=[0.99], flip_y=0.002, class_sep=1.2, random_state=3
    )
    return modelled(
        pd.DataFrame(x, columns=[f"f{i}" for i in range(10)]), y.astype(float), "binary"
    )


def heavy_tails() -> World:
    """Amounts of which a few are more than all others together."""
    rng = np.random.default_rng(5)
    x = pd.DataFrame(
        {
            "pareto": rng.pareto(1.1, 5000),
            "lognormal": rng.lognormal(0, 3, 5000),
            "cauchy": rng.standard_cauchy(5000),
            "counts": rng.zipf(1.6, 5000).astype(float),
            "tiny": rng.lognormal(-20, 1, 5000),
        }
    )
    return modelled(x, np.log1p(x["pareto"]).to_numpy() + rng.normal(0, 1, 5000), "regression")


def seasons() -> World:
    """A year that moves slowly: serving is warmer, dearer and busier than training was."""
    rng = np.random.default_rng(6)
    t = np.linspace(0, 1, 6000)
    x = pd.DataFrame(
        {
            "temperature": 10 + 8 * np.sin(2 * np.pi * t) + rng.normal(0, 4, 6000),
            "price": np.round(20 * (1 + 0.15 * t) * rng.lognormal(0, 0.4, 6000), 2),
            "visits": rng.poisson(3 + 2 * t).astype(float),
            "share_new": rng.beta(2 + 2 * t, 5),
        }
    )
    y = (rng.random(6000) < 0.3 + 0.2 * t).astype(float)
    return modelled(x, y, "binary", order=np.arange(6000))


def many_nulls() -> World:
    """Most of what could be known is not, in training as in production, with a little drift."""
    rng = np.random.default_rng(7)
    x = pd.DataFrame(rng.normal(0, 1, (5000, 6)), columns=[f"f{i}" for i in range(6)])
    y = np.asarray(x["f0"] + rng.normal(0, 1, 5000) > 0).astype(float)
    given = x.copy()
    t = np.linspace(0, 1, 5000)
    for i, share in enumerate((0.8, 0.5, 0.3, 0.05, 0.01, 0.0)):
        column = x[f"f{i}"].astype(object)
        column[rng.random(5000) < share * (1 + 0.2 * t)] = None
        x[f"f{i}"] = column
    return modelled(x, y, "binary", model_on=given, order=np.arange(5000))


def one_hot() -> World:
    """Ones and zeros, some of them rare; counts that are mostly zero."""
    rng = np.random.default_rng(8)
    x = pd.DataFrame(
        {
            f"is_{i}": (rng.random(4000) < p).astype(int)
            for i, p in enumerate((0.5, 0.1, 0.02, 0.004, 0.0005, 0.999))
        }
    )
    x["orders"] = rng.poisson(0.1, 4000)
    x["constant"] = 1
    y = np.asarray(rng.random(4000) < 0.2 + 0.3 * x["is_0"]).astype(float)
    return modelled(x, y, "binary")


def words() -> World:
    """Categories of all sorts: few, many, one of its kind for each row, with a new one."""
    rng = np.random.default_rng(9)
    count = 6000
    streets = np.array([f"Street {i}" for i in range(4000)])
    weights = 1 / np.arange(1, 4001)
    brands = np.array([f"b{i:03d}" for i in range(300)])
    x = pd.DataFrame(
        {
            "color": rng.choice(["red", "Red-ish", "blue", "green"], count),
            "street": rng.choice(streets, count, p=weights / weights.sum()),
            "session": [f"s{i}" for i in range(count)],
            "brand": rng.choice(brands, count),
            "grade": rng.choice(["A", "A+", "B", "b2"], count, p=[0.5, 0.3, 0.15, 0.05]),
            "size": rng.integers(30, 50, count),
            "note": rng.choice(["", "urgent", "gift"], count, p=[0.8, 0.1, 0.1]),
        }
    )
    new = np.arange(count) > 0.97 * count
    x.loc[new, "brand"] = "b_new"
    y = np.asarray(rng.random(count) < 0.3 + 0.2 * (x["color"] == "red")).astype(float)
    types = dict.fromkeys(x.columns, "categorical")
    return modelled(
        x, y, "binary", types=types, model_on=(x[["size"]].astype(float)), order=np.arange(count)
    )


def few_rows() -> World:
    """Forty predictions, and a training set of two hundred."""
    return shop(11, serving=40, training=200, testing=30)


def overnight() -> World:
    """A batch each night at three; training was made of hours of the day."""
    world = shop(12)
    log = world.tables["serving"]
    night = log["ts"].dt.floor("D") + pd.Timedelta(hours=3)
    world = world.with_table("serving", ts=night)
    actuals = world.tables["actuals"]
    at = dict(zip(log["id"], night, strict=True))
    late = actuals["id"].map(at) + pd.Timedelta(days=1)
    return world.with_table("actuals", decided_at=late)


def by_day() -> World:
    """Labels that are dated by their day, and so by its midnight."""
    world = shop(13)
    return world.with_table(
        "actuals", decided_at=world.tables["actuals"]["decided_at"].dt.floor("D")
    )


def labels_of_its_own() -> World:
    """Labels in the log, without a time."""
    world = shop(14)
    log, actuals = world.tables["serving"], world.tables["actuals"]
    known = dict(zip(actuals["id"], actuals["truth"], strict=True))
    truth = log["id"].map(known).astype(object)
    tables = {k: v for k, v in world.tables.items() if k != "actuals"}
    world = replace(world, tables=tables)
    return world.with_table("serving", truth=truth)


def blobs() -> World:
    """Three classes that lie apart, though not by one feature."""
    from sklearn.datasets import make_blobs

    x, y = make_blobs(3000, centers=5, n_features=6, cluster_std=4.5, random_state=2)
    return modelled(pd.DataFrame(x, columns=list("abcdef")), y.astype(float), "multiclass")


def friedman() -> World:
    from sklearn.datasets import make_friedman1

    x, y = make_friedman1(3000, noise=0.5, random_state=1)
    return modelled(pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])]), y, "regression")


def exact_regression() -> World:
    """A label that follows from the features without any noise, though not from one of them."""
    from sklearn.datasets import make_regression

    x, y = make_regression(3000, 8, n_informative=4, noise=0.0, random_state=1)
    return modelled(pd.DataFrame(x, columns=[f"x{i}" for i in range(8)]), y, "regression")


def embeddings() -> World:
    """Vectors, texts and times among the features."""
    world = shop(15)
    rng = np.random.default_rng(3)
    for purpose in ("serving", "training", "testing"):
        count = len(world.tables[purpose])
        since = world.tables[purpose]["ts"] - pd.to_timedelta(rng.integers(0, 10**7, count), "s")
        world = world.with_table(
            purpose,
            vector=list(rng.normal(0, 1, (count, 8)).tolist()),
            note=[" ".join(rng.choice(["good", "bad", "so"], 4)) for _ in range(count)],
            since=since,
        )
    more = {"vector": "vector", "note": "text", "since": "datetime"}
    return replace(
        world, features={**world.features, **more}, casts={"vector": pa.list_(pa.float64())}
    )


CLEAN: list[Callable[[], World]] = [
    shop,
    classes,
    prices,
    cancer,
    wine,
    iris,
    diabetes,
    digits,
    linnerud_like,
    rare,
    heavy_tails,
    seasons,
    many_nulls,
    one_hot,
    words,
    few_rows,
    overnight,
    by_day,
    labels_of_its_own,
    blobs,
    friedman,
    exact_regression,
    embeddings,
]
