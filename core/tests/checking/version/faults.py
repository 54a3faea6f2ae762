"""Faults that people plant in a model's data without meaning to, each with where it is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
from core.tests.checking.version.worlds import World, classes, prices, shop


@dataclass(frozen=True)
class Fault:
    """A fault.

    Args:
        name: What is wrong.
        stage: Where it is found.
        code: As what.
        plant: Plants it in a world.
        world: Makes the world, from a seed.
        fails: Whether the answer is no.
        mended: Whether the finding has a query that mends it.
    """

    name: str
    stage: str
    code: str
    plant: Callable[[World], World]
    world: Callable[..., World] = shop
    fails: bool = False
    mended: bool = True


def column(purpose: str, name: str, expression: str) -> Callable[[World], World]:
    return lambda world: world.with_column(purpose, name, expression)


def some(share: int, expression: str, otherwise: str) -> str:
    """Return SQL that gives an expression for a share of the rows, in percent, by their id."""
    below = f"{int(share / 100 * 65536):04x}"
    return (
        f"CASE WHEN substring(md5(CAST(id AS STRING)), 1, 4) < '{below}' "
        f"THEN {expression} ELSE {otherwise} END"
    )


def _query(purpose: str, text: str) -> Callable[[World], World]:
    return lambda world: world.with_query(purpose, text)


def _fan_out(world: World) -> World:
    """Join a dimension that has two rows for some of its keys."""
    names = ["Ann", "Bob", "Bob", "Chloë", "Dan", "Eve"]
    dimension = pd.DataFrame({"name": names, "region": ["n", "s", "t", "n", "e", "w"]})
    world = replace(world, extra={"dim_owner": dimension})
    return world.with_query(
        "serving", "SELECT s.* FROM serving s JOIN dim_owner d ON s.owner = d.name"
    )


def _contradicting(world: World) -> World:
    twice = world.tables["actuals"]
    other = twice.head(200).assign(truth=~twice["truth"].head(200).astype(bool))
    tables = {**world.tables, "actuals": pd.concat([twice, other], ignore_index=True)}
    return replace(world, tables=tables)


def _leak(expression: Callable[[pd.DataFrame], object]) -> Callable[[World], World]:
    """Give training a feature made of the label, and serving one made of nothing."""

    def plant(world: World) -> World:
        rng = np.random.default_rng(9)
        world = replace(world, features={**world.features, "resolution": "numeric"})
        training = world.tables["training"]
        world = world.with_table("training", resolution=expression(training))
        values = world.tables["training"]["resolution"].to_numpy()
        for purpose in ("serving", "testing"):
            if purpose in world.tables:
                drawn = rng.choice(values, len(world.tables[purpose]))
                world = world.with_table(purpose, resolution=drawn)
        return world

    return plant


def _known_with_label(world: World) -> World:
    world = replace(world, features={**world.features, "resolution": "string"})
    rng = np.random.default_rng(9)
    known = set(world.tables["actuals"]["id"])
    codes = np.array(["a", "b", "c"])
    for purpose in ("serving", "training", "testing"):
        frame = world.tables[purpose]
        drawn = pd.Series(rng.choice(codes, len(frame)), dtype=object)
        if purpose == "serving":
            drawn[~frame["id"].isin(known)] = None
        world = world.with_table(purpose, resolution=drawn)
    return world


def _test_in_training(world: World) -> World:
    training, testing = world.tables["training"], world.tables["testing"]
    both = pd.concat([testing.iloc[200:], training.iloc[:200]], ignore_index=True)
    return replace(world, tables={**world.tables, "testing": both})


def _training_in_serving(world: World) -> World:
    serving, training = world.tables["serving"], world.tables["training"]
    taken = training.iloc[: len(serving) // 2].drop(columns="truth")
    stamped = taken.assign(ts=serving["ts"].iloc[: len(taken)].to_numpy())
    both = pd.concat([serving.iloc[len(taken) :], stamped], ignore_index=True)
    return replace(world, tables={**world.tables, "serving": both})


def _percent_of_classes(world: World) -> World:
    frame = world.tables["serving"]
    return world.with_table(
        "serving", shares=[[(k, v * 100) for k, v in row] for row in frame["shares"]]
    )


def _without_a_class(world: World) -> World:
    frame = world.tables["serving"]
    return world.with_table(
        "serving", shares=[[(k, v) for k, v in row if k != "bronze"] for row in frame["shares"]]
    )


def _shuffled(name: str) -> Callable[[World], World]:
    def plant(world: World) -> World:
        order = np.random.default_rng(4).permutation(len(world.tables["serving"]))
        return world.with_table(
            "serving", **{name: world.tables["serving"][name].to_numpy()[order]}
        )

    return plant


def _hex_ids(world: World) -> World:
    """Give predictions ids as UUIDs are."""
    import hashlib

    def turn(value: str) -> str:
        text = hashlib.md5(value.encode()).hexdigest()
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    for purpose in ("serving", "actuals"):
        world = world.with_table(purpose, id=world.tables[purpose]["id"].map(turn))
    return world


def _numbered(world: World) -> World:
    """Give predictions ids of digits, with zeros in front."""
    for purpose in ("serving", "actuals"):
        digits = world.tables[purpose]["id"].str[2:8]
        world = world.with_table(purpose, id=digits.str.zfill(9))
    return world


def table(purpose: str, **columns: Callable[[pd.DataFrame], object]) -> Callable[[World], World]:
    """Plant in a table itself what no portable SQL would write."""

    def plant(world: World) -> World:
        frame = world.tables[purpose]
        return world.with_table(purpose, **{n: make(frame) for n, make in columns.items()})

    return plant


def _drawn(frame: pd.DataFrame, share: float) -> pd.Series:
    return pd.Series(np.random.default_rng(7).random(len(frame)) < share, index=frame.index)


def _some_capitals(world: World) -> World:
    ids = world.tables["actuals"]["id"]
    return world.with_table("actuals", id=ids.where(ids.index % 5 > 0, ids.str.upper()))


def _then(*steps: Callable[[World], World]) -> Callable[[World], World]:
    def plant(world: World) -> World:
        for step in steps:
            world = step(world)
        return world

    return plant


FAULTS = [
    # ids
    Fault("dimension joined twice", "ids", "multiplied-labels", _fan_out, fails=True),
    Fault(
        "log written twice",
        "ids",
        "multiplied-labels",
        _query("serving", "SELECT * FROM serving UNION ALL SELECT * FROM serving"),
        fails=True,
    ),
    Fault(
        "training written twice",
        "ids",
        "duplicate-id",
        _query("training", "SELECT * FROM training UNION ALL SELECT * FROM training"),
    ),
    Fault("no id in some rows", "ids", "null-id", column("serving", "id", some(10, "NULL", "id"))),
    Fault("two labels at once", "ids", "conflicting-actuals", _contradicting),
    # match
    Fault(
        "ids in capitals",
        "match",
        "unmatched-labels",
        column("actuals", "id", "upper(id)"),
        fails=True,
    ),
    Fault("some ids in capitals", "match", "unmatched-labels", _some_capitals),
    Fault(
        "log's ids in capitals",
        "match",
        "unmatched-labels",
        column("serving", "id", "upper(id)"),
        fails=True,
    ),
    Fault(
        "blanks around ids",
        "match",
        "unmatched-labels",
        column("actuals", "id", "concat(id, '  ')"),
        fails=True,
    ),
    Fault(
        "a prefix of ids",
        "match",
        "unmatched-labels",
        column("actuals", "id", "concat('order:', id)"),
        fails=True,
    ),
    Fault(
        "a prefix of the log's",
        "match",
        "unmatched-labels",
        column("serving", "id", "concat('eu-west-', id)"),
        fails=True,
    ),
    Fault(
        "zeros lost",
        "match",
        "unmatched-labels",
        _then(_numbered, column("actuals", "id", "ltrim('0', id)")),
        fails=True,
    ),
    Fault(
        "ids that were floats",
        "match",
        "unmatched-labels",
        _then(_numbered, column("actuals", "id", "concat(id, '.0')")),
        fails=True,
    ),
    Fault(
        "UUIDs without dashes",
        "match",
        "unmatched-labels",
        _then(_hex_ids, column("actuals", "id", "replace(id, '-', '')")),
        fails=True,
    ),
    Fault(
        "UUIDs in capitals",
        "match",
        "unmatched-labels",
        _then(_hex_ids, column("actuals", "id", "upper(id)")),
        fails=True,
    ),
    Fault(
        "another id",
        "match",
        "unmatched-labels",
        column("actuals", "id", "md5(id)"),
        fails=True,
        mended=False,
    ),
    Fault(
        "ids are numbers there",
        "match",
        "id-type-mismatch",
        _then(_numbered, column("actuals", "id", "CAST(id AS BIGINT)")),
        fails=True,
        mended=False,
    ),
    Fault(
        "a line's end behind ids",
        "match",
        "unmatched-labels",
        table("actuals", id=lambda f: f["id"] + "\n"),
        fails=True,
    ),
    Fault(
        "a version behind ids",
        "match",
        "unmatched-labels",
        table("actuals", id=lambda f: f["id"] + "-v1"),
        fails=True,
    ),
    # order
    Fault(
        "labels in New York's time",
        "order",
        "label-time-zone",
        column("actuals", "decided_at", "decided_at - INTERVAL 5 HOURS"),
    ),
    Fault(
        "labels in California's time",
        "order",
        "label-time-zone",
        column("actuals", "decided_at", "decided_at - INTERVAL 8 HOURS"),
    ),
    Fault(
        "predictions in Tokyo's time",
        "order",
        "label-time-zone",
        column("serving", "ts", "ts + INTERVAL 9 HOURS"),
    ),
    Fault(
        "labels of an earlier visit",
        "order",
        "early-actuals",
        column("actuals", "decided_at", some(5, "decided_at - INTERVAL 40 DAYS", "decided_at")),
        mended=False,
    ),
    # leak
    Fault(
        "the label as a number",
        "leak",
        "leaking-feature",
        _leak(lambda t: t["truth"].astype(float)),
    ),
    Fault(
        "a number by the label",
        "leak",
        "leaking-feature",
        _leak(lambda t: np.where(t["truth"], 5.0, 1.0) + np.random.default_rng(1).random(len(t))),
    ),
    Fault(
        "an amount made of the label",
        "leak",
        "leaking-feature",
        _leak(lambda t: t["truth"] * 0.01),
        prices,
    ),
    Fault("an amount is the label", "leak", "leaking-feature", _leak(lambda t: t["truth"]), prices),
    Fault("known with the label", "leak", "known-with-label", _known_with_label),
    # units
    Fault("cents", "units", "unit-ratio", column("serving", "amount", "amount * 100")),
    Fault("thousands", "units", "unit-ratio", column("serving", "income", "income / 1000")),
    Fault(
        "minor units and drift", "units", "unit-ratio", column("serving", "amount", "amount * 108")
    ),
    Fault(
        "metres for feet",
        "units",
        "unit-ratio",
        column("serving", "size", "size * 10.7639"),
        prices,
    ),
    Fault("millis", "units", "unit-ratio", column("serving", "age", "age * 1000")),
    Fault(
        "labels in cents", "units", "unit-ratio", column("actuals", "truth", "truth * 100"), prices
    ),
    Fault("a tenth", "units", "unit-ratio", column("serving", "amount", "amount / 10")),
    Fault(
        "Fahrenheit",
        "units",
        "unit-offset",
        column("serving", "temperature", "temperature * 1.8 + 32"),
    ),
    Fault(
        "Kelvin", "units", "unit-offset", column("serving", "temperature", "temperature + 273.15")
    ),
    Fault(
        "two columns for each other",
        "units",
        "swapped-columns",
        _query(
            "serving",
            "SELECT * EXCEPT (amount, income), income AS amount, amount AS income FROM serving",
        ),
    ),
    Fault(
        "two writers, one in cents",
        "units",
        "unit-ratio",
        table("serving", amount=lambda f: f["amount"].where(~_drawn(f, 0.3), f["amount"] * 100)),
    ),
    Fault(
        "age in days, of few rows",
        "units",
        "unit-ratio",
        table("serving", age=lambda f: f["age"] * 365),
        partial(shop, 3, serving=150),
    ),
    # types
    Fault(
        "texts for numbers",
        "types",
        "type-differs",
        _then(column("training", "zip", "CAST(zip AS INT)")),
    ),
    Fault(
        "numbers for texts",
        "types",
        "type-differs",
        column("serving", "zip", "CAST(zip AS BIGINT)"),
    ),
    # categories
    Fault(
        "capitals", "categories", "category-spelling", column("serving", "owner", "upper(owner)")
    ),
    Fault(
        "some capitals",
        "categories",
        "category-spelling",
        column("serving", "channel", some(5, "upper(channel)", "channel")),
    ),
    Fault(
        "blanks behind",
        "categories",
        "category-spelling",
        column("serving", "channel", some(30, "concat(channel, ' ')", "channel")),
    ),
    Fault(
        "zeros lost in codes",
        "categories",
        "category-spelling",
        column("serving", "zip", "ltrim('0', zip)"),
    ),
    Fault(
        "codes that were floats",
        "categories",
        "category-spelling",
        column("serving", "zip", "concat(zip, '.0')"),
    ),
    Fault(
        "never seen",
        "categories",
        "unseen-categories",
        column("serving", "owner", some(35, "'Zoe'", "owner")),
    ),
    Fault(
        "another vocabulary",
        "categories",
        "unseen-categories",
        column("serving", "channel", "md5(channel)"),
    ),
    Fault(
        "letters with their accents apart",
        "categories",
        "category-spelling",
        table("serving", owner=lambda f: f["owner"].str.normalize("NFD")),
    ),
    # nulls
    Fault(
        "-999", "nulls", "sentinel-value", column("serving", "income", some(12, "-999.0", "income"))
    ),
    Fault(
        "-1 for unknown", "nulls", "sentinel-value", column("serving", "age", some(4, "-1", "age"))
    ),
    Fault(
        "0 for unknown",
        "nulls",
        "sentinel-value",
        column("serving", "amount", some(8, "0.0", "amount")),
    ),
    Fault(
        "9999",
        "nulls",
        "sentinel-value",
        column("serving", "temperature", some(6, "9999.0", "temperature")),
    ),
    Fault(
        "the mean for unknown",
        "nulls",
        "sentinel-value",
        column("serving", "income", some(15, "30123.0", "income")),
    ),
    Fault(
        "empty texts",
        "nulls",
        "sentinel-value",
        column("serving", "owner", some(10, "''", "owner")),
    ),
    Fault(
        "the word null",
        "nulls",
        "sentinel-value",
        column("serving", "channel", some(5, "'null'", "channel")),
    ),
    Fault(
        "NaN",
        "nulls",
        "nan-values",
        column("serving", "amount", some(5, "CAST('NaN' AS DOUBLE)", "amount")),
    ),
    Fault(
        "NULL", "nulls", "missing-values", column("serving", "income", some(20, "NULL", "income"))
    ),
    Fault("all NULL", "nulls", "missing-values", column("serving", "age", "CAST(NULL AS BIGINT)")),
    Fault(
        "a default", "nulls", "constant-feature", column("serving", "amount", "12.5"), mended=False
    ),
    Fault(
        "one category",
        "nulls",
        "constant-feature",
        column("serving", "owner", "'Ann'"),
        mended=False,
    ),
    # scores
    Fault(
        "percent",
        "scores",
        "probability-range",
        column("serving", "probability", "probability * 100"),
    ),
    Fault(
        "beyond one",
        "scores",
        "probability-range",
        column("serving", "probability", "probability * 1.3"),
    ),
    Fault("of another row", "scores", "decision-contradicted", _shuffled("probability")),
    Fault(
        "of the other class",
        "scores",
        "decision-contradicted",
        column("serving", "probability", "1 - probability"),
    ),
    Fault(
        "answers turned round",
        "scores",
        "swapped-classes",
        _then(
            column("serving", "will_buy", "NOT will_buy"),
            column("serving", "probability", "1 - probability"),
        ),
    ),
    Fault(
        "labels turned round", "scores", "swapped-classes", column("actuals", "truth", "NOT truth")
    ),
    Fault(
        "classes in another order",
        "scores",
        "swapped-classes",
        column(
            "serving",
            "tier",
            "CASE tier WHEN 'gold' THEN 'silver' WHEN 'silver' THEN 'gold' ELSE tier END",
        ),
        classes,
    ),
    Fault("shares in percent", "scores", "probability-range", _percent_of_classes, classes),
    Fault("a class left out", "scores", "probability-sum", _without_a_class, classes),
    Fault("class of another row", "scores", "decision-contradicted", _shuffled("tier"), classes),
    Fault(
        "training's labels turned round",
        "scores",
        "swapped-classes",
        table("training", truth=lambda f: ~f["truth"].astype(bool)),
    ),
    Fault(
        "log-odds",
        "scores",
        "probability-range",
        table(
            "serving",
            probability=lambda f: np.log(
                f["probability"].clip(1e-3, 0.999) / (1 - f["probability"].clip(1e-3, 0.999))
            ),
        ),
    ),
    Fault(
        "some decisions by nobody's threshold",
        "scores",
        "decision-contradicted",
        table("serving", will_buy=lambda f: f["will_buy"] ^ _drawn(f, 0.1)),
    ),
    # time
    Fault(
        "local time of the log",
        "time",
        "shifted-hours",
        column("serving", "ts", "ts - INTERVAL 6 HOURS"),
    ),
    Fault(
        "Berlin's time", "time", "shifted-hours", column("serving", "ts", "ts + INTERVAL 2 HOURS")
    ),
    Fault(
        "midnight",
        "time",
        "midnight-times",
        column("serving", "ts", "date_trunc('DAY', ts)"),
        mended=False,
    ),
    Fault(
        "years to come",
        "time",
        "timestamp-range",
        column("serving", "ts", some(1, "ts + INTERVAL 20 YEARS", "ts")),
    ),
    Fault(
        "1970",
        "time",
        "timestamp-range",
        column("serving", "ts", some(3, "TIMESTAMP '1970-01-01 00:00:00Z'", "ts")),
    ),
    Fault("no time", "time", "null-timestamp", column("serving", "ts", some(3, "NULL", "ts"))),
    Fault(
        "most at midnight",
        "time",
        "midnight-times",
        table("serving", ts=lambda f: f["ts"].where(~_drawn(f, 0.9), f["ts"].dt.floor("D"))),
        mended=False,
    ),
    # overlap
    Fault("test in training", "overlap", "test-in-training", _test_in_training, mended=False),
    Fault(
        "training in the log", "overlap", "training-in-serving", _training_in_serving, mended=False
    ),
]
