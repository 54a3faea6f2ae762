"""A model in production as it should be, made of numbers, so that faults can be planted in it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

import headwater as hw

FEATURES = {
    "amount": "numeric",
    "income": "numeric",
    "age": "numeric",
    "temperature": "numeric",
    "owner": "categorical",
    "zip": "categorical",
    "channel": "string",
    "member": "boolean",
}
PREDICTIONS = {"will_buy": "boolean", "probability": "numeric"}
OWNERS = ["Ann", "Bob", "Chloë", "Dan", "Eve"]
CHANNELS = ["web", "shop", "phone", "partner"]


@dataclass(frozen=True)
class World:
    """The tables of a version, the query of each connection, and how they are mapped.

    Args:
        tables: By purpose; each connection's table has the name of its purpose.
        queries: By purpose; default: all of the table.
        features: The schema's.
        predictions: Likewise.
        model_type: Likewise.
        label: The prediction whose actual is known.
        dated: Whether the actuals have a time.
        extra: Tables beside those of the connections, for all sources.
    """

    tables: dict[str, pd.DataFrame]
    queries: dict[str, str] = field(default_factory=dict)
    features: dict[str, Any] = field(default_factory=lambda: dict(FEATURES))
    predictions: dict[str, Any] = field(default_factory=lambda: dict(PREDICTIONS))
    model_type: str = "binary"
    label: str = "will_buy"
    dated: bool = True
    extra: dict[str, pd.DataFrame] = field(default_factory=dict)
    casts: dict[str, Any] = field(default_factory=dict)

    def query(self, purpose: str) -> str:
        return self.queries.get(purpose, f"SELECT * FROM {purpose}")

    def with_query(self, purpose: str, text: str) -> World:
        return replace(self, queries={**self.queries, purpose: text})

    def with_column(self, purpose: str, column: str, expression: str) -> World:
        """Return the world with a column of a query given by another expression."""
        return self.with_query(
            purpose,
            f"SELECT * EXCEPT ({column}), {expression} AS {column} FROM ({self.query(purpose)}) w",
        )

    def with_table(self, purpose: str, **columns: Any) -> World:
        frame = self.tables[purpose].assign(**columns)
        return replace(self, tables={**self.tables, purpose: frame})

    def source(self, purpose: str) -> hw.MemoryDataSource:
        frames = {purpose: self.tables[purpose], **self.extra}
        tables = {name: arrow(frame, self.casts) for name, frame in frames.items()}
        return hw.MemoryDataSource(tables=tables, query=self.query(purpose))

    def version(self, engine: Any = "embedded") -> hw.ModelVersion:
        workspace = hw.Workspace(engine="embedded" if engine == "embedded" else "spark")
        if engine != "embedded":
            workspace.use_engine(engine)
        workspace.create_model("shop")
        version = workspace.create_model_version(
            "shop", "v1", self.model_type, features=self.features, predictions=self.predictions
        )
        labels = {self.label: "truth"}
        if "serving" in self.tables:
            own = labels if "truth" in self.tables["serving"] else None
            timed = "decided_at" if own and "decided_at" in self.tables["serving"] else None
            version.connect_serving(
                self.source("serving"), "id", "ts", labels=own, label_timestamp_column=timed
            )
        for purpose in ("training", "testing"):
            if purpose in self.tables:
                frame = self.tables[purpose]
                getattr(version, f"connect_{purpose}")(
                    self.source(purpose),
                    "id" if "id" in frame else None,
                    "ts" if "ts" in frame else None,
                    labels=labels if "truth" in frame else None,
                )
        if "actuals" in self.tables:
            version.connect_actuals(
                self.source("actuals"),
                "id",
                labels,
                "decided_at" if self.dated else None,
            )
        return version

    def check(self, *window: str, engine: Any = "embedded") -> Any:
        return self.version(engine).check(*window)


def arrow(frame: pd.DataFrame, casts: dict[str, Any]) -> pa.Table:
    """Return a frame as Arrow, its times in UTC, NaN of numbers kept apart from NULL."""
    arrays = {}
    for name in frame.columns:
        column = frame[name]
        if name in casts:
            arrays[name] = pa.array(list(column), casts[name])
        elif str(column.dtype).startswith("datetime"):
            arrays[name] = pa.array(
                column.dt.tz_localize("UTC") if column.dt.tz is None else column,
                pa.timestamp("us", "UTC"),
                safe=False,
            )
        elif column.dtype == float:
            arrays[name] = pa.array(column.to_numpy(), from_pandas=False)
        else:
            arrays[name] = pa.array(list(column), from_pandas=True)
    return pa.table(arrays)


def rows(rng: np.random.Generator, count: int, first: str, days: int, start: int) -> pd.DataFrame:
    """Return rows of a shop whose customers come by day more than by night."""
    hours = rng.choice(24, count, p=_DAY)
    seconds = rng.integers(0, days, count) * 86400 + hours * 3600 + rng.integers(0, 3600, count)
    amount = np.round(rng.lognormal(3.5, 1.0, count), 2)
    income = np.round(20000 + rng.pareto(2.5, count) * 15000, 0)
    age = rng.integers(18, 90, count)
    temperature = np.round(rng.normal(14, 8, count), 1)
    owner = rng.choice(OWNERS, count, p=[0.4, 0.25, 0.2, 0.1, 0.05])
    member = rng.random(count) < 0.3
    logit = 0.9 * np.log(amount / 33) - 0.03 * (age - 50) + 1.2 * member - 0.5
    probability = 1 / (1 + np.exp(-logit))
    return pd.DataFrame(
        {
            "id": [f"c{start + i:07d}x" for i in range(count)],
            "ts": pd.Timestamp(first) + pd.to_timedelta(seconds, "s"),
            "amount": amount,
            "income": income,
            "age": age,
            "temperature": temperature,
            "owner": owner,
            "zip": rng.choice([f"{z:05d}" for z in range(1000, 1060)], count),
            "channel": rng.choice(CHANNELS, count),
            "member": member,
            "will_buy": probability >= 0.5,
            "probability": np.round(probability, 4),
            "truth": rng.random(count) < probability,
        }
    )


_DAY = np.array(
    [1, 1, 1, 1, 1, 2, 4, 8, 12, 14, 14, 13, 12, 13, 13, 12, 10, 9, 8, 6, 4, 3, 2, 1], float
)
_DAY /= _DAY.sum()


def shop(seed: int = 1, serving: int = 3000, training: int = 3000, testing: int = 800) -> World:
    """Return a version without a fault: 60 % of its predictions have a label by now."""
    rng = np.random.default_rng(seed)
    log = rows(rng, serving, "2026-03-01", 60, 0)
    delay = pd.to_timedelta(rng.exponential(3 * 86400, serving) + 60, "s")
    known = rng.random(serving) < 0.6
    actuals = pd.DataFrame(
        {"id": log["id"], "truth": log["truth"], "decided_at": (log["ts"] + delay).dt.floor("s")}
    )[known].reset_index(drop=True)
    return World(
        {
            "serving": log.drop(columns="truth"),
            "training": rows(rng, training, "2025-09-01", 120, 10_000_000),
            "testing": rows(rng, testing, "2026-01-01", 50, 20_000_000),
            "actuals": actuals,
        }
    )


def classes(seed: int = 2, count: int = 2500) -> World:
    """Return a version with three classes, its answer a word and the share of each."""
    rng = np.random.default_rng(seed)
    names = np.array(["bronze", "silver", "gold"])

    def some(number: int, first: str, start: int) -> pd.DataFrame:
        points = rng.normal(0, 1, (number, 2))
        scores = np.stack([-points[:, 0], points[:, 1], points[:, 0]], 1) + 0.3
        shares = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        true = np.array([rng.choice(3, p=p) for p in shares**2 / (shares**2).sum(1, keepdims=True)])
        seconds = rng.integers(0, 40 * 86400, number)
        return pd.DataFrame(
            {
                "id": [f"r{start + i}" for i in range(number)],
                "ts": pd.Timestamp(first) + pd.to_timedelta(seconds, "s"),
                "points": points[:, 0] * 10 + 100,
                "visits": points[:, 1] * 3 + 20,
                "tier": names[shares.argmax(1)],
                "shares": [
                    [(n, float(s)) for n, s in zip(names, row, strict=True)] for row in shares
                ],
                "truth": names[true],
            }
        )

    log = some(count, "2026-03-01", 0)
    actuals = pd.DataFrame(
        {
            "id": log["id"],
            "truth": log["truth"],
            "decided_at": log["ts"] + pd.to_timedelta(rng.exponential(2 * 86400, count), "s"),
        }
    )
    return World(
        {
            "serving": log.drop(columns="truth"),
            "training": some(count, "2025-10-01", 10**6),
            "actuals": actuals,
        },
        features={"points": "numeric", "visits": "numeric"},
        predictions={"tier": "categorical", "shares": "dict"},
        model_type="multiclass",
        label="tier",
        casts={"shares": pa.map_(pa.string(), pa.float64())},
    )


def prices(seed: int = 3, count: int = 2500) -> World:
    """Return a version that answers an amount."""
    rng = np.random.default_rng(seed)

    def some(number: int, first: str, start: int) -> pd.DataFrame:
        size = rng.lognormal(4.3, 0.5, number)
        rooms = rng.integers(1, 9, number)
        price = size * 3000 * rng.lognormal(0, 0.3, number) + rooms * 5000
        seconds = rng.integers(0, 40 * 86400, number)
        return pd.DataFrame(
            {
                "id": np.arange(start, start + number),
                "ts": pd.Timestamp(first) + pd.to_timedelta(seconds, "s"),
                "size": size,
                "rooms": rooms.astype(float),
                "year": rng.integers(1900, 2024, number).astype(float),
                "price": size * 3100 + rooms * 4000,
                "truth": price,
            }
        )

    log = some(count, "2026-03-01", 0)
    actuals = pd.DataFrame(
        {
            "id": log["id"],
            "truth": log["truth"],
            "decided_at": log["ts"] + pd.to_timedelta(rng.exponential(9 * 86400, count) + 30, "s"),
        }
    )[: count // 2]
    return World(
        {
            "serving": log.drop(columns="truth"),
            "training": some(count, "2025-10-01", 10**6),
            "actuals": actuals,
        },
        features={"size": "numeric", "rooms": "numeric", "year": "numeric"},
        predictions={"price": "numeric"},
        model_type="regression",
        label="price",
    )
