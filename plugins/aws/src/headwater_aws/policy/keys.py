"""Encryption keys: which KMS keys the files of a plan are encrypted with.

A bucket's default says nothing about the files that are there already, so one file of each
location is asked. Only its headers are read, with the permission that reading needs anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headwater.auth.credentials import Permission
from headwater.interfaces.plan import Plan
from headwater.tables.relation import DeltaRelation, FileRelation, IcebergRelation, Relation
from headwater_aws.errors import translating
from headwater_aws.listing import list_files, parse_uri
from headwater_aws.session import AwsSession


def key_permissions(plan: Plan, session: AwsSession, auth_ref: str) -> tuple[Permission, ...]:
    """Return the permission to decrypt, for each key that files of a plan are encrypted with.

    Args:
        plan: What is read.
        session: Who looks.
        auth_ref: Identity whose relations are looked at.

    Raises:
        AccessDeniedError: If a file may not be looked at.

    Source: S3 API reference, HeadObject, `x-amz-server-side-encryption-aws-kms-key-id`; KMS
        Developer Guide, `kms:ViaService`.
    """
    relations = [s.relation for s in plan.scans if s.relation.auth_ref == auth_ref]
    keys: dict[str, str] = {}
    for uri in dict.fromkeys(_samples(relations, session)):
        bucket, name = parse_uri(uri)
        with translating(
            doing=f"look at {uri}", resource=f"arn:aws:s3:::{bucket}/{name}", session=session
        ):
            head = session.client("s3").head_object(Bucket=bucket, Key=name)
        if str(head.get("ServerSideEncryption", "")).startswith("aws:kms"):
            keys.setdefault(head["SSEKMSKeyId"], uri)
    return tuple(
        Permission(
            "kms:Decrypt",
            (key,),
            {"StringEquals": {"kms:ViaService": f"s3.{key.split(':')[3]}.amazonaws.com"}},
            reason=f"{uri} and its neighbours are encrypted with it",
        )
        for key, uri in sorted(keys.items())
    )


def _samples(relations: Iterable[Relation], session: AwsSession) -> Iterator[str]:
    """Yield one file of each relation, and of each partition of it that is in another bucket."""
    for relation in relations:
        match relation:
            case FileRelation():
                sampled = set()
                for file in relation.files:
                    bucket = parse_uri(file.path)[0]
                    if bucket not in sampled:
                        sampled.add(bucket)
                        yield file.path
            case IcebergRelation():
                yield relation.metadata_location
            case DeltaRelation():
                for sample in list_files(session, relation.location, recursive=False):
                    yield sample.uri
                    break
