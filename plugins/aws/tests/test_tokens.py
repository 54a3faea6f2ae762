"""Each provider's token source, over HTTP, against a server that does what its documents say."""

from __future__ import annotations

from pathlib import Path

import pytest
from plugins.aws.tests.support import Answer, Asked, as_json, serving

from headwater.auth.tokens import FileToken
from headwater.errors import AuthError, ConfigError
from headwater_aws.tokens import (
    AzureMetadataToken,
    EksToken,
    GcpMetadataToken,
    GitHubActionsToken,
    parse_token,
)

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2ln"


def github(asked: Asked) -> Answer:
    # GitHub Docs, "OpenID Connect reference", "Methods for requesting the OIDC token":
    #   curl -H "Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN"
    #        "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=..."  ->  {"value": "<JWT>"}
    # The URL that a runner sets has a query already (api-version); actions/toolkit, oidc-utils.ts,
    # appends "&audience=" to it.
    if asked.headers["Authorization"] != "bearer runner-secret":
        return as_json(401, {"message": "unauthorized"})
    if asked.path != "/run/idtoken" or asked.query.get("api-version") != "2.0":
        return as_json(404, {})
    if asked.query.get("audience") != "sts.amazonaws.com":
        return as_json(400, {"message": "audience"})
    return as_json(200, {"count": len(JWT), "value": JWT})


def gcp(asked: Asked) -> Answer:
    # Google Cloud, "Verify the identity of VMs", "Obtain the VM's identity token", and "About VM
    # metadata", "Metadata-Flavor header": without the header the server refuses; its answers
    # carry it; the body is the bare token.
    if asked.headers["Metadata-Flavor"] != "Google":
        return 403, {}, "Missing Metadata-Flavor:Google header."
    if asked.path != "/computeMetadata/v1/instance/service-accounts/default/identity":
        return 404, {"Metadata-Flavor": "Google"}, ""
    if "audience" not in asked.query:
        return 400, {"Metadata-Flavor": "Google"}, "non-empty audience parameter required"
    return 200, {"Metadata-Flavor": "Google", "Server": "Metadata Server for VM"}, JWT


def azure_vm(asked: Asked) -> Answer:
    # Microsoft Learn, "How to use managed identities for Azure resources on an Azure VM to acquire
    # an access token", "Get a token using HTTP" and "Error handling".
    if asked.headers["Metadata"] != "true":
        return as_json(400, {"error": "bad_request_102", "error_description": "Required metadata"})
    if asked.path != "/metadata/identity/oauth2/token":
        return as_json(404, {})
    if asked.query.get("api-version") != "2018-02-01":
        return as_json(400, {"error": "bad_request"})
    if asked.query.get("resource") != "api://headwater-aws":
        return as_json(
            400,
            {
                "error": "invalid_resource",
                "error_description": "AADSTS50001: The application named X was not found",
            },
        )
    return as_json(
        200,
        {
            "access_token": JWT,
            "refresh_token": "",
            "expires_in": "3599",
            "expires_on": "1506484173",
            "not_before": "1506480273",
            "resource": "api://headwater-aws",
            "token_type": "Bearer",
        },
    )


def azure_app_service(asked: Asked) -> Answer:
    # Microsoft Learn, "Use managed identities for App Service and Azure Functions", "REST endpoint
    # reference": GET $IDENTITY_ENDPOINT?resource=...&api-version=2019-08-01, X-IDENTITY-HEADER.
    if asked.headers["X-IDENTITY-HEADER"] != "app-secret":
        return as_json(401, {"message": "unauthorized"})
    if asked.path != "/MSI/token" or asked.query.get("api-version") != "2019-08-01":
        return as_json(400, {})
    return as_json(200, {"access_token": JWT, "client_id": asked.query.get("client_id", "")})


class TestGitHub:
    def test_token(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with serving(github) as url:
            monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{url}/run/idtoken?api-version=2.0")
            monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner-secret")
            assert GitHubActionsToken().token() == JWT
            assert parse_token("github-actions").token() == JWT
            with pytest.raises(AuthError, match="GitHub Actions' token service answered HTTP 400"):
                GitHubActionsToken(audience="other").token()
            monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "canary-wrong")
            with pytest.raises(AuthError, match="answered HTTP 401") as caught:
                GitHubActionsToken().token()
            assert "canary-wrong" not in str(caught.value)

    def test_says_which_permission_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_URL", raising=False)
        with pytest.raises(AuthError, match="ACTIONS_ID_TOKEN_REQUEST_URL is not set") as caught:
            GitHubActionsToken().token()
        assert "id-token: write" in (caught.value.hint or "")


class TestGcp:
    def test_token(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with serving(gcp) as url:
            monkeypatch.setenv("GCE_METADATA_HOST", url.partition("://")[2])
            # A proxy must never see a metadata request: this one would fail it.
            monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
            assert GcpMetadataToken().token() == JWT
            assert parse_token({"type": "gcp", "audience": "x"}).token() == JWT
            with pytest.raises(AuthError, match=r"Google Cloud metadata server .* HTTP 404"):
                GcpMetadataToken(service_account="other@project").token()

    def test_another_server_is_not_believed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with serving(lambda _: (200, {}, JWT)) as url:
            monkeypatch.setenv("GCE_METADATA_HOST", url.partition("://")[2])
            with pytest.raises(AuthError, match="is not Google's"):
                GcpMetadataToken().token()

    def test_elsewhere_it_is_out_of_reach(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GCE_METADATA_HOST", "127.0.0.1:1")
        with pytest.raises(AuthError, match="can't be reached") as caught:
            GcpMetadataToken().token()
        assert caught.value.retryable


class TestAzure:
    @pytest.fixture(autouse=True)
    def _no_app_service(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("IDENTITY_ENDPOINT", raising=False)

    def test_virtual_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with serving(azure_vm) as url:
            monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", url)
            assert AzureMetadataToken("api://headwater-aws").token() == JWT
            fields = {"type": "azure", "resource": "api://headwater-aws", "client_id": "c"}
            assert parse_token(fields).token() == JWT
            with pytest.raises(AuthError, match="HTTP 400: invalid_resource: AADSTS50001"):
                AzureMetadataToken("api://unknown").token()

    def test_app_service(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with serving(azure_app_service) as url:
            monkeypatch.setenv("IDENTITY_ENDPOINT", f"{url}/MSI/token")
            with pytest.raises(AuthError, match="IDENTITY_HEADER is not set"):
                AzureMetadataToken("api://x").token()
            monkeypatch.setenv("IDENTITY_HEADER", "app-secret")
            assert AzureMetadataToken("api://x", client_id="c").token() == JWT

    def test_what_is_no_jwt_is_not_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with serving(lambda _: as_json(200, {"access_token": "canary-opaque"})) as url:
            monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", url)
            with pytest.raises(AuthError, match="not a JWT") as caught:
                AzureMetadataToken("api://x").token()
        assert "canary-opaque" not in str(caught.value)


class TestEks:
    # Amazon EKS User Guide, "IAM roles for service accounts": the webhook sets AWS_ROLE_ARN and
    # AWS_WEB_IDENTITY_TOKEN_FILE; the kubelet replaces the file before the token expires.
    def test_follows_the_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_WEB_IDENTITY_TOKEN_FILE", raising=False)
        with pytest.raises(AuthError, match="AWS_WEB_IDENTITY_TOKEN_FILE is not set"):
            EksToken().token()
        path = tmp_path / "token"
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(path))
        with pytest.raises(AuthError, match=str(path)):
            EksToken().token()
        path.write_text(JWT)
        assert parse_token("eks").token() == JWT


def test_core_forms_work_too() -> None:
    assert parse_token("file:/t") == FileToken("/t")
    with pytest.raises(ConfigError) as caught:
        parse_token("gpc")
    assert "gcp" in (caught.value.hint or "")
