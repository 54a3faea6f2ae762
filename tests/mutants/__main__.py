"""`make mutants`: does a test notice each change of `mutants.txt`? Exits 1 where one does not.

Each worker has a copy of the tree. A mutation is written into the copy, its nearest tests run in a
process of their own, and the file is put back. What is tried first are the tests on the tree as it
is: a test that fails there would notice everything.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from tests.mutants.listing import ROOT, Mutant, WrongListError, mutants

TIMEOUT: Final = 180
"""Seconds for the nearest tests of one mutation; one that makes them hang is noticed."""
_COPIED: Final = ("core", "plugins", "tests", "docs", "examples", "conftest.py", "pyproject.toml")
_SOURCES: Final = "*/src"
_NOTICED: Final = frozenset({1, 2})
"""Pytest's exit codes for tests that failed, and for modules that can't be imported any more."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the tests ended.

    Args:
        noticed: Whether one of them failed.
        broken: Why that says nothing, or None.
        seconds: How long it took.
    """

    noticed: bool
    broken: str | None
    seconds: float


class Tree:
    """A copy of the tree, in which one file at a time is another.

    Args:
        root: Where it is.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in _COPIED:
            if (ROOT / name).is_dir():
                ignored = shutil.ignore_patterns("__pycache__", ".*")
                shutil.copytree(ROOT / name, root / name, ignore=ignored)
            elif (ROOT / name).exists():
                shutil.copy2(ROOT / name, root / name)
        packages = (root / "core" / "src", *sorted((root / "plugins").glob(_SOURCES)))
        self._environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, packages)),
            "PYTHONPYCACHEPREFIX": str(root / "pycache"),
            "HOME": str(root),
        }
        self._clock = int(time.time())
        found = self._run("-c", "import headwater; print(headwater.__file__)").stdout.strip()
        if root.resolve() not in Path(found).resolve().parents:
            raise WrongListError(f"the copy's tests would import {found}")

    def tried(self, tests: Sequence[str], mutant: Mutant | None = None) -> Verdict:
        """Return how tests end, with a change or on the tree as it is."""
        if mutant is None:
            return self._tested(tests)
        path = self.root / mutant.path
        before = path.read_text(encoding="utf-8")
        try:
            self._write(path, mutant.applied(self.root))
            return self._tested(tests)
        finally:
            self._write(path, before)

    def _write(self, path: Path, text: str) -> None:
        """Write a file with a time of its own: compiled files are told apart by it."""
        path.write_text(text, encoding="utf-8")
        self._clock += 1
        os.utime(path, (self._clock, self._clock))

    def _tested(self, tests: Sequence[str]) -> Verdict:
        start = time.monotonic()
        options = ("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=no")
        try:
            done = self._run(*options, "-m", "not slow and not spark", *tests)
        except subprocess.TimeoutExpired:
            return Verdict(True, None, time.monotonic() - start)
        took = time.monotonic() - start
        if done.returncode not in {0, *_NOTICED}:
            end = (done.stdout + done.stderr).strip().splitlines()[-3:]
            return Verdict(False, f"pytest ended with {done.returncode}: {' '.join(end)}", took)
        return Verdict(done.returncode in _NOTICED, None, took)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )


def main() -> int:
    """Try the mutations; return 0 if a test noticed each."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="mutations that are tried at once")
    parser.add_argument("--only", default="", help="a part of the path of the mutated files")
    given = parser.parse_args()
    chosen = [m for m in mutants() if given.only in m.path]
    shown = {mutant: str(mutant) for mutant in chosen}  # the tree may change meanwhile
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trees: SimpleQueue[Tree] = SimpleQueue()
        for number in range(max(1, given.jobs)):
            root = Path(folder) / str(number)
            root.mkdir()
            trees.put(Tree(root))

        def tried(tests: tuple[str, ...], mutant: Mutant | None = None) -> Verdict:
            tree = trees.get()
            try:
                return tree.tried(tests, mutant)
            finally:
                trees.put(tree)

        with ThreadPoolExecutor(max(1, given.jobs)) as pool:
            nearest = list(dict.fromkeys(m.tests for m in chosen))
            for tests, verdict in zip(nearest, pool.map(tried, nearest), strict=True):
                if verdict.noticed or verdict.broken:
                    _say(f"as it is, {' '.join(tests)} fails {verdict.broken or ''}")
                    return 1
            _say(f"{len(chosen)} mutations, {len(nearest)} sets of tests, which pass")
            survivors = wrong = 0
            verdicts = pool.map(lambda m: tried(m.tests, m), chosen)
            for mutant, verdict in zip(chosen, verdicts, strict=True):
                if verdict.broken:
                    wrong += 1
                    _say(f"broken    {shown[mutant]}: {verdict.broken}")
                elif not verdict.noticed:
                    survivors += 1
                    _say(f"survives  {shown[mutant]} ({verdict.seconds:.0f} s)")
    _say(f"{len(chosen) - survivors - wrong} noticed, {survivors} survive, {wrong} broken")
    return 1 if survivors or wrong else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except WrongListError as error:
        _say(f"mutants: {error}")
        sys.exit(1)
