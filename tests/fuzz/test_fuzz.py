"""Every grammar of others with some seconds of inputs: answered, refused, never anything else.

They are the same inputs for every change, so that a change alone decides; `make fuzz` tries new
ones. A fault names its seed and its input: `python -m tests.fuzz --grammar NAME --seed SEED --input
N` tries it again.
"""

from __future__ import annotations

import pytest
from tests.fuzz.grammars import GRAMMARS
from tests.fuzz.running import run

SECONDS = 500.0
"""More than a busy machine needs."""


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 100)
@pytest.mark.parametrize("name", sorted(GRAMMARS))
def test_input_of_others(name: str) -> None:
    grammar = GRAMMARS[name]
    found = run(name, SECONDS, "every change", inputs=grammar.inputs)
    assert not found.faults, "\n\n".join(found.faults)
    assert found.tried == grammar.inputs
