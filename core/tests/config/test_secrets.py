import pickle
import traceback
from pathlib import Path

import pytest
from core.tests.config.acme import AcmeSource, KeyStrategy
from core.tests.config.support import MODEL, complaint, loaded

from headwater.config import Config
from headwater.config.secrets import SecretReference
from headwater.errors import AuthError, HeadwaterError

CANARY = "canary-9c1f-s3cret"
PLACE = "models.insurance.versions.v1.serving.source"


def text(fields: str) -> str:
    return MODEL.replace("host: localhost", f"host: localhost, {fields}")


def source(config: Config) -> AcmeSource:
    found = config.models["insurance"].versions["v1"].connections["serving"].source
    assert isinstance(found, AcmeSource)
    return found


def test_a_secret_is_read_when_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACME_PASSWORD", raising=False)
    password = source(loaded(tmp_path, text('password: "env:ACME_PASSWORD"'))).password
    assert password is not None
    monkeypatch.setenv("ACME_PASSWORD", "one")
    assert password.reveal() == "one"
    monkeypatch.setenv("ACME_PASSWORD", "two")
    assert password.reveal() == "two"


def test_a_secret_file_may_rotate(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("one\n")
    password = source(loaded(tmp_path, text(f'password: "file:{file}"'))).password
    assert password is not None
    assert password.reveal() == "one"
    file.write_text("two\n")
    assert password.reveal() == "two"


def test_a_secret_inside_a_nested_part_is_one_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_PASSWORD", CANARY)
    pool = source(loaded(tmp_path, text('pool: {proxy_password: "env:ACME_PASSWORD"}'))).pool
    assert pool.proxy_password is not None
    assert pool.proxy_password.reveal() == CANARY


def test_pydantics_own_secret_is_filled_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_API", CANARY)
    config = loaded(tmp_path, text('api: "env:ACME_API"'))
    api = source(config).api
    assert api is not None
    assert api.get_secret_value() == CANARY
    assert CANARY not in repr(config)


def test_a_secret_that_can_not_be_read_names_its_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ACME_PASSWORD", raising=False)
    with pytest.raises(AuthError, match="ACME_PASSWORD is not set"):
        SecretReference("env:ACME_PASSWORD").reveal()


@pytest.mark.parametrize(
    "fields",
    [
        f"password: {CANARY}",
        f"api: {CANARY}",
        f"pool: {{proxy_password: {CANARY}}}",
        f"auth: {{type: key, key: {CANARY}}}",
        "password: '${env:ACME_PASSWORD}'",
        f"hots: h, password: {CANARY}",
        f"port: x, password: [{CANARY}]",
        f"auth: {{type: key, key: {CANARY}, region: [1]}}",
        f"passwort: {CANARY}",
        "port: '${env:ACME_PASSWORD}'",
        "readonly: '${env:ACME_PASSWORD}'",
    ],
)
def test_a_literal_secret_is_refused_and_never_repeated(tmp_path: Path, fields: str) -> None:
    environ = {"ACME_PASSWORD": CANARY}
    with pytest.raises(HeadwaterError) as caught:
        loaded(tmp_path, text(fields), environ)
    error = caught.value
    shown = [
        str(error),
        repr(error),
        str(error.to_dict()),
        repr(pickle.dumps(error)),
        "".join(traceback.format_exception(error)),
        repr(error.__cause__),
        repr(error.__context__),
    ]
    assert CANARY not in "\n".join(shown)


def test_a_literal_secret_is_told_what_to_write_instead(tmp_path: Path) -> None:
    assert complaint(tmp_path, text(f"password: {CANARY}")) == (
        f"headwater.yaml, line 15: {PLACE}.password: a token or secret is given by reference, and "
        "this text is none (it is not shown here)\n"
        "  hint: write file:/path, env:NAME or command:PROGRAM ARGS; in Python a callable or "
        "Secret(...) will do too"
    )
    assert complaint(tmp_path, text("password: 1234")) == (
        f"headwater.yaml, line 15: {PLACE}.password: a secret is given by reference, not as int\n"
        "  hint: write env:NAME or file:/path"
    )


def test_a_value_from_the_environment_is_shown_as_its_reference(tmp_path: Path) -> None:
    where = f"headwater.yaml, line 15: {PLACE}"
    message = complaint(tmp_path, text("port: '${env:PORT}'"), {"PORT": CANARY})
    assert message == f"{where}.port: expected a whole number, got '${{env:PORT}}'"
    nowhere = MODEL.replace("localhost", "'${env:HOST}'")
    assert complaint(tmp_path, nowhere, {"HOST": "nowhere"}) == (
        f"{where}: there is no host '${{env:HOST}}'\n  hint: try localhost"
    )


def test_a_reference_is_shown_and_not_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_PASSWORD", CANARY)
    strategy = KeyStrategy(key=SecretReference("env:ACME_PASSWORD"))
    assert repr(strategy) == (
        "KeyStrategy(key=Secret(environment variable ACME_PASSWORD), region='here')"
    )
    with pytest.raises(TypeError, match="a Secret is not pickled"):
        pickle.dumps(strategy)
