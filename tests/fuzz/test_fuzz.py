"""Every grammar of others for some seconds: answered, refused, never anything else.

A fault names its seed and its input: `python -m tests.fuzz --grammar NAME --seed SEED --input N`
tries it again.
"""

from __future__ import annotations

import os
import time

import pytest
from tests.fuzz.grammars import GRAMMARS
from tests.fuzz.running import run

SECONDS = float(os.environ.get("HEADWATER_FUZZ_SECONDS", "20"))
SEED = os.environ.get("HEADWATER_FUZZ_SEED", str(time.time_ns()))


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 300)
@pytest.mark.parametrize("name", sorted(GRAMMARS))
def test_input_of_others(name: str) -> None:
    found = run(name, SECONDS, SEED)
    assert found.tried > 0
    assert not found.faults, "\n\n".join(found.faults)
