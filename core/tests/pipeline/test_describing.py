"""Models, versions and connections: the same definition is a no-op, another is an error."""

import pytest
from core.tests.pipeline.conftest import files

import headwater as hw
from headwater.errors import ConfigError
from headwater.workspace import default


def test_the_same_definition_again_is_a_no_op(workspace, version, log):
    assert workspace.create_model("insurance") == workspace.create_model("insurance", "insurance")
    again = workspace.create_model_version(
        model_id="insurance",
        model_version="v1",
        model_type="binary",
        features={"amount": "numeric", "owner": "string"},
        predictions={"buy": "boolean"},
    )
    assert again is version
    assert version.connect_serving(files(log), "pid", "ts") is version.connect_serving(
        files(log), "pid", "ts"
    )


def test_a_different_definition_is_an_error(workspace, version, log):
    with pytest.raises(ConfigError, match="defined already, as 'insurance'"):
        workspace.create_model("insurance", "Another name")
    with pytest.raises(ConfigError, match="defined already, differently"):
        workspace.create_model_version("insurance", "v1", "binary", features={"amount": "numeric"})
    version.connect_serving(files(log), "pid", "ts")
    with pytest.raises(ConfigError, match="disconnect"):
        version.connect_serving(files(log), "pid", "amount")
    version.disconnect("serving")
    assert version.connect_serving(files(log), "pid", "ts", max_bytes=1).definition.max_bytes == 1


def test_an_unknown_model_is_suggested(workspace):
    with pytest.raises(ConfigError, match="did you mean 'insurance'"):
        workspace.create_model_version("insurence", "v1", "binary")


@pytest.mark.parametrize(
    "name", ["serving", "insurance/serving", "insurance/v1/serving", "v1/serving"]
)
def test_a_connection_is_found_by_any_unique_part_of_its_name(workspace, serving, name):
    assert workspace.connection(name) is serving


def test_a_name_that_could_be_two_is_not_guessed(workspace, version, log):
    version.connect_serving(files(log), "pid", "ts")
    version.connect_training(files(log))
    with pytest.raises(ConfigError, match="could be any of"):
        workspace.connection("insurance")
    with pytest.raises(ConfigError, match="no connection 'servin'"):
        workspace.connection("servin")


def test_what_is_no_source_is_refused(version):
    with pytest.raises(ConfigError, match="data_source is a str"):
        version.connect_serving("s3://bucket", "pid", "ts")


def test_serving_needs_id_and_timestamp_and_training_neither(version, log):
    with pytest.raises(ConfigError, match="needs id_column"):
        version.connect_serving(files(log), "", "ts")
    assert "id" not in version.connect_training(files(log)).read().to_arrow().schema.names


def test_notebooks_share_one_workspace_and_programs_never_see_it(monkeypatch):
    monkeypatch.setattr(default, "_workspaces", [])
    hw.create_model("m", "Model")
    made = hw.create_model_version("m", "v1", "regression", predictions={"y": "numeric"})
    assert made.model.id == "m"
    assert [m.id for m in default.default_workspace().models] == ["m"]
    assert hw.Workspace().models == ()
