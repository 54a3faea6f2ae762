"""AWS's refusals: one exception, written on the wire as each protocol writes it.

Codes and messages are AWS's own, so that a client's error handling meets here what it will meet
there.

Source: "Common Errors" of the STS and Glue API references, "Error responses" of the S3 API
reference.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from xml.sax.saxutils import escape

from headwater_aws.emulator.wire import Response

JSON = "application/x-amz-json-1.1"
XML = "text/xml"


class AwsError(Exception):
    """A refusal that the emulator answers with.

    Args:
        code: AWS's error code, such as `AccessDeniedException`.
        message: AWS's message.
        status: HTTP status.

    Attributes:
        more: What S3 tells beside, e.g. the region of a bucket.
        headers: What its headers tell.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.more: Mapping[str, str] = {}
        self.headers: Mapping[str, str] = {}


def render(error: AwsError, service: str, resource: str, request_id: str) -> Response:
    """Write an error as the service's protocol does: JSON for Glue, XML for the others.

    Args:
        error: The refusal.
        service: Signing name of the service, such as `glue`.
        resource: Path of the request, which S3 repeats in its error.
        request_id: Identifier that AWS support would ask for.

    Returns:
        The response.
    """
    if service == "glue":
        return Response(
            error.status,
            {"content-type": JSON, "x-amzn-errortype": error.code},
            json.dumps({"__type": error.code, "message": error.message}).encode(),
        )
    code, message = escape(error.code), escape(error.message)
    if service == "s3":
        more = "".join(
            f"<{name}>{escape(value)}</{name}>"
            for name, value in error.more.items()
            if name.isalnum() and name not in ("Resource", "RequestId")
        )
        text = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code>'
            f"<Message>{message}</Message>{more}<Resource>{escape(resource)}</Resource>"
            f"<RequestId>{request_id}</RequestId></Error>"
        )
        headers = {"content-type": "application/xml", **error.headers}
        return Response(error.status, headers, text.encode())
    fault = "Sender" if error.status < 500 else "Receiver"
    text = (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>'
        f"<Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return Response(error.status, {"content-type": XML}, text.encode())
