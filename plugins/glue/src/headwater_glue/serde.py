r"""How a serde's bytes become rows: a Hive storage descriptor to a format and reader options.

The serde decides; `classification` is a hint that crawlers leave and people forget. Formats whose
rows Spark reads as Hive does keep Spark's names and options. Hive's text formats do not: Spark's
CSV reader makes NULL of an empty text, its JSON reader tells keys apart by case. They have formats
of their own, which an engine reads exactly or refuses (`headwater.tables.relation.FileRelation`).
What no engine could read exactly is refused here, with its reason.

Source: Apache Hive, LazySerDeParameters, OpenCSVSerde, JsonSerDe; openx Hive-JSON-Serde README;
AWS Athena User Guide, "Choose a SerDe for your data"; Apache Spark, data source options.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from headwater.tables.table import Column
from headwater.types import STRING, DataType, unreadable
from headwater_glue.entry import GlueColumn, Storage
from headwater_glue.hive_types import column_type


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read the files of a storage descriptor.

    Args:
        format: `parquet`, `orc`, `avro`, `csv`, `json`, or Hive's own `hive-text`, `hive-csv`,
            `hive-json`; empty if refused.
        options: The format's reader options.
        refused: Why they can't be read, or None.
    """

    format: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    refused: str | None = None


_ANY_TEXT: Final = """
    encoding charset mode dateFormat timestampFormat timestampNTZFormat locale timeZone lineSep
    multiLine columnNameOfCorruptRecord"""
_SPARK_OPTIONS: Final[Mapping[str, str]] = {
    "csv": f"""{_ANY_TEXT} sep delimiter quote escape comment header enforceSchema nullValue
        nanValue ignoreLeadingWhiteSpace ignoreTrailingWhiteSpace positiveInf negativeInf maxColumns
        maxCharsPerColumn charToEscapeQuoteEscaping unescapedQuoteHandling emptyValue""",
    "json": f"""{_ANY_TEXT} primitivesAsString prefersDecimal allowComments allowUnquotedFieldNames
        allowSingleQuotes allowNumericLeadingZeros allowBackslashEscapingAnyCharacter
        allowUnquotedControlChars allowNonNumericNumbers dropFieldIfAllNull""",
    "avro": "avroSchema avroSchemaUrl datetimeRebaseMode positionalFieldMatching mode",
}
"""Spark's reader options that change what a format's files give, in Spark's spelling."""

_HINTS: Final = {
    "RegexSerDe": "it parses lines with a regular expression",
    "GrokSerDe": "it parses lines with Grok patterns",
    "IonHiveSerDe": "it reads Amazon Ion",
    "IonHiveSerDeImpl": "it reads Amazon Ion",
    "CloudTrailSerde": "it reads CloudTrail's own log format",
    "CloudTrailLogs": "it reads CloudTrail's own log format",
    "EsriJsonSerDe": "it reads Esri's feature JSON",
    "XmlSerDe": "it reads XML",
    "ThriftDeserializer": "it reads Thrift records",
    "LazyBinarySerDe": "it reads Hive's own binary records",
    "ColumnarSerDe": "it reads RCFiles",
    "LazyBinaryColumnarSerDe": "it reads RCFiles",
}


def reading(storage: Storage, parameters: Mapping[str, str]) -> Reading:
    """Return how the files of a table or of a partition are read.

    Args:
        storage: Its storage descriptor.
        parameters: The table's own parameters, keys lower-cased (`skip.header.line.count` stands in
            either place).
    """
    # The serde's own word wins over the table's, as in Hive.
    merged = {**parameters, **storage.parameters}
    if not storage.serde:
        return Reading(
            refused=f"Glue names no serde for it (input format {storage.input_format!r})"
        )
    reader = _READERS.get(storage.serde)
    if reader is None:
        name = storage.serde.rpartition(".")[2]
        why = _HINTS.get(name, "headwater knows no reader with its meaning")
        return Reading(
            refused=f"its serde is {name}: {why}; write it out as Parquet to read it here"
        )
    return reader(merged)


def spark_reading(provider: str, storage: Storage) -> Reading:
    """Return how the files of a Spark datasource table are read: its options are Spark's already.

    Args:
        provider: `parquet`, `orc`, `csv`, `json` or `avro`.
        storage: Its storage descriptor; the reader options are among the serde's parameters.
    """
    spelled = {o.lower(): o for o in _SPARK_OPTIONS.get(provider, "").split()}
    return Reading(provider, {spelled[k]: v for k, v in storage.parameters.items() if k in spelled})


def reader_columns(columns: tuple[GlueColumn, ...], how: Reading) -> tuple[Column, ...]:
    """Return data columns with the types that the reader gives, not those that were declared.

    OpenCSVSerde gives texts whatever the table declares; delimited text can't hold nested values
    in a way that Spark's reader knows. Such columns are typed, or marked, so.
    """
    return tuple(Column(c.name, _read_type(column_type(c.type), how), c.comment) for c in columns)


def _read_type(declared: DataType, how: Reading) -> DataType:
    match how.format:
        case "hive-csv":
            return STRING
        case "hive-text" if declared.name in ("array", "map", "struct"):
            return unreadable(
                str(declared), "no engine here splits nested values in delimited text"
            )
        case "hive-text" if declared.name == "binary":
            return unreadable("binary", "delimited text holds it in Base64")
        case _:
            return declared


def _parquet(parameters: Mapping[str, str]) -> Reading:
    if _is_true(parameters, "parquet.column.index.access"):
        return Reading(
            refused="parquet.column.index.access=true matches columns by position, not by name"
        )
    return Reading("parquet")


def _orc(parameters: Mapping[str, str]) -> Reading:
    if _is_true(parameters, "orc.column.index.access") or _is_true(
        parameters, "orc.force.positional.evolution"
    ):
        return Reading(
            refused="orc.column.index.access=true matches columns by position, not by name"
        )
    return Reading("orc")


def _avro(parameters: Mapping[str, str]) -> Reading:
    options = {}
    if literal := parameters.get("avro.schema.literal", "").strip():
        options["avroSchema"] = literal
    elif url := parameters.get("avro.schema.url", "").strip():
        options["avroSchemaUrl"] = url
    return Reading("avro", options)


def _lazy_simple(parameters: Mapping[str, str]) -> Reading:
    if _is_true(parameters, "serialization.last.column.takes.rest"):
        return Reading(
            refused="serialization.last.column.takes.rest=true: the last column may hold delimiters"
        )
    header = _header(parameters)
    if header is None:
        return Reading(refused=_too_many_lines(parameters))
    delimiter = parameters.get("field.delim") or parameters.get("serialization.format")
    separator = _delimiter(delimiter, "\x01")
    if delimiter and len(delimiter) > 1 and separator == delimiter[0]:
        return Reading(
            refused=f"its field.delim is {delimiter!r}: LazySimpleSerDe takes only its first "
            "character, and splits in the wrong places; MultiDelimitSerDe takes it whole"
        )
    if ord(separator) > 127:
        return Reading(
            refused=f"its delimiter is the byte {ord(separator)}, which is not one of UTF-8 text"
        )
    options = {
        "sep": separator,
        "nullValue": parameters.get("serialization.null.format", "\\N"),
        "header": header,
        **_encoding(parameters),
    }
    if (escape := parameters.get("escape.delim")) is not None:
        options["escape"] = _delimiter(escape, "\\")
        if ord(options["escape"]) > 127 or options["escape"] == separator:
            return Reading(
                refused=f"escape.delim={escape!r}: it is the field's delimiter, or no byte of text"
            )
    if (line := parameters.get("line.delim")) and _delimiter(line, "\n") != "\n":
        return Reading(refused=f"line.delim={line!r}: only newlines end a record")
    if patterns := parameters.get("timestamp.formats", "").strip():
        return Reading(
            refused=f"timestamp.formats={patterns!r} has no equal among Spark's CSV options"
        )
    return Reading("hive-text", options)


def _open_csv(parameters: Mapping[str, str]) -> Reading:
    header = _header(parameters)
    if header is None:
        return Reading(refused=_too_many_lines(parameters))
    options = {
        "sep": parameters.get("separatorchar") or ",",
        "quote": parameters.get("quotechar") or '"',
        "escape": parameters.get("escapechar") or "\\",
        "header": header,
    }
    if options["escape"] == '"':
        # To OpenCSVSerde that is no escape at all, and it takes its reader's own.
        options["escape"] = "\\"
    marks = ("sep", "quote", "escape")
    for name in marks:
        if len(options[name]) != 1:
            return Reading(refused=f"OpenCSVSerde's {name} is {options[name]!r}, not one character")
    if len({options[name] for name in marks}) < len(marks):
        reason = "two of OpenCSVSerde's separatorChar, quoteChar and escapeChar are the same"
        return Reading(refused=reason)
    return Reading("hive-csv", options)


def _openx_json(parameters: Mapping[str, str]) -> Reading:
    if _is_true(parameters, "dots.in.keys"):
        return Reading(refused="dots.in.keys=true renames keys while it reads")
    # It parses texts where the column is of a number or a boolean, and where it is a timestamp,
    # numbers since 1970. Source: rcongiu/Hive-JSON-Serde, objectinspector.primitive:
    # JavaStringDoubleObjectInspector, ParsePrimitiveUtils, and others.
    options = {"quoted": "convert"}
    if parameters.get("case.insensitive", "true").strip().lower() == "false":
        options["keys"] = "exact"
    for name, key in sorted(parameters.items()):
        if name.startswith("mapping."):
            options[f"key.{name.removeprefix('mapping.')}"] = key
    return _json(options, parameters)


def _hive_json(parameters: Mapping[str, str]) -> Reading:
    return _json({}, parameters)


def _json(options: Mapping[str, str], parameters: Mapping[str, str]) -> Reading:
    if _header(parameters) != "false":
        return Reading(refused=f"{_too_many_lines(parameters)} of a JSON file")
    if patterns := parameters.get("timestamp.formats", "").strip():
        return Reading(refused=f"timestamp.formats={patterns!r}: engines here read ISO 8601 only")
    malformed = "null" if _is_true(parameters, "ignore.malformed.json") else "fail"
    defaults = {"malformed": malformed, "keys": "ignore-case"}
    return Reading("hive-json", {**defaults, **options})


def _header(parameters: Mapping[str, str]) -> str | None:
    """Return Spark's `header` for the lines to skip, or None where it can't say it."""
    skip = parameters.get("skip.header.line.count", "0").strip() or "0"
    footer = parameters.get("skip.footer.line.count", "0").strip() or "0"
    if footer != "0":
        return None
    return {"0": "false", "1": "true"}.get(skip)


def _too_many_lines(parameters: Mapping[str, str]) -> str:
    counts = ", ".join(
        f"{k}={parameters[k]}"
        for k in ("skip.header.line.count", "skip.footer.line.count")
        if parameters.get(k)
    )
    return f"{counts}: at most one header line can be skipped"


def _encoding(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the encoding of a serde that looks at it: the serdes of JSON and OpenCSVSerde do not.

    Source: Apache Hive, AbstractEncodingAwareSerDe, of which LazySimpleSerDe is one.
    """
    encoding = parameters.get("serialization.encoding", "").strip()
    return {"encoding": encoding} if encoding and encoding.upper() not in ("UTF-8", "UTF8") else {}


def _delimiter(text: str | None, default: str) -> str:
    r"""Return the one character that a delimiter's text means.

    Hive takes the first character, or a number for that code (`1` is \x01, `-2` is 254).
    Source: Apache Hive, LazyUtils.getByte.
    """
    if not text:
        return default
    if re.fullmatch(r"[+-]?[0-9]{1,3}", text) and -128 <= int(text) <= 127:
        return chr(int(text) % 256)
    return text[0]


def _is_true(parameters: Mapping[str, str], name: str) -> bool:
    return parameters.get(name, "").strip().lower() == "true"


_READERS: Final[Mapping[str, Callable[[Mapping[str, str]], Reading]]] = {
    "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe": _parquet,
    "parquet.hive.serde.ParquetHiveSerDe": _parquet,
    "org.apache.hadoop.hive.ql.io.orc.OrcSerde": _orc,
    "org.apache.hadoop.hive.serde2.avro.AvroSerDe": _avro,
    "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe": _lazy_simple,
    "org.apache.hadoop.hive.serde2.OpenCSVSerde": _open_csv,
    "org.openx.data.jsonserde.JsonSerDe": _openx_json,
    "org.apache.hive.hcatalog.data.JsonSerDe": _hive_json,
    "org.apache.hadoop.hive.serde2.JsonSerDe": _hive_json,
}
