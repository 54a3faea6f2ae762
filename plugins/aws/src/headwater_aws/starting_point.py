"""The identity that `headwater init` writes for sources in AWS."""

from __future__ import annotations

from typing import Final

LAKE: Final = """\
lake:
  type: oidc-role                   # or default, profile, static, assume-role
  role_arn: ${env:LAKE_ROLE_ARN:-arn:aws:iam::123456789012:role/monitoring}
  token: file:${env:AWS_WEB_IDENTITY_TOKEN_FILE:-/var/run/secrets/token}
"""
