"""The public surface: light to import, intended, documented."""

import importlib
import inspect
import subprocess
import sys

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
)


def modules_after(code: str) -> set[str]:
    """Return the top-level modules that a fresh process has loaded after running some code."""
    told = f"{code}\nimport sys\nprint(' '.join(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}


def test_importing_headwater_loads_nothing_heavy():
    assert not modules_after("import headwater").intersection(HEAVY)


def test_asking_for_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom headwater.cli.main import main\nsys.argv = ['headwater', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass"
    )
    assert not modules_after(code).intersection(HEAVY)


@pytest.mark.parametrize(
    "package",
    ["headwater", "headwater_aws", "headwater_glue", "headwater_openlineage", "headwater_s3"],
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
