"""CI's stages come in an order in which a fresh machine has what each needs."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
STAGES = re.findall(
    r"^stage \S+ +(.+)$", (ROOT / ".ci/run").read_text(encoding="utf-8"), re.MULTILINE
)
RULES = {
    target: prerequisites.split()
    for target, prerequisites in re.findall(r"^([a-z-]+):([^#=\n]*)", MAKEFILE, re.MULTILINE)
}


def test_what_is_judged_on_spark_asks_for_java() -> None:
    judged = re.search(r"^JUDGED := ((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE)
    assert judged is not None
    files = [ROOT / word for word in judged[1].split() if word != "\\"]
    assert any("spark_engine" in file.read_text(encoding="utf-8") for file in files)
    assert "java" in RULES["judge"]
    assert "java" in RULES["test-slow"]


def test_java_is_there_before_what_asks_for_it() -> None:
    before = STAGES[: STAGES.index("ensure_java")]
    asking = {target for target, prerequisites in RULES.items() if "java" in prerequisites}
    assert not [stage for stage in before if asking & {*stage.split()}]
    assert STAGES.index("slow_suites") == len(STAGES) - 1
