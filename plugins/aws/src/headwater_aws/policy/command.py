"""`headwater policy`: what the identities of connections must be allowed to do, and no more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from headwater.cli.options import Config, Debug, Json, Last, Since, opened, terminal_of
from headwater.errors import AuthError, ConfigError
from headwater.tables.window import Window
from headwater_aws.policy.comparison import compare
from headwater_aws.policy.compiling import IdentityPolicy, Looking, buckets_of, compile_policies
from headwater_aws.policy.roles import Bearer
from headwater_aws.policy.seed_style import seed_style_policy
from headwater_aws.policy.trust import AUDIENCE
from headwater_aws.policy.writing import terraform, walk_through


def policy(
    ctx: typer.Context,
    connections: Annotated[
        list[str] | None,
        typer.Argument(
            help="The connections; without any, all of them.",
            metavar="[CONNECTION]...",
            show_default=False,
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--start", help="Look only at partitions of a window.", show_default=False),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--end", help="Its end, exclusive.", show_default=False)
    ] = None,
    last: Last = None,
    since: Since = None,
    profile: Annotated[
        str | None,
        typer.Option(
            "--as",
            help="Look with this AWS profile instead of the connections' own identities.",
            metavar="PROFILE",
            show_default=False,
        ),
    ] = None,
    identity: Annotated[
        str | None,
        typer.Option(
            "--identity",
            help="Of several identities only this one: its ARN, or how that ends.",
            metavar="ROLE",
            show_default=False,
        ),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask nobody; take the tables from the queries.")
    ] = False,
    location: Annotated[
        list[str] | None,
        typer.Option(
            "--location",
            help="With --offline: where a table's files lie. Repeatable.",
            metavar="TABLE=s3://BUCKET/PREFIX/",
            show_default=False,
        ),
    ] = None,
    issuer: Annotated[
        str | None,
        typer.Option("--issuer", help="`iss` of the tokens to trust.", show_default=False),
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option("--subject", help="`sub` of the tokens to trust.", show_default=False),
    ] = None,
    audience: Annotated[
        str, typer.Option("--audience", help="`aud` of the tokens to trust.")
    ] = AUDIENCE,
    as_terraform: Annotated[
        bool, typer.Option("--terraform", help="Write Terraform instead of a walk-through.")
    ] = False,
    seed_style: Annotated[
        bool,
        typer.Option("--seed-style", help="The broad policy: all tables of the account."),
    ] = False,
    diff: Annotated[
        Path | None,
        typer.Option(
            "--diff",
            help="Compare this access policy with what is needed.",
            metavar="POLICY.json",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    config: Config = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Compile the IAM policies that connections need: trust, access, other accounts' shares.

    Prints a walk through AWS's console; --terraform and --json give the same for programs. With
    --diff, the answer is no if the policy lacks something.
    """
    from headwater.cli.options import whole_window
    from headwater.windows import moments

    if (issuer is None) != (subject is None):
        raise typer.BadParameter("--issuer and --subject go together")
    bearer = Bearer(issuer, subject, audience) if issuer and subject else None
    terminal = terminal_of(ctx)
    with opened(ctx, config) as workspace:
        chosen = (
            [workspace.connection(name) for name in connections]
            if connections
            else list(workspace.connections.values())
        )
        whole_window(start, end, last, since)
        zones = {one.windows.timezone for one in chosen}
        zone = zones.pop() if len(zones) == 1 else "UTC"
        window = moments.asked_for(start, end, zone, last=last, since=since)
        looking = _looking(profile, offline, location or [], window)
        try:
            with terminal.progress("looking at what the connections read"):
                policies = compile_policies(workspace, chosen, looking=looking, bearer=bearer)
        except AuthError as error:
            if offline or profile or error.code == "bearer-unknown":
                raise
            raise AuthError(
                f"the connections' own identity can't look at what they read: {error.message}",
                code=error.code,
                hint="where access is still to be given, look with an administrator's profile "
                f"(--as PROFILE), or ask nobody (--offline)\n{error.hint or ''}".rstrip(),
            ) from error
    if not policies:
        raise ConfigError(
            "no connection uses an AWS identity", hint="`headwater policy` is about AWS sources"
        )
    if identity is not None:
        policies = _policy_of(policies, identity)
    if diff is not None:
        _answer_diff(terminal, policies, diff)
        return
    if seed_style:
        policies = tuple(_broad(one) for one in policies)
    terminal.emit({"identities": [one.to_dict() for one in policies]})
    terminal.say(terraform(policies).rstrip("\n") if as_terraform else walk_through(policies))


def _looking(
    profile: str | None, offline: bool, location: list[str], window: Window | None
) -> Looking:
    from headwater_aws.auth.profile import Profile

    if location and not offline:
        raise typer.BadParameter("--location is for --offline; otherwise the catalog is asked")
    places = {}
    for option in location:
        table, separator, uri = option.partition("=")
        if not separator or not uri.startswith("s3://"):
            raise typer.BadParameter(f"--location {option}: write TABLE=s3://bucket/prefix/")
        places[table] = uri
    return Looking(
        identity=Profile(name=profile) if profile else None,
        offline=offline,
        locations=places,
        window=window,
    )


def _policy_of(policies: tuple[IdentityPolicy, ...], identity: str) -> tuple[IdentityPolicy, ...]:
    whole = [one for one in policies if one.identity == identity]
    matches = whole or [one for one in policies if one.identity.endswith(f"/{identity}")]
    if len(matches) == 1:
        return tuple(matches)
    names = ", ".join(one.identity for one in matches or policies)
    which = "several" if matches else "none"
    raise ConfigError(
        f"--identity {identity} is {which} of those that the connections use",
        hint=f"give one of {names}",
    )


def _answer_diff(terminal: Any, policies: tuple[IdentityPolicy, ...], path: Path) -> None:
    if len(policies) > 1:
        names = ", ".join(one.identity for one in policies)
        raise ConfigError(
            f"the connections use several identities ({names}), and a policy belongs to one",
            hint=f"name one of them, e.g. --identity {policies[0].identity.rpartition('/')[2]}",
        )
    compared = compare(path.read_text(encoding="utf-8"), policies[0].permissions)
    terminal.emit({"identity": policies[0].identity, **compared.to_dict()})
    terminal.say(f"{path} for {policies[0].identity}: {compared.render()}")
    if not compared.suffices:
        raise typer.Exit(1)


def _broad(one: IdentityPolicy) -> IdentityPolicy:
    account = one.roles[-1].account if one.roles else ""
    catalogs = {r.split(":")[4] for p in one.permissions for r in p.resources if ":glue:" in r} or {
        account
    }
    policies = [
        seed_style_policy(region=one.region, account=owner, buckets=buckets_of(one.permissions))
        for owner in sorted(catalogs)
    ]
    statements = [s for p in policies for s in p["Statement"]]
    unique = [s for n, s in enumerate(statements) if s not in statements[:n]]
    note = (
        "this is the broad policy: every table of the account, CreateDatabase among its actions; "
        "without --seed-style only what the connections read is granted"
    )
    access = {"Version": "2012-10-17", "Statement": unique}
    return replace(one, access=access, notes=(note, *one.notes))
