from pathlib import Path
from typing import Any

import pytest

from headwater.config.document import Document, read
from headwater.errors import ConfigError
from headwater.untrusted import limits


def document(folder: Path, text: str | bytes, name: str = "c.yaml") -> Document:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path)


def complaint(folder: Path, text: str | bytes, name: str = "c.yaml") -> str:
    with pytest.raises(ConfigError) as caught:
        document(folder, text, name)
    return str(caught.value).replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("1:30", "1:30"),
        ("2026-01-01", "2026-01-01"),
        ("012345678901", "012345678901"),
        ("1_000", "1_000"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-0", 0),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.INF", float("-inf")),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("!!int '12'", 12),
    ],
)
def test_yaml_scalars_are_those_of_the_core_schema(
    tmp_path: Path, written: str, value: Any
) -> None:
    found = document(tmp_path, f"a: {written}\n").data["a"]
    assert (type(found), found) == (type(value), value)


def test_keys_are_texts_as_they_are_written(tmp_path: Path) -> None:
    assert document(tmp_path, "1: a\ntrue: b\n2026-01-01: c\n").data == {
        "1": "a",
        "true": "b",
        "2026-01-01": "c",
    }


def test_every_place_has_its_line(tmp_path: Path) -> None:
    text = "a: 1\nb:\n  c:\n    - x\n    - d: y\n"
    assert document(tmp_path, text).lines == {
        (): 1,
        ("a",): 1,
        ("b",): 2,
        ("b", "c"): 3,
        ("b", "c", 0): 4,
        ("b", "c", 1): 5,
        ("b", "c", 1, "d"): 5,
    }


def test_anchors_and_merges_are_understood(tmp_path: Path) -> None:
    text = "base: &b {x: 1, y: 2}\nmore: &m {z: 0, y: 9}\na: {<<: *b, y: 3}\nc: {<<: [*b, *m]}\n"
    found = document(tmp_path, text).data
    assert found["a"] == {"x": 1, "y": 3}
    assert found["c"] == {"x": 1, "y": 2, "z": 0}


PLAIN = "remove it; values are plain YAML"
SYNTAX = "check indentation, colons and quotes"
FIRST = "it must begin with 'version: 1'"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "a:\n  b: 1\n  c: 2\n  b: 3\n",
            "c.yaml, line 4: a.b is written twice, first on line 2",
            "remove one of the two",
        ),
        (
            "a: !!python/object/apply:os.system [id]\n",
            "c.yaml, line 1: the tag 'python/object/apply:os.system' is not plain data",
            PLAIN,
        ),
        ("a: 1\nb: !Ref x\n", "c.yaml, line 2: the tag '!Ref' is not plain data", PLAIN),
        (
            "a: [1, 2\nb: 3\n",
            "c.yaml, line 2: this is not YAML: expected ',' or ']', but got ':'",
            SYNTAX,
        ),
        (
            "a:\n\tb: 1\n",
            "c.yaml, line 2: this is not YAML: found character '\\t' that cannot start any token",
            "indent with spaces, not tabs",
        ),
        (
            "a: 1\n---\nb: 2\n",
            "c.yaml, line 2: this is not YAML: it holds more than one document",
            SYNTAX,
        ),
        ("? [a, b]\n: 1\n", "c.yaml, line 1: a key under the file is not a text", "name it"),
        ("", "c.yaml is empty", FIRST),
        ("- a\n", "c.yaml is no mapping of keys to values", FIRST),
        (
            "a: &a [*a]\n",
            "c.yaml, line 1: its aliases expand without end",
            "write the values out",
        ),
    ],
)
def test_yaml_that_is_refused(tmp_path: Path, text: str, message: str, hint: str) -> None:
    assert complaint(tmp_path, text) == f"{message}\n  hint: {hint}"


def test_aliases_that_multiply_are_refused_quickly(tmp_path: Path) -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "with its aliases written out it has more than 100,000 values" in complaint(
        tmp_path, "\n".join(levels)
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("c.toml", "a = 1\nb = \n", "c.toml, line 2: this is not TOML: Invalid value"),
        (
            "c.toml",
            "a = 1\na = 2\n",
            "c.toml, line 2: this is not TOML: Cannot overwrite a value",
        ),
        (
            "c.json",
            '{"a": 1,\n "b" 2}',
            "c.json, line 2: this is not JSON: expecting ':' delimiter",
        ),
        (
            "c.json",
            '{"a": {"b": 1, "b": 2}}',
            "c.json: the key 'b' is written twice in one object\n  hint: remove one of the two",
        ),
        (
            "c.ini",
            "a=1",
            (
                "c.ini is no configuration file\n"
                "  hint: its name must end in .yaml, .yml, .toml or .json"
            ),
        ),
        ("c.yaml", b"a: \xff\n", "c.yaml is not UTF-8 text: byte 3"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, name: str, text: str | bytes, message: str) -> None:
    assert complaint(tmp_path, text, name) == message


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path / "c.yaml")
    assert str(caught.value) == (
        f"there is no configuration file {tmp_path}/c.yaml\n"
        "  hint: `headwater init` writes one; --config names another"
    )


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").mkdir()
    with pytest.raises(ConfigError, match="can't be read: Is a directory"):
        read(tmp_path / "c.yaml")


def test_merges_that_multiply_are_refused_quickly(tmp_path: Path) -> None:
    levels = ["m0: &m0 {a: 1}"]
    levels += [f"m{n}: &m{n}\n  <<: [*m{n - 1}, *m{n - 1}]" for n in range(1, 40)]
    assert "with its aliases written out" in complaint(tmp_path, "\n".join(levels))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.yaml", "a: " + "[" * 5_000 + "]" * 5_000),
        ("c.yaml", "\n".join(" " * n + "a:" for n in range(150))),
        ("c.yaml", "a: " + "{a: " * 120 + "1" + "}" * 120),
        ("c.toml", "a = " + "[" * 5_000 + "]" * 5_000),
        ("c.toml", "a" + ".a" * 5_000 + " = 1"),
        ("c.json", '{"a": ' + "[" * 5_000 + "]" * 5_000 + "}"),
        ("c.json", '{"a": ' * 5_000 + "1" + "}" * 5_000),
        ("c.json", '{"a": ' * 150 + "1" + "}" * 150),
        ("c.toml", "a" + ".a" * 50_000 + " = 1"),
        ("c.toml", "[" + "a." * 50_000 + "a]"),
        ("c.toml", "[[" + "a." * 150 + "a]]"),
        ("c.toml", "[" + "a." * 90 + "a]\n" + "b." * 90 + "b = 1"),
    ],
)
def test_what_nests_too_deep_is_refused(tmp_path: Path, name: str, text: str) -> None:
    assert "nests deeper than" in complaint(tmp_path, text, name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.yaml", "a: " + "9" * 4301),
        ("c.yaml", "a: 0x" + "f" * 9000),
        ("c.toml", "a = " + "9" * 4301),
        ("c.json", '{"a": ' + "9" * 4301 + "}"),
        ("c.json", '{"a": NaN}'),
        ("c.json", '{"a": "\\ud800"}'),
        ("c.yaml", 'a: "\\ud800"'),
        ("c.yaml", "a: 1\0"),
        ("c.toml", "a = 2026-02-30"),
        ("c.json", "\0"),
        ("c.yaml", b"a: \xff"),
        ("c.yaml", "a: !!float x"),
        ("c.yaml", "a: !!int 0xzz"),
        ("c.yaml", "a: !!bool yes"),
        ("c.yaml", "a: !!null none"),
        ("c.yaml", "a: 1e999"),
        ("c.yaml", 'a: "\\UFFFFFFFF"'),
        ("c.yaml", 'a: "\\U00110000"'),
    ],
)
def test_what_no_setting_is(tmp_path: Path, name: str, text: str | bytes) -> None:
    assert name in complaint(tmp_path, text, name)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    assert "more than 4,194,304 bytes" in complaint(tmp_path, "a: 1\n" + "#" * 5_000_000)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.yaml", "- a\n" * 2_100),
        ("c.json", '{"a": [' + "1," * 2_000 + "1]}"),
        ("c.toml", "a = [" + "1," * 2_000 + "1]"),
    ],
)
def test_what_has_more_values_than_settings_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    assert limits.CONFIG_VALUES == 100_000
    monkeypatch.setattr(limits, "CONFIG_VALUES", 1_000)
    assert "more than 1,000 values" in complaint(tmp_path, text, name)


def test_dots_in_texts_and_remarks_of_toml_are_no_levels(tmp_path: Path) -> None:
    query = "SELECT " + ", ".join(f"t.c{i}" for i in range(200)) + " FROM t"
    text = f'a = "{query}"\nb = """\n{query}"""\nc = \'{query}\' # {query}\n'
    assert document(tmp_path, text, "c.toml").data == {"a": query, "b": query, "c": query}


@pytest.mark.parametrize("name", ["c\0.yaml", "c\ud800.yaml", "c" * 5_000 + ".yaml"])
def test_what_no_name_of_a_file_is(name: str) -> None:
    with pytest.raises(ConfigError):
        read(name)
