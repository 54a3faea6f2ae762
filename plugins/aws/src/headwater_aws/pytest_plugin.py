"""Fixtures for tests that need AWS: the strict emulator, its token issuer, a bucket.

pytest loads this module in every run, so it imports nothing of AWS until a fixture is used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pytest

if TYPE_CHECKING:
    from headwater_aws.testing import Emulator, OidcIssuer

    MakeEmulator: TypeAlias = Callable[..., Emulator]

_BUCKET: Final = "headwater-test"
_CONFIG: Final = """[default]
s3 =
    addressing_style = path
    signature_version = s3v4
"""
"""How the emulator is spoken to, where a client would choose otherwise."""


@pytest.fixture
def aws() -> Iterator[Emulator]:
    """A strict AWS of this test's own, empty: see `headwater_aws.testing.Emulator`."""
    with _emulator_factory() as make:
        yield make()


@pytest.fixture(scope="session")
def aws_factory() -> Iterator[MakeEmulator]:
    """A maker of emulators that live until the end of the session: `aws_factory()`.

    What they are given stays there from test to test. Each process of pytest-xdist has its own.
    """
    with _emulator_factory() as make:
        yield make


@pytest.fixture(scope="module")
def aws_module_factory() -> Iterator[MakeEmulator]:
    """A maker of emulators that live until the end of the module: `aws_module_factory()`."""
    with _emulator_factory() as make:
        yield make


@pytest.fixture
def aws_environment(
    aws: Emulator,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Mapping[str, str]:
    """Environment variables that point `boto3.client("s3")` and others at the `aws` fixture.

    They are set for this test, with the keys of a user that may do everything in its account; all
    other `AWS_` variables, and this machine's own configuration of AWS, are out of sight. They are
    returned, for other processes.
    """
    config = tmp_path / "aws-config"
    config.write_text(_CONFIG, encoding="utf-8")
    variables = emulator_of(aws, request).environment() | {"AWS_CONFIG_FILE": str(config)}
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    import boto3

    # It would keep the credentials that it found first.
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return variables


@pytest.fixture
def oidc_issuer(aws: Emulator, request: pytest.FixtureRequest) -> OidcIssuer:
    """The OIDC issuer beside the `aws` fixture."""
    return emulator_of(aws, request).issuer


@pytest.fixture
def s3_bucket(aws: Emulator, request: pytest.FixtureRequest) -> str:
    """Name of an empty bucket of the `aws` fixture's default account."""
    client = emulator_of(aws, request).client("s3")
    buckets = {b["Name"] for b in client.list_buckets()["Buckets"]}
    name = _BUCKET if _BUCKET not in buckets else f"{_BUCKET}-{len(buckets) + 1}"
    client.create_bucket(Bucket=name)
    return name


def emulator_of(aws: Any, request: pytest.FixtureRequest) -> Emulator:
    """Return what the `aws` fixture gave, if it is an emulator.

    A project may have a fixture of that name, which hides ours from the fixtures that need it.

    Args:
        aws: What it gave.
        request: Of the fixture that needs it.
    """
    from headwater_aws.testing import Emulator

    if isinstance(aws, Emulator):
        return aws
    pytest.fail(
        f"the fixture {request.fixturename!r} of headwater needs headwater's 'aws', an Emulator; "
        f"this project has an 'aws' of its own, {_place(request)}which gave a "
        f"{type(aws).__name__}. Rename it; or let it give an emulator: "
        "`def aws(aws_factory): return aws_factory()`",
        pytrace=False,
    )


def _place(request: pytest.FixtureRequest) -> str:
    """Return where the `aws` fixture in use stands, as far as pytest tells."""
    try:
        function = request._get_active_fixturedef("aws").func
        code = function.__code__
    except AttributeError:
        return ""
    return f"in {Path(code.co_filename).name}, line {code.co_firstlineno}, "


@contextmanager
def _emulator_factory() -> Iterator[MakeEmulator]:
    """Give what makes emulators, which are closed at the block's end."""
    from headwater_aws.testing import Emulator

    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(Emulator(**options))
