"""Bundles that are read: whatever a zip holds, it is a bundle or an error that says why."""

import json
import struct
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from headwater.bundle import bundle as bundles
from headwater.bundle.bundle import Bundle
from headwater.errors import BundleError
from headwater.untrusted import limits

GOOD: dict[str, Any] = {
    "about.json": {"headwater": "support bundle", "format": 1},
    "checks.json": [],
    "plans.json": [],
    "configuration.json": {},
    "calls.json": [],
    "files.json": [],
}
CALL = {
    "service": "glue", "operation": "GetTable", "region": "us-east-1", "asked": {}, "status": 200,
    "answer": {}, "error": None,
}  # fmt: skip


def written(folder: Path, entries: dict[str, Any]) -> Path:
    path = folder / "b.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in entries.items():
            out.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
    return path


def test_a_good_one_is_read(tmp_path: Path) -> None:
    part = {"form": "footer", "entry": "parts/0001.bin"}
    file = {"path": "s3://b/k", "size": 7, "etag": None, "parts": [part]}
    entries = {**GOOD, "calls.json": [CALL], "files.json": [file], "parts/0001.bin": b"x"}
    read = Bundle.load(written(tmp_path, entries))
    assert read.calls[0].operation == "GetTable"
    assert read.files[0].parts == (("footer", b"x"),)


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({**GOOD, "../../etc/passwd": b"x"}, "a file that no bundle has"),
        ({**GOOD, "/about.json": b"x"}, "a file that no bundle has"),
        ({**GOOD, "parts/../x.bin": b"x"}, "a file that no bundle has"),
        ({k: v for k, v in GOOD.items() if k != "calls.json"}, "it has no calls.json"),
        ({**GOOD, "about.json": {"headwater": "evidence"}}, "does not say that it is"),
        ({**GOOD, "about.json": {"headwater": "support bundle"}}, "tells no format"),
        ({**GOOD, "about.json": []}, "about.json is no object"),
        ({**GOOD, "calls.json": b"[" * 5000}, "calls.json is no JSON"),
        ({**GOOD, "calls.json": b"\xff\xfe"}, "calls.json is no JSON"),
        ({**GOOD, "calls.json": [{**CALL, "status": "200"}]}, "a call in calls.json is none"),
        ({**GOOD, "calls.json": [{}]}, "a call in calls.json is none"),
        ({**GOOD, "checks.json": [1]}, "checks.json holds something else"),
        (
            {**GOOD, "files.json": [{"path": "x", "size": -1, "etag": None, "parts": []}]},
            "a file in files.json is none",
        ),
        (
            {
                **GOOD,
                "files.json": [
                    {"path": "x", "size": 1, "etag": None, "parts": [{"form": "f", "entry": "no"}]}
                ],
            },
            "a file in files.json is none",
        ),
    ],
)
def test_what_is_none_is_refused(tmp_path: Path, entries: dict[str, Any], says: str) -> None:
    with pytest.raises(BundleError, match=says) as caught:
        Bundle.load(written(tmp_path, entries))
    assert caught.value.code == "bundle-damaged"


def test_a_newer_one_says_so(tmp_path: Path) -> None:
    about = {"headwater": "support bundle", "format": 2}
    with pytest.raises(BundleError) as caught:
        Bundle.load(written(tmp_path, {**GOOD, "about.json": about}))
    assert caught.value.code == "bundle-newer"


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BUNDLE_BYTES", 100_000)
    path = written(tmp_path, {**GOOD, "calls.json": b" " * 10_000_000})
    with pytest.raises(BundleError, match="unpacked it has more than"):
        Bundle.load(path)
    # One that lies about its size, too.
    content = bytearray(path.read_bytes())
    size = struct.pack("<I", 10_000_000)
    while (at := content.find(size)) >= 0:
        content[at : at + 4] = struct.pack("<I", 10)
    path.write_bytes(content)
    with pytest.raises(BundleError):
        Bundle.load(path)


def test_too_many_files_and_a_name_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, GOOD)
    with zipfile.ZipFile(path, "a") as out, pytest.warns(UserWarning, match="Duplicate"):
        out.writestr("about.json", "{}")
    with pytest.raises(BundleError, match="twice"):
        Bundle.load(path)
    monkeypatch.setattr(limits, "BUNDLE_ENTRIES", 3)
    with pytest.raises(BundleError, match="more than 3 files"):
        Bundle.load(path)


def test_what_is_no_zip_or_is_cut(tmp_path: Path) -> None:
    whole = written(tmp_path, {**GOOD, "parts/0001.bin": bytes(range(256)) * 40}).read_bytes()
    path = tmp_path / "cut.zip"
    for content in (b"", b"PK", b"hello", whole[:-30], whole[: len(whole) // 2], whole[5:]):
        path.write_bytes(content)
        with pytest.raises(BundleError):
            Bundle.load(path)
    for place in range(0, len(whole), 29):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with suppress(BundleError):  # and no other error
            Bundle.load(path)


def test_one_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="there is no file"):
        Bundle.load(tmp_path / "none.zip")
    with pytest.raises(BundleError, match="can't be read"):
        Bundle.load(tmp_path)


def test_the_documents_are_those_that_the_readme_names() -> None:
    from headwater.bundle import writing

    assert all(f"| {name} |" in writing._README for name in bundles.DOCUMENTS)
