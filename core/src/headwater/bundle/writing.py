"""Writing a bundle: what was recorded, without secrets, and without names where that is asked for.

It is written whole or not at all, also where the check fails or is interrupted: that is when it is
wanted. The same recording gives the same bytes.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import platform
import re
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headwater.bundle import table_metadata
from headwater.bundle.bundle import FORMAT, README, WHAT
from headwater.bundle.names import Names, names_in
from headwater.bundle.parquet_footers import FooterError, kept_footer
from headwater.bundle.secrets import Secrets, without_values
from headwater.errors import BundleError, HeadwaterError
from headwater.interfaces import distributions
from headwater.interfaces.recording import Call, Excerpt, Recording, Vocabulary
from headwater.untrusted import limits
from headwater.untrusted.texts import json_value, packed_json

if TYPE_CHECKING:
    from headwater.interfaces.report import CheckReport
    from headwater.plugins.registry import PluginRegistry

_EXAMINED: Final = re.compile(
    r"(?:actuals: )?(?:identity|token|issuer|tables|query|mapping|plan|time-partition|predictions|"
    r"\w+:\w+)"
)
"""Stages that look at no row: what they tell is of catalogs, permissions and listings."""
_SOURCED: Final = re.compile(r"(?:actuals: )?(?:token|issuer)")
_TOLD: Final = frozenset({"code", "types"})
"""Texts in the details of the other stages that are no values of rows."""
_SPARE: Final = 512
_GZIP: Final = b"\x1f\x8b"
_BZIP2: Final = b"BZh"
_DOCUMENTS: Final = 10
"""Files of a bundle beside the parts, and some more."""
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the zip: when it was written is in about.json."""


_NAMED: Final = """\
names of databases, tables, columns, buckets, keys and roles, account numbers, the
query, partition values, footers of files (with the least and greatest times)."""
_ANONYMOUS: Final = """\
placeholders for names, account numbers, partition values and the query's literals,
each everywhere the same; dates, sizes, types; footers of files, with the bounds of times alone."""
_README: Final = """\
# A support bundle of headwater

Made by `headwater check --bundle` (or `check(bundle=...)`). Read it before you send it: all of it
is text, but the parts of files.

| file | what is in it |
| --- | --- |
| about.json | versions, platform, when and how long, how it ended |
| checks.json | {checks} reports, stage by stage |
| plans.json | {plans} plans: the query, the files of each table |
| configuration.json | the models and sources that were examined; no identity |
| calls.json | {calls} calls: each attempt, what was asked, the answer or error |
| files.json | {files} objects of which a part is kept, in parts/ |

**In it:** {told}

**Not in it:** credentials, tokens, signed addresses, secrets of the configuration; values of rows;
comments; what DuckDB, Spark and deltalake asked of storage themselves, and who gave a token.

## What the checks said
"""


@contextmanager
def recorded(
    path: str | os.PathLike[str],
    registry: PluginRegistry,
    *,
    anonymous: bool = False,
    overwrite: bool = False,
) -> Iterator[Recording]:
    """Record what is done in the block, and write it to a file at its end, however it ends.

    Args:
        path: The file.
        registry: The plugins, whose versions are told.
        anonymous: Whether placeholders stand for names.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        BundleError: Before the block, if the file is there or can't be written there; after it, if
            it can't be written.
    """
    place = Path(path)
    try:
        if "\0" in str(place):
            raise ValueError("no file's name holds a NUL")
        # A link that leads nowhere is there, too.
        if place.is_dir() or (not overwrite and os.path.lexists(place)):
            raise BundleError(
                f"{place} is {'a folder' if place.is_dir() else 'there already'}",
                hint="choose another name, or replace it: --overwrite, overwrite=True",
            )
        # A new file of a name that nobody knows before: it is never written through a link.
        handle, temporary = tempfile.mkstemp(prefix=".headwater-", suffix=".zip", dir=place.parent)
        os.close(handle)
        hidden = Path(temporary)
    except (OSError, ValueError) as error:
        raise BundleError(
            f"a bundle can't be written to {place}: {getattr(error, 'strerror', None) or error}",
            hint="name a file in a folder that exists and is yours",
        ) from None
    recording = Recording()
    began = datetime.now(UTC)
    ended: BaseException | None = None
    try:
        try:
            with recording.on():
                yield recording
        except BaseException as error:
            ended = error
            raise
        finally:
            try:
                content = packed(recording, registry, began, ended, anonymous=anonymous)
                _replace(hidden, place, content, overwrite=overwrite)
            except OSError as error:
                failed = BundleError(
                    f"a bundle can't be written to {place}: {error.strerror or error}"
                )
                if ended is None:
                    raise failed from error
                ended.add_note(failed.message)
    finally:
        with suppress(OSError):
            hidden.unlink(missing_ok=True)


def _replace(hidden: Path, place: Path, content: bytes, *, overwrite: bool) -> None:
    with hidden.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if overwrite:
        hidden.replace(place)
        return
    try:
        os.link(hidden, place)  # in one step, and never over another file
    except FileExistsError:
        raise OSError(f"{place} was written by somebody else meanwhile") from None
    except OSError:  # a file system without links
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
        except BaseException:
            place.unlink(missing_ok=True)
            raise


def packed(
    recording: Recording,
    registry: PluginRegistry,
    began: datetime,
    ended: BaseException | None,
    *,
    anonymous: bool,
) -> bytes:
    """Return the bytes of a bundle.

    Args:
        recording: The recorded calls, plans and reports.
        registry: The plugins.
        began: When the recording began.
        ended: What ended it before its end.
        anonymous: Whether placeholders stand for names.
    """
    vocabularies = [v for _, v in sorted(recording.vocabularies.items())]
    secrets = Secrets(recording.secrets, vocabularies, recording.values)
    documents, excerpts = _documents(recording, vocabularies, secrets)
    texts = {key: _without_secrets(excerpt, secrets) for key, excerpt in excerpts.items()}
    names = None
    if anonymous:
        order = ("calls", "configuration", "plans", "checks", "files")
        named_values = [(documents[name], "") for name in order]
        for (_, form), content in texts.items():
            named_values += [(one, "") for one in _documents_in(form, content)]
        for (_, form), excerpt in excerpts.items():
            if form == "footer":
                with suppress(FooterError):
                    named = [{"name": n, "type": ""} for n in kept_footer(excerpt.content).names]
                    named_values.append(({"columns": named}, ""))
        documents["checks"] = [_unsourced(c) for c in documents["checks"]]
        names = names_in(named_values, vocabularies)
    parts, files, dropped = _parts(excerpts, texts, secrets, names)
    documents["files"] = files
    if names is not None:
        documents = {name: names.value(d, name) for name, d in documents.items()}
        documents["calls"] = [_in_order(c) for c in documents["calls"]]
    about = {
        "headwater": WHAT,
        "format": FORMAT,
        "anonymous": anonymous,
        "began": began.isoformat(),
        "seconds": round((datetime.now(UTC) - began).total_seconds(), 3),
        "ended": None if ended is None else _error(ended, secrets, names),
        "checks": [{"ok": r.ok, "seconds": round(s, 3)} for r, s in recording.reports],
        "left_out": recording.left_out + dropped,
        "versions": _versions(registry, vocabularies if anonymous else None),
        "platform": {
            "python": sys.version.split()[0],
            "implementation": platform.python_implementation(),
            "system": platform.system(),
            "release": platform.release(),
            "machine": platform.machine(),
        },
    }
    replay = [line for v in vocabularies for line in v.replay]
    entries = {README: _readme(about, documents, replay).encode(), "about.json": _json(about)}
    entries |= {f"{name}.json": _json(document) for name, document in documents.items()}
    entries |= parts
    return _zip(_bounded(entries, about))


def _documents(
    recording: Recording, vocabularies: list[Vocabulary], secrets: Secrets
) -> tuple[dict[str, Any], dict[tuple[str, str], Excerpt]]:
    configuration: dict[str, Any] = {"version": 1, "models": {}}
    for one in recording.configurations:
        _merge(configuration, one)
    names = frozenset(n.casefold() for n in _words(configuration))
    documents: dict[str, Any] = {
        "calls": _calls(recording.calls, frozenset().union(*(v.pages for v in vocabularies))),
        "configuration": configuration,
        "plans": [plan.to_dict() for plan in recording.plans],
        "checks": [{**_report(r, names), "seconds": round(s, 3)} for r, s in recording.reports],
        "files": [],
    }
    documents = {name: secrets.value(_whole_schemas(_plain(d))) for name, d in documents.items()}
    return documents, dict(sorted(recording.excerpts.items()))


def _unsourced(check: dict[str, Any]) -> dict[str, Any]:
    """Return a report without details of tokens: paths, addresses and claims are names."""
    stages = [
        {
            **stage,
            "summary": "...",
            "diagnostics": [
                {k: v if k in ("code", "severity") or v is None else "..." for k, v in d.items()}
                for d in stage["diagnostics"]
            ],
            "details": _figures(stage["details"]),
        }
        if _SOURCED.fullmatch(stage["name"])
        else stage
        for stage in check["stages"]
    ]
    return {**check, "stages": stages}


def _merge(into: dict[str, Any], other: Mapping[str, Any]) -> None:
    for key, value in other.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value


def _words(value: Any) -> Iterator[str]:
    match value:
        case Mapping():
            for key, inner in value.items():
                yield str(key)
                yield from _words(inner)
        case list() | tuple():
            for inner in value:
                yield from _words(inner)
        case str():
            yield value
            yield from re.findall(r"\w+", value)


_PART: Final = re.compile(r"(.+\.schema)\.part\.(\d+)")


def _whole_schemas(value: Any) -> Any:
    """Return plain data with texts made whole: Spark stores a schema's JSON in pieces."""
    match value:
        case dict():
            whole_values = {k: _whole_schemas(v) for k, v in value.items()}
            pieces: dict[str, list[tuple[int, str]]] = {}
            for key, piece in whole_values.items():
                if isinstance(piece, str) and (match := _PART.fullmatch(key)) is not None:
                    pieces.setdefault(match[1], []).append((int(match[2]), key))
            for numbered in pieces.values():
                ordered = [key for _, key in sorted(numbered)]
                whole = "".join(whole_values[key] for key in ordered)
                whole_values |= dict.fromkeys(ordered, "") | {ordered[0]: whole}
            return whole_values
        case list():
            return [_whole_schemas(v) for v in value]
    return value


def _calls(calls: list[Call], marks: frozenset[str]) -> list[dict[str, Any]]:
    """Return calls in order, with numbers for a provider's page tokens, which may hold anything."""
    pages: dict[str, str] = {}

    def numbered(value: Any) -> Any:
        match value:
            case Mapping():
                return {
                    k: pages.setdefault(v, f"page-{len(pages) + 1}")
                    if k in marks and isinstance(v, str) and v
                    else numbered(v)
                    for k, v in value.items()
                }
            case list():
                return [numbered(v) for v in value]
        return value

    ordered = sorted(calls, key=lambda c: c.began)
    return [
        {
            "service": c.service,
            "operation": c.operation,
            "region": c.region,
            "asked": numbered(c.asked),
            "status": c.status,
            "answer": numbered(c.answer),
            "error": c.error,
            "began": c.began.isoformat(),
            "seconds": round(c.seconds, 4),
        }
        for c in ordered
    ]


def _in_order(call: dict[str, Any]) -> dict[str, Any]:
    """Return a call with its listing sorted again, since its keys were renamed."""
    answer = call["answer"]
    if not isinstance(answer, dict):
        return call
    sorted_ = dict(answer)
    for name, key in (("Contents", "Key"), ("CommonPrefixes", "Prefix")):
        if isinstance(answer.get(name), list):
            sorted_[name] = sorted(answer[name], key=lambda item: str(item.get(key)))
    return {**call, "answer": sorted_}


def _report(report: CheckReport, names: frozenset[str]) -> dict[str, Any]:
    """Return a report without values of rows: quotations go from stages that look at rows."""
    document = report.to_dict()
    for stage in document["stages"]:
        if _EXAMINED.fullmatch(stage["name"]):
            continue
        stage["summary"] = without_values(stage["summary"], names)
        for diagnostic in stage["diagnostics"]:
            for field, text in diagnostic.items():
                if isinstance(text, str) and field not in ("code", "severity"):
                    diagnostic[field] = without_values(text, names)
        stage["details"] = _figures(stage["details"])
    return document


def _figures(value: Any, name: str = "") -> Any:
    match value:
        case Mapping():
            return {k: _figures(v, name if name in _TOLD else str(k)) for k, v in value.items()}
        case list() | tuple():
            return [_figures(v, name) for v in value]
        case str() if name not in _TOLD:
            return "***"
    return value


def _error(ended: BaseException, secrets: Secrets, names: Names | None) -> dict[str, Any]:
    document: dict[str, Any] = {"type": type(ended).__name__}
    if isinstance(ended, HeadwaterError):
        document |= {"code": ended.code, "message": without_values(ended.message, frozenset())}
    document = secrets.value(document)
    return document if names is None else {k: names.text(v) for k, v in document.items()}


def _without_secrets(excerpt: Excerpt, secrets: Secrets) -> bytes | None:
    """Return a part of an object without secrets; None for one that can't be searched."""
    content = excerpt.content
    try:
        match excerpt.form:
            case "json":
                described = table_metadata.description(packed_json(content))
                return _packed_like(content, json.dumps(secrets.value(described)).encode())
            case "lines":
                lines = [json_value(line) for line in content.splitlines() if line.strip()]
                actions = [secrets.value(table_metadata.action(line)) for line in lines]
                return b"".join(json.dumps(a).encode() + b"\n" for a in actions)
            case "checkpoint":
                return table_metadata.checkpoint(
                    content, lambda row: secrets.value(table_metadata.action(row))
                )
            case "text":
                # A manifest names files; what else stands there may be rows.
                paths = [one for one in content.decode().splitlines() if _PATH.fullmatch(one)]
                return secrets.text("".join(f"{path}\n" for path in paths)).encode()
            case "magic":
                return content
            case "header" | "shape":
                return content
    except (ValueError, KeyError, TypeError, OSError):
        return None
    return None


_PATH: Final = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]{0,15}://\S.*")


def _documents_in(form: str, content: bytes | None) -> Iterator[Any]:
    """Yield a part's documents, to learn the names in them."""
    if content is None:
        return
    with suppress(ValueError):
        match form:
            case "json":
                yield packed_json(content)
            case "lines":
                yield from (json_value(line) for line in content.splitlines())
            case "text":
                yield content.decode()
            case "checkpoint":
                yield from table_metadata.checkpoint_rows(content)
            case "header":
                head = _unpacked(content).decode()
                cells = [c.strip(" \"'\r") for c in re.split(r"[,;\t|\n\x01-\x08^~]", head)]
                yield {"columns": [{"name": n, "type": ""} for n in cells]}
            case "shape":
                for line in _unpacked(content).splitlines():
                    yield {"columns": [{"name": n, "type": ""} for n in _keys(json_value(line))]}


def _keys(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for key, inner in value.items():
                yield str(key)
                yield from _keys(inner)
        case list():
            for inner in value:
                yield from _keys(inner)


def _unpacked(content: bytes) -> bytes:
    """Return a part's document.

    Raises:
        ValueError: If it can't be unpacked.
    """
    try:
        if content[:2] == _GZIP:
            return gzip.decompress(content)
        return bz2.decompress(content) if content[:3] == _BZIP2 else content
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(str(error)) from None


def _packed_like(content: bytes, plain: bytes) -> bytes:
    """Return a document packed as the part that it replaces."""
    if content[:2] == _GZIP:
        return gzip.compress(plain, mtime=0)
    return bz2.compress(plain) if content[:3] == _BZIP2 else plain


def _renamed(form: str, content: bytes, names: Names) -> bytes | None:
    match form:
        case "json":
            return _packed_like(content, json.dumps(names.value(packed_json(content))).encode())
        case "lines":
            actions = [_path_named(json_value(line), names) for line in content.splitlines()]
            return b"".join(json.dumps(a).encode() + b"\n" for a in actions)
        case "text":
            return names.text(content.decode()).encode()
        case "header" | "shape":
            return _packed_like(content, names.text(_unpacked(content).decode()).encode())
        case "checkpoint":
            return table_metadata.checkpoint(content, lambda row: _path_named(row, names))
        case "magic":
            return content
    return None


def _path_named(action: Any, names: Names) -> Any:
    renamed = names.value(action)
    for name in ("add", "remove"):
        if isinstance(action, dict) and isinstance(action.get(name), dict):
            values = action[name].get("partitionValues") or {}
            renamed[name]["partitionValues"] = {
                names.name(k): v if v is None else names.literal(v) for k, v in values.items()
            }
    return renamed


def _parts(
    excerpts: Mapping[tuple[str, str], Excerpt],
    texts: Mapping[tuple[str, str], bytes | None],
    secrets: Secrets,
    names: Names | None,
) -> tuple[dict[str, bytes], list[dict[str, Any]], int]:
    """Return parts by zip entry, the descriptions of their files, and how many had no room."""
    entries: dict[str, bytes] = {}
    dropped = 0
    by_path: dict[str, dict[str, Any]] = {}
    for (path, form), excerpt in excerpts.items():
        if len(entries) >= limits.BUNDLE_ENTRIES - _DOCUMENTS:
            dropped += 1
            continue
        facts: dict[str, Any] = {}
        content: bytes | None = None
        if form == "footer":
            try:
                footer = kept_footer(
                    excerpt.content, None if names is None else names.name, secrets.text
                )
            except FooterError as error:
                facts["not_kept"] = secrets.text(str(error))
            else:
                content = footer.content
                facts |= {"rows": footer.rows, "columns": list(footer.columns)}
        else:
            content = texts[path, form]
            if content is not None and names is not None:
                try:
                    content = _renamed(form, content, names)
                except ValueError:
                    content = None  # what can't be gone through may hold names
        file = by_path.setdefault(
            path,
            {
                "path": secrets.text(path),
                "size": len(excerpt.content) if excerpt.size is None else excerpt.size,
                "etag": excerpt.etag,
                "parts": [],
            },
        )
        file["etag"] = file["etag"] or excerpt.etag
        if content is None:
            file["not_kept"] = facts.get(
                "not_kept", f"a {form} can't be told without what it holds"
            )
            continue
        entry = f"parts/{len(entries) + 1:04d}.bin"
        entries[entry] = content
        file["parts"].append({"form": form, "entry": entry, "bytes": len(content), **facts})
    return entries, list(by_path.values()), dropped


def _bounded(entries: dict[str, bytes], about: dict[str, Any]) -> dict[str, bytes]:
    """Return the entries within a bundle's size limit: the last calls are dropped, then plans.

    Raises:
        BundleError: If the reports alone are too large.
    """
    excess = sum(map(len, entries.values())) - limits.BUNDLE_BYTES + _SPARE
    if excess <= 0:
        return entries
    entries = dict(entries)
    for name in ("calls.json", "plans.json"):
        items = json_value(entries[name])
        while excess > 0 and items:
            excess -= len(json.dumps(_plain(items.pop()), indent=1, ensure_ascii=False).encode())
            about["left_out"] += 1
        entries[name] = _json(items)
    if excess > 0:
        raise BundleError(
            f"a bundle of this check has more than {limits.BUNDLE_BYTES:,} bytes",
            hint="check one connection, and a smaller window",
        )
    return {**entries, "about.json": _json(about)}


def _zip(entries: Mapping[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as out:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o600 << 16
            info.create_system = 3
            out.writestr(info, content)
    return sink.getvalue()


def _plain(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "replace").decode()
        case Mapping():
            return {str(k): _plain(v) for k, v in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(v) for v in value]
        case float() if value != value or value in (float("inf"), float("-inf")):
            return str(value)
        case None | bool() | int() | float():
            return value
    return str(value)


def _json(value: Any) -> bytes:
    return json.dumps(_plain(value), indent=1, ensure_ascii=False).encode() + b"\n"


def _versions(registry: PluginRegistry, vocabularies: list[Vocabulary] | None) -> dict[str, str]:
    """Return the versions of headwater, its plugins, and what these depend on.

    A plugin may be called after somebody.

    Args:
        registry: The plugins.
        vocabularies: Vocabularies that name public distributions, where names are hidden.
    """
    ours = {"headwater"} | {s.distribution for s in registry.report() if s.distribution}
    if vocabularies is not None:
        ours &= {"headwater"}.union(*(v.published for v in vocabularies))
    distribution_names = set(ours)
    for name in ours:
        for requirement in distributions.required_by(name):
            distribution_names.add(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])
    versions = {
        name: distributions.version_of(name)
        for name in sorted(distribution_names, key=str.casefold)
    }
    return {name: version for name, version in versions.items() if version is not None}


def _readme(about: Mapping[str, Any], documents: Mapping[str, Any], replay: list[str]) -> str:
    """Return the README of a bundle."""
    anonymous = about["anonymous"]
    counts = {name: len(documents[name]) for name in ("checks", "plans", "calls", "files")}
    introduction = _ANONYMOUS if anonymous else _NAMED
    lines = [*_README.format(**counts, told=introduction).splitlines(), ""]
    for report in documents["checks"]:
        lines.append(f"- {report['connection']}: {report['verdict']}")
        lines += [
            f"    - {s['status']} {s['name']}: {' '.join(str(s['summary']).split())}"
            for s in report["stages"]
        ]
    if about["ended"] is not None:
        lines += ["", f"It ended before its end: {about['ended']['type']}."]
    if replay:
        lines += ["", "## To replay it", "", "```python", *replay, "```"]
    return "\n".join(lines) + "\n"
