"""What the emulator does not do itself: hand the request to moto, as the right account."""

from __future__ import annotations

from typing import Any

from moto.core.request import Request as MotoRequest
from moto.core.responses import BaseResponse
from moto.glue.models import GlueBackend
from moto.glue.responses import GlueResponse
from moto.iam.models import IAMBackend
from moto.iam.responses import IamResponse

from headwater_aws.emulator.errors import AwsError
from headwater_aws.emulator.wire import Request, Response


class _Glue(GlueResponse):
    def __init__(self, catalog: GlueBackend) -> None:
        super().__init__()
        self._catalog = catalog

    @property
    def glue_backend(self) -> GlueBackend:
        return self._catalog


class _Iam(IamResponse):
    def __init__(self, iam: IAMBackend) -> None:
        super().__init__()
        self._iam = iam

    @property
    def backend(self) -> IAMBackend:
        return self._iam


def glue(request: Request, catalog: GlueBackend, body: bytes) -> Response:
    """Let moto answer a call to Glue.

    Args:
        request: The request.
        catalog: The account's catalog.
        body: What the catalog is asked, in place of the request's own body.

    Returns:
        moto's response.

    Raises:
        AwsError: `NotImplemented`, when moto does not know the operation.
    """
    return _answer(_Glue(catalog), request, "glue", catalog.account_id, body)


def iam(request: Request, account: IAMBackend) -> Response:
    """Let moto answer a call to IAM.

    Args:
        request: The request.
        account: The account's IAM.

    Returns:
        moto's response.

    Raises:
        AwsError: `NotImplemented`, when moto does not know the operation.
    """
    return _answer(_Iam(account), request, "iam", account.account_id, request.body)


def _answer(
    responder: BaseResponse, request: Request, service: str, account_id: str, body: bytes
) -> Response:
    headers = {**request.headers, "x-moto-account-id": account_id}
    headers["content-length"] = str(len(body))
    url = f"https://{service}.amazonaws.com{request.target}"
    moto_request = MotoRequest.from_primitives(request.method, url, headers, body)
    try:
        status, headers_given, content = responder._dispatch(moto_request)
    except NotImplementedError as error:
        message = f"The emulator does not know {service}: {error}"
        raise AwsError("NotImplemented", message, 501) from error
    headers_kept = {
        name: str(headers_given[name]) for name in headers_given if name.lower() in _KEPT
    }
    return Response(int(status), headers_kept, _bytes(content))


_KEPT = ("content-type", "x-amzn-errortype")


def _bytes(content: Any) -> bytes:
    return content.encode() if isinstance(content, str) else bytes(content or b"")
