"""Fixtures for tests that need AWS: the strict emulator, its token issuer, a bucket.

pytest loads this module in every run, so it imports nothing of AWS until a fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from headwater_aws.testing import Emulator, OidcIssuer


@pytest.fixture
def aws() -> Iterator[Emulator]:
    """A strict AWS of this test's own, empty: see `headwater_aws.testing.Emulator`."""
    from headwater_aws.testing import Emulator

    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def oidc_issuer(aws: Emulator) -> OidcIssuer:
    """The OIDC issuer beside the `aws` fixture."""
    return aws.issuer


@pytest.fixture
def s3_bucket(aws: Emulator) -> str:
    """Name of an empty bucket of the `aws` fixture's default account."""
    aws.client("s3").create_bucket(Bucket="headwater-test")
    return "headwater-test"
