"""One emulator for all of the plugin's tests; each test begins with an empty account."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from headwater_aws.testing import Emulator
from headwater_glue.testing import GlueLake


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with Emulator() as aws:
        yield aws


@pytest.fixture
def lake(emulator: Emulator) -> GlueLake:
    emulator.reset()
    return GlueLake(emulator)
