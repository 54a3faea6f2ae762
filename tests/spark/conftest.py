"""A strict AWS beside the shared Spark."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from headwater_aws.testing import Emulator


@pytest.fixture
def aws() -> Iterator[Emulator]:
    with Emulator() as emulator:
        emulator.client("s3").create_bucket(Bucket="lake")
        yield emulator
