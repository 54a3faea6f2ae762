"""AWS's errors for a person: each botocore error becomes one of headwater's own.

Errors are matched on their code: Glue's model lists neither AccessDenied nor throttling, so there
are no exception classes to catch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Protocol

from headwater.auth.credentials import without_frames
from headwater.errors import (
    AccessDeniedError,
    AuthError,
    ConfigError,
    CredentialsExpiredError,
    DataChangedError,
    HeadwaterError,
    SourceError,
)

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})
_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "Forbidden", "403", "UnauthorizedOperation",
     "NotAuthorized"}
)  # fmt: skip
_SHUT = frozenset({"AccountProblem", "AllAccessDisabled", "InvalidPayer", "NotSignedUp"})
"""What S3 refuses with 403, too, and no policy opens."""
_KEY_DENIED = frozenset({"KMS.AccessDeniedException", "KMS.KMSAccessDeniedException"})
_THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "SlowDown",
     "RequestThrottledException", "TooManyRequestsException", "RequestLimitExceeded",
     "BandwidthLimitExceeded", "LimitExceededException", "PriorRequestNotComplete",
     "KMS.ThrottlingException", "KMS.LimitExceededException"}
)  # fmt: skip
_BAD_KEYS = frozenset(
    {"InvalidAccessKeyId", "InvalidClientTokenId", "InvalidToken", "SignatureDoesNotMatch",
     "UnrecognizedClientException", "IncompleteSignature", "InvalidSignatureException"}
)  # fmt: skip
_SKEWED = frozenset({"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"})
_OUTAGE = frozenset(
    {"InternalError", "InternalFailure", "InternalServiceException", "ServiceUnavailable",
     "OperationTimeoutException", "RequestTimeout", "500", "502", "503", "504"}
)  # fmt: skip
_ABSENT = frozenset(
    {"EntityNotFoundException", "NoSuchBucket", "NoSuchKey", "NotFound", "NoSuchEntity", "404"}
)
_WRONG_REGION = frozenset(
    {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException",
     "TemporaryRedirect", "301"}
)  # fmt: skip

_S3_ACTIONS = {
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "GetBucketLocation": "s3:GetBucketLocation",
    "HeadBucket": "s3:ListBucket",
    "ListObjects": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "PutObject": "s3:PutObject",
}
_GLUE_OPERATION = re.compile(
    r"(Batch)?Get(Catalog|Database|Partition|Table|TableVersion|UserDefinedFunction|Unfiltered\w+)"
    r"(s|es)?|SearchTables"
)
_SAID = re.compile(
    r"(?:(?P<caller>arn:aws[\w-]*:\S+).*? is )?not authorized to perform: (?P<action>[\w:*-]+)"
    r'(?: on (?:resource: |(?=arn:))"?(?P<resource>[^\s"]+)"?)?(?P<why>.*)',
    re.DOTALL,
)
_NO_KEY = re.compile(
    r"ciphertext refers to a customer master key|KMS key .*not allowed", re.IGNORECASE
)
"""What S3 says where KMS does not show a key to the caller."""
_REQUESTER_PAYS = re.compile(r"requester.?pay", re.IGNORECASE)


class Caller(Protocol):
    """The part of a session that messages need."""

    @property
    def region(self) -> str:
        """Region of its calls."""
        ...

    def caller_arn(self) -> str | None:
        """Return the ARN of the caller, asking if necessary; None if unknown."""
        ...


@contextmanager
def translating(
    *,
    doing: str,
    resource: str | None = None,
    session: Caller | None = None,
    beside: tuple[str, ...] = (),
) -> Iterator[None]:
    """Turn what botocore raises inside into headwater's own errors.

    Args:
        doing: What was tried, after "can't", e.g. `list s3://lake/predictions/`.
        resource: What it was done to, e.g. an ARN, where AWS's message does not say.
        session: Who did it.
        beside: All that a policy must name together with the resource that AWS names, as the last
            parts of ARNs, e.g. `catalog`, `database/db`, `table/db/t`.

    Raises:
        HeadwaterError: With the original as its cause.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    # botocore's frames hold requests, with their signatures and session tokens.
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise translate(
            error, doing=doing, resource=resource, session=session, beside=beside
        ) from without_frames(error)
    except HeadwaterError as error:
        without_frames(error)
        raise


def broken_answer(doing: str) -> SourceError:
    """Return the error for an answer that broke off before its end, attempt after attempt."""
    return SourceError(
        f"can't {doing}: AWS's answer broke off before its end, time after time",
        code="broken-answer",
        hint="look for what cuts answers short: a proxy, a firewall, an unsteady network",
        retryable=True,
    )


def not_recorded(doing: str, reason: str) -> SourceError:
    """Return the error for what a support bundle that is replayed can't tell."""
    return SourceError(
        f"can't {doing}: {reason}",
        code="not-recorded",
        hint="a bundle holds what a check asked, and no rows: ask for the same window, or have "
        "another bundle made in the account",
    )


def code_of(error: BaseException) -> str:
    """Return AWS's code of an error, e.g. `EntityNotFoundException`; empty if it has none."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def message_of(error: BaseException) -> str:
    """Return AWS's own message of an error."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return str(response.get("Error", {}).get("Message", ""))
    return str(error)


def translate(
    error: Exception,
    *,
    doing: str,
    resource: str | None = None,
    session: Caller | None = None,
    beside: tuple[str, ...] = (),
) -> HeadwaterError:
    """Return headwater's error for one that botocore raised.

    Args:
        error: The original; one of headwater's own is returned as it is.
        doing: What was tried, after "can't", e.g. `list s3://lake/predictions/`.
        resource: What it was done to, where AWS's message does not say.
        session: Who did it.
        beside: See `translating`.
    """
    if isinstance(error, HeadwaterError):
        return error
    code = code_of(error)
    if not code:
        return _without_answer(error, doing, session)
    reason = message_of(error) or code
    where = f" in {session.region}" if session else ""
    if _REQUESTER_PAYS.search(f"{code} {reason}"):
        return AccessDeniedError(
            f"can't {doing}: its bucket is one of requester pays, and headwater does not pay "
            f"({code}: {reason})",
            code="requester-pays",
            resource=resource,
            hint="read a copy in a bucket of your own, or have the owner lift it for you",
        )
    if code == "NotRecorded":
        return not_recorded(doing, reason)
    if code in _DENIED or code in _KEY_DENIED:
        return _denied(error, doing, resource, session, beside)
    if code in EXPIRED:
        return CredentialsExpiredError(
            f"can't {doing}: the credentials have expired, and renewing them did not help "
            f"({reason})",
            hint="open the identity again; static keys with a session token can't renew themselves",
        )
    if code in _THROTTLED:
        return SourceError(
            f"can't {doing}: AWS throttled every attempt{where} ({code}: {reason})",
            code="throttled",
            hint="try again later, read fewer tables at once, or ask AWS for a higher quota",
            retryable=True,
        )
    if code == "InvalidObjectState":
        return SourceError(
            f"can't {doing}: it is archived{_class_of(error)} ({code}: {reason})",
            code="object-archived",
            hint="restore it (`aws s3api restore-object`) and wait until that is done, or take it "
            "out of the table: what is archived can be listed, and not read",
        )
    if code.startswith("KMS."):
        return SourceError(
            f"can't {doing}: the KMS key that it is encrypted with can't be used "
            f"({code}: {reason})",
            code="kms-key",
            hint="have the key's owner enable it, or end its deletion; without the key nobody can "
            "read the object",
        )
    if code in _SKEWED or "Signature expired" in reason or "Signature not yet current" in reason:
        return AuthError(
            f"can't {doing}: AWS refused the time of the request ({code}: {reason})",
            code="clock-skew",
            hint="this machine's clock is wrong: synchronise it",
        )
    if code in _BAD_KEYS:
        return AuthError(
            f"can't {doing}: AWS does not accept the credentials{where} ({code}: {reason})",
            code="credentials-refused",
            hint="most likely first: the access key was deleted or mistyped; the session token is "
            "missing or belongs to other keys; the region is an opt-in one that the account has "
            "not enabled",
        )
    if code in ("RegionDisabledException", "OptInRequired"):
        return AuthError(
            f"can't {doing}: the account has not enabled this region{where} ({reason})",
            code="region-disabled",
            hint="enable the region (and STS in it) in the account's settings, or name another",
        )
    if code in _WRONG_REGION:
        return SourceError(
            f"can't {doing}: it lies in another region ({code}: {reason})",
            code="wrong-region",
            hint=f"give the source the region in which the bucket lies{_region_of(error)}",
        )
    if code in ("PreconditionFailed", "412"):
        return DataChangedError(
            f"can't {doing}: it is not what the listing saw any more", hint="plan again"
        )
    if code in _ABSENT:
        object_ = f" {resource}" if resource else ""
        return SourceError(f"can't {doing}: not found{object_} ({reason})", code="not-found")
    if code in _OUTAGE:
        return SourceError(
            f"can't {doing}: AWS failed on its side, in every attempt{where} ({code}: {reason})",
            code="aws-outage",
            hint="try again later",
            retryable=True,
        )
    hint = None
    if code in _SHUT:
        hint = "AWS has shut it, which no policy opens: ask the bucket's owner, or AWS's support"
    elif "Server Side Encryption" in reason:
        hint = (
            "it is encrypted with a key that whoever reads hands over (SSE-C), and none is handed "
            "over here: write it with SSE-S3 or SSE-KMS"
        )
    return SourceError(f"can't {doing}: {code}: {reason}", code="aws", hint=hint)


def _class_of(error: BaseException) -> str:
    """Return the storage class that S3 names in an error."""
    response = getattr(error, "response", {})
    storage_class = response.get("Error", {}).get("StorageClass") or response.get("StorageClass")
    return f" in {storage_class}" if storage_class else ""


def _region_of(error: BaseException) -> str:
    """Return the region that S3 names in an error."""
    response = getattr(error, "response", {})
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = response.get("Error", {}).get("Region") or headers.get("x-amz-bucket-region")
    return f": {region}" if region else ""


def _denied(
    error: Exception,
    doing: str,
    resource: str | None,
    session: Caller | None,
    beside: tuple[str, ...],
) -> HeadwaterError:
    reason = message_of(error)
    match = _SAID.search(reason)
    caller = (match["caller"] if match else None) or (session.caller_arn() if session else None)
    operation = str(getattr(error, "operation_name", ""))
    behind = _NO_KEY.search(reason) is not None or code_of(error) in _KEY_DENIED
    action = (match["action"] if match else None) or (
        "kms:Decrypt" if behind else iam_action(operation)
    )
    if behind or action.startswith("kms:"):
        # S3 refuses in the name of the key, which is what has to be opened.
        resource = None
    target = (match["resource"] if match else None) or resource
    if target and target.startswith("s3://"):
        target = _s3_arn(target, session)
    who = caller or "the caller"
    permission = f"{action} on {target}" if target else action
    message = f"can't {doing}: {who} may not {permission}"
    why = " ".join(match["why"].split()) if match else ""
    if why:
        message += f" ({why})"
    refused = partial(AccessDeniedError, action=action, resource=target, caller=caller)
    if "Lake Formation" in reason:
        return refused(
            f"{message} ({reason})" if not match else message,
            code="lake-formation-denied",
            hint=f"the table is governed by Lake Formation: grant DESCRIBE and SELECT on it to "
            f"{who} there; an IAM policy alone does not open it",
        )
    if "explicit deny" in reason:
        kind = "a service control policy" if "service control" in reason else "a policy"
        return refused(
            message,
            hint=f"{kind} denies it explicitly; no grant overrides that: ask who owns that policy",
        )
    if "session policy" in reason:
        return refused(
            message,
            hint="the session was narrowed to less than this; widen or drop its session policy",
        )
    grant = json.dumps({"Effect": "Allow", "Action": action, "Resource": _granted(target, beside)})
    return refused(
        message,
        hint=f"add this statement to the policy of {_principal(who)}:\n{grant}\nif it is there "
        "already: a bucket or key policy, a permissions boundary or a service control policy "
        "may deny it, or the bucket lets requesters pay",
    )


def _s3_arn(uri: str, session: Caller | None) -> str:
    from headwater_aws.permissions import arn_partition  # which stands on this room

    partition = arn_partition(session.region) if session else "aws"
    return f"arn:{partition}:s3:::{uri.removeprefix('s3://')}"


def _granted(resource: str | None, beside: tuple[str, ...]) -> str | list[str]:
    """Return what a statement must name to open a resource, and what is read with it."""
    if resource is None:
        return "*"
    if ":glue:" in resource:
        # With another kind of resource (a function), what is beside it still has to be named.
        head = resource.rpartition(":")[0]
        named = sorted({resource, *(f"{head}:{path.lower()}" for path in beside)})
        return named if len(named) > 1 else resource
    if ":s3:::" in resource and "/" in resource:
        # A table's files are read together: all of its directory, above its partitions.
        parts = resource.split("/")[:-1]
        while len(parts) > 1 and "=" in parts[-1]:
            parts.pop()
        return "/".join([*parts, "*"])
    return resource


def iam_action(operation: str) -> str:
    """Return the IAM action that an API operation needs, e.g. `s3:ListBucket` for ListObjectsV2."""
    if operation in _S3_ACTIONS:
        return _S3_ACTIONS[operation]
    if _GLUE_OPERATION.fullmatch(operation):
        return f"glue:{operation}"
    if operation.startswith("AssumeRole"):
        return f"sts:{operation}"
    return operation or "call"


def _principal(arn: str) -> str:
    """Return whose policy to change, given a caller: the role of a role session."""
    match = re.match(r"arn:(aws[\w-]*):sts::(\d+):assumed-role/([^/]+)/", arn)
    return f"the role {match[3]} in account {match[2]}" if match else arn


def _without_answer(error: Exception, doing: str, session: Caller | None) -> HeadwaterError:
    """Explain an error that is not AWS's answer: nothing was sent, or nothing came back."""
    from botocore import exceptions as aws

    reason = " ".join(str(error).split())
    where = f" in {session.region}" if session else ""
    if isinstance(error, aws.NoCredentialsError):
        return AuthError(f"can't {doing}: there are no AWS credentials", code="no-credentials")
    if isinstance(error, aws.ProfileNotFound):
        return AuthError(
            f"can't {doing}: {reason}",
            code="profile-not-found",
            hint="`aws configure list-profiles` lists those there are; AWS_PROFILE names one too",
        )
    if isinstance(error, aws.SSOError | aws.TokenRetrievalError | aws.SSOTokenLoadError):
        return AuthError(
            f"can't {doing}: {reason}",
            code="sso-login",
            hint="log in again: `aws sso login` (with --profile if you use one)",
        )
    if isinstance(
        error,
        aws.CredentialRetrievalError
        | aws.PartialCredentialsError
        | aws.InvalidConfigError
        | aws.UnknownCredentialError
        | aws.ConfigParseError
        | aws.ConfigNotFound
        | aws.InfiniteLoopConfigError
        | aws.RefreshWithMFAUnsupportedError,
    ):
        return AuthError(f"can't {doing}: {reason}", code="credentials-config")
    if isinstance(error, aws.ParamValidationError | aws.InvalidRegionError):
        return ConfigError(f"can't {doing}: {reason}")
    if isinstance(error, aws.SSLError):
        return SourceError(
            f"can't {doing}: {reason}",
            code="tls",
            hint="a proxy that re-signs traffic needs its certificate in AWS_CA_BUNDLE",
        )
    if isinstance(error, aws.HTTPClientError | aws.ConnectionError):
        return SourceError(
            f"can't {doing}: no answer{where}: {reason}",
            code="unreachable",
            hint="most likely first: no network from here, or a proxy is needed (HTTPS_PROXY); the "
            "region is misspelled; the VPC has no endpoint for this service; the endpoint_url is "
            "wrong",
            retryable=True,
        )
    return SourceError(f"can't {doing}: {type(error).__name__}: {reason}", code="aws")
