"""The broad policy of the guide that headwater's Glue connection grew from.

It is here to be compared with, and for whoever was told to use it. It lets a role read every
table of an account, create databases, and, as the guide has it, reads no file at all: without its
last statement, which is ours, no row could be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def seed_style_policy(
    *, region: str, account: str, buckets: Iterable[str], partition: str = "aws"
) -> dict[str, Any]:
    """Return that policy, with a statement for the buckets.

    Args:
        region: Region of the catalog.
        account: Its account's number.
        buckets: Buckets that hold the tables' files.
        partition: `aws`, `aws-cn` or `aws-us-gov`.
    """

    def glue(*paths: str) -> list[str]:
        return [f"arn:{partition}:glue:{region}:{account}:{path}" for path in paths]

    def allow(actions: list[str], resources: list[str]) -> dict[str, Any]:
        return {"Effect": "Allow", "Action": actions, "Resource": resources}

    named = [f"arn:{partition}:s3:::{bucket}" for bucket in sorted(buckets)]
    files = [allow(["s3:ListBucket", "s3:GetObject"], [*named, *(f"{n}/*" for n in named)])]
    return {
        "Version": "2012-10-17",
        "Statement": [
            allow(["glue:GetConnections"], glue("catalog", "connection/*")),
            allow(
                ["glue:GetDatabase", "glue:GetDatabases"],
                glue("catalog", "database/default", "database/global_temp", "database/*"),
            ),
            allow(
                [
                    "glue:GetTable",
                    "glue:GetTables",
                    "glue:GetPartitions",
                    "glue:GetPartition",
                    "glue:SearchTables",
                ],
                glue("catalog", "database/*", "table/*"),
            ),
            allow(["glue:GetUserDefinedFunctions"], ["*"]),
            allow(
                ["glue:CreateDatabase"],
                glue("catalog", "database/default", "database/global_temp"),
            ),
            *(files if named else []),
        ],
    }
