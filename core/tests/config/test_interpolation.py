from pathlib import Path

import pytest
from core.tests.config.acme import AcmeSource
from core.tests.config.support import MODEL, complaint, loaded


def source(folder: Path, host: str, **environ: str) -> AcmeSource:
    config = loaded(folder, MODEL.replace("localhost", host), environ)
    found = config.models["insurance"].versions["v1"].connections["serving"].source
    assert isinstance(found, AcmeSource)
    return found


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${env:HOST}", "db1"),
        ("x-${env:HOST}.${env:ZONE}", "x-db1.eu"),
        ("${env:NONE:-fallback}", "fallback"),
        ("${env:NONE:-}", ""),
        ("${env:HOST:-fallback}", "db1"),
        ("${env:EMPTY:-fallback}", "fallback"),
        ("${env:EMPTY}", ""),
        ("${env:NONE:-a:-b}", "a:-b"),
        ("$${env:HOST}", "${env:HOST}"),
        ("$HOST costs $5", "$HOST costs $5"),
    ],
)
def test_references_are_filled_in(tmp_path: Path, written: str, value: str) -> None:
    found = source(tmp_path, f"'{written}'", HOST="db1", ZONE="eu", EMPTY="")
    assert found.host == value


def test_a_value_is_a_text_and_adds_no_keys(tmp_path: Path) -> None:
    assert source(tmp_path, "'${env:X}'", X="h, port: 1}").host == "h, port: 1}"


def test_a_value_is_not_interpolated_again(tmp_path: Path) -> None:
    assert source(tmp_path, "'${env:X}'", X="${env:Y}", Y="z").host == "${env:Y}"


WHERE = "headwater.yaml, line 15: models.insurance.versions.v1.serving.source.host: "


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            "${env:LAKE_HOST}",
            WHERE + "the environment variable LAKE_HOST is not set\n"
            "  hint: export it, or give a default: ${env:LAKE_HOST:-default}; "
            "did you mean 'LAKE_HOSTS'?",
        ),
        (
            "${HOME}",
            WHERE + "${HOME} is no reference\n"
            "  hint: write ${env:NAME} or ${env:NAME:-default}; $${ stands for ${ itself",
        ),
        (
            "${env:a-b}",
            WHERE + "${env:a-b} is no reference\n"
            "  hint: write ${env:NAME} or ${env:NAME:-default}; $${ stands for ${ itself",
        ),
        (
            "${env:LAKE",
            WHERE + "'${env:LAKE' has no closing brace\n"
            "  hint: write ${env:NAME} or ${env:NAME:-default}; $${ stands for ${ itself",
        ),
    ],
)
def test_references_that_are_refused(tmp_path: Path, written: str, message: str) -> None:
    text = MODEL.replace("localhost", f"'{written}'")
    assert complaint(tmp_path, text, {"LAKE_HOSTS": "x"}) == message


def test_a_key_is_not_interpolated(tmp_path: Path) -> None:
    text = MODEL.replace("  insurance:", "  '${env:MODEL}':")
    assert complaint(tmp_path, text, {"MODEL": "insurance"}) == (
        "headwater.yaml, line 4: a key can't hold ${...}: only values can"
    )


def test_missing_variables_are_named_all_at_once(tmp_path: Path) -> None:
    text = MODEL.replace("localhost", "'${env:A}'").replace("prediction_id", "'${env:B}'")
    assert complaint(tmp_path, text) == (
        "headwater.yaml has 2 problems\n"
        "  line 15: models.insurance.versions.v1.serving.source.host: the environment variable A "
        "is not set\n"
        "    export it, or give a default: ${env:A:-default}\n"
        "  line 16: models.insurance.versions.v1.serving.id_column: the environment variable B "
        "is not set\n"
        "    export it, or give a default: ${env:B:-default}"
    )
