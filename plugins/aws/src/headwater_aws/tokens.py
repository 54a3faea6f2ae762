"""Token sources that AWS's neighbours offer: EKS, GitHub Actions, Google Cloud, Azure.

Each asks a local or metadata address that the platform provides, for a token with the audience
that the role's trust expects. Proxies never apply to these addresses.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from headwater.auth.credentials import Secret, TokenSource, leaving_no_frames
from headwater.auth.tokens import FileToken, TokenInput, is_jwt, parse_token_source
from headwater.auth.tokens.http import fetch
from headwater.errors import AuthError
from headwater_aws.policy import AUDIENCE


@dataclass(frozen=True, slots=True)
class EksToken:
    """The token of a Kubernetes service account on EKS (IRSA), which the kubelet rotates.

    Source: Amazon EKS User Guide, "IAM roles for service accounts".
    """

    @leaving_no_frames
    def token(self) -> str:
        """Return the text of the file that AWS_WEB_IDENTITY_TOKEN_FILE names."""
        path = _variable(
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "it is set in a pod whose service account is annotated with eks.amazonaws.com/role-arn",
        )
        return FileToken(path).token()

    def describe(self) -> str:
        """Return `EKS service account token`."""
        return "EKS service account token (AWS_WEB_IDENTITY_TOKEN_FILE)"


@dataclass(frozen=True, slots=True)
class GitHubActionsToken:
    """The OIDC token of a GitHub Actions job; a new one at each call, for they live minutes.

    Args:
        audience: The token's `aud`.
        timeout: Seconds to wait.

    Source: GitHub Docs, "OpenID Connect reference", section "Methods for requesting the OIDC
        token": GET `$ACTIONS_ID_TOKEN_REQUEST_URL&audience=...` with the bearer
        `$ACTIONS_ID_TOKEN_REQUEST_TOKEN`; the JSON answer holds the token in `value`.
    """

    audience: str = AUDIENCE
    timeout: float = 10.0

    @leaving_no_frames
    def token(self) -> str:
        """Ask the runner for a token."""
        need = "give the job `permissions: id-token: write`"
        url = _variable("ACTIONS_ID_TOKEN_REQUEST_URL", need)
        bearer = Secret(_variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN", need))
        answer = fetch(
            f"{url}{'&' if '?' in url else '?'}{urlencode({'audience': self.audience})}",
            what="GitHub Actions' token service",
            headers={
                "Authorization": f"bearer {bearer.reveal()}",
                "Accept": "application/json; api-version=2.0",
            },
            timeout=self.timeout,
            hide=(bearer,),
        )
        return _jwt(answer.json_text("value"), answer.what)

    def describe(self) -> str:
        """Return `GitHub Actions token`."""
        return "GitHub Actions token"


@dataclass(frozen=True, slots=True)
class GcpMetadataToken:
    """The identity token of a Google Cloud service account, from the metadata server.

    Args:
        audience: The token's `aud`.
        service_account: Its e-mail, where the machine has several; `default` otherwise.
        timeout: Seconds to wait.

    Source: Google Cloud, "Verify VM identity" and "Metadata server": GET
        `/computeMetadata/v1/instance/service-accounts/default/identity?audience=...&format=full`
        with `Metadata-Flavor: Google`, which the answer repeats; its body is the token.
    """

    audience: str = AUDIENCE
    service_account: str = "default"
    timeout: float = 5.0

    @leaving_no_frames
    def token(self) -> str:
        """Ask the metadata server for a token."""
        host = os.environ.get("GCE_METADATA_HOST") or "metadata.google.internal"
        query = urlencode({"audience": self.audience, "format": "full"})
        answer = fetch(
            f"http://{host}/computeMetadata/v1/instance/service-accounts/"
            f"{quote(self.service_account)}/identity?{query}",
            what=f"the Google Cloud metadata server {host}",
            headers={"Metadata-Flavor": "Google"},
            timeout=self.timeout,
            proxies=False,
        )
        if answer.headers.get("metadata-flavor") != "Google":
            raise AuthError(
                f"{answer.what} is not Google's: its answer lacks Metadata-Flavor: Google",
                hint="another server answers for this name, e.g. a captive portal or a proxy",
            )
        return _jwt(answer.text, answer.what)

    def describe(self) -> str:
        """Return `Google Cloud metadata token`."""
        return f"Google Cloud metadata token of {self.service_account}"


@dataclass(frozen=True, slots=True)
class AzureMetadataToken:
    """The access token of an Azure managed identity, for an application registered as audience.

    Args:
        resource: The Application ID URI of that registration, e.g. `api://headwater-aws`; the
            token's `aud` is that or the application's id, by the registration's token version.
        client_id: Which identity, where the machine has several.
        timeout: Seconds to wait.

    Source: Microsoft Learn, "Use managed identities on a virtual machine to acquire access token"
        (GET `/metadata/identity/oauth2/token?api-version=2018-02-01&resource=...` with `Metadata:
        true`; the JSON answer holds `access_token`) and "Use managed identities for App Service"
        (`$IDENTITY_ENDPOINT?api-version=2019-08-01` with `X-IDENTITY-HEADER`).
    """

    resource: str
    client_id: str | None = None
    timeout: float = 5.0

    @leaving_no_frames
    def token(self) -> str:
        """Ask App Service's endpoint where there is one, else the virtual machine's."""
        query = {"resource": self.resource}
        if self.client_id:
            query["client_id"] = self.client_id
        endpoint = os.environ.get("IDENTITY_ENDPOINT")
        if endpoint:
            query["api-version"] = "2019-08-01"
            hidden = Secret(_variable("IDENTITY_HEADER", "App Service sets it beside the endpoint"))
            headers, hide = {"X-IDENTITY-HEADER": hidden.reveal()}, [hidden]
        else:
            # The address is Azure's own; the variable is that of Azure's SDKs for Python.
            host = os.environ.get("AZURE_POD_IDENTITY_AUTHORITY_HOST") or "http://169.254.169.254"
            endpoint = f"{host.rstrip('/')}/metadata/identity/oauth2/token"
            query["api-version"] = "2018-02-01"
            headers, hide = {"Metadata": "true"}, []
        answer = fetch(
            f"{endpoint}?{urlencode(query)}",
            what=f"the Azure identity endpoint {endpoint}",
            headers=headers,
            timeout=self.timeout,
            proxies=False,
            hide=hide,
        )
        return _jwt(answer.json_text("access_token"), answer.what)

    def describe(self) -> str:
        """Return `Azure managed identity token`."""
        return f"Azure managed identity token for {self.resource}"


SOURCES: dict[str, Any] = {
    "eks": EksToken,
    "github-actions": GitHubActionsToken,
    "gcp": GcpMetadataToken,
    "azure": AzureMetadataToken,
}
"""AWS-side token sources, by the word for them in configuration."""


def parse_token(source: TokenInput) -> TokenSource:
    """Return the token source that a user wrote: core's, or one of `SOURCES`.

    Args:
        source: E.g. `file:/var/run/token`, `github-actions`, `{"type": "gcp", "audience": "..."}`.

    Raises:
        ConfigError: If it is none of these; the text is not repeated.
    """
    return parse_token_source(source, more=SOURCES)


def _variable(name: str, hint: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        raise AuthError(f"the environment variable {name} is not set", code="token-env", hint=hint)
    return value


def _jwt(text: str, what: str) -> str:
    if not is_jwt(text):
        raise AuthError(f"{what} gave something that is not a JWT (it is not shown here)")
    return text
