"""The locks: hashed, free of addresses, and of one mind with each other and the packages."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ("demo.txt", "dev.txt", "bench.txt", "judge.txt", "release.txt")
PLUGINS = ("aws", "glue", "monitor", "openlineage", "s3")
DISTRIBUTIONS = ("core", *(f"plugins/{name}" for name in PLUGINS))
OURS = {"headwater", *(f"headwater-{name}" for name in PLUGINS)}


def pins(lock: str) -> dict[str, set[str]]:
    """Each package's pinned versions: more than one where a marker chooses."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / "requirements" / lock).read_text().splitlines():
        if pin := re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*])?==([^ ;\\]+)", line):
            found.setdefault(canonicalize_name(pin[1]), set()).add(pin[2])
    assert len(found) > 10, f"{lock} holds almost nothing: is it a compiled lock?"
    return found


def requirements(distribution: str, extras: tuple[str, ...]) -> list[Requirement]:
    project = tomllib.loads((ROOT / distribution / "pyproject.toml").read_text())["project"]
    optional = project.get("optional-dependencies", {})
    lines = project["dependencies"] + [line for extra in extras for line in optional[extra]]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text()
    assert "://" not in text
    assert not re.search(
        r"^\s*(--?(index|extra-index|find-links|trusted)|-[if] )", text, re.MULTILINE
    )


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert [line for line in lines if "--hash=sha256:" not in line] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_our_own_packages_are_not_locked(lock: str) -> None:
    assert OURS.isdisjoint(pins(lock))


@pytest.mark.parametrize("lock", ["demo.txt", "bench.txt", "release.txt"])
def test_locks_agree_with_dev(lock: str) -> None:
    dev = pins("dev.txt")
    other = pins(lock)
    differing = {name: (other[name], dev[name]) for name in other.keys() & dev.keys()}
    assert {name: pair for name, pair in differing.items() if pair[0] != pair[1]} == {}


def test_dev_holds_all_that_demo_holds() -> None:
    assert pins("demo.txt").keys() - pins("dev.txt").keys() == set()


@pytest.mark.parametrize(
    ("lock", "distribution", "extras"),
    [
        ("demo.txt", "core", ("embedded", "fast")),
        ("demo.txt", "plugins/aws", ("testing",)),
        ("demo.txt", "plugins/glue", ("demo",)),
        ("demo.txt", "plugins/monitor", ("plots",)),
        ("demo.txt", "plugins/s3", ()),
        ("dev.txt", "core", ("embedded", "evidently", "fast", "mlflow", "spark")),
    ],
)
def test_a_lock_satisfies_what_the_packages_declare(
    lock: str, distribution: str, extras: tuple[str, ...]
) -> None:
    locked = pins(lock)
    for requirement in requirements(distribution, extras):
        name = canonicalize_name(requirement.name)
        if name in OURS:
            continue
        assert name in locked, f"{distribution} needs {name}, which {lock} lacks: run make lock"
        for version in locked[name]:
            assert requirement.specifier.contains(version), f"{lock} has {name} {version}"


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_distribution_ships_the_license_and_its_types(distribution: str) -> None:
    [typed] = (ROOT / distribution / "src").glob("*/py.typed")
    assert typed.parent.name in {name.replace("-", "_") for name in OURS}
    license_text = (ROOT / distribution / "LICENSE").read_text()
    assert license_text == (ROOT / "LICENSE").read_text()
