from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.cli.support import Program
from core.tests.config import acme

CONFIG = """
version: 1
models:
  m:
    versions:
      v:
        model_type: regression
        training:
          source: {type: files, tables: {people: data/people, towns: data/towns.parquet}, query: x}
"""


@pytest.fixture(autouse=True)
def tables(headwater: Program) -> None:
    table = pa.table({"id": [1], "name": ["a"], "tags": [["x"]]})
    for day in ("2026-01-01", "2026-01-02"):
        folder = Path("data/people") / f"dt={day}"
        folder.mkdir(parents=True)
        pq.write_table(table, folder / "part.parquet")
    pq.write_table(table, "data/towns.parquet")
    Path("headwater.yaml").write_text(CONFIG)


def test_databases_and_tables_are_listed(headwater: Program) -> None:
    assert headwater("discover").out == "files\n  people\n  towns\n"
    towns = {"id": "bigint", "name": "string", "tags": "array<string>"}
    databases = [{"name": "files", "tables": ["people", "towns"]}]
    assert headwater("discover", "training", "--json").json == {
        "databases": databases,
        "catalog": {"files": {"people": {**towns, "dt": "date"}, "towns": towns}},
    }
    by_name = headwater("discover", "training", "--names", "--json").json
    assert by_name == {"databases": databases, "catalog": {}}, "no table is looked at"


def test_one_database(headwater: Program) -> None:
    assert headwater("discover", "--database", "files").out == "files\n  people\n  towns\n"
    outcome = headwater("discover", "--database", "flies")
    assert outcome.code == 1
    assert "no database 'flies'" in outcome.err


def test_one_table(headwater: Program) -> None:
    folder = Path.cwd() / "data/people"
    expected = f"""\
files.people  (files, {folder})
  id    bigint
  name  string
  tags  array<string>
  dt    date           partition key
"""
    assert headwater("discover", "--table", "people").out == expected
    assert headwater("discover", "-t", "files.people").out == expected
    answer = headwater("discover", "-t", "people", "--json").json
    assert answer["columns"][3] == {"name": "dt", "type": "date", "comment": None}
    assert answer["partition_keys"] == ["dt"]


def test_a_table_that_is_not_there(headwater: Program) -> None:
    outcome = headwater("discover", "--table", "peple")
    assert outcome.code == 1
    assert "did you mean 'people'?" in outcome.err


def test_a_source_without_a_file(headwater: Program) -> None:
    outcome = headwater("discover", "--source", "files", "--set", "tables.t=data/towns.parquet")
    assert outcome.out == "files\n  t\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--region", "x"), "--region, --endpoint-url and --set go with --source"),
        (("training", "--source", "files"), "give a connection or --source, not both"),
        (("--source", "files", "--set", "tables"), "--set takes KEY=VALUE, got 'tables'"),
    ],
)
def test_used_wrongly(headwater: Program, arguments: tuple[str, ...], message: str) -> None:
    outcome = headwater("discover", *arguments)
    assert outcome.code == 2
    assert message in outcome.err


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            ("--source", "files", "--set", "tabels.t=x"),
            "error: source files: unknown key files.tabels\n  hint: did you mean 'tables'?\n",
        ),
        (
            ("--source", "flies"),
            "error: no source 'flies' is installed\n  hint: did you mean 'files'?\n",
        ),
        (
            ("servng",),
            "error: no connection 'servng'\n  hint: connections: m/v/training\n",
        ),
        (
            ("--config", "other.yaml"),
            (
                "error: there is no configuration file other.yaml\n"
                "  hint: `headwater init` writes one; --config names another\n"
            ),
        ),
    ],
)
def test_what_goes_wrong_is_told(
    headwater: Program, arguments: tuple[str, ...], error: str
) -> None:
    outcome = headwater("discover", *arguments)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == error


def test_no_file_here(headwater: Program) -> None:
    Path("headwater.yaml").unlink()
    assert headwater("discover").err == (
        f"error: there is no headwater.yaml in {Path.cwd()}\n"
        "  hint: `headwater init` writes one; --config names one that lies elsewhere\n"
    )


def test_a_toml_file_is_found_too(headwater: Program) -> None:
    Path("headwater.yaml").unlink()
    Path("headwater.toml").write_text(
        "version = 1\n[models.m.versions.v]\nmodel_type = 'regression'\n"
        "training.source = {type = 'files', tables = {towns = 'data/towns.parquet'}}\n"
    )
    assert headwater("discover").out == "files\n  towns\n"


def test_the_places_of_several_connections_each_once(headwater: Program) -> None:
    more = CONFIG + CONFIG.partition("model_type: regression")[2].replace("training", "testing")
    Path("headwater.yaml").write_text(more.replace("query: x", "query: y", 1))
    assert headwater("discover").out == "files\n  people\n  towns\n"
    assert headwater("discover", "testing").code == 0


def test_several_places_one_after_the_other(headwater: Program) -> None:
    other = "testing:\n          source: {type: files, tables: {cities: data/towns.parquet}}\n"
    Path("headwater.yaml").write_text(f"{CONFIG}        {other}")
    assert headwater("discover").out == (
        "m/v/training  (files)\n  files\n    people\n    towns\n"
        "m/v/testing  (files)\n  files\n    cities\n"
    )
    answer = headwater("discover", "--json").json["sources"]
    assert [(p["connections"], p["databases"][0]["tables"]) for p in answer] == [
        (["m/v/training"], ["people", "towns"]),
        (["m/v/testing"], ["cities"]),
    ]
    assert headwater("discover", "-t", "people").err == (
        "error: the file's connections look at 2 places: which one has the table?\n"
        "  hint: name one: m/v/training, m/v/testing\n"
    )


def test_a_source_that_lists_nothing_says_so(headwater: Program) -> None:
    headwater.modules = [acme]
    outcome = headwater("discover", "--source", "acme", "--set", "host=h")
    assert outcome.code == 1
    assert outcome.err == (
        "error: the source 'acme' does not list what it holds\n"
        "  hint: name the tables in its query, and use `headwater check`\n"
    )
