"""Reading the file: text to plain data, with the line of every place where the format has lines.

YAML is read by the core schema of YAML 1.2, so that a text stays the text that was written: `no`,
`on`, `1:30` and `2026-01-01` are texts, and a number with a leading zero (an account id) is one
too. Keys are always texts. Only plain data is built: a tag such as `!!python/object` is refused.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from headwater.config.problems import Place, named, shown
from headwater.errors import ConfigError
from headwater.untrusted import limits
from headwater.untrusted.texts import ForeignTextError, has_halves, json_value, whole_number


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read.

    Args:
        path: The file.
        data: Plain data: dict, list, str, int, float, bool, None.
        lines: 1-based line of each place; empty for formats whose parser does not tell.
    """

    path: Path
    data: dict[str, Any] = field(repr=False)
    lines: Mapping[Place, int] = field(default_factory=dict, repr=False)


def read(
    path: str | Path,
    *,
    what: str = "configuration file",
    if_missing: str | None = "`headwater init` writes one; --config names another",
    shape: str = "it must begin with 'version: 1'",
) -> Document:
    """Read a YAML, TOML or JSON file, by its ending.

    Args:
        path: The file.
        what: What a message calls it.
        if_missing: What to do if it is not there.
        shape: What it should hold, for a file that holds no mapping.

    Raises:
        ConfigError: If it is missing, is no text, or does not follow its format; names the line.
    """
    path = Path(path)
    text = _text(path, what, if_missing)
    lines: dict[Place, int] = {}
    match path.suffix.lower():
        case ".yaml" | ".yml":
            data = _yaml(path, text, lines)
        case ".toml":
            data = _toml(path, text)
        case ".json":
            data = _json(path, text)
        case _:
            raise ConfigError(
                f"{path} is no {what}",
                hint="its name must end in .yaml, .yml, .toml or .json",
            )
    if _levels(data) > limits.CONFIG_LEVELS:
        raise _too_deep(path)
    if not isinstance(data, dict):
        content = "empty" if data is None else "no mapping of keys to values"
        raise ConfigError(f"{path} is {content}", hint=shape)
    return Document(path, data, lines)


def _text(path: Path, what: str, if_missing: str | None) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(limits.CONFIG_BYTES + 1)
        if len(content) > limits.CONFIG_BYTES:
            raise ConfigError(
                f"{path} has more than {limits.CONFIG_BYTES:,} bytes: that is no {what}",
                hint="name another file",
            )
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            f"there is no {what} {path}", code="config-missing", hint=if_missing
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text: byte {error.start}") from None
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}") from error
    except ValueError as error:  # a zero byte, half of a character
        raise ConfigError(f"{str(path)!r} is no name of a file: {error}") from None


class _TooManyError(Exception):
    """A file has more values than any honest one."""

    def __init__(self, line: int) -> None:
        self.line = line


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2's core schema; stops where there is too much."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012
    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Count a node before it is made."""
        self.nodes += 1
        if self.nodes > 2 * limits.CONFIG_VALUES:  # keys are nodes as well
            raise _TooManyError(self.line + 1)
        return super().compose_node(parent, index)


_SCALARS: Final[dict[str, re.Pattern[str]]] = {}

for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(?i:inf)|\.(?i:nan)",
        list("-+0123456789."),
    ),
    ("merge", r"<<", ["<"]),
):
    _SCALARS[_tag] = re.compile(rf"^(?:{_pattern})$")
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _SCALARS[_tag], _first)


def _yaml(path: Path, text: str, lines: dict[Place, int]) -> Any:
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        problem = error.problem or "it can't be read"
        if problem == "but found another document":
            problem = "it holds more than one document"
        tab = "\\t" in problem
        raise ConfigError(
            f"{path}{line}: this is not YAML: {problem}",
            hint="indent with spaces, not tabs" if tab else "check indentation, colons and quotes",
        ) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: this is not YAML: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise _too_deep(path) from None
    except _TooManyError as error:
        raise _too_many_values(path, error.line) from None
    except (ValueError, OverflowError):
        # PyYAML makes the character of an escape without asking whether there is one.
        raise ConfigError(
            f"{path}: this is not YAML: an escape in double quotes is no character",
            hint="write the character itself",
        ) from None
    finally:
        if loader is not None:
            loader.dispose()
    return None if node is None else _Builder(path, lines).build(node, (), ())


class _Builder:
    """Turns YAML nodes into plain data, noting lines, and refusing what is not plain."""

    def __init__(self, path: Path, lines: dict[Place, int]) -> None:
        self._path = path
        self._lines = lines
        self._nodes = 0

    def build(self, node: yaml.Node, place: Place, above: tuple[yaml.Node, ...]) -> Any:
        self._count(node)
        if node in above:
            raise self._error(node, "its aliases expand without end", "write the values out")
        if len(above) > limits.CONFIG_LEVELS:
            raise _too_deep(self._path)
        self._lines.setdefault(place, node.start_mark.line + 1)
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        inside = (*above, node)
        if isinstance(node, yaml.MappingNode) and kind == "map":
            return {
                key: self.build(value, (*place, key), inside)
                for key, value in self._pairs(node, place, inside).items()
            }
        if isinstance(node, yaml.SequenceNode) and kind == "seq":
            return [self.build(v, (*place, i), inside) for i, v in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, kind)
        raise self._error(
            node, f"the tag {kind!r} is not plain data", "remove it; values are plain YAML"
        )

    def _count(self, node: yaml.Node) -> None:
        """Count a value: aliases and merges can expand a small text without end."""
        self._nodes += 1
        if self._nodes > limits.CONFIG_VALUES:
            raise _too_many_values(self._path, node.start_mark.line + 1)

    def _pairs(
        self, node: yaml.MappingNode, place: Place, above: tuple[yaml.Node, ...]
    ) -> dict[str, yaml.Node]:
        self._count(node)
        if len(above) > limits.CONFIG_LEVELS:
            raise _too_deep(self._path)
        own: dict[str, yaml.Node] = {}
        merged: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._error(key, f"a key under {named(place)} is not a text", "name it")
            if key.tag.endswith(":merge"):
                for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    if not isinstance(source, yaml.MappingNode) or source in above:
                        raise self._error(key, "'<<' takes a mapping", "e.g. <<: *defaults")
                    for name, inherited in self._pairs(source, place, (*above, source)).items():
                        self._count(source)
                        merged.setdefault(name, inherited)
                continue
            if key.value in own:
                first = self._lines[*place, key.value]
                raise self._error(
                    key,
                    f"{named((*place, key.value))} is written twice, first on line {first}",
                    "remove one of the two",
                )
            own[key.value] = value
            self._lines[*place, key.value] = key.start_mark.line + 1
        return {**merged, **own}

    def _scalar(self, node: yaml.ScalarNode, kind: str) -> Any:
        text = str(node.value)
        if has_halves(text):
            raise self._error(
                node, "half of a character (a lone surrogate)", "write the character itself"
            )
        pattern = _SCALARS.get(kind)
        if pattern is not None and kind != "merge" and not pattern.match(text):
            # Only a tag that is written makes this of it: `!!bool yes`.
            raise self._error(node, f"{shown(text)} is no {kind}", "remove the tag")
        match kind:
            case "str":
                return text
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                based = text[:2] in ("0o", "0x") and len(text) <= limits.NUMBER_CHARACTERS
                number = int(text, 0) if based else whole_number(text)
                if number is None:
                    raise self._error(
                        node, f"a number of {len(text):,} digits", "put quotes around a text"
                    )
                return number
            case "float":
                as_float = float(re.sub(r"\.(?=[inIN])", "", text))
                if math.isinf(as_float) and "n" not in text.lower():
                    raise self._error(
                        node, f"the number {shown(text)} is none of any type",
                        "put quotes around a text",
                    )  # fmt: skip
                return as_float
        raise self._error(
            node, f"the tag {kind!r} is not plain data", "remove it; values are plain YAML"
        )

    def _error(self, node: yaml.Node, what: str, hint: str) -> ConfigError:
        return ConfigError(f"{self._path}, line {node.start_mark.line + 1}: {what}", hint=hint)


_TOML_TEXTS: Final = re.compile(
    "|".join(
        (
            r'"""(?:[^\\]|\\.)*?"""',
            r"'''.*?'''",
            r'"(?:[^"\\\n]|\\.)*"',
            r"'[^'\n]*'",
            r"#[^\n]*",
        )
    ),
    re.DOTALL,
)


def _toml(path: Path, text: str) -> Any:
    # tomllib keeps each beginning of a key of many parts: 100 KB make gigabytes.
    bare = _TOML_TEXTS.sub("", text)
    if any(line.count(".") > limits.CONFIG_LEVELS for line in bare.splitlines()):
        raise _too_deep(path)
    try:
        data = tomllib.loads(text)
    except RecursionError:
        raise _too_deep(path) from None
    except tomllib.TOMLDecodeError as error:
        match = re.fullmatch(r"(.*) \(at line (\d+), column \d+\)", str(error), re.DOTALL)
        line, problem = (f", line {match[2]}", match[1]) if match else ("", str(error))
        raise ConfigError(f"{path}{line}: this is not TOML: {problem}") from None
    except ValueError:  # of a number that is too long, or a date that there is not
        raise ConfigError(
            f"{path}: this is not TOML: it has a number or a date that is out of range"
        ) from None
    _check_levels(path, data)
    return data


def _check_levels(path: Path, data: Any) -> None:
    """Refuse what nests too deep, and what has too many values, without recursion."""
    level, values = [data], 0
    for _ in range(limits.CONFIG_LEVELS + 1):
        values += len(level)
        if values > limits.CONFIG_VALUES:
            raise _too_many_values(path)
        inner = [
            v.values() if isinstance(v, dict) else v for v in level if isinstance(v, dict | list)
        ]
        level = [v for values_ in inner for v in values_]
        if not level:
            return
    raise _too_deep(path)


def _too_many_values(path: Path, line: int | None = None) -> ConfigError:
    place = f", line {line}" if line is not None else ""
    return ConfigError(
        f"{path}{place}: with its aliases written out it has more than "
        f"{limits.CONFIG_VALUES:,} values",
        hint="a file of settings is shorter; part it",
    )


def _levels(data: Any) -> int:
    """Return how deep data nests; TOML's dotted keys nest without brackets."""
    deepest = 0
    todo = [(data, 0)]
    while todo:
        node, level = todo.pop()
        deepest = max(deepest, level)
        if isinstance(node, (dict, list)):
            inner = node.values() if isinstance(node, dict) else node
            todo += [(value, level + 1) for value in inner]
    return deepest


def _too_deep(path: Path) -> ConfigError:
    return ConfigError(
        f"{path} nests deeper than {limits.CONFIG_LEVELS} levels: no setting lies there",
        hint="check its brackets and indentation",
    )


def _json(path: Path, text: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key, value in pairs:
            if key in mapping:
                raise ConfigError(
                    f"{path}: the key {key!r} is written twice in one object",
                    hint="remove one of the two",
                )
            mapping[key] = value
        return mapping

    try:
        data = json_value(text, pairs=unique)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{path}, line {error.lineno}: this is not JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        ) from None
    except ForeignTextError as error:
        raise ConfigError(f"{path} can't be read: {error}") from None
    _check_levels(path, data)
    return data
