"""What `make release-check` decides without building or installing anything."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from tests.release import archives, distributions, licenses, trials
from tests.release.archives import Archive
from tests.release.distributions import ROOT, Distribution
from tests.release.licenses import Package

OURS = distributions.distributions()


def project(folder: Path, name: str = "headwater-x", **changed: object) -> Distribution:
    """A distribution with which nothing is wrong, but for what is changed."""
    told: dict[str, object] = {
        "name": name,
        "version": "0.1.0",
        "license": "Apache-2.0",
        "readme": "README.md",
        "description": "x",
        "requires-python": ">=3.11",
        "classifiers": ["Typing :: Typed"],
        **changed,
    }
    package = folder / "src" / name.replace("-", "_")
    package.mkdir(parents=True, exist_ok=True)
    for file in ("__init__.py", "py.typed"):
        (package / file).touch()
    (folder / "README.md").write_text("# x\n")
    return Distribution(folder, told)


def test_ours_may_be_released_together():
    assert distributions.faults(OURS) == []


def test_each_stands_behind_what_it_stands_on():
    names = [one.name for one in OURS]
    assert names[0] == "headwater"
    assert names.index("headwater-aws") < names.index("headwater-glue")
    assert len(names) == len(list(ROOT.glob("plugins/*/pyproject.toml"))) + 1


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"version": "0.2.0"}, "released together, under one version"),
        ({"classifiers": []}, "'Typing :: Typed' is missing"),
        ({"license": "MIT"}, "license is not Apache-2.0"),
        ({"requires-python": ""}, "requires-python is missing"),
        ({"dependencies": ["headwater==0.2.*"]}, "and headwater is 0.1.0"),
        ({"dependencies": ["headwater"]}, "any version of headwater"),
        (
            {"optional-dependencies": {"a": ["headwater[nothing]==0.1.*"]}},
            "headwater has no extra 'nothing'",
        ),
    ],
)
def test_what_keeps_them_from_being_released_is_said(tmp_path, changed, fault):
    both = [project(tmp_path / "core", "headwater"), project(tmp_path / "x", **changed)]
    assert [fault in told for told in distributions.faults(both)] == [True]


def test_a_package_without_its_marker_of_types_is_found(tmp_path):
    one = project(tmp_path)
    (tmp_path / "src/headwater_x/py.typed").unlink()
    assert "py.typed is missing" in distributions.faults([one])[0]


def test_a_readme_whose_links_lead_nowhere_on_a_registry_is_found(tmp_path):
    one = project(tmp_path)
    (tmp_path / "README.md").write_text("[a](../a.md) [b](https://b.example) [c](#c)\n")
    assert distributions.faults([one]) == [
        "headwater-x: its README links to ../a.md, which a package registry does not have"
    ]


def test_two_that_need_each_other_are_not_ordered_forever(tmp_path):
    for name, other in (("core", "headwater-y"), ("plugins/y", "headwater")):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "pyproject.toml").write_text(
            f'[project]\nname = "{"headwater" if name == "core" else "headwater-y"}"\n'
            f'dependencies = ["{other}"]\n'
        )
    with pytest.raises(ValueError, match="need each other"):
        distributions.distributions(tmp_path)


INFO = "headwater_x-0.1.0.dist-info"
WHEEL = {
    *("headwater_x/__init__.py", "headwater_x/py.typed"),
    *(f"{INFO}/METADATA", f"{INFO}/licenses/LICENSE"),
}
SDIST = {f"src/headwater_x/{name}" for name in ("__init__.py", "py.typed")} | {
    *("pyproject.toml", "README.md", "LICENSE", "PKG-INFO"),
}


def built(wheel=WHEEL, sdist=SDIST, size: int = 1000) -> list[Archive]:
    return [
        Archive("headwater_x-0.1.0-py3-none-any.whl", frozenset(wheel), size),
        Archive("headwater_x-0.1.0.tar.gz", frozenset(sdist), 1000),
    ]


@pytest.mark.parametrize(
    ("archived", "faults"),
    [
        (built(), []),
        (built()[:1], ["headwater-x: headwater_x-0.1.0.tar.gz was not built"]),
        (
            built(WHEEL - {"headwater_x/py.typed"}),
            ["headwater_x-0.1.0-py3-none-any.whl lacks headwater_x/py.typed"],
        ),
        (
            built(WHEEL | {"tests/a.py"}),
            [
                "headwater_x-0.1.0-py3-none-any.whl holds tests/a.py, which is not its package's",
                "headwater_x-0.1.0-py3-none-any.whl holds tests/a.py, which nobody needs",
            ],
        ),
        (built(sdist=SDIST - {"LICENSE"}), ["headwater_x-0.1.0.tar.gz lacks LICENSE"]),
        (
            built(sdist=SDIST | {"src/.env"}),
            ["headwater_x-0.1.0.tar.gz holds src/.env: is that meant for everybody?"],
        ),
        (built(size=3_000_000), ["headwater_x-0.1.0-py3-none-any.whl has 3.0 MB, more than 2"]),
    ],
)
def test_what_an_archive_lacks_or_holds_too_much_is_said(tmp_path, archived, faults):
    assert archives.faults(project(tmp_path), archived) == faults


def test_both_kinds_of_archive_are_looked_into(tmp_path):
    with zipfile.ZipFile(tmp_path / "a-1.whl", "w") as wheel:
        wheel.writestr("a/__init__.py", "")
    with tarfile.open(tmp_path / "a-1.tar.gz", "w:gz") as source:
        member = tarfile.TarInfo("a-1/src/a/__init__.py")
        source.addfile(member, io.BytesIO())
    assert archives.opened(tmp_path / "a-1.whl").members == {"a/__init__.py"}
    assert archives.opened(tmp_path / "a-1.tar.gz").members == {"src/a/__init__.py"}


@pytest.mark.parametrize(
    ("told", "license"),
    [
        ({"expression": "MIT"}, "MIT"),
        ({"expression": "mit or apache-2.0"}, "MIT OR Apache-2.0"),
        ({"classifiers": ["License :: OSI Approved :: MIT License"]}, "MIT"),
        (
            {"classifiers": ["License :: OSI Approved :: Apache Software License"], "license": "x"},
            "Apache-2.0",
        ),
        (
            {"classifiers": ["License :: OSI Approved :: BSD License"], "license": "BSD-2-Clause"},
            "BSD-2-Clause",
        ),
        ({"license": "Apache License, Version 2.0"}, "Apache-2.0"),
        ({"license": "MIT License\n\nCopyright ..."}, "MIT"),
        ({"license": "ours alone"}, "ours alone"),
        ({}, ""),
    ],
)
def test_a_license_is_found_where_a_package_says_it(told, license):
    found = licenses.package({"name": "Some_Thing", "version": "1", "bytes": 1, **told})
    assert (found.name, found.license) == ("some-thing", license)


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("BSD-3-Clause AND (GPL-2.0-only OR MIT)", True),
        ("MIT OR GPL-2.0-only AND GPL-3.0-only", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-3.0-only WITH GCC-exception-3.1", False),
        ("", False),
        ("(MIT", False),
        ("MIT MIT", False),
        ("ours alone", False),
    ],
)
def test_each_part_of_and_must_be_allowed_and_one_of_or(expression, allowed):
    assert licenses.allows(expression) is allowed
    faults = licenses.faults([Package("a", "1", expression, 1)])
    assert (faults == []) is allowed


def test_every_distribution_and_every_extra_is_tried():
    tried = trials.trials(OURS, trials.pages())
    alone = {trial.installs[0] for trial in tried if len(trial.installs) == 1}
    wanted = {one.name for one in OURS}
    wanted |= {f"{one.name}[{extra}]" for one in OURS for extra in one.extras}
    assert wanted - alone == set()
    known = wanted | {what for more in trials.COMPANIONS.values() for what in more}
    assert (set(trials.SMOKE) | set(trials.COMPANIONS)) - known == set()


def test_the_first_page_is_run_with_one_name_installed():
    [first] = [t for t in trials.trials(OURS, trials.pages()) if t.page == ROOT / "README.md"]
    assert first.installs == ("headwater-glue[embedded]",)
    assert trials.asks_aws(first)


@pytest.mark.parametrize(
    ("line", "installs"),
    [
        ("pip install 'headwater-glue[embedded]' pytest", [("headwater-glue[embedded]", "pytest")]),
        ("$ pip install headwater  # all of it", [("headwater",)]),
        ("pip install -e '.[test]'", []),
        ("pip install './core[embedded]' ./plugins/aws", []),
        ("pip install evidently", []),
    ],
)
def test_what_a_page_says_to_install_is_read_off_it(line, installs):
    assert trials.installed_by(f"Then:\n\n{line}\nmake demo\n") == installs


def test_licenses_are_looked_at_where_ours_alone_are_installed():
    assert trials.Trial(("headwater-glue[embedded]", "headwater"), ()).is_ours
    assert not trials.Trial(("headwater[embedded]", "nannyml"), ()).is_ours
