"""Runs a grammar in a process of its own, bounded in time and memory, and tells what went wrong.

Input `i` of a run with seed `s` is made by `Random("s:i")` alone: it can be made again.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType
from typing import Final

ROOT: Final = Path(__file__).parents[2]
STUCK_SECONDS: Final = 30.0
"""After which an input is taken for one that hangs where no signal is heard."""
MOST_FAULTS: Final = 20


class TooSlowError(BaseException):
    """An input takes longer than its grammar allows; nobody's `except Exception` catches it."""


@dataclass(frozen=True)
class Outcome:
    """What a run found.

    Args:
        grammar: The grammar.
        tried: Inputs.
        answered: Those that were read; the others were refused.
        faults: What went wrong, with the seed and number of each input.
    """

    grammar: str
    tried: int
    answered: int
    faults: tuple[str, ...]


def run(
    grammar: str,
    seconds: float,
    seed: str,
    *,
    inputs: int | None = None,
    only: int | None = None,
) -> Outcome:
    """Run a grammar in a process of its own.

    Args:
        grammar: Its name.
        seconds: How long.
        seed: Of the run.
        inputs: After how many it ends, if that is sooner.
        only: The number of the one input to be tried.
    """
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.fuzz.running", grammar,
               "--seconds", str(seconds), "--seed", seed]  # fmt: skip
    command += [] if inputs is None else ["--inputs", str(inputs)]
    command += [] if only is None else ["--only", str(only)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        out, err = process.communicate(timeout=seconds + STUCK_SECONDS + 60)
        how = f"the process ended with {process.returncode}"
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        how = "the process hung"
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    faults = [line["fault"] for line in lines if "fault" in line]
    ends = [line for line in lines if "tried" in line]
    if not ends:
        at = [line["at"] for line in lines if "at" in line]
        place = f"seed {seed}, input {at[-1] if at else 0} or one of the next 50"
        faults.append(f"{grammar}: {how} ({place}): {err[-2000:]}")
        return Outcome(grammar, at[-1] if at else 0, 0, tuple(faults))
    return Outcome(grammar, ends[-1]["tried"], ends[-1]["answered"], tuple(faults))


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("grammar")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", required=True)
    parser.add_argument("--inputs", type=int, default=sys.maxsize)
    parser.add_argument("--only", type=int)
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from tests.fuzz.grammars import GRAMMARS

    from headwater.errors import HeadwaterError

    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    grammar = GRAMMARS[given.grammar]
    signal.signal(signal.SIGPROF, _too_slow)
    tried = answered = faults = 0
    first, most = (0, given.inputs) if given.only is None else (given.only, 1)
    ends = time.monotonic() + given.seconds
    with grammar.opened() as (made, read):
        _warm(made, read)
        before = _megabytes()
        while tried < most and (given.only is not None or time.monotonic() < ends):
            number = first + tried
            tried += 1
            if number % 50 == 0:
                _say({"at": number})
            value = made(Random(f"{given.seed}:{number}"))
            signal.setitimer(signal.ITIMER_PROF, grammar.seconds)
            wrong = None
            try:
                read(value)
                answered += 1
            except HeadwaterError as error:
                wrong = _unsaid(error)
            except TooSlowError:
                wrong = f"it took more than {grammar.seconds} s"
            except KeyboardInterrupt:
                raise
            except BaseException:  # noqa: BLE001 -- a panic of Rust is no Exception
                wrong = traceback.format_exc()[-1500:]
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
            if wrong is None and _megabytes() - before > grammar.megabytes:
                wrong = f"the process grew by more than {grammar.megabytes} MB"
                before = _megabytes()
            if wrong is not None:
                faults += 1
                shown = repr(value)
                shown = shown if len(shown) <= 600 else f"{shown[:300]} ... {shown[-300:]}"
                place = f"{grammar.name}: seed {given.seed}, input {number}"
                _say({"fault": f"{place}: {shown}\n{wrong}"})
                if faults >= MOST_FAULTS:
                    break
    _say({"tried": tried, "answered": answered})
    sys.stdout.flush()
    # Threads of what was killed in the middle must not keep it.
    os._exit(0)


def _warm(made: object, read: object) -> None:
    """Import what the grammar needs, so that its first input does not pay for it."""
    from headwater.errors import HeadwaterError

    for number in range(5):
        try:
            read(made(Random(f"warm:{number}")))  # type: ignore[operator]
        except (HeadwaterError, Exception):  # noqa: BLE001 -- it is met again, and told then
            continue


def _unsaid(error: Exception) -> str | None:
    """Say what is wrong with a refusal; None where it is as it should be."""
    code = getattr(error, "code", "")
    if not code:
        return f"a refusal without a code: {error!r}"
    text = str(error)
    if "Exceeds the limit (4300" in text or "maximum recursion" in text:
        return f"a refusal that tells of Python's limits: {text[:500]}"
    return None


def _too_slow(signum: int, frame: FrameType | None) -> None:
    raise TooSlowError


def _megabytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _say(what: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _main()
