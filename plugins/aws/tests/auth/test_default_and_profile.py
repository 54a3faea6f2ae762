from __future__ import annotations

import os
from pathlib import Path

import pytest
from plugins.aws.tests.support import ACCOUNT, REGION, opened, seed

from headwater.errors import AccessDeniedError, AuthError
from headwater_aws import DefaultChain, Profile
from headwater_aws.testing import Emulator


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nothing of AWS is configured."""
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path


def test_no_region(home: Path) -> None:
    with pytest.raises(AuthError, match="no AWS region is set") as caught:
        DefaultChain().open()
    assert caught.value.code == "no-region"
    assert "AWS_REGION" in (caught.value.hint or "")


def test_where_a_region_comes_from(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "config").write_text(
        "[default]\nregion = eu-west-1\n[profile dev]\nregion = eu-north-1\n"
    )
    assert DefaultChain().open().region == "eu-west-1"
    assert Profile(name="dev").open().region == "eu-north-1"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-2")
    assert DefaultChain().open().region == "eu-west-2"
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    assert DefaultChain().open().region == "eu-west-3"
    assert DefaultChain().open(region="us-west-2").region == "us-west-2"


def test_nothing_found_lists_what_was_tried(home: Path) -> None:
    with DefaultChain().open(region=REGION) as session, pytest.raises(AuthError) as caught:
        session.client("glue").get_databases()
    message = str(caught.value)
    assert caught.value.code == "no-credentials"
    assert "AWS_ACCESS_KEY_ID is not set" in message
    assert f"{home / 'credentials'} does not exist" in message
    assert "switched off by AWS_EC2_METADATA_DISABLED" in message


def test_environment_keys(aws: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    seed(aws)
    key, secret = aws.create_user_keys(name="someone")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
    # As botocore does, the session honours AWS_ENDPOINT_URL, and tells engines of it.
    with DefaultChain().open() as session:
        assert session.identity().name == f"arn:aws:iam::{ACCOUNT}:user/someone"
        assert session.identity().strategy == "default"
        assert session.storage().settings["endpoint_url"] == aws.endpoint_url


class TestIrsa:
    @pytest.fixture
    def token_file(self, aws: Emulator, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        path = home / "token"
        path.write_text(aws.issuer.token(sub="system:serviceaccount:ml:monitor"))
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(path))
        return path

    def test_the_variables_mean_oidc(
        self, aws: Emulator, token_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        role = aws.create_oidc_role(subject="system:serviceaccount:ml:monitor")
        monkeypatch.setenv("AWS_ROLE_ARN", role)
        monkeypatch.setenv("AWS_ROLE_SESSION_NAME", "pod-1")
        with opened(aws, DefaultChain()) as session:
            assert session.identity().name == (
                f"arn:aws:sts::{ACCOUNT}:assumed-role/monitoring/pod-1"
            )
            # The kubelet replaces the file; the session follows.
            token_file.write_text(aws.issuer.token(sub="stranger"))
            aws.faults.expire_now()
            with pytest.raises(AccessDeniedError, match="sub=stranger"):
                session.client("glue").get_databases()

    def test_a_refusal_never_falls_back_to_a_broader_identity(
        self, aws: Emulator, token_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key, secret = aws.create_user_keys(name="node")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
        monkeypatch.setenv("AWS_ROLE_ARN", aws.create_oidc_role(subject="another-pod"))
        with opened(aws, DefaultChain()) as session, pytest.raises(AccessDeniedError):
            session.client("glue").get_databases()

    def test_a_role_that_is_none(self, token_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ROLE_ARN", "monitoring")
        with pytest.raises(AuthError, match="'monitoring' is not a role's ARN"):
            DefaultChain().open(region=REGION)

    def test_half_of_the_variables(self, token_file: Path) -> None:
        with pytest.raises(AuthError, match="AWS_ROLE_ARN is not"):
            DefaultChain().open(region=REGION)


class TestProfile:
    def test_keys_of_a_profile(self, aws: Emulator, home: Path) -> None:
        key, secret = aws.create_user_keys(name="someone")
        (home / "credentials").write_text(
            f"[dev]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"
        )
        with opened(aws, Profile(name="dev")) as session:
            assert session.identity().name.endswith("user/someone")
            assert session.identity().strategy == "profile"

    def test_rotated_keys_are_found(self, aws: Emulator, home: Path) -> None:
        seed(aws)

        def write(name: str) -> None:
            key, secret = aws.create_user_keys(name=name)
            (home / "credentials").write_text(
                f"[dev]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"
            )

        write("first")
        with opened(aws, Profile(name="dev")) as session:
            assert session.identity().name.endswith("first")
            write("second")
            aws.faults.fail("glue:GetDatabases", 400, 1, code="ExpiredTokenException")
            session.client("glue").get_databases()
            assert session.identity().name.endswith("second")

    def test_a_missing_profile(self, home: Path) -> None:
        with pytest.raises(AuthError, match=r"\(dev\) could not be found") as caught:
            Profile(name="dev").open()
        assert caught.value.code == "profile-not-found"

    def test_a_profile_without_credentials(self, aws: Emulator, home: Path) -> None:
        (home / "config").write_text("[profile dev]\nregion = us-east-1\n")
        with (
            opened(aws, Profile(name="dev")) as session,
            pytest.raises(AuthError, match="profile dev gives no credentials"),
        ):
            session.identity()

    def test_environment_keys_do_not_stand_in_for_a_profile(
        self, aws: Emulator, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key, secret = aws.create_user_keys()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
        (home / "config").write_text("[profile dev]\nregion = us-east-1\n")
        with opened(aws, Profile(name="dev")) as session, pytest.raises(AuthError):
            session.identity()
