"""The public surface: light to import, intended, documented."""

import importlib
import inspect
import subprocess
import sys
from datetime import UTC, datetime

import pytest

import headwater

HEAVY = (
    "pydantic",
    "sqlglot",
    "boto3",
    "botocore",
    "pyarrow",
    "duckdb",
    "pyspark",
    "yaml",
    "pandas",
    "numpy",
)


def modules_after(code: str) -> set[str]:
    """Return the top-level modules that a fresh process has loaded after running some code."""
    told = f"{code}\nimport sys\nprint(' '.join(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}


def test_importing_headwater_loads_nothing_heavy():
    assert not modules_after("import headwater").intersection(HEAVY)


HELD = (
    "pandas",
    "pytz",
    "fastavro",
    "packaging",
    "pyarrow.compute",
    "pyarrow.dataset",
    "html",
    "urllib.request",
    "headwater_glue.plugin",
)
"""What is installed beside headwater, and no read of Parquet files into Arrow uses."""
STEPS = {
    """
import headwater as hw
""": {"pydantic", "sqlglot", "pyarrow", "duckdb", "numpy"},
    """
rule = hw.TimePartition(column="ts", keys={"dt": "yyyy-MM-dd"})
source = hw.FileDataSource(tables={"log": sys.argv[1]}, partitions={"log": rule})
""": {"sqlglot", "pyarrow", "duckdb", "numpy"},
    """
workspace = hw.Workspace(engine="embedded")
workspace.create_model("m")
version = workspace.create_model_version("m", "v", "regression", features={"f": "numeric"})
connection = version.connect_serving(source, "pid", "ts")
""": {"pyarrow", "duckdb", "numpy"},
    """
data = connection.read("2026-01-01", "2026-01-02")
""": {"duckdb"},
    """
assert next(iter(data)).num_rows > 1
assert data.stats.last > data.stats.first
""": set(),
}
"""What a program does, and what it has no use for until then, besides `HELD`."""


@pytest.mark.parametrize("rows", [2, 700_000], ids=["read by DuckDB", "copied by Arrow"])
def test_a_read_loads_what_it_uses_when_it_uses_it(tmp_path, rows):
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    first = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
    ids = np.arange(rows)
    times = pa.array(first + ids, pa.timestamp("us", tz="UTC"))
    day = tmp_path / "dt=2026-01-01"
    day.mkdir()
    log = pa.table({"pid": ids, "ts": times, "f": ids / 7})
    pq.write_table(log, day / "part-0.parquet", row_group_size=100_000)
    code = "import sys\n"
    for number, (step, unused) in enumerate(STEPS.items()):
        code += f"{step}print({number}, *({ {*unused, *HELD}!r} & {{*sys.modules}}))\n"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [str(number) for number in range(len(STEPS))]


@pytest.mark.parametrize(
    "package",
    [
        "headwater",
        "headwater_aws",
        "headwater_glue",
        "headwater_monitor",
        "headwater_openlineage",
        "headwater_s3",
    ],
)
def test_every_name_that_a_package_promises_is_there(package):
    module = importlib.import_module(package)
    assert module.__all__
    for name in module.__all__:
        assert getattr(module, name) is not None
        assert name in dir(module)


def test_a_name_that_is_not_there_says_so():
    with pytest.raises(AttributeError, match="no attribute 'Datasett'"):
        headwater.Datasett  # noqa: B018


@pytest.mark.parametrize("name", headwater.__all__)
def test_every_public_name_says_what_it_is_for(name):
    value = getattr(headwater, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert inspect.getdoc(value)
        for member, what in vars(value).items() if inspect.isclass(value) else ():
            if inspect.isfunction(what) and not member.startswith("_"):
                assert inspect.getdoc(what), f"{name}.{member} has no docstring"
