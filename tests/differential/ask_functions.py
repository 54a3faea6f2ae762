"""Asks Spark's analyser what each function takes: `python -m tests.differential.ask_functions`.

It writes the entries `takes` of `functions.txt` anew, and the sets and relations before its rows;
the other entries are ours. Rows that say `asked by hand` are left alone: their places take few
values, or have a syntax of their own, and one value of each type says too little about them. They
were written from what the analyser said to more calls, and are held by `test_functions.py` as all
are. Names after the command ask about those functions only, whatever they say. A function that this
Spark has not gets no entry.

How one function is asked: NULLs, one value of each type and the calls in Spark's own documentation
tell with how many arguments it can be called. For each number, calls with every type in every place
tell what the place takes; every pair of types in every two places tells what they have to be
together. Only calls of up to three arguments are asked in pairs.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import combinations, product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.differential.engines import reference

import headwater.sql.functions
from headwater.engines.spark import SparkEngine
from headwater.sql.functions.table import FILE, LAMBDA, SAMPLES, UNIT, Function, functions

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TABLE: Final = Path(headwater.sql.functions.__file__).parent / FILE
WORDS: Final = tuple(SAMPLES)
COLUMNS: Final = {word: f"c{number}" for number, word in enumerate(WORDS)}
CONSTANTS: Final = {
    "void": "NULL",
    "boolean": "true",
    "tinyint": "1Y",
    "smallint": "1S",
    "int": "1",
    "bigint": "1L",
    "float": "1F",
    "double": "1D",
    "decimal": "CAST(1 AS decimal(12,2))",
    "string": "'1'",
    "binary": "X'31'",
    "date": "DATE '2020-01-01'",
    "timestamp": "TIMESTAMP '2020-01-01 00:00:00'",
    "timestamp_ntz": "TIMESTAMP_NTZ '2020-01-01 00:00:00'",
    "months": "INTERVAL '1-1' YEAR TO MONTH",
    "seconds": "INTERVAL '1 00:00:00' DAY TO SECOND",
    "calendar": "make_interval(1)",
    "variant": "parse_json('1')",
    "array<void>": "array()",
    "array<array>": "array(array(1))",
    "array<map>": "array(map('a', 1))",
    "array<struct>": "array(struct(1 AS a, 'x' AS b))",
    "array<struct1>": "array(struct(1 AS a))",
    "string->int": "map('a', 1)",
    "string->string": "map('a', 'b')",
    "int->string": "map(1, 'b')",
    "void->void": "map()",
    "struct": "struct(1 AS a, 'x' AS b)",
    "struct<map>": "struct(map('a', 1) AS a)",
}
CONSTANTS.update(
    {word: f"array({CONSTANTS[word[6:-1]]})" for word in WORDS if word not in CONSTANTS}
)
MOST: Final = 9
"""With how many arguments a function is called, if its documentation does not call it with more."""

LARGEST: Final = 3
"""Calls of so many arguments are asked about in pairs."""
_WORD: Final = re.compile(r"(?!(?:null|true|false)$)[a-z_]\w*(?:\.\w+)?", re.IGNORECASE)
_KEYWORD: Final = re.compile(r"\b(?:FROM|IN|PLACING|FOR)\b")
_WRONG_COUNT: Final = re.compile(r"WRONG_NUM_ARGS\.WITH")

Call = tuple[str, ...]

PARTICULAR: Final[tuple[Call, ...]] = (
    ("'{}'",),
    ("'DAY'", CONSTANTS["timestamp"]),
    ("'1'", "'9'"),
    (CONSTANTS["timestamp"], "'1 day'"),
    (CONSTANTS["int"], "0.5", CONSTANTS["int"], CONSTANTS["int"]),
    (CONSTANTS["int"], CONSTANTS["int"] + "0"),
)
"""Calls of functions that take few values in some place, and whose documentation shows none."""


class Analyser:
    """Spark's analyser, asked about expressions by the hundred."""

    def __init__(self, session: SparkSession) -> None:
        import py4j.java_gateway
        import py4j.protocol

        # pyspark turns each of Java's exceptions into one of its own, with its text and stack:
        # that takes longer than the analysis, and here most questions end in one.
        py4j.java_gateway.get_return_value = py4j.protocol.get_return_value
        state = session._jsparkSession.sessionState()
        self._analyser, self._parser = state.analyzer(), state.sqlParser()
        listed = ", ".join(f"{CONSTANTS[w]} AS {c}" for w, c in COLUMNS.items())
        session.sql(f"SELECT {listed} FROM range(1)").createOrReplaceTempView("samples")

    def condition(self, expression: str) -> str | None:
        """Return the name of the error that an expression ends in."""
        from py4j.protocol import Py4JJavaError

        try:
            self._analyser.checkAnalysis(self._plan([expression]))
        except Py4JJavaError as error:
            name = getattr(error.java_exception, "getCondition", None)
            return str(name()) if name is not None else "?"
        return None

    def takes(self, expressions: Sequence[str], *, alone: bool = False) -> list[bool]:
        """Return which expressions over `samples` are resolved."""
        size = 1 if alone else 100
        found: list[bool] = []
        for start in range(0, len(expressions), size):
            found += self._together(expressions[start : start + size])
        return found

    def _plan(self, expressions: Sequence[str]) -> Any:
        listed = ", ".join(expressions)
        return self._analyser.execute(self._parser.parsePlan(f"SELECT {listed} FROM samples"))

    def _together(self, expressions: Sequence[str]) -> list[bool]:
        from py4j.protocol import Py4JJavaError

        try:
            plan = self._plan(expressions)
            if plan.resolved():
                return [True] * len(expressions)
            resolved = plan.expressions()
            if resolved.length() == len(expressions):
                return [bool(resolved.apply(i).resolved()) for i in range(len(expressions))]
        except Py4JJavaError:  # of wrong numbers of arguments, and of some types and values
            pass
        return self._halves(expressions)

    def _halves(self, expressions: Sequence[str]) -> list[bool]:
        if len(expressions) == 1:
            return [False]
        middle = len(expressions) // 2
        return self._together(expressions[:middle]) + self._together(expressions[middle:])


@dataclass
class Answer:
    """What Spark takes for one number of arguments."""

    places: list[frozenset[str]]
    only_constants: frozenset[int] = frozenset()
    pairs: dict[tuple[int, int], frozenset[tuple[str, str]]] = field(default_factory=dict)


def written(function: Function, call: Sequence[str], order_by: str = COLUMNS["int"]) -> str:
    """Return a call as it is written."""
    name = function.name
    if function.takes_unit and len(call) == 3:
        call = ("DAY", *call[1:])
    if function.entry("within") == "percentile" and len(call) > 1:
        return f"{name}({', '.join(call[:-1])}) WITHIN GROUP (ORDER BY {call[-1]})"
    over = f" OVER (ORDER BY {order_by})" if function.kind == "window" else ""
    return f"{name}({', '.join(call)}){over}"


class Question:
    """Asks about one function."""

    def __init__(self, analyser: Analyser, function: Function, documentation: str) -> None:
        self._analyser, self._function = analyser, function
        self._examples: dict[int, list[Call]] = {}
        for call in _calls(function.name, documentation):
            self._examples.setdefault(len(call), []).append(call)

    def ask(self) -> tuple[dict[int, Answer], int]:
        """Return what it takes, by the number of arguments, and how many of the last may repeat."""
        counts = range(max([MOST, *self._examples]) + 1)
        seeds = {n: calls for n in counts if (calls := self._seeds(n))}
        repeated = self._repeated(seeds)
        found = {n: self._answer(n, s) for n, s in seeds.items() if not repeated or n <= LARGEST}
        if repeated == 1:
            # What is repeated may mean something else each time, as the pairs of decode do.
            more = self._answer(LARGEST + 2, seeds[LARGEST + 2]).places[LARGEST:]
            found[LARGEST].places[-1] = found[LARGEST].places[-1].union(*more)
        return found, repeated

    def _repeated(self, counts: Collection[int]) -> int:
        if {MOST, MOST - 1, MOST - 2} <= {*counts}:
            return 1
        return 2 if {MOST - 1, MOST - 3} <= {*counts} and MOST not in counts else 0

    @property
    def _alone(self) -> bool:
        """Whether a SELECT has one of these at most."""
        return self._function.result == "=window"

    def _taken(self, calls: Iterable[Call]) -> dict[Call, bool]:
        asked = list(dict.fromkeys(calls))
        alone = self._function.kind == "generator" or self._alone
        answers = self._analyser.takes([written(self._function, c) for c in asked], alone=alone)
        return dict(zip(asked, answers, strict=True))

    def _seeds(self, count: int) -> list[Call]:
        """Return calls that are taken: those of NULLs and of one type, and the documentation's."""
        nulls = ("NULL",) * count
        examples = self._examples.get(count, [])[:8]
        condition = self._analyser.condition(written(self._function, nulls))
        if condition and _WRONG_COUNT.match(condition) and not examples:
            return []
        alike = [(CONSTANTS[w],) * count for w in WORDS] if count else [()]
        alike += [c for c in PARTICULAR if len(c) == count]
        return [c for c, taken in self._taken([nulls, *examples, *alike]).items() if taken]

    def _answer(self, count: int, seeds: list[Call]) -> Answer:
        if not count:
            return Answer([])
        lambdas = {i for c in seeds for i in range(count) if "->" in c[i]}
        if count == 2 and not lambdas and not self._alone:
            every = self._taken(_swapped(seeds[0], (0, 1), product(WORDS, WORDS)))
            together = {_words(c) for c, taken in every.items() if taken}
        else:
            together = set()
        places: list[set[str]] = [{pair[i] for pair in together} for i in range(min(2, count))]
        places += [set() for _ in range(count - len(places))]
        known = [s for s in seeds if s in self._examples.get(count, ())]
        first = [s for s in seeds if s not in known][:3]
        for seed in seeds[:1] if self._alone else [*known, *first]:
            for i in range(count):
                if i in lambdas:
                    places[i] |= {LAMBDA, *WORDS}
                    continue
                swapped = self._taken(_swapped(seed, (i,), ((w,) for w in WORDS)))
                places[i] |= {w for (c, t), w in zip(swapped.items(), WORDS, strict=True) if t}
        for seed in seeds:
            for i in range(count):
                places[i] |= {w for w, c in CONSTANTS.items() if c == seed[i]} | _written(seed[i])
        if self._function.takes_unit and count == 3:
            places[0] = {UNIT}
        if count == 2 and "array<struct>" in places[0] and "struct" in places[1]:
            places[0].add("array<struct1>")  # there is no sample of what it holds
        answer = Answer([frozenset(p) for p in places])
        answer.only_constants = frozenset(
            i
            for i in range(count)
            if i not in lambdas and UNIT not in places[i] and self._is_constant(i, seeds, places[i])
        )
        # Of a place for constants the value decides as well: what one value tells is not enough.
        free = {*range(count)} - lambdas - answer.only_constants
        if together and len(free) == 2:
            answer.pairs[0, 1] = frozenset((a, b) for a, b in together)
        elif count == LARGEST and not self._alone and UNIT not in places[0]:
            for i, j in combinations(sorted(free), 2):
                answer.pairs[i, j] = self._pairs(i, j, seeds, places)
        return answer

    def _is_constant(self, place: int, seeds: list[Call], words: set[str]) -> bool:
        calls = [
            c for s in seeds[:4] for c in _swapped(s, (place,), ((w,) for w in words), COLUMNS)
        ]
        return not any(self._taken(calls).values())

    def _pairs(
        self, i: int, j: int, seeds: list[Call], places: Sequence[set[str]]
    ) -> frozenset[tuple[str, str]]:
        """Return which types two of three places take together, whatever the third is."""
        left = list(product(sorted(places[i] - {LAMBDA}), sorted(places[j] - {LAMBDA})))
        found: set[tuple[str, str]] = set()
        third = 3 - i - j
        fillings: list[str | int] = [*dict.fromkeys(s[third] for s in seeds[:2]), i, j]
        for filling in fillings:
            calls: dict[Call, tuple[str, str]] = {}
            for pair in left:
                call = ["", "", ""]
                call[i], call[j] = (CONSTANTS[w] for w in pair)
                call[third] = filling if isinstance(filling, str) else call[filling]
                calls[tuple(call)] = pair
            found |= {calls[c] for c, taken in self._taken(calls).items() if taken}
            left = [p for p in left if p not in found]
        return frozenset(found)


def _swapped(
    seed: Call,
    places: Sequence[int],
    words: Iterable[Sequence[str]],
    written: Mapping[str, str] = CONSTANTS,
) -> Iterator[Call]:
    for chosen in words:
        call = list(seed)
        for place, word in zip(places, chosen, strict=True):
            call[place] = written[word]
        yield tuple(call)


_WORD_OF: Final = {text: word for word, text in CONSTANTS.items()}


def _words(call: Call) -> tuple[str, ...]:
    return tuple(_WORD_OF[text] for text in call)


def _written(text: str) -> set[str]:
    """Return the type of a literal, if it is one: some are taken for their value only."""
    if text.startswith("'"):
        return {"string"}
    if re.fullmatch(r"-?\d+", text):
        return {"int"}
    if re.fullmatch(r"-?\d*\.\d+", text):
        return {"decimal"}
    return {"array<decimal>"} if re.match(r"array\(\d*\.\d", text) else set()


def _calls(name: str, documentation: str) -> Iterator[Call]:
    """Yield the calls of a function that its documentation shows, if they name no columns."""
    for match in re.finditer(rf"(?<![\w.]){re.escape(name)}\(", documentation, re.IGNORECASE):
        line = documentation[: match.start()].rpartition("\n")[2]
        call = _arguments(documentation[match.end() :]) if ">" in line else None
        if call is not None and not any(_WORD.fullmatch(a) or _KEYWORD.search(a) for a in call):
            yield call


def _arguments(text: str) -> Call | None:
    """Return the arguments up to the bracket that ends a call."""
    found, begin, depth, quote = [], 0, 0, ""
    for index, char in enumerate(text):
        if quote:
            quote = "" if char == quote and text[index - 1] != "\\" else quote
        elif char in "'\"`":
            quote = char
        elif char in "([":
            depth += 1
        elif char in ")]" and depth:
            depth -= 1
        elif char in ")," and depth == 0:
            found.append(text[begin:index].strip())
            begin = index + 1
            if char == ")":
                return tuple(a for a in found if a)
    return None


_NUMBERS: Final = frozenset(["tinyint", "smallint", "int", "bigint", "float", "double", "decimal"])
_ATOMIC: Final = frozenset(WORDS[: WORDS.index("variant") + 1])
_ARRAYS: Final = frozenset(w for w in WORDS if w.startswith("array"))
_MAPS: Final = frozenset(w for w in WORDS if "->" in w)
_UNORDERED: Final = frozenset([*_MAPS, "array<map>", "struct<map>", "calendar", "variant"])
SETS: Final = {
    "whole": frozenset(["tinyint", "smallint", "int", "bigint"]),
    "number": _NUMBERS,
    "numeric": _NUMBERS | {"string", "void"},
    "moment": frozenset(["date", "timestamp", "timestamp_ntz", "string", "void"]),
    "bytes": frozenset(["string", "binary", "void"]),
    "span": frozenset(["months", "seconds"]),
    "text": _ATOMIC,
    "numbers": frozenset(
        ["array<int>", "array<bigint>", "array<float>", "array<double>", "array<decimal>"]
    ),
    "array": _ARRAYS,
    "map": _MAPS,
    "orderable": frozenset(WORDS) - _UNORDERED,
    "any": frozenset(WORDS),
}
"""Sets that many places take, by the names that they have in the table."""


class Writer:
    """Writes what was found as the text of the table."""

    def __init__(self) -> None:
        self.relations: dict[str, str] = {}

    def words(self, words: frozenset[str]) -> str:
        """Return a set as the fewest names, the large ones first."""
        found, left = [], set(words)
        for name, members in sorted(SETS.items(), key=lambda item: -len(item[1])):
            if members <= words and members & left:
                found.append(name)
                left -= members
        return "|".join([*found, *sorted(left)]) or "any"

    def arguments(self, name: str, answers: Mapping[int, Answer], repeated: int) -> str:
        """Return the column of arguments."""
        forms: list[tuple[list[str], int, int, str]] = []
        last = max(answers, default=0)
        for count, answer in sorted(answers.items()):
            repeats = repeated if count == last else 0
            places = [self._place(answer, i) for i in range(count)]
            agreement = self._agreement(name, answer, all_pairs=bool(repeats))
            above = forms[-1] if forms else None
            longer = (
                above is not None
                and len(above[0]) == count - 1
                and above[0] == places[:-1]
                and ("*" in agreement or {*above[3].split()} <= {*agreement.split()})
            )
            if above and longer:
                forms[-1] = (places, above[1], repeats, agreement)
            else:
                forms.append((places, count, repeats, agreement))
        return " ; ".join(self._form(*f) for f in forms) or "?"

    def _form(self, places: list[str], needed: int, repeated: int, agreement: str) -> str:
        first, rest = ", ".join(places[:needed]), ", ".join(places[needed:])
        text = (f"{first} [, {rest}]" if first else f"[{rest}]") if rest else first
        dots = f" ...{repeated if repeated > 1 else ''}" if repeated else ""
        return f"{text or '()'}{dots}{' / ' + agreement if agreement else ''}"

    def _place(self, answer: Answer, place: int) -> str:
        words = answer.places[place]
        for special in (UNIT, LAMBDA):
            if special in words:
                rest = self.words(words - {special})
                return f"{rest}|{special}" if rest else special
        return "!" * (place in answer.only_constants) + self.words(words)

    def _agreement(self, name: str, answer: Answer, *, all_pairs: bool) -> str:
        found = {
            (i, j): self._relation(name, answer.places[i], answer.places[j], pairs)
            for (i, j), pairs in answer.pairs.items()
        }
        names = {n for n in found.values() if n}
        if all_pairs and len(names) == 1 and all(found.values()):
            return f"{names.pop()}*"
        return " ".join(f"{r}({i + 1},{j + 1})" for (i, j), r in found.items() if r)

    def _relation(
        self,
        name: str,
        left: frozenset[str],
        right: frozenset[str],
        pairs: frozenset[tuple[str, str]],
    ) -> str:
        """Return the name of a relation; empty where everything goes with everything."""
        rows: dict[frozenset[str], set[str]] = {}
        for word in left - {LAMBDA, UNIT}:
            partners = frozenset(b for a, b in pairs if a == word)
            if partners and partners != right:
                rows.setdefault(partners, set()).add(word)
        if not rows:
            return ""
        shown = [f"{self.words(frozenset(ws))}: {self.words(p)}" for p, ws in rows.items()]
        text = " ; ".join(sorted(shown))
        for known, other in self.relations.items():
            if other == text:
                return known
        new = name
        while new in self.relations:
            new += "_"
        self.relations[new] = text
        return new


def main(names: Sequence[str]) -> None:
    """Ask about some functions, or about all, and write the table anew."""
    text = TABLE.read_text(encoding="utf-8")
    writer = Writer()
    writer.relations.update(re.findall(r"^%(\w+) = (.*)$", text, re.MULTILINE))
    takes: dict[str, str] = {}
    with closing(SparkEngine(master="local[2]", packages=[])) as engine:
        session = reference(engine)
        analyser = Analyser(session)
        for name, function in functions().items():
            if name not in names if names else function.entry("asked") == "by hand":
                continue
            question = Question(analyser, function, _documentation(session, name))
            takes[name] = writer.arguments(name, *question.ask())
            sys.stdout.write(f"{name}\t{takes[name]}\n")
            sys.stdout.flush()
    TABLE.write_text(rewritten(text, takes, writer.relations), encoding="utf-8")


def rewritten(text: str, takes: Mapping[str, str], relations: Mapping[str, str]) -> str:
    """Return the table with other arguments, and with the sets and relations that they name.

    An alias without arguments of its own keeps those of the other function.
    """
    head, _, body = re.sub(r"^[@%].*\n\n?", "", text, flags=re.MULTILINE).partition("\n\n")
    rows = [_row(row, takes) for row in body.rstrip().split("\n\n")]
    used = set(re.findall(r"(\w+)(?:\(\d,\d\)|\*)(?=[ \n])", "\n".join(rows)))
    sets = [f"@{name} = {'|'.join(sorted(members))}" for name, members in SETS.items()]
    shown = [f"%{name} = {words}" for name, words in sorted(relations.items()) if name in used]
    return "\n\n".join([head, "\n".join(sets), "\n".join(shown), *rows]) + "\n"


def _row(row: str, takes: Mapping[str, str]) -> str:
    first, *entries = row.split("\n")
    asked = takes.get(first.partition(":")[0])
    own = [e for e in entries if e.startswith("    takes ")]
    if asked is None or (not own and any(e.startswith("    alias ") for e in entries)):
        return row
    kept = [e for e in entries if e not in own]
    return "\n".join([first, *([f"    takes    {asked}"] if asked != "?" else []), *kept])


def _documentation(session: SparkSession, name: str) -> str:
    from py4j.protocol import Py4JJavaError

    try:
        rows = session.sql(f"DESCRIBE FUNCTION EXTENDED {name}").collect()
    except Py4JJavaError:
        return ""
    return "\n".join(row[0] for row in rows)


if __name__ == "__main__":
    main(sys.argv[1:])
