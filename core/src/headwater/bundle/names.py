"""Hiding the names of a bundle: each becomes a placeholder, the same one everywhere.

First the names are learned: from what is known to hold some (a table's entry, a key, a query). Then
every text is gone through, wherever it stands. A placeholder tells the kind (`column_07`), and
placeholders of a kind follow each other as the names do, so that what is sorted stays sorted.

What stays, for what goes wrong hangs on it: words of SQL itself (a column `date`), headwater's own
(`id`, `timestamp`), dates and times, patterns of these, single digits, regions, sizes, marks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Final

from headwater.bundle.secrets import presto_text, presto_view
from headwater.interfaces.recording import Vocabulary
from headwater.sql.syntax import lexer
from headwater.sql.syntax.words import words
from headwater.untrusted.texts import json_value

_RUN: Final = re.compile(r"\w(?:[\w.\-]*\w)?")
_UUID: Final = re.compile(r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_ADDRESS: Final = re.compile(r"\b[a-z][a-z0-9+.-]{0,15}://[^\s'\"`,;)\]]+")
_BARE: Final = ("file", "http", "https")
"""Schemes whose addresses begin with no bucket."""
_QUOTED: Final = re.compile(r"(?<![A-Za-z])'((?:[^'\\]|\\.|'')*)'|\"((?:[^\"\\]|\\.)*)\"")
_CLOCK: Final = r"\d\d(?::?\d\d(?::?\d\d(?:[.,]\d{1,9})?)?)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?"
_TIME: Final = re.compile(
    r"(?:\d{4}([-/.])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])|"
    r"(?:19|20)\d\d[-/.](?:0[1-9]|1[0-2])|[0-3]?\d([-/.])[0-3]?\d\2(?:19|20)\d\d)"
    rf"(?:[T _-]{_CLOCK})?|\d\d:\d\d(?::\d\d(?:\.\d{{1,9}})?)?"
)
"""Moments as they are written: a number of somebody's with signs in it is none of these."""
_PATTERN: Final = re.compile(
    r"(?=.*(?:yy|uuuu|MM|dd|HH|%[YmdH]))"
    r"(?:([MLdHhmsSXx])\1*(?!\1)|yy+(?!y)|u{4}(?!u)|EE+(?!E)|(?<= )a|"
    r"'[T/ _-]*'|%[YmdHMSjyfzZ]|[TZz/\-:._ ,\[\]])+"
)
"""Patterns of moments: their letters stand in runs, so `Emma` is none."""
_CALENDAR: Final = re.compile(
    r"\d{1,2}|(?:19|20)\d\d(?:(?:0[1-9]|1[0-2])(?:(?:0[1-9]|[12]\d|3[01])(?:(?:[01]\d|2[0-3])"
    r"(?:[0-5]\d(?:[0-5]\d)?)?)?)?)?"
)
_ABSOLUTE: Final = re.compile(r"(?<![\w.:/~*])~?/(?:[\w.@%=+-]{1,255}/){1,40}[\w.@%=+-]{0,255}")
"""Paths of a machine."""
_ENDING: Final = re.compile(
    r"(?i)(?:\.(?:parquet|snappy|gz|gzip|zst|zstd|lz4|bz2|deflate|csv|tsv|json|jsonl|ndjson|orc|"
    r"avro|avsc|txt|crc|metadata|checkpoint|c\d+))+$"
)
_GLOB: Final = re.compile(r"[*?\[{]")
_LAKE: Final = frozenset(
    {"_delta_log", "_last_checkpoint", "_success", "_symlink_format_manifest", "_temporary",
     "metadata", "manifest", "_sidecars", "__hive_default_partition__", "version-hint"}
)  # fmt: skip
_OWN: Final = words(
    """
    id timestamp serving training testing actuals hw parquet csv json orc avro delta iceberg hive
    none unknown headwater spark embedded auto main data
    """
)
_TYPES: Final = frozenset(
    {"string", "bigint", "long", "smallint", "tinyint", "int", "integer", "double", "float", "real",
     "boolean", "binary", "date", "timestamp", "timestamp_ntz", "timestamp_ltz", "decimal",
     "numeric", "char", "varchar", "array", "map", "struct", "interval", "byte", "short", "uuid",
     "fixed",
     "timestamptz", "list", "enum", "injected", "row", "time", "variant", "record", "bytes",
     "error"}
)  # fmt: skip
_SIZED: Final = frozenset({"DECIMAL", "NUMERIC", "DEC", "CHAR", "VARCHAR", "CHARACTER"})
_PROSE: Final = frozenset({"comment", "doc", "description", "owner"})
"""What people wrote about a table: it names what it likes, and no reader needs it."""
_PLAIN: Final = words(
    """
    service operation region code status severity kind slot role form strategy engine model_type
    began etag headwater nanoseconds every timezone entry
    """
)
"""Under these stand words of ours, or of a format."""
_NAMING: Final = frozenset(
    {"raw_inputs", "features", "predictions", "labels", "partitions", "keys", "models", "versions",
     "Parameters", "parameters", "coverage", "types", "identities", "actuals", "partitionValues",
     "properties", "columns", "configuration", "summary", "null_counts", "options", "refs",
     "minValues", "maxValues", "nullCount", "tables", "claims"}
)  # fmt: skip
"""What stands under these are mappings whose keys are names, or hold some."""
_STATISTICS: Final = frozenset({"minValues", "maxValues", "nullCount"})
"""All that stands below these, at any depth, is named by columns."""
_BAGS: Final = frozenset({"properties", "configuration", "summary"})
"""Mappings into which anybody puts what they like."""
_LAKE_KEYS: Final = re.compile(
    r"(?i)(delta|write|read|commit|history|gc|format-version|engine-version|schema\.name-mapping|"
    r"current-schema|added-|deleted-|removed-|total-|changed-|replaced-|kept-|created-|operation$|"
    r"manifests-|iceberg|spark\.(sql\.(sources|create|partitionprovider)|app\.id$))[\w.\-]*"
)
"""Keys of such mappings that engines write."""
_SIGNS: Final = 4
"""Characters of a value there that is a delimiter, or a mark of NULL."""
_BAG_WORDS: Final = words(
    """
    integer day hour now gzip snappy zstd lz4 brotli deflate bzip2 uncompressed lzo text
    external managed table_type external_table file classic v2 v1 true false yes no copy on write
    merge read hash range none amzn snapshot serializable supported enabled insert_only rc beta
    alpha name mode append overwrite replace delete binary utf t z
    """
)
_FIELD: Final = re.compile(r"[A-Z][A-Za-z]+")
"""How providers spell the fields of their answers."""
_FORM: Final = words(
    """
    about add allowed anonymous answer api_key asked auth began bytes calls catalog_id checks code
    column columns commitInfo compared configuration connection coverage created_at
    current-schema-id
    current-snapshot-id data_files data_files_digest database databases default-sort-order-id
    default-spec-id default-value details diagnostics doc duplicate_ids element element-id engine
    engine_reason entry error etag expires_at field-id fields files first footer form format
    format-version full_schema_name headwater hint horizon id id_column identities
    identifier-field-ids initial-default key key-id kind label_timestamp_column labels labelled last
    last-column-id last-partition-id last-sequence-number last-updated-ms lateness
    locations location
    manifest-list mapping max_bytes memory message metaData metadata metadata-log min_reader_version
    model_type models name names nanoseconds null_ids null_timestamps nullable object ok operation
    originalSql parent-snapshot-id part partition-spec partition-specs partitionColumns
    partitionValues partitions partitions_kept partitions_total parts path paths plan plans
    predictions properties protocol provider pruned_by blocker query raw_inputs reads region remove
    required rewritten_by role role_arn rows sample schema schema-id schemaString schemas seconds
    sequence-number serving service session_name severity silent size slot snapshot-id snapshot-log
    snapshots snapshot_id sort-orders source source-id source_type span spec-id sql stages start end
    stats status strategy struct summary table table-uuid tables testing timestamp-ms
    timestamp_column timezone training transform transforms txn type types unread value value-id
    verdict version versions view warnings window windows write-default actuals account arn keys
    every ignore ripe
    """
)
"""Keys of our own documents, and of lakes' metadata."""
_COLUMNS: Final = frozenset({"raw_inputs", "features", "predictions", "labels", "keys"})
_KINDS: Final = {
    "database": "database", "databases": "database", "table": "table", "column": "column",
    "id_column": "column", "timestamp_column": "column", "label_timestamp_column": "column",
    "connection": "name", "profile": "name", "namespace": "name", "schema": "name",
    "catalog": "name", "aliases": "name",
}  # fmt: skip
_ADDRESSES: Final = words("path location paths")
_SHORTEST_VALUE: Final = 4
"""Characters of a value that is looked for in every text: a shorter one is hidden where it stands
as a value: quoted, in a path, in a list of values."""


_ESCAPED: Final = re.compile(r"[\x00-\x1f\x7f\"#%'*/:=?\\{\[\]^]")
"""What Hive escapes of a value in a path. Source: `FileUtils.escapePathName`."""
_SHORT_NUMBER: Final = re.compile(r"(?<=/)\d{3,4}(?=[/.]|$)")


class _Sought:
    """Texts that are looked for in others, whatever their case: many in many, in one pass.

    Args:
        sought: The texts, each of some characters.
    """

    def __init__(self, sought: Iterable[str]) -> None:
        self._by_head: dict[str, dict[int, set[str]]] = {}
        for one in sought:
            small = _lower(one)
            by_length = self._by_head.setdefault(small[:_SHORTEST_VALUE], {})
            by_length.setdefault(len(small), set()).add(small)
        for head, by_length in self._by_head.items():  # the longest first
            self._by_head[head] = dict(sorted(by_length.items(), reverse=True))

    def replaced(self, text: str, by: Callable[[str], str]) -> str:
        """Return a text in which each occurrence is replaced."""
        heads = self._by_head
        if not heads:
            return text
        small = _lower(text)
        out: list[str] = []
        end = 0
        for at in range(len(small) - _SHORTEST_VALUE + 1):
            if at < end or (by_length := heads.get(small[at : at + _SHORTEST_VALUE])) is None:
                continue
            for length, sought in by_length.items():
                if small[at : at + length] in sought:
                    out += (text[end:at], by(text[at : at + length]))
                    end = at + length
                    break
        return "".join((*out, text[end:])) if out else text


def _lower(text: str) -> str:
    """Return a text in lower case, with its length unchanged."""
    small = text.lower()
    if len(small) == len(text):
        return small
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


class Names:
    """The hidden names and their placeholders.

    Args:
        vocabularies: How to read the calls.
    """

    def __init__(self, vocabularies: Iterable[Vocabulary] = ()) -> None:
        spoken = tuple(vocabularies)
        self._own = _OWN.union(*(v.words for v in spoken))
        self._fields = dict(_KINDS)
        self._entries: dict[str, str] = {}
        self._parents: dict[str, str] = {}
        for one in spoken:
            self._fields |= one.kinds
            self._entries |= one.entries
            self._parents |= one.parents
        self._paths = _ADDRESSES.union(*(v.addresses for v in spoken))
        self._of_values = frozenset({"symbols"}).union(*(v.values for v in spoken))
        self._of_queries = frozenset().union(*(v.queries for v in spoken))
        self._bags = _BAGS.union(*(v.bags for v in spoken))
        self._bag_keys = [_LAKE_KEYS, *(v.bag_keys for v in spoken if v.bag_keys is not None)]
        self._prose = _PROSE.union(*(v.prose for v in spoken))
        self._plain = _PLAIN.union(*(v.plain for v in spoken))
        self._account = [v.accounts for v in spoken if v.accounts is not None]
        self._id = [_UUID, *(v.ids for v in spoken if v.ids is not None)]
        self._principal = [v.principals for v in spoken if v.principals is not None]
        self._kinds: dict[str, str] = {}
        self._values: set[str] = set()
        self._numbers: set[str] = set()
        self._short: set[str] = set()
        self._spelled: set[str] = set()
        self._tables: list[str] = []
        self._accounts: set[str] = set()
        self._ids: set[str] = set()
        self._placeholders: dict[str, str] = {}
        self._by_value: dict[str, str] = {}
        self._by_folded: dict[str, str] = {}
        self._irregular = _Sought(())

    # -- learning ------------------------------------------------------------------------------

    def learn(self, kind: str, name: object) -> None:
        """Learn a name.

        Args:
            kind: What it is of: `database table column bucket key name`.
            name: The name; a word of SQL or of ours is none.
        """
        folded = str(name).casefold()
        if folded and folded not in self._kinds and not self._is_word(folded):
            self._kinds[folded] = kind
        if folded in self._kinds:
            self._spelled.add(str(name))  # folded, a letter may be two: the search is for this

    def learn_value(self, value: object) -> None:
        """Learn a value: of a partition's key, or a literal of a query."""
        text = str(value)
        if _is_harmless(text):
            return
        if text.isdigit() and text.isascii():
            (self._numbers if len(text) > _SHORTEST_VALUE else self._short).add(text)
            return
        self._values.add(text)
        if len(text) >= _SHORTEST_VALUE and _RUN.fullmatch(text):
            self.learn("value", text)

    def learn_path(self, path: str, *, bucket: bool) -> None:
        """Learn the parts of a path: directories, `key=value`, and the name of a file.

        Args:
            path: The path.
            bucket: Whether its first part is a bucket.
        """
        parts = path.split("/")
        if bucket and parts:
            self.learn("bucket", parts.pop(0))
        for part in parts:
            if _GLOB.search(part):
                continue
            name, equals, value = part.partition("=")
            if equals:
                self.learn("column", name)
                self.learn_value(_ENDING.sub("", value))
                continue
            stem = _ENDING.sub("", part).lstrip("._")
            version = stem.isdigit() and len(stem) >= 20  # of a Delta table
            word = part.casefold() in _LAKE or bool(_CALENDAR.fullmatch(stem))
            if stem.isdigit() and stem.isascii() and not (version or word):
                self.learn_value(stem)
            elif stem and not (version or word):
                self.learn("key", stem)

    def learn_sql(self, sql: str) -> None:
        """Learn the names and literals of a query."""
        lexemes = lexer.lex(sql)[0]
        for place, lexeme in enumerate(lexemes):
            match lexeme.kind:
                case lexer.WORD:
                    called = place + 1 < len(lexemes) and lexemes[place + 1].symbol == "("
                    if not (called and lexeme.text.casefold() in _functions()):
                        self.learn("name", lexeme.text)
                case lexer.QUOTED:
                    self.learn("name", lexeme.text)
                case lexer.STRING:
                    self.learn_value(lexeme.text)
                case lexer.NUMBER:
                    if lexeme.text.isdigit() and len(lexeme.text) > 4:
                        self._numbers.add(lexeme.text)

    def learn_from(self, value: Any, field: str = "") -> None:
        """Learn the names that plain data holds, by the fields in which they stand.

        Args:
            value: Plain data.
            field: The field that it stands in.
        """
        match value:
            case Mapping():
                tables: list[str] = []
                for key, inner in value.items():
                    if field in _COLUMNS or (field == "partitionValues"):
                        self.learn("column", key)
                    elif field == "partitions" and isinstance(inner, Mapping):
                        for part in str(key).split("."):
                            self.learn("table", part)
                    elif field in ("models", "versions", "refs") and isinstance(inner, Mapping):
                        self.learn("name", key)
                    elif field == "tables" and isinstance(inner, str | Mapping):
                        tables += [t for t in str(key).split(".") if t not in _FORM]
                        if isinstance(inner, str) and "/" in inner:
                            self.learn_path(inner, bucket=False)
                    elif field == "claims" and str(key) in ("iss", "aud", "sub"):
                        for one in inner if isinstance(inner, list) else [inner]:
                            self.learn_value(one)
                    elif field in self._bags and isinstance(inner, str):
                        self._learn_property(str(key), inner)
                    if field == "partitionValues" and inner is not None:
                        self.learn_value(inner)
                    self.learn_from(inner, str(key))
                self._learn_named(value, field)
                self._tables += tables
            case list() | tuple():
                for inner in value:
                    self.learn_from(inner, field)
            case str():
                self._learn_text(value, field)

    def _learn_named(self, entry: Mapping[str, Any], field: str) -> None:
        name = entry.get("Name", entry.get("name"))
        if not isinstance(name, str):
            return
        if "schemaString" in entry:
            self.learn("table", name)
        named = self._entries.get(field)
        if named == "column" or {"type", "Type", "transform"} & set(entry):
            self.learn("column", name)
            return
        for parent, kind in self._parents.items():
            if parent in entry:
                named = kind
        if named is not None:
            self.learn(named, name)

    def _learn_property(self, key: str, text: str) -> None:
        """Learn names from a bag of free properties, by the keys that are known to hold some."""
        match key.casefold().split("."):
            case ["projection", *_, "values"]:
                for value in text.split(","):
                    self.learn_value(value.strip())
            case ["mapping", *column]:
                self.learn("column", ".".join(column))
                self.learn("column", text)
            case ["view", "query", "out", "col", _]:
                self.learn("column", text)
            case ["view", "catalogandnamespace", "part", _]:
                self.learn("name", text)
            case ["view", "referredtempviewnames" | "referredtempfunctionsnames"]:
                self.learn("name", text)

    def _learn_text(self, text: str, field: str) -> None:
        if field in ("query", "sql"):
            self.learn_sql(text)
        elif field in self._fields:
            for part in text.split("."):
                self.learn(self._fields[field], part)
        elif field in self._of_values:
            self.learn_value(text)
        elif field in _COLUMNS:  # the column that a field is mapped to
            if text.casefold() not in _FIELD_TYPES:
                self.learn("column", text)
        elif field == "regex":
            for word in re.findall(r"[^\W\d_]{2}\w*", re.sub(r"\\[A-Za-z]", " ", text)):
                self.learn("key", word)
        elif field in self._paths:
            # All of it is one path, blanks too.
            scheme, parted, rest = text.rpartition("://")
            self.learn_path(rest, bucket=bool(parted) and scheme not in _BARE)
        elif field in self._of_queries:
            view = presto_view(text)
            self.learn_from(view, "view") if view is not None else self.learn_sql(text)
        elif field == "originalSql":
            self.learn_sql(text)
        elif text[:1] in "{[" and len(text) > 1:
            inner = _json(text)
            if inner is not None:
                self.learn_from(inner, field)
        elif field in ("Type", "type") and "<" in text:
            for match in re.finditer(r"`([^`]+)`|(\w+)(?=\s*:)", text):
                self.learn("column", match[1] or match[2])
        for match in _ADDRESS.finditer(text):
            scheme, _, rest = match[0].partition("://")
            self.learn_path(rest.rstrip("."), bucket=scheme not in _BARE)
        for match in _ABSOLUTE.finditer(text):
            self.learn_path(match[0], bucket=False)
        for pattern in self._account:
            self._accounts.update(pattern.findall(text))
        for pattern in self._id:
            self._ids.update(one.casefold() for one in pattern.findall(text))
        for pattern in self._principal:
            for match in pattern.finditer(text):
                for part in re.split("[/:]", match["names"]):
                    self.learn("name", part)

    def settle(self) -> None:
        """Give each name its placeholder; nothing is learned after."""
        for table in self._tables:  # what nothing else says of a name
            self.learn("table", table)
        by_kind: dict[str, list[str]] = {}
        for name, kind in self._kinds.items():
            by_kind.setdefault(kind, []).append(name)
        for kind, names in by_kind.items():
            mark = "-" if kind == "bucket" else "_"
            width = len(str(len(names)))
            for number, name in enumerate(sorted(names), 1):
                self._placeholders[name] = f"{kind}{mark}{number:0{width}d}"
        for number, account in enumerate(sorted(self._accounts), 1):
            self._placeholders[account] = f"{number:012d}"
        width = len(str(len(self._ids)))
        for number, one in enumerate(sorted(self._ids), 1):
            self._placeholders[one] = f"id_{number:0{width}d}"
        for digits in {len(n) for n in self._numbers}:
            same = sorted(n for n in self._numbers if len(n) == digits)
            for number, one in enumerate(same):
                self._placeholders.setdefault(one, str(10 ** (digits - 1) + number))
        free = sorted(v for v in self._values if v.casefold() not in self._placeholders)
        width = len(str(len(free)))
        self._by_value = {v: f"text_{n:0{width}d}" for n, v in enumerate(free, 1)}
        for value in free:
            escaped = _ESCAPED.sub(lambda m: f"%{ord(m[0]):02X}", value)
            if escaped not in self._by_value:
                self._by_value[escaped] = self._by_value[value]
        free = list(self._by_value)
        self._by_folded = {value.casefold(): hidden for value, hidden in self._by_value.items()}
        for digits in {len(n) for n in self._short}:
            same = sorted(n for n in self._short if len(n) == digits)
            for number, one in enumerate(same):
                self._by_value[one] = str(10 ** (digits - 1) + number)
        irregular = [
            n for n in {*self._placeholders, *self._spelled, *free} if not _RUN.fullmatch(n)
        ]
        self._irregular = _Sought(n for n in irregular if len(n) >= _SHORTEST_VALUE)

    # -- hiding --------------------------------------------------------------------------------

    def name(self, name: str) -> str:
        """Return the placeholder of a single name, e.g. a column's."""
        return self._placeholders.get(name.casefold(), name)

    def text(self, text: str) -> str:
        """Return a text with placeholders for the names in it."""
        if "*" in text or "?" in text:
            text = _ADDRESS.sub(lambda m: "/".join(map(_glob, m[0].split("/"))), text)
        text = self._irregular.replaced(text, self._word)
        text = _UUID.sub(lambda m: self._word(m[0]), text)
        text = _QUOTED.sub(self._without_literal, text)
        text = _SHORT_NUMBER.sub(lambda m: self._by_value.get(m[0], m[0]), text)
        text = re.sub(r"(?<==)[^/=&\s'\"`,;)]+(?=/|$)", lambda m: self._path_value(m[0]), text)
        return _RUN.sub(self._without_names, text)

    def sql(self, sql: str) -> str:
        """Return a query with placeholders for its names and literals."""
        lexemes = lexer.lex(sql)[0]
        edits: list[tuple[int, int, str]] = []
        for place, lexeme in enumerate(lexemes):
            if lexeme.kind == lexer.STRING:
                hidden = self.literal(lexeme.text)
                if hidden != lexeme.text:
                    edits.append((lexeme.start, lexeme.end, f"'{hidden}'"))
            elif lexeme.kind == lexer.NUMBER and not _is_type_argument(lexemes, place):
                edits.append((lexeme.start, lexeme.end, self._number(lexeme.text)))
        for start, end, hidden in reversed(edits):
            sql = sql[:start] + hidden + sql[end:]
        return self.text(re.sub(r"--[^\r\n]*|/\*(?!\+).*?\*/", "", sql, flags=re.DOTALL))

    def literal(self, text: str) -> str:
        """Return the placeholder of a value."""
        if _is_harmless(text):
            return text
        return (
            self._by_value.get(text) or self._placeholders.get(text.casefold()) or self.text(text)
        )

    def value(self, value: Any, field: str = "") -> Any:
        """Return plain data with placeholders.

        Args:
            value: Plain data.
            field: The field that it stands in.
        """
        match value:
            case str() if field in self._prose:
                return "..."
            case str() if field in self._plain:
                return value
            case str() if field in self._paths and "://" not in value and _GLOB.search(value):
                return self.text("/".join(map(_glob, value.split("/"))))
            case str() if field in ("query", "sql", "originalSql"):
                return self.sql(value)
            case str() if field in self._of_values:
                return self.literal(value)
            case str() if field in self._of_queries:
                return self._view(value)
            case str() if value[:1] in ("{", "[") and (inner := _json(value)) is not None:
                return json.dumps(self.value(inner, field))
            case str():
                return self.text(value)
            case Mapping() if field in self._bags and all(_is_plain(v) for v in value.values()):
                return self._free_properties(value)
            case Mapping():
                # What stands under a column's name is no field of that name.
                below = field if field in _STATISTICS else "" if field in _COLUMNS else None
                return {
                    self._key(str(k), field): self.value(v, str(k) if below is None else below)
                    for k, v in value.items()
                }
            case list() | tuple():
                return [self.value(v, field) for v in value]
        return value

    def _key(self, key: str, field: str) -> str:
        """Return a mapping's key; a placeholder where it may be a name."""
        word = key in _FORM or _FIELD.fullmatch(key)
        return key if word and field not in _NAMING else self.text(key)

    def _free_properties(self, bag: Mapping[str, Any]) -> dict[str, Any]:
        """Return free properties, of which only those known to be no name stay."""
        renamed: dict[str, Any] = {}
        hidden = 0
        for key, value in bag.items():
            if not any(p.fullmatch(str(key)) for p in self._bag_keys):
                hidden += 1
                renamed[f"hidden_{hidden}"] = "..." if isinstance(value, str) else value
            elif str(key).casefold() in self._prose or "comment" in str(key).casefold():
                renamed[str(key)] = "..."
            else:
                renamed[self.text(str(key))] = self._property_value(str(key).casefold(), value)
        return renamed

    def _property_value(self, key: str, value: Any) -> Any:
        if not isinstance(value, str) or len(value) <= _SIGNS or _is_harmless(value):
            return self.literal(value) if isinstance(value, str) else value
        if key.startswith("projection.") and key.endswith(".values"):
            return ",".join(self.literal(one.strip()) for one in value.split(","))
        if value[:1] in "{[" and _json(value) is not None:
            return self.value(value, key)
        text = self.text(value)
        if "://" in value or key.startswith("mapping."):
            return text
        for run in re.findall(r"[^\W\d]\w*", text):
            folded = run.casefold()
            if not (_PLACEHOLDER.fullmatch(run) or folded in _BAG_WORDS or self._is_word(folded)):
                return "..."
        return text

    def _is_word(self, folded: str) -> bool:
        """Return whether a name is a word of SQL, of ours, or of a provider."""
        return (
            folded in self._own
            or folded in _TYPES
            or folded in _LAKE
            or folded in _keywords()
            or folded in _functions()
            or folded.isdigit()
            or bool(re.fullmatch(r"t\d+|_hw\w*|v\d+", folded))
        )

    def _view(self, text: str) -> str:
        view = presto_view(text)
        if view is None:
            return self.sql(text)
        return presto_text(self.value(view, "view"))

    def _number(self, text: str) -> str:
        if (placeholder := self._placeholders.get(text) or self._by_value.get(text)) is not None:
            return placeholder
        if len(text) == 1 or (
            _CALENDAR.fullmatch(text) and len(text) == 4 and text[:2] in ("19", "20")
        ):
            return text
        return re.sub(r"[1-9]", "1", text)

    def _word(self, word: str) -> str:
        folded = word.casefold()
        placeholder = self._by_value.get(word) or self._placeholders.get(folded)
        return placeholder or self._by_folded.get(folded, word)

    def _path_value(self, value: str) -> str:
        stem = _ENDING.sub("", value)
        return self.literal(stem) + value[len(stem) :]

    def _without_literal(self, match: re.Match[str]) -> str:
        content = match[1] if match[1] is not None else match[2]
        hidden = self._by_value.get(content)
        return match[0] if hidden is None else f"{match[0][0]}{hidden}{match[0][0]}"

    def _without_names(self, match: re.Match[str]) -> str:
        run = match[0]
        before = match.string[max(0, match.start() - 2) : match.start()]
        if len(run) <= 2 and before[-1:] == "'" and before[:1].isalpha():
            return run  # the end of "can't"
        if before[-1:] == "%" and len(run) == 1:
            return run  # a date directive
        if (whole := self._placeholders.get(run.casefold())) is not None:
            return whole
        parts = re.split(r"([.\-])", run)
        out: list[str] = []
        at = 0
        while at < len(parts):
            for end in range(min(len(parts), at + 15), at, -2):
                hidden = self._placeholders.get("".join(parts[at:end]).casefold())
                if hidden is not None:
                    out.append(hidden)
                    break
            else:
                end = at + 1
                out.append(parts[at])
            if end < len(parts):
                out.append(parts[end])
            at = end + 1
        return "".join(out)


_FIELD_TYPES: Final = frozenset(
    {"numeric", "boolean", "string", "categorical", "timestamp", "tensor", "dict", "array", "text"}
)


_PLACEHOLDER: Final = re.compile(
    r"(?:database|table|column|bucket|key|name|value|text|id)(?:_\d+)?"
)


def _is_plain(value: Any) -> bool:
    return not isinstance(value, Mapping | list | tuple)


def _glob(part: str) -> str:
    """Return a path segment that is a pattern, with its names replaced by wildcards."""
    if not _GLOB.search(part) or part == "**":
        return part
    ending = _ENDING.search(part)
    return f"*{ending[0] if ending else ''}"


_LONGEST_TIME: Final = 40


def _is_harmless(text: str) -> bool:
    """Return whether a value is only a time, a time format, or signs."""
    if not any(c.isalnum() for c in text) or (len(text) <= 64 and _PATTERN.fullmatch(text)):
        return True
    if text.casefold() in _LAKE or text.casefold() in ("true", "false", "null"):
        return True
    if text.isdigit():
        return bool(_CALENDAR.fullmatch(text))
    return len(text) <= _LONGEST_TIME and bool(_TIME.fullmatch(text))


def _is_type_argument(lexemes: list[lexer.Lexeme], place: int) -> bool:
    """Return whether a number is part of a type: DECIMAL(10, 2)."""
    for back in range(place - 1, max(-1, place - 5), -1):
        if lexemes[back].symbol == "(":
            return back > 0 and lexemes[back - 1].word in _SIZED
    return False


@cache
def _keywords() -> frozenset[str]:
    from sqlglot.dialects.spark import Spark

    one = (w.casefold() for w in Spark.Tokenizer.KEYWORDS if w.replace(" ", "").isalpha())
    more = (
        "select from where group by order having limit offset distinct on using join inner left "
        "right full outer cross semi anti union all except intersect with as and or not in is null "
        "between like rlike ilike exists case when then else end cast try_cast over partition rows "
        "range preceding following current row unbounded first last nulls asc desc lateral view "
        "explode pivot unpivot for values true false interval year years month months week weeks "
        "day days hour hours minute minutes second seconds extract tablesample percent window "
        "recursive qualify filter within timestamp date string table"
    )
    return frozenset(one) | words(more)


@cache
def _functions() -> frozenset[str]:
    from headwater.sql.functions.table import functions, refused

    return frozenset(name.casefold() for name in (*functions(), *refused()))


def _json(text: str) -> Any:
    try:
        value = json_value(text)
    except ValueError:
        return None
    return value if isinstance(value, dict | list) else None


def names_in(
    documents: Iterable[tuple[Any, str]], vocabularies: Iterable[Vocabulary] = ()
) -> Names:
    """Return the names of documents, settled.

    Args:
        documents: Plain data, each with the field that it stands in.
        vocabularies: How the calls in them are told.
    """
    names = Names(vocabularies)
    for document, field in documents:
        names.learn_from(document, field)
    names.settle()
    return names
