"""What happens to every call, in order: who asks, what, is it allowed, the fault, the answer."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from headwater_aws.emulator import backend, glue_arns, policy, s3_calls, sigv4
from headwater_aws.emulator.authorize import refusal, why_not
from headwater_aws.emulator.errors import AwsError, render
from headwater_aws.emulator.faults import Faults, Strike
from headwater_aws.emulator.glue import Glue
from headwater_aws.emulator.identities import Identities, Principal
from headwater_aws.emulator.record import Recorded, RequestLog
from headwater_aws.emulator.replay import Replay, not_recorded
from headwater_aws.emulator.s3 import S3
from headwater_aws.emulator.state import State
from headwater_aws.emulator.sts import Sts
from headwater_aws.emulator.wire import ConnectionDroppedError, Request, Response

_log = logging.getLogger("headwater_aws.emulator")
ACCOUNT = "123456789012"
_SECRET_PARAMETERS = ("WebIdentityToken", "TokenCode")


@dataclass
class _AwsCall:
    """A call as understood so far; filled in step by step, and recorded whatever happens."""

    service: str = ""
    action: str = ""
    region: str = "us-east-1"
    principal: Principal | None = None
    owner: str = ""
    resources: tuple[str, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    s3_call: s3_calls.S3Call | None = None


class Front:
    """The emulator's one endpoint.

    Args:
        state: The accounts.
        identities: The keys.
        faults: The faults.
        log: Where calls are recorded.
        clock: Gives Unix time in seconds.
        latency: Seconds that every call but the seeding client's waits.
    """

    def __init__(
        self,
        state: State,
        identities: Identities,
        faults: Faults,
        log: RequestLog,
        clock: Callable[[], float],
        latency: float,
    ) -> None:
        self._state = state
        self._identities = identities
        self._faults = faults
        self._requests = log
        self._clock = clock
        self._latency = latency
        self.replay: Replay | None = None
        self._seeded = False
        self._glue = Glue(state)
        self._s3 = S3(state)
        self.sts = Sts(state, identities, faults, clock)

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        began = time.perf_counter()
        aws_call = _AwsCall()
        request_id = str(uuid.uuid4())
        error: AwsError | None = None
        status = 0
        try:
            try:
                response = self._answer(request, aws_call)
            except AwsError as refused:
                error = refused
            except ConnectionDroppedError:
                raise
            except Exception as failure:  # noqa: BLE001 - a bug of ours is answered, not hidden
                _log.exception("the emulator failed at %s:%s", aws_call.service, aws_call.action)
                message = f"The emulator itself failed: {type(failure).__name__}: {failure}"
                error = AwsError("InternalFailure", message, 500)
            if error is not None:
                response = render(error, _protocol(request, aws_call), request.path, request_id)
            status = response.status
        finally:
            self._record(aws_call, status, error, began)
        name = "x-amz-request-id" if aws_call.service == "s3" else "x-amzn-requestid"
        return Response(
            status, {**response.headers, name: request_id}, response.body, response.send_only
        )

    def _answer(self, request: Request, aws_call: _AwsCall) -> Response:
        signature = sigv4.read(request)
        if signature is not None:
            aws_call.service, aws_call.region = signature.service, signature.region
        else:
            is_query = request.method == "POST" and request.path == "/"
            is_json = "x-amz-target" in request.headers
            aws_call.service = "glue" if is_json else "sts" if is_query else "s3"
        self._understand(request, aws_call)
        if self.replay is not None and not self._is_admin(request, signature):
            return self._replayed(request, aws_call, self.replay)
        if signature is not None:
            with self._state.lock:
                aws_call.principal = self._identities.authenticate(request, signature)
        elif aws_call.action != "AssumeRoleWithWebIdentity":
            raise _anonymous(_protocol(request, aws_call))
        if aws_call.principal is not None and aws_call.principal.is_admin:
            return self._serve(request, aws_call, Strike())
        self._locate(aws_call)
        strike = self._faults.strike(f"{aws_call.service}:{aws_call.action}", aws_call.resources)
        if wait := self._latency + strike.seconds:
            time.sleep(wait)
        if strike.drop:
            raise ConnectionDroppedError
        if strike.error is not None:
            raise strike.error
        response = self._serve(request, aws_call, strike)
        if strike.truncate_at is None or response.status >= 300:
            return response
        return Response(response.status, response.headers, response.body, strike.truncate_at)

    def _is_admin(self, request: Request, signature: sigv4.Signature | None) -> bool:
        """Return whether the seeding client calls, which a replay does not answer."""
        if signature is None:
            return False
        with self._state.lock, suppress(AwsError):
            return self._identities.authenticate(request, signature).is_admin
        return False

    def _replayed(self, request: Request, aws_call: _AwsCall, replay: Replay) -> Response:
        """Answer as AWS did when the bundle was recorded, else from the data in its answers."""
        response = replay.answer(
            request,
            aws_call.service,
            aws_call.action,
            aws_call.region,
            aws_call.parameters,
            aws_call.s3_call,
        )
        if response is not None:
            return response
        if aws_call.service != "glue":
            raise not_recorded(f"{aws_call.service}:{aws_call.action} was not asked")
        owner = glue_arns.owner(aws_call.parameters, ACCOUNT)
        admin = Principal("", owner, "", is_admin=True)
        with self._state.lock:
            self._seed(replay)
            try:
                return self._glue.call(
                    request,
                    aws_call.action,
                    aws_call.parameters,
                    ACCOUNT,
                    aws_call.region,
                    admin,
                    lambda _: True,
                    None,
                )
            except AwsError as error:
                if error.code == "EntityNotFoundException":
                    raise not_recorded(f"{aws_call.action} of it was not asked") from error
                raise

    def _seed(self, replay: Replay) -> None:
        """Create the tables of a bundle, once, for calls that were not recorded."""
        if self._seeded:
            return
        self._seeded = True
        catalog = self._state.glue(ACCOUNT, replay.region)
        for database, _, table, partitions in replay.tables():
            with suppress(Exception):  # whatever a bundle's entry makes moto stumble over
                if database not in catalog.databases:
                    catalog.create_database(database, {"Name": database})
                catalog.create_table(database, table["Name"], table, None)
                table_ = catalog.get_table(database, table["Name"])
                for partition in partitions:
                    table_.create_partition(partition)

    def _understand(self, request: Request, aws_call: _AwsCall) -> None:
        """Determine the operation and its parameters."""
        if aws_call.service == "glue":
            aws_call.action = request.headers.get("x-amz-target", "").rpartition(".")[2]
            aws_call.parameters = glue_arns.normalise(_json_object(request.body))
        elif aws_call.service in ("sts", "iam"):
            form = parse_qs(request.body.decode(), keep_blank_values=True)
            aws_call.parameters = {name: values[0] for name, values in form.items()}
            aws_call.action = aws_call.parameters.pop("Action", "")
        elif aws_call.service == "s3":
            aws_call.s3_call = s3_calls.read(request)
            aws_call.action = aws_call.s3_call.action
            aws_call.resources = tuple(arn for _, arn in aws_call.s3_call.needs)
            aws_call.parameters = {"bucket": aws_call.s3_call.bucket, "key": aws_call.s3_call.key}
            aws_call.parameters.update(aws_call.s3_call.query)
            aws_call.parameters.update(
                {name: request.headers[name] for name in ("range",) if name in request.headers}
            )
        else:
            message = f"The emulator has Glue, S3, STS and IAM, but not {aws_call.service}."
            raise AwsError("NotImplemented", message, 501)

    def _locate(self, aws_call: _AwsCall) -> None:
        """Determine the resources, and the account that owns them."""
        caller = aws_call.principal.account_id if aws_call.principal else ""
        aws_call.owner = caller
        if aws_call.service == "glue":
            aws_call.owner = glue_arns.owner(aws_call.parameters, caller)
            aws_call.resources = glue_arns.resources(
                aws_call.action, aws_call.parameters, aws_call.owner, aws_call.region
            )
        elif aws_call.service == "sts" and "RoleArn" in aws_call.parameters:
            aws_call.resources = (aws_call.parameters["RoleArn"],)
        elif aws_call.s3_call is not None and aws_call.s3_call.bucket in self._state.buckets:
            aws_call.owner = self._state.buckets[aws_call.s3_call.bucket].account_id

    def _serve(self, request: Request, aws_call: _AwsCall, strike: Strike) -> Response:
        caller = aws_call.principal
        if aws_call.service == "sts":
            return self.sts.call(aws_call.action, aws_call.parameters, caller)
        assert caller is not None
        with self._state.lock:
            if aws_call.service == "s3":
                return self._serve_s3(request, aws_call, caller)
            action = f"{aws_call.service}:{aws_call.action}"
            if not caller.is_admin:
                for arn in aws_call.resources or ("*",):
                    self._require(aws_call, caller, action, arn)
            if aws_call.service == "iam":
                return backend.iam(request, self._state.iam(caller.account_id))
            owner = aws_call.owner or glue_arns.owner(aws_call.parameters, caller.account_id)
            return self._glue.call(
                request,
                aws_call.action,
                aws_call.parameters,
                owner,
                aws_call.region,
                caller,
                lambda arn: self._why_not(aws_call, caller, action, arn) is None,
                strike.keep,
            )

    def _serve_s3(self, request: Request, aws_call: _AwsCall, caller: Principal) -> Response:
        call = aws_call.s3_call
        assert call is not None
        if call.bucket and call.action != "CreateBucket":
            self._s3.bucket(call.bucket)
        for permission, arn in call.needs:
            self._require(aws_call, caller, permission, arn)
        return self._s3.call(
            request,
            call,
            caller.account_id,
            aws_call.region,
            lambda action, arn: self._why_not(aws_call, caller, action, arn) is None,
        )

    def _require(self, aws_call: _AwsCall, caller: Principal, action: str, arn: str) -> None:
        why = self._why_not(aws_call, caller, action, arn)
        if why is None:
            return
        if aws_call.service != "s3":
            code = "AccessDeniedException" if aws_call.service == "glue" else "AccessDenied"
            raise refusal(
                caller, action, arn, why, code, 400 if aws_call.service == "glue" else 403
            )
        if aws_call.owner != caller.account_id:
            raise AwsError("AccessDenied", "Access Denied", 403)
        raise refusal(caller, action, f'"{arn}"', why, "AccessDenied", 403)

    def _why_not(self, aws_call: _AwsCall, caller: Principal, action: str, arn: str) -> str | None:
        context: dict[str, str] = {"aws:SecureTransport": "true"}
        context.update(aws_call.s3_call.context if aws_call.s3_call else {})
        return why_not(
            self._identities,
            caller,
            action,
            arn,
            owner=self._owner_of(aws_call, arn),
            resource_policies=self._attached(aws_call, arn),
            context=context,
        )

    def _owner_of(self, aws_call: _AwsCall, arn: str) -> str:
        bucket = self._bucket_of(arn)
        return bucket.account_id if bucket else aws_call.owner

    def _attached(self, aws_call: _AwsCall, arn: str) -> list[policy.Document]:
        """Policies attached to a resource."""
        if aws_call.service == "glue":
            catalog = self._state.glue(aws_call.owner, aws_call.region)
            entry = catalog.resource_policies.get(catalog.default_catalog_arn)
            return [policy.parse(entry["PolicyInJson"])] if entry else []
        bucket = self._bucket_of(arn)
        return [policy.parse(bucket.policy)] if bucket and bucket.policy else []

    def _bucket_of(self, arn: str) -> Any:
        if not arn.startswith("arn:aws:s3:::"):
            return None
        return self._state.buckets.get(arn.removeprefix("arn:aws:s3:::").partition("/")[0])

    def _record(
        self, aws_call: _AwsCall, status: int, error: AwsError | None, began: float
    ) -> None:
        caller = aws_call.principal
        if caller is not None and caller.is_admin:
            return
        parameters: Mapping[str, Any] = {
            name: value
            for name, value in aws_call.parameters.items()
            if name not in _SECRET_PARAMETERS and not name.startswith("X-Amz-")
        }
        self._requests.add(
            Recorded(
                aws_call.service,
                aws_call.action,
                caller.account_id if caller else "",
                caller.arn if caller else "",
                aws_call.resources,
                status,
                error.code if error else None,
                self._clock(),
                time.perf_counter() - began,
                parameters,
            )
        )


def _protocol(request: Request, aws_call: _AwsCall) -> str:
    return "glue" if "x-amz-target" in request.headers else aws_call.service


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
        if not isinstance(value, dict):
            raise TypeError(f"a {type(value).__name__} is no input")
    except (ValueError, TypeError) as error:
        raise AwsError("SerializationException", str(error)) from error
    return value


def _anonymous(service: str) -> AwsError:
    if service == "s3":
        return AwsError("AccessDenied", "Access Denied", 403)
    code = "MissingAuthenticationToken" + ("Exception" if service == "glue" else "")
    return AwsError(code, "Missing Authentication Token", 400 if service == "glue" else 403)
