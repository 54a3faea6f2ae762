"""Policies as text: Terraform, and a walk through the console."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from headwater_aws.policy.access import access_policy
from headwater_aws.policy.compiling import IdentityPolicy
from headwater_aws.policy.roles import CALLER, Role
from headwater_aws.policy.trust import as_json


def walk_through(policies: Sequence[IdentityPolicy]) -> str:
    """Return numbered steps through AWS's console, with everything to paste.

    Args:
        policies: As they were compiled.
    """
    return "\n\n".join(_walk(policy) for policy in policies)


def terraform(policies: Sequence[IdentityPolicy]) -> str:
    """Return Terraform (HCL) that creates providers, roles and policies.

    Args:
        policies: As they were compiled.
    """
    blocks: dict[str, None] = {}
    for policy in policies:
        notes = [*policy.notes, *(f"{s.what}: {s.when}; {s.how}" for s in policy.shared)]
        if notes:
            blocks["\n".join(f"# {note}" for note in notes)] = None
        for role in policy.roles:
            blocks |= dict.fromkeys(_role_blocks(role))
        last = policy.roles[-1] if policy.roles else None
        name = last.name if last else policy.identity
        blocks[
            _block(
                "aws_iam_role_policy" if last else "aws_iam_policy",
                f"{_label(name)}_headwater",
                {
                    "name": '"headwater"',
                    **({"role": f"aws_iam_role.{_label(name)}.id"} if last else {}),
                    "policy": _encoded(policy.access),
                },
            )
        ] = None
        for shared in policy.shared:
            if shared.what.startswith("Glue catalog") and shared.when.startswith("always"):
                label = _label(f"{name}_{shared.what}")
                blocks[
                    "# In the account that owns the catalog.\n"
                    + _block(
                        "aws_glue_resource_policy", label, {"policy": _encoded(shared.document)}
                    )
                ] = None
    return "\n\n".join(blocks) + "\n"


def _role_blocks(role: Role) -> Iterator[str]:
    label = _label(role.name)
    if role.provider and role.bearer:
        yield _block(
            "aws_iam_openid_connect_provider",
            _label(role.provider.partition("oidc-provider/")[2]),
            {
                "url": json.dumps(role.bearer.issuer),
                "client_id_list": json.dumps([role.bearer.audience]),
            },
        )
    yield _block(
        "aws_iam_role",
        label,
        {
            "name": json.dumps(role.name),
            **({"path": json.dumps(role.path)} if role.path != "/" else {}),
            "assume_role_policy": _encoded(role.trust),
        },
    )
    if role.assumes:
        yield _block(
            "aws_iam_role_policy",
            f"{label}_next_role",
            {
                "name": '"next-role"',
                "role": f"aws_iam_role.{label}.id",
                "policy": _encoded(access_policy(role.assumes)),
            },
        )


def _block(kind: str, label: str, arguments: Mapping[str, str]) -> str:
    width = max(map(len, arguments))
    lines = (f"  {name.ljust(width)} = {value}" for name, value in arguments.items())
    return f'resource "{kind}" "{label}" {{\n' + "\n".join(lines) + "\n}"


def _encoded(document: Mapping[str, Any]) -> str:
    # JSON is an HCL expression, but for the two signs that begin a template in its strings.
    text = json.dumps(document, indent=2).replace("${", "$${").replace("%{", "%%{")
    return f"jsonencode({_indented(text, '  ').lstrip()})"


def _label(name: str) -> str:
    label = re.sub(r"\W+", "_", name).strip("_").lower()
    return label if label[:1].isalpha() else f"r_{label}"


def _walk(policy: IdentityPolicy) -> str:
    steps: list[str] = []
    for role in policy.roles:
        steps += _role_steps(role)
    if policy.roles:
        last = policy.roles[-1]
        steps.append(
            f"IAM > Roles > {last.name} > Permissions > Add permissions > Create inline policy > "
            f"JSON. Paste, and name it headwater:\n{_indented(as_json(policy.access))}"
        )
        steps.append(
            "If your organisation uses service control policies, allow "
            f"{' and '.join(sorted(_assuming(policy.roles)))} in account {last.account}."
        )
    else:
        steps.append(
            "Attach this policy to the user or role that the connection uses:\n"
            + _indented(as_json(policy.access))
        )
    for shared in policy.shared:
        steps.append(
            f"{shared.what[:1].upper()}{shared.what[1:]}, {shared.when}: {shared.how}.\n"
            + _indented(as_json(shared.document))
        )
    if policy.roles:
        steps.append(
            f"Put the role's ARN into the connection: {policy.roles[-1].arn}\n"
            "Then run `headwater check`."
        )
    head = [
        f"Access of {policy.identity}",
        f"for {', '.join(policy.connections)}",
        *(f"note: {note}" for note in policy.notes),
        "",
    ]
    numbered = [
        f"{number:>2}. " + _indented(step, "    ").lstrip() for number, step in enumerate(steps, 1)
    ]
    return "\n".join([*head, *numbered])


def _role_steps(role: Role) -> Iterator[str]:
    if role.provider and role.bearer and ":oidc-provider/" in str(role.trust):
        yield (
            f"In account {role.account}: IAM > Identity providers > Add provider > "
            "OpenID Connect.\n"
            f"Provider URL: {role.bearer.issuer}\n"
            f"Audience:     {role.bearer.audience}\n"
            f"It becomes {role.provider}. If it is there already, add the audience to it."
        )
    replace = f"\nReplace {CALLER} first." if CALLER in str(role.trust) else ""
    if role.path == "/":
        yield (
            f"In account {role.account}: IAM > Roles > Create role > Custom trust policy. Paste:\n"
            + _indented(as_json(role.trust))
            + f"\nNext, Next. Role name: {role.name}. Create role.{replace}"
        )
    else:
        # Source: IAM User Guide, "IAM identifiers": the console gives no path.
        yield (
            f"The role has a path ({role.path}), which the console can't give. In account "
            f"{role.account}, save this as trust.json:\n"
            + _indented(as_json(role.trust))
            + f"\nand run: aws iam create-role --role-name {role.name} --path {role.path} "
            f"--assume-role-policy-document file://trust.json{replace}"
        )
    if role.assumes:
        yield (
            f"IAM > Roles > {role.name} > Permissions > Create inline policy > JSON. Paste:\n"
            + _indented(as_json(access_policy(role.assumes)))
        )


def _assuming(roles: Iterable[Role]) -> set[str]:
    return {
        "sts:AssumeRoleWithWebIdentity" if role.bearer is not None else "sts:AssumeRole"
        for role in roles
    }


def _indented(text: str, by: str = "  ") -> str:
    return "\n".join(by + line if line else line for line in text.split("\n"))
