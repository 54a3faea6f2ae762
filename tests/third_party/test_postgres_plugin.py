"""A third party's plugin, from the wheel: installed, used, broken, upgraded, removed.

`examples/headwater-postgres` is no package of the workspace. It is built as its author would build
it, and installed into a folder beside this environment.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "headwater-postgres"
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin's wheel, built from a copy of its folder."""
    folder = tmp_path_factory.mktemp("build")
    source = folder / "headwater-postgres"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*build, str(source)], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture
def site(wheel: Path, tmp_path: Path) -> Path:
    """A folder with the plugin installed."""
    folder = tmp_path / "site"
    install(wheel, folder)
    return folder


def install(wheel: Path, folder: Path) -> None:
    # Bytecode is matched to its source by second and size: too coarse for what tests do to it.
    how = ["install", "--no-index", "--no-deps", "--no-compile", "--target", str(folder)]
    subprocess.run([*PIP, *how, str(wheel)], check=True)


def environment(site: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}


def headwater(site: Path, *arguments: str) -> Any:
    """Run the program with a folder of plugins, and return its JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "headwater", *arguments, "--json"],
        env=environment(site),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def plugins(site: Path) -> dict[str, Any]:
    """Return what `headwater plugins` says of each distribution."""
    said = headwater(site, "plugins")
    found = said["plugins"] if isinstance(said, dict) else said
    return {p["distribution"]: p for p in found}


def edit(site: Path, pattern: str, before: str, after: str) -> None:
    (path,) = site.glob(pattern)
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_its_own_tests_pass(site: Path) -> None:
    options = ["-q", "-p", "no:cacheprovider", "-c", "pyproject.toml"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "tests"],
        cwd=EXAMPLE,
        env=environment(site),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_found_with_what_it_provides(site: Path) -> None:
    found = plugins(site)["headwater-postgres"]
    assert (found["status"], found["version"]) == ("loaded", "0.1.0")
    assert found["provides"] == {"sources": ["postgres"], "auth": ["postgres-login"]}


def test_the_configuration_schema_knows_it(site: Path) -> None:
    schema = json.dumps(headwater(site, "config-schema"))
    assert '"postgres"' in schema
    assert '"postgres-login"' in schema


def another_api(site: Path) -> None:
    edit(site, "headwater_postgres/plugin.py", "HEADWATER_API = 1", "HEADWATER_API = 2")


def another_series(site: Path) -> None:
    edit(site, "headwater_postgres-*/METADATA", "==0.1.*", "==9.*")


def half_removed(site: Path) -> None:
    (site / "headwater_postgres" / "plugin.py").unlink()


def broken(site: Path) -> None:
    edit(site, "headwater_postgres/plugin.py", "HEADWATER_API = 1", "1 / 0")


def misspelled(site: Path) -> None:
    edit(site, "headwater_postgres/plugin.py", "def headwater_auth", "def headwater_auths")


@pytest.mark.parametrize(
    ("change", "status", "reason", "remedy"),
    [
        (
            another_api,
            "refused",
            "written for plugin API 2, and this headwater has API 1",
            "pip install --upgrade headwater",
        ),
        (
            another_series,
            "refused",
            "it needs headwater ==9.*, and headwater ",
            "pip install --upgrade headwater-postgres headwater",
        ),
        (half_removed, "broken", "headwater_postgres.plugin", "pip uninstall headwater-postgres"),
        (broken, "broken", "ZeroDivisionError", "pip uninstall headwater-postgres"),
        (misspelled, "refused", "'headwater_auths', which is no hook", "headwater_auth"),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_what_is_wrong_with_it_stays_its_own_affair(
    site: Path, change: Callable[[Path], None], status: str, reason: str, remedy: str
) -> None:
    change(site)
    found = plugins(site)
    said = found.pop("headwater-postgres")
    assert said["status"] == status
    assert reason in said["reason"]
    assert remedy in said["hint"]
    # Nothing but the plugin's own kinds is affected.
    assert {p["status"] for p in found.values()} == {"loaded"}
    code = "from headwater import PluginRegistry; PluginRegistry().source('postgres')"
    used = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(site),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "no source 'postgres' is installed" in used.stderr
    assert "headwater-postgres 0.1.0 is installed and " + status in used.stderr


def test_a_second_distribution_of_the_same_kind_is_told_apart(site: Path) -> None:
    shutil.copytree(site / "headwater_postgres", site / "rival")
    (known,) = site.glob("headwater_postgres-*.dist-info")
    shutil.copytree(known, site / "rival-1.0.dist-info")
    edit(site, "rival-1.0.dist-info/METADATA", "Name: headwater-postgres", "Name: rival")
    edit(site, "rival-1.0.dist-info/entry_points.txt", "postgres = headwater_postgres", "r = rival")
    found = plugins(site)
    for name, other in (("headwater-postgres", "rival"), ("rival", "headwater-postgres")):
        told = found[name]["problems"][0]
        assert told.startswith(f"the source 'postgres' is also provided by {other} ")
    assert [n for n, p in found.items() if p["problems"]] == ["headwater-postgres", "rival"]
    code = "from headwater import PluginRegistry as R; R().source('files'); R().source('postgres')"
    used = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(site),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "headwater-postgres" in used.stderr
    assert "rival" in used.stderr
    assert "pip uninstall" in used.stderr


def test_upgraded_and_removed(site: Path, wheel: Path) -> None:
    another_api(site)
    assert plugins(site)["headwater-postgres"]["status"] == "refused"
    shutil.rmtree(site)
    install(wheel, site)
    assert plugins(site)["headwater-postgres"]["status"] == "loaded"
    for path in site.glob("headwater_postgres*"):
        shutil.rmtree(path)
    assert "headwater-postgres" not in plugins(site)
