"""Our own authentication strategies keep the contract, against the strict emulator."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from headwater.auth.credentials import AuthStrategy, Secret
from headwater.testing import AuthContract
from headwater_aws import AssumeRole, DefaultChain, OidcRole, Profile, StaticKeys
from headwater_aws.testing import Emulator

REGION = "us-east-1"
ACCOUNT = "123456789012"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as aws:
        yield aws


@pytest.fixture(autouse=True)
def _nothing_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


class AtTheEmulator(AuthContract):
    """Where the strategies of AWS are opened."""

    @pytest.fixture
    def aws(self, emulator: Emulator) -> Emulator:
        emulator.reset()
        return emulator

    @pytest.fixture
    def opening(self, aws: Emulator) -> Mapping[str, str]:
        return {"region": REGION, "endpoint_url": aws.endpoint_url}

    @pytest.fixture
    def keys(self, aws: Emulator) -> StaticKeys:
        key, secret = aws.create_user_keys(name="someone")
        return StaticKeys(access_key_id=key, secret_access_key=Secret(secret))

    @pytest.fixture
    def wrong_keys(self, keys: StaticKeys) -> StaticKeys:
        wrong = Secret("not-the-secret-of-that-key")
        return StaticKeys(access_key_id=keys.access_key_id, secret_access_key=wrong)

    @pytest.fixture
    def role(self, aws: Emulator) -> str:
        return aws.create_oidc_role(subject="monitor")

    def token(self, aws: Emulator, path: Path, subject: str) -> str:
        path.write_text(aws.issuer.token(sub=subject, aud="sts.amazonaws.com"))
        return f"file:{path}"


class TestStatic(AtTheEmulator):
    @pytest.fixture
    def strategy(self, keys: StaticKeys) -> AuthStrategy:
        return keys

    @pytest.fixture
    def refused_strategy(self, wrong_keys: StaticKeys) -> AuthStrategy:
        return wrong_keys


class TestOidcRole(AtTheEmulator):
    @pytest.fixture
    def strategy(self, aws: Emulator, role: str, tmp_path: Path) -> AuthStrategy:
        return OidcRole(role_arn=role, token=self.token(aws, tmp_path / "token", "monitor"))

    @pytest.fixture
    def refused_strategy(self, aws: Emulator, role: str, tmp_path: Path) -> AuthStrategy:
        return OidcRole(role_arn=role, token=self.token(aws, tmp_path / "other", "stranger"))


class TestAssumeRole(AtTheEmulator):
    @pytest.fixture
    def trusting(self, aws: Emulator, keys: StaticKeys) -> str:
        trust = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/someone"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": "ours"}},
        }
        return aws.create_role(
            name="trusting", trust={"Version": "2012-10-17", "Statement": [trust]}
        )

    @pytest.fixture
    def strategy(self, trusting: str, keys: StaticKeys) -> AuthStrategy:
        return AssumeRole(role_arn=trusting, source=keys, external_id="ours")

    @pytest.fixture
    def refused_strategy(self, trusting: str, keys: StaticKeys) -> AuthStrategy:
        return AssumeRole(role_arn=trusting, source=keys, external_id="theirs")


class TestProfile(AtTheEmulator):
    @pytest.fixture
    def strategy(self, keys: StaticKeys, wrong_keys: StaticKeys, tmp_path: Path) -> AuthStrategy:
        written = [
            f"[{name}]\naws_access_key_id = {k.access_key_id}\n"
            f"aws_secret_access_key = {k.secret_access_key.token()}\n"  # type: ignore[union-attr]
            for name, k in (("good", keys), ("bad", wrong_keys))
        ]
        (tmp_path / "credentials").write_text("".join(written))
        (tmp_path / "config").write_text("[profile good]\n[profile bad]\n")
        return Profile(name="good")

    @pytest.fixture
    def refused_strategy(self, strategy: AuthStrategy) -> AuthStrategy:
        return Profile(name="bad")


class TestDefaultChain(AtTheEmulator):
    @pytest.fixture
    def strategy(
        self, aws: Emulator, role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> AuthStrategy:
        self.token(aws, tmp_path / "token", "monitor")
        monkeypatch.setenv("AWS_ROLE_ARN", role)
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
        return DefaultChain()

    @pytest.fixture
    def refused_strategy(
        self, aws: Emulator, role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> AuthStrategy:
        self.token(aws, tmp_path / "token", "stranger")
        monkeypatch.setenv("AWS_ROLE_ARN", role)
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
        return DefaultChain()
