"""`make release-check`: could all distributions be released as they are? Exits 1 if not.

Builds wheels and source distributions, looks into them, has twine check them, and installs them
from their folder, with what they need from the package index, into fresh environments: each
distribution, each extra alone, and each page of the documentation that says what to install. Prints
the licenses of all that came with them, and sizes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.docs import snippets
from tests.release import archives, distributions, licenses
from tests.release.distributions import ROOT, Distribution
from tests.release.licenses import Package
from tests.release.trials import Trial, asks_aws, pages, trials

HERE: Final = Path(__file__).parent
TIMEOUT: Final = 900
"""Seconds for one command: an index that is slow, or a smoke test that hangs."""


class FailedError(Exception):
    """A command failed; its message says which, and how."""


def run(
    command: Sequence[object], *, cwd: Path, env: Mapping[str, str] | None = None, what: str
) -> str:
    """Run a command, and return what it wrote to stdout."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=TIMEOUT
        )
    except subprocess.TimeoutExpired:
        raise FailedError(f"{what}: not done after {TIMEOUT} s") from None
    if done.returncode != 0:
        told = "\n".join((done.stdout + done.stderr).strip().splitlines()[-40:])
        raise FailedError(f"{what}: exit {done.returncode}\n{told}")
    return done.stdout


def say(text: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def build(one: Distribution, python: Path, dist: Path) -> list[archives.Archive]:
    """Build both archives, the wheel out of the source distribution, which so proves complete."""
    out = dist / one.name
    command = [python, "-m", "build", "--no-isolation", "--outdir", out, one.folder]
    run(command, cwd=dist, what=f"building {one.name}")
    found = []
    for path in sorted(out.iterdir()):
        found.append(archives.opened(path))
        shutil.move(path, dist / path.name)
    out.rmdir()
    return found


def outside() -> dict[str, str]:
    """This process's variables, without what would lead a fresh environment elsewhere."""
    foreign = ("PYTHON", "VIRTUAL_ENV", "AWS_", "HEADWATER_", "PYTEST_", "SPARK_", "COV_")
    return {k: v for k, v in os.environ.items() if not k.startswith(foreign)}


class Environment:
    """A fresh environment, in a folder of its own.

    Args:
        folder: Where.
        wheels: Our wheels, by name.
        dist: Their folder.
        tools: The Python whose pip installs.
    """

    def __init__(self, folder: Path, wheels: Mapping[str, Path], dist: Path, tools: Path) -> None:
        self.folder = folder
        self.desk = folder / "desk"
        self.desk.mkdir(parents=True)
        self.bin = folder / "venv" / "bin"
        self.python = self.bin / "python"
        self._dist = dist
        self._wheels = wheels
        self._ours = folder / "ours.txt"
        versions = {name: path.name.split("-")[1] for name, path in wheels.items()}
        self._ours.write_text("".join(f"{n}=={version}\n" for n, version in versions.items()))
        venv = [tools, "-m", "venv", "--without-pip", folder / "venv"]
        run(venv, cwd=folder, what="a fresh environment")
        self._pip = [tools, "-m", "pip", "--python", self.python, "--disable-pip-version-check"]

    def install(self, requirements: Sequence[str]) -> None:
        """Have pip install this, ours from the folder and the rest from the index."""
        command = [
            *self._pip,
            "install",
            "--quiet",
            "--no-input",
            "--no-compile",
            "--find-links",
            self._dist,
        ]
        command += ["--constraint", self._ours, *requirements]
        what = f"pip install {' '.join(requirements)}"
        run(command, cwd=self.desk, env=outside(), what=what)
        run([*self._pip, "check"], cwd=self.desk, env=outside(), what=f"pip check after {what}")
        foreign = [n for n, wheel in self._wheels.items() if not self._holds_none_but(wheel)]
        if foreign:
            told = " and ".join(foreign)
            raise FailedError(f"{what}: {told} came from elsewhere than {self._dist}")

    def _holds_none_but(self, wheel: Path) -> bool:
        """Whether this distribution is not here, or is the one of this wheel, file by file."""
        [site] = (self.folder / "venv").glob("lib/python*/site-packages")
        info = f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"
        record = site / info / "RECORD"
        if not record.is_file():
            return not list(site.glob(f"{wheel.name.split('-')[0]}-*.dist-info"))
        with zipfile.ZipFile(wheel) as built:
            lines = built.read(f"{info}/RECORD").decode().splitlines()
        here = set(record.read_text(encoding="utf-8").splitlines())
        return {line for line in lines if not line.startswith(info)} <= here

    def call(self, words: Sequence[object], what: str, more: Mapping[str, str] = {}) -> str:
        """Run a command with this environment's programs first."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        env = {**outside(), "PATH": f"{self.bin}{os.pathsep}{os.environ.get('PATH', '')}"}
        env |= {"HOME": str(home), **more}
        return run(words, cwd=self.desk, env=env, what=what)

    def packages(self) -> list[Package]:
        """Return what is in it."""
        told = json.loads(self.call([self.python, "-I", HERE / "inventory.py"], "inventory"))
        return [licenses.package(one) for one in told]


def tried(trial: Trial, environment: Environment, account: Mapping[str, str]) -> list[Package]:
    """Install, load, list the plugins, run page and smoke test; return what was installed."""
    environment.install(trial.installs)
    packages = environment.packages()
    every_name = (
        "import importlib, sys\n"
        "for module in sys.argv[1:]:\n"
        "    loaded = importlib.import_module(module)\n"
        "    for name in getattr(loaded, '__all__', ()):\n"
        "        getattr(loaded, name)\n"
    )
    environment.call([environment.python, "-I", "-c", every_name, *trial.modules], "import")
    environment.call([environment.bin / "headwater", "--version"], "headwater --version")
    listed = environment.call([environment.bin / "headwater", "plugins"], "headwater plugins")
    states = {line.split()[0] for line in listed.splitlines() if not line.startswith(" ")}
    if states != {"loaded"}:
        raise FailedError(f"headwater plugins says:\n{listed}")
    if trial.companions:
        environment.install(trial.companions)
    if trial.smoke:
        environment.call([environment.python, "-I", "-c", trial.smoke], "its smoke test")
    if trial.page is not None:
        command = [environment.python, "-P", snippets.__file__, trial.page]
        environment.call(command, str(trial.page.relative_to(ROOT)), account)
    return packages


@contextmanager
def seeded_account(folder: Path) -> Iterator[dict[str, str]]:
    """The account that the pages speak of, emulated in this process; its variables."""
    from tests.end_to_end.conftest import ACCOUNT, REGION, SUBJECT, decide, seed

    from headwater_aws.testing import Emulator

    with Emulator() as aws:
        seed(aws)
        decide(aws)
        token = folder / "token"
        token.write_text(aws.issuer.token(sub=SUBJECT, aud="sts.amazonaws.com"))
        role = aws.create_oidc_role(account_id=ACCOUNT, name="monitoring", subject=SUBJECT)
        yield {
            "AWS_REGION": REGION,
            "AWS_ROLE_ARN": role,
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
            "AWS_ENDPOINT_URL": aws.endpoint_url,
        }


def check(tools: Path, dist: Path, only: str) -> list[str]:
    """Do it all; return what was wrong."""
    ours = distributions.distributions()
    wrong = distributions.faults(ours)
    say(f"release-check: {len(ours)} distributions, version {ours[0].version}")
    wheels: dict[str, Path] = {}
    for one in ours:
        built = build(one, tools, dist)
        wrong += archives.faults(one, built)
        for archive in built:
            say(f"  {archive.size / 1e3:8.0f} kB  {archive.name}, {len(archive.members)} files")
            if archive.is_wheel:
                wheels[one.name] = dist / archive.name
    try:
        run([tools, "-m", "twine", "check", "--strict", *dist.iterdir()], cwd=dist, what="twine")
    except FailedError as error:
        wrong.append(str(error))
    seen: dict[str, Package] = {}
    with tempfile.TemporaryDirectory(prefix="headwater-release-") as place:
        for number, trial in enumerate(trials(ours, pages())):
            if only not in trial.name:
                continue
            started = time.monotonic()
            folder = Path(place) / str(number)
            folder.mkdir()
            try:
                environment = Environment(folder, wheels, dist, tools)
                if asks_aws(trial):
                    with seeded_account(folder) as account:
                        packages = tried(trial, environment, account)
                else:
                    packages = tried(trial, environment, {})
            except FailedError as error:
                wrong.append(f"{trial.name}: {error}")
                say(f"  FAILED  {trial.name}: {str(error).partition(chr(10))[0]}")
            else:
                size = sum(one.bytes for one in packages) / 1e6
                took = time.monotonic() - started
                say(f"  ok  {trial.name}: {len(packages)} packages, {size:.0f} MB; {took:.0f} s")
                if trial.is_ours:  # what a reader's own tools bring is for them to judge
                    seen |= {one.name: one for one in packages}
            shutil.rmtree(folder, ignore_errors=True)
    say("licenses of what is installed with them:")
    for package in sorted(seen.values(), key=lambda package: (package.license, package.name)):
        say(f"  {package.license or '?':<36} {package.name} {package.version}")
    return wrong + licenses.faults(list(seen.values()))


def main() -> int:
    """Check, and say how it ended."""
    parser = argparse.ArgumentParser(prog="make release-check", description=__doc__)
    parser.add_argument(
        "--tools", type=Path, required=True, help="the Python that has build and twine"
    )
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="where archives are built")
    parser.add_argument("--only", default="", metavar="WORD", help="environments of this name")
    given = parser.parse_args()
    shutil.rmtree(given.dist, ignore_errors=True)
    given.dist.mkdir(parents=True)
    wrong = check(given.tools.absolute(), given.dist.absolute(), given.only)
    for fault in wrong:
        say(f"release-check: {fault}")
    say("release-check: " + (f"{len(wrong)} faults" if wrong else f"{given.dist} may be released"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
