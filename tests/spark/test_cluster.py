"""A standalone cluster on this machine: a master and two workers, each a process of its own.

It runs in another process than the shared Spark, since a process has one application.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.processes import free_port, running
from tests.spark.lakes import put
from tests.spark.servers import home

from headwater_aws.testing import Emulator

pytestmark = [
    pytest.mark.spark,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("spark_engine"),  # fetches the packages
]

FILES = 12


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A cluster's address. Its workers have one core each."""
    logs = tmp_path_factory.mktemp("cluster")
    launcher = str(home() / "bin" / "spark-class")
    ports = [free_port() for _ in range(4)]
    # Nothing is reachable from outside, and nothing is looked up.
    env = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m"}
    address = f"spark://127.0.0.1:{ports[0]}"
    with ExitStack() as stack:
        program = [launcher, "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1"]
        program += ["--port", str(ports[0]), "--webui-port", str(ports[1])]
        stack.enter_context(running(program, logs / "master.log", ports[0], env))
        for index, port in enumerate(ports[2:]):
            program = [launcher, "org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1"]
            program += ["--cores", "1", "--memory", "700m", "--webui-port", str(port)]
            program += ["--work-dir", str(logs / f"work{index}"), address]
            stack.enter_context(running(program, logs / f"worker{index}.log", port, env))
        yield address


READ = """
import json, sys
from core.tests.engines.spark.plans import columns, plan
from headwater.auth.credentials import Access
from headwater.engines.spark import SparkEngine
from headwater.tables.relation import DataFile
from headwater_aws.auth import OidcRole
from tests.spark.lakes import relation

given = json.load(sys.stdin)
engine = SparkEngine(
    master=given["master"],
    packages=["s3"],
    conf={
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.log.level": "ERROR",
        "spark.driver.memory": "1g",
        "spark.executor.memory": "512m",
        "spark.sql.shuffle.partitions": "2",
    },
)
role = OidcRole(role_arn=given["role"], token=f"file:{given['token']}", session_name="cluster")
parts = {(str(i % 3),): [] for i in range(3)}
for i, (key, size) in enumerate(given["files"]):
    parts[(str(i % 3),)].append(DataFile(key, size))
table = relation(columns(id="bigint", part="int"), parts, ("part",))
sql = (
    "SELECT e.id, e.part, m.n FROM `hw`.`t0` AS e JOIN "
    "(SELECT part, count(*) AS n FROM `hw`.`t1` AS t GROUP BY part) AS m ON e.part = m.part "
    "ORDER BY e.id"
)
with role.open(region="us-east-1", endpoint_url=given["endpoint"]) as session:
    with engine.read(plan(sql, table, table), Access({"lake": session})) as stream:
        rows = [row for batch in stream for row in batch.to_pylist()]
executors = engine.opened().session.sparkContext._jsc.sc().getExecutorMemoryStatus().size() - 1
engine.close()
json.dump({"rows": rows, "executors": executors}, sys.stdout)
"""


def test_executors_read_as_the_role_and_renew_it(
    master: str, aws: Emulator, tmp_path: Path
) -> None:
    files = [put(aws, "lake", f"t/{n % 3}/{n}.parquet", id=[n]) for n in range(FILES)]
    token = tmp_path / "token"
    token.write_text(aws.issuer.token(sub="reader", aud="sts.amazonaws.com"))
    given = {
        "master": master,
        "role": aws.create_oidc_role(name="reader", subject="reader"),
        "token": str(token),
        "endpoint": aws.endpoint_url,
        "files": [(f.path, f.size) for f in files],
    }
    aws.faults.shorten_sessions(8)
    aws.faults.slow("s3:GetObject", 1.0)
    done = subprocess.run(
        [sys.executable, "-c", READ],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["executors"] == 2
    assert found["rows"] == [{"id": n, "part": n % 3, "n": FILES // 3} for n in range(FILES)]
    gets = [r for r in aws.requests if r.action == "GetObject"]
    assert {str(r.principal).rpartition("/")[2] for r in gets} == {"cluster"}
    assert max(r.time for r in gets) - min(r.time for r in gets) > 8
    assert sum(r.action == "AssumeRoleWithWebIdentity" for r in aws.requests) > 1
    assert {r.status for r in gets} == {206}
