import shutil
import sys
from importlib.metadata import entry_points, version
from pathlib import Path
from zipfile import ZipFile

import pytest
from core.tests.fake_distributions import Site

from headwater.interfaces import distributions

GROUP = "headwater.plugins"


def zipped(folder: Path, ending: str) -> str:
    """Return a zip of a distribution with a plugin, whose name ends so."""
    site = Site(folder / ending)
    site.folder.mkdir()
    site.install(f"in-{ending}", "", version="2.0")
    path = folder / f"packed.{ending}"
    with ZipFile(path, "w") as file:
        for member in site.folder.rglob("*"):
            file.write(member, member.relative_to(site.folder))
    return str(path)


def test_a_zip_is_looked_through_and_a_jar_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for ending in ("zip", "jar"):
        monkeypatch.syspath_prepend(zipped(tmp_path, ending))
    names = {d.name for d in distributions.naming(GROUP)}
    assert "in-zip" in names
    assert "in-jar" not in names
    assert distributions.version_of("in-zip") == "2.0"
    assert distributions.version_of("in-jar") is None


def test_the_first_distribution_of_a_name_hides_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [Site(tmp_path / name) for name in ("first", "second")]
    for place in reversed(places):
        place.folder.mkdir()
        monkeypatch.syspath_prepend(str(place.folder))
    first, second = places
    first.install("acme_lake", "", version="1.0", module="one")
    second.install("Acme.Lake", "", version="2.0", module="two")
    first.install("acme-bare", "", version="1.0", module="bare")
    (first.folder / "acme_bare-1.0.dist-info" / "entry_points.txt").unlink()
    second.install("acme-bare", "", version="2.0", module="hidden")
    found = {d.name: d.version for d in distributions.naming(GROUP) if "cme" in d.name}
    assert found == {"acme_lake": "1.0"}
    assert distributions.version_of("acme-bare") == "1.0"


def test_they_are_those_that_python_finds() -> None:
    named = {(p.dist.name, p.name) for p in entry_points(group=GROUP) if p.dist is not None}
    points = {(d.name, p.name) for d in distributions.naming(GROUP) for p in d.points}
    assert points == named
    assert distributions.version_of("pyarrow") == version("pyarrow")
    assert distributions.version_of("no-such-thing") is None


def test_they_are_read_again_once_something_was_installed_or_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found() -> dict[str, str]:
        return {d.name: d.version for d in distributions.naming(GROUP) if "acme" in d.name}

    place = Site(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert found() == {}
    place.install("acme", "", version="1.0")
    assert found() == {"acme": "1.0"}
    first = distributions.naming(GROUP)
    assert distributions.naming(GROUP) is first
    shutil.rmtree(tmp_path / "acme-1.0.dist-info")
    place.install("acme", "", version="2.0")
    assert found() == {"acme": "2.0"}
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != str(tmp_path)])
    assert found() == {}


def test_the_empty_place_is_the_folder_that_one_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        Site(tmp_path / name).install(f"acme-{name}", "")
    monkeypatch.syspath_prepend("")
    for name in ("one", "two"):
        monkeypatch.chdir(tmp_path / name)
        assert f"acme-{name}" in {d.name for d in distributions.naming(GROUP)}
