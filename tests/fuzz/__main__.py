"""`python -m tests.fuzz`: all grammars for some minutes, or one input again."""

from __future__ import annotations

import argparse
import sys
import time

from tests.fuzz.grammars import GRAMMARS
from tests.fuzz.running import run


def main() -> int:
    """Run grammars one after the other; return how many have faults."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="for all grammars together")
    parser.add_argument("--grammar", choices=sorted(GRAMMARS), action="append")
    parser.add_argument("--seed", default=str(time.time_ns()))
    parser.add_argument("--input", type=int, help="try one input of a seed again")
    given = parser.parse_args()
    names = given.grammar or sorted(GRAMMARS)
    wrong = 0
    for name in names:
        found = run(name, given.minutes * 60 / len(names), given.seed, only=given.input)
        wrong += bool(found.faults)
        sys.stdout.write(
            f"{name:<18} {found.tried:>8,} inputs, {found.answered:,} answered, "
            f"{len(found.faults)} faults (seed {given.seed})\n"
        )
        for fault in found.faults:
            sys.stdout.write(f"{fault}\n")
        sys.stdout.flush()
    return wrong


if __name__ == "__main__":
    sys.exit(main())
