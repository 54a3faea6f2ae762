"""What is tried in a fresh environment: each distribution, each extra alone, each page's own words.

A page that says `pip install ...` of ours is run in an environment that holds exactly that. What no
page installs has a smoke test here. Where an extra needs another one to be of use, that is
installed behind it, after it was seen to install and load alone.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from tests.docs import snippets
from tests.release.distributions import ROOT, Distribution

_MEMORY: Final = """
import pyarrow as pa
import headwater as hw

hours = [1767225600_000000 + i * 3600_000000 for i in range(48)]
log = pa.table({
    "id": [str(i) for i in range(48)],
    "at": pa.array(hours, pa.timestamp("us", "UTC")),
    "amount": [float(i) for i in range(48)],
    "yes": [i % 2 == 0 for i in range(48)],
    "did": [i % 3 == 0 for i in range(48)],
})
with hw.Workspace(engine=ENGINE) as workspace:
    workspace.create_model("m")
    version = workspace.create_model_version(
        "m", "v1", "binary", features={"amount": "numeric"}, predictions={"yes": "boolean"}
    )
    source = hw.MemoryDataSource(
        tables={"log": log}, query="SELECT id, at, amount + 1 AS amount, yes, did FROM log"
    )
    serving = version.connect_serving(source, "id", "at", labels={"yes": "did"})
    table = serving.read("2026-01-01", "2026-01-02").to_arrow()
assert table.num_rows == 24, table
assert table["amount"].to_pylist() == [i + 1.0 for i in range(24)], table
"""

_REFUSES: Final = """
from pathlib import Path
import headwater as hw

Path("rows.csv").write_text("id,at,amount,yes\\n1,2026-01-01 00:00:00,1.5,true\\n")
try:
    with hw.Workspace() as workspace:
        workspace.create_model("m")
        version = workspace.create_model_version(
            "m", "v1", "binary", features={"amount": "numeric"}, predictions={"yes": "boolean"}
        )
        source = hw.FileDataSource(tables={"rows": "rows.csv"}, format="csv")
        version.connect_serving(source, "id", "at").read("2026-01-01", "2026-01-02").to_arrow()
except hw.HeadwaterError as error:
    assert "pip install" in str(error) and "headwater[embedded]" in str(error), error
else:
    raise AssertionError("it read without an engine")
"""

_AVRO: Final = """
import fastavro

schema = {"type": "record", "name": "row", "fields": [{"name": "id", "type": "string"}]}
rows = [{"id": str(i)} for i in range(3)]
for codec in ("snappy", "zstandard"):
    with open("rows.avro", "wb") as file:
        fastavro.writer(file, schema, rows, codec=codec)
    with open("rows.avro", "rb") as file:
        assert list(fastavro.reader(file)) == rows
import headwater.engines.embedded.formats.avro
"""

_FAST: Final = """
from sqlglot import parse_one, tokenizer_core

assert not tokenizer_core.__file__.endswith(".py"), tokenizer_core
assert parse_one("SELECT a FROM t", dialect="spark").sql() == "SELECT a FROM t"
"""

_RANKING: Final = """
import duckdb
from headwater_monitor import query_ranking
"""

_DELTA: Final = """
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

write_deltalake("table", pa.table({"id": ["a", "b"]}))
assert DeltaTable("table").version() == 0
from headwater_aws.lakes import delta
"""

SMOKE: Final[Mapping[str, str]] = {
    "headwater": _REFUSES,
    "headwater[avro]": _AVRO,
    "headwater[embedded]": "ENGINE = 'embedded'" + _MEMORY,
    "headwater[evidently]": "import evidently, headwater.adapters.evidently",
    "headwater[fast]": _FAST,
    "headwater[mlflow]": "import headwater.adapters.mlflow, headwater.adapters.mlflow_dataset",
    "headwater[spark]": "ENGINE = 'spark'" + _MEMORY,
    "headwater-glue[delta]": _DELTA,
    "headwater-s3[delta]": _DELTA,
    "headwater-monitor[ranking]": _RANKING,
}
"""What is run in an environment that holds this and nothing else, where no page is."""

COMPANIONS: Final[Mapping[str, Sequence[str]]] = {
    "headwater[avro]": ("headwater[embedded]",),
    "headwater-glue[delta]": ("headwater[embedded]",),
    "headwater-s3[delta]": ("headwater[embedded]",),
}
"""What an extra's own words say that it is for; installed behind it, before its smoke test."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One fresh environment.

    Args:
        installs: What is given to pip.
        modules: Packages of ours that must load.
        page: The page that says to install this, and is run with it.
        smoke: Code that is run.
        companions: What is installed behind it, before page or code.
    """

    installs: tuple[str, ...]
    modules: tuple[str, ...]
    page: Path | None = None
    smoke: str = ""
    companions: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        told = " ".join(self.installs)
        return f"{told} ({self.page.relative_to(ROOT)})" if self.page else told

    @property
    def is_ours(self) -> bool:
        """Whether it installs ours alone, and no tool that a reader has beside it."""
        return all(_name(word).partition("-")[0] == "headwater" for word in self.installs)


def installed_by(text: str) -> list[tuple[str, ...]]:
    """Return what the console blocks of a page have pip install, by its words, if it is ours."""
    found = []
    for line in re.findall(r"^(?:\$ )?pip install (.*)$", text, re.MULTILINE):
        words = tuple(shlex.split(line.partition("  #")[0]))
        with_ours = [word for word in words if _name(word).partition("-")[0] == "headwater"]
        if with_ours and not any(word.startswith("-") for word in words):
            found.append(words)
    return found


def _name(word: str) -> str:
    try:
        return canonicalize_name(Requirement(word).name)
    except InvalidRequirement:
        return ""


def pages(root: Path = ROOT) -> list[Path]:
    """Return the pages whose snippets are run."""
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def trials(ours: Sequence[Distribution], pages: Sequence[Path]) -> list[Trial]:
    """Return all that is tried: pages, and each distribution with each extra alone."""
    modules = {one.name: one.module for one in ours}
    found = []
    for page in pages:
        if page.parent.name == "errors":
            continue
        said = installed_by(page.read_text(encoding="utf-8"))
        if said:
            loads = tuple(modules[_name(w)] for w in said[0] if _name(w) in modules)
            found.append(Trial(said[0], loads, page))
    for one in ours:
        for what in (one.name, *(f"{one.name}[{extra}]" for extra in one.extras)):
            if any(trial.installs == (what,) for trial in found):
                continue
            smoke, more = SMOKE.get(what, ""), tuple(COMPANIONS.get(what, ()))
            found.append(Trial((what,), (one.module,), None, smoke, more))
    return found


def asks_aws(trial: Trial) -> bool:
    """Whether its page asks an account."""
    return trial.page is not None and any(b.asks_aws for b in snippets.blocks(trial.page))
