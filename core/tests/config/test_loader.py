import pickle
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from core.tests.config.acme import AcmeSource, BadgeStrategy, KeyStrategy
from core.tests.config.support import MODEL, complaint, loaded

from headwater.config import EngineConfig
from headwater.errors import ConfigError, PluginError
from headwater.interfaces.definition import Definition
from headwater.interfaces.mapping import Mapping
from headwater.ledger.file_store import FileLedgerStore
from headwater.tables.table import TimePartition
from headwater.windows.calendar import Step
from headwater.windows.settings import WindowSettings


@dataclass(frozen=True)
class Case:
    old: str
    new: str
    message: str


def cases() -> Iterator[Case]:
    """Yield the cases of messages.txt: changed lines, new lines, the whole message."""
    text = (Path(__file__).parent / "messages.txt").read_text()
    for block in text.split("\n\n")[1:]:
        lines = block.strip("\n").splitlines()
        old, new = ("\n".join(line[2:] for line in lines if line.startswith(mark)) for mark in "-+")
        yield Case(old, new, "\n".join(line for line in lines if line[:2] not in ("- ", "+ ")))


CASES = list(cases())


def change(old: str, new: str) -> str:
    assert MODEL.count(old) == 1, old
    return MODEL.replace(old, new)


@pytest.mark.parametrize("purpose", ["serving", "training", "testing"])
def test_labels_may_have_a_time_of_their_own(
    tmp_path: Path, purpose: Literal["serving", "training", "testing"]
) -> None:
    text = change("        serving:\n", f"        {purpose}:\n")
    text += "          labels: {will_buy: did_buy}\n          label_timestamp_column: set_at\n"
    connection = loaded(tmp_path, text).models["insurance"].versions["v1"].connections[purpose]
    assert connection.mapping.label_timestamp_column == "set_at"


def test_a_file_becomes_plain_values(tmp_path: Path) -> None:
    config = loaded(tmp_path, MODEL)
    assert config.path == tmp_path / "headwater.yaml"
    assert config.engine == EngineConfig("auto", {})
    model = config.models["insurance"]
    assert (model.id, model.name) == ("insurance", "Insurance purchase")
    version = model.versions["v1"]
    assert version.model_type == "binary"
    assert version.raw_inputs == {"raw_text": "text"}
    assert version.features == {
        "amount": "numeric",
        "embeddings": {"type": "tensor", "dimensions": [768]},
    }
    assert list(version.connections) == ["serving"]
    serving = version.connections["serving"]
    assert serving.source == AcmeSource(host="localhost")
    assert serving == Definition(
        AcmeSource(host="localhost"), Mapping("prediction_id", "prediction_timestamp")
    )


def test_every_kind_of_connection_is_read(tmp_path: Path) -> None:
    text = MODEL + (
        """          labels: {will_buy: did_buy}
          features: {amount: amount_usd}
          sample: 0.5
          max_bytes: 50 GB
        training:
          source: {type: acme, host: train}
        testing:
          source: {type: acme, host: test}
          id_column: id
        actuals:
          source: {type: acme, host: actuals}
          id_column: id
          labels: {proba: truth}
          timestamp_column: at
"""
    )
    connections = loaded(tmp_path, text).models["insurance"].versions["v1"].connections
    assert list(connections) == ["serving", "training", "testing", "actuals"]
    assert connections["serving"] == Definition(
        AcmeSource(host="localhost"),
        Mapping(
            "prediction_id",
            "prediction_timestamp",
            features={"amount": "amount_usd"},
            labels={"will_buy": "did_buy"},
        ),
        sample=0.5,
        max_bytes=50_000_000_000,
    )
    assert connections["training"] == Definition(AcmeSource(host="train"), Mapping())
    assert connections["actuals"] == Definition(
        AcmeSource(host="actuals"), Mapping("id", "at", labels={"proba": "truth"})
    )


def test_windows_and_a_horizon_are_read(tmp_path: Path) -> None:
    text = MODEL + (
        """        actuals:
          source: {type: acme, host: actuals}
          id_column: id
          labels: {proba: truth}
          timestamp_column: at
          horizon: 30 days
        windows: {every: 6 hours, timezone: Europe/Berlin, lateness: 2 hours, ignore: [dim]}
"""
    )
    connections = loaded(tmp_path, text).models["insurance"].versions["v1"].connections
    windows = WindowSettings(
        Step.of("6 hours"), "Europe/Berlin", timedelta(hours=2), ignore=("dim",)
    )
    assert {c.windows for c in connections.values()} == {windows}
    assert connections["actuals"].horizon == timedelta(days=30)
    assert connections["serving"].horizon is None
    plain = loaded(tmp_path, MODEL).models["insurance"].versions["v1"].connections["serving"]
    assert plain.windows == WindowSettings()


def test_a_ledger_is_kept_beside_the_configuration(tmp_path: Path) -> None:
    ledger = "ledger: {type: file, path: state/headwater.ledger}\n"
    store = loaded(tmp_path, MODEL + ledger).ledger
    assert store == FileLedgerStore(path=str(tmp_path / "state/headwater.ledger"))
    assert loaded(tmp_path, MODEL).ledger is None


@pytest.mark.parametrize(
    ("ledger", "told"),
    [
        ("{type: file}", "ledger needs 'path'"),
        ("{type: file, path: l, lock: no}", "lock"),
        ("{path: l}", "ledger needs 'type'"),
        ("{type: fiel, path: l}", "no ledger store 'fiel' is installed"),
        ("state/ledger", "ledger"),
    ],
)
def test_a_ledger_that_is_none_is_told(tmp_path: Path, ledger: str, told: str) -> None:
    with pytest.raises((ConfigError, PluginError), match=re.escape(told)):
        loaded(tmp_path, f"{MODEL}ledger: {ledger}\n")


def test_engine_options_are_kept_and_not_shown(tmp_path: Path) -> None:
    config = loaded(
        tmp_path, MODEL + "engine: {type: spark, remote: 'sc://host;token=abcdef', master: local}\n"
    )
    assert config.engine.type == "spark"
    assert config.engine.options == {"remote": "sc://host;token=abcdef", "master": "local"}
    assert "abcdef" not in repr(config)


def test_a_named_strategy_is_built_once_and_shared(tmp_path: Path) -> None:
    text = """
    version: 1
    auth:
      badge: {type: badge, badge: B, source: main, fallbacks: [main, {type: key, key: "env:B"}]}
      main: {type: key, key: "env:A"}
    models:
      m:
        versions:
          v1:
            model_type: regression
            training: {source: {type: acme, host: a, auth: badge}}
            testing: {source: {type: acme, host: a, auth: {type: key, key: "file:/k"}}}
    """
    config = loaded(tmp_path, text)
    badge, main = config.auth["badge"], config.auth["main"]
    assert isinstance(badge, BadgeStrategy)
    assert badge.source is main
    assert badge.fallbacks[0] is main
    connections = config.models["m"].versions["v1"].connections
    training, testing = connections["training"].source, connections["testing"].source
    assert isinstance(training, AcmeSource)
    assert training.auth is badge
    assert isinstance(testing, AcmeSource)
    assert isinstance(testing.auth, KeyStrategy)


def test_values_of_other_kinds_reach_their_fields(tmp_path: Path) -> None:
    text = change(
        "{type: acme, host: localhost}",
        "{type: acme, host: h, port: '${env:PORT}', timeout: 1 day, readonly: no,"
        " folder: data, partitions: {t: {column: ts, keys: {dt: yyyy-MM-dd}, lateness: 2 days}}}",
    )
    config = loaded(tmp_path, text, {"PORT": "99"})
    source = config.models["insurance"].versions["v1"].connections["serving"].source
    assert isinstance(source, AcmeSource)
    assert (source.port, source.timeout, source.readonly) == (99, timedelta(days=1), False)
    assert source.folder == str(tmp_path / "data")
    assert source.partitions == {
        "t": TimePartition("ts", {"dt": "yyyy-MM-dd"}, lateness=timedelta(days=2))
    }


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    yaml = loaded(tmp_path, "version: 1\nmodels: {m: {versions: {v: {model_type: ranking}}}}\n")
    toml = loaded(
        tmp_path,
        'version = 1\n[models.m.versions.v]\nmodel_type = "ranking"\n',
        name="headwater.toml",
    )
    json = loaded(
        tmp_path,
        '{"$schema": "s.json", "version": 1,'
        ' "models": {"m": {"versions": {"v": {"model_type": "ranking"}}}}}',
        name="headwater.json",
    )
    assert yaml.models == toml.models == json.models


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.message.splitlines()[0])
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, case: Case) -> None:
    assert complaint(tmp_path, change(case.old, case.new)) == case.message


def test_all_problems_are_shown_at_once(tmp_path: Path) -> None:
    text = (
        change("amount: numeric", "amount: numbr")
        .replace("host: localhost", "hots: localhost, port: x")
        .replace("version: 1\n", "version: 1\nengine: {type: sprak}\n")
    )
    assert complaint(tmp_path, text) == (
        "headwater.yaml has 4 problems\n"
        "  line 3: engine.type: no engine 'sprak' is installed\n"
        "    did you mean 'spark'?\n"
        "  line 12: models.insurance.versions.v1.features.amount: feature 'amount': unknown type "
        "'numbr'\n"
        "    did you mean 'numeric'?\n"
        "  line 16: models.insurance.versions.v1.serving.source.port: expected a whole number, "
        "got 'x'\n"
        "  line 16: unknown key models.insurance.versions.v1.serving.source.hots\n"
        "    did you mean 'host'?"
    )


def test_a_kind_that_nobody_provides_is_a_plugin_error(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="no source 'glue' is installed") as caught:
        loaded(tmp_path, change("{type: acme, host: localhost}", "{type: glue}"))
    assert caught.value.hint == "pip install headwater-glue"


def test_a_fault_in_a_plugins_class_is_told_apart_from_a_fault_in_the_file(
    tmp_path: Path,
) -> None:
    with pytest.raises(PluginError) as caught:
        loaded(tmp_path, change("host: localhost", "host: bug"))
    assert str(caught.value) == (
        "models.insurance.versions.v1.serving.source: AcmeSource fails with KeyError\n"
        "  hint: the file may be right: this is a fault in core.tests.config.acme"
    )
    assert isinstance(caught.value.__cause__, KeyError)


def test_an_error_of_the_configuration_pickles(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, change("source: {", "sorce: {"))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
