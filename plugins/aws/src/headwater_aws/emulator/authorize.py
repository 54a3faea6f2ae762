"""May the caller do this? Identity, session and resource policies together.

Source: "Policy evaluation logic" and "Cross-account policy evaluation logic", IAM User Guide. Not
modelled: service control policies and permission boundaries. Lake Formation has a say of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from headwater_aws.emulator.errors import AwsError
from headwater_aws.emulator.identities import Identities, Principal
from headwater_aws.emulator.policy import Context, Decision, Document, Query, decide


def why_not(
    identities: Identities,
    principal: Principal,
    action: str,
    resource: str,
    *,
    owner: str,
    resource_policies: Sequence[Document] = (),
    context: Context | None = None,
) -> str | None:
    """Find what forbids an action, if anything does.

    Args:
        identities: Where the caller's policies are.
        principal: The caller.
        action: Such as `glue:GetTable`.
        resource: The full ARN.
        owner: Account of the resource.
        resource_policies: Policies attached to the resource.
        context: Condition keys of the request.

    Returns:
        None when allowed; else AWS's words for the reason, to follow "on resource: ...".
    """
    if principal.is_admin:
        return None
    keys = {**principal.context, "aws:PrincipalAccount": principal.account_id, **(context or {})}
    query = Query(action, resource, keys)
    identity = decide(identities.policies(principal), query)
    narrowed = principal.session_policies
    session = Decision(allowed=True) if narrowed is None else decide(narrowed, query)
    attached_query = Query(action, resource, keys, principal.also_known_as)
    attached = decide(resource_policies, attached_query)
    for decision, kind in (
        (identity, "an identity-based"),
        (session, "a session"),
        (attached, "a resource-based"),
    ):
        if decision.denied:
            return f"with an explicit deny in {kind} policy"
    if not session.allowed:
        return f"because no session policy allows the {action} action"
    if owner != principal.account_id and not attached.allowed:
        return f"because no resource-based policy allows the {action} action"
    if identity.allowed or (owner == principal.account_id and attached.named):
        return None
    return f"because no identity-based policy allows the {action} action"


def refusal(
    principal: Principal, action: str, resource: str, why: str, code: str, status: int
) -> AwsError:
    """Put a refusal in AWS's words."""
    return AwsError(
        code,
        f"User: {principal.arn} is not authorized to perform: {action} on resource: "
        f"{resource} {why}".rstrip(),
        status,
    )
