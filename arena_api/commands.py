"""`arena keys`: who may ask the API from elsewhere, and start runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from arena_api.access.book import AccessBook
from arena_api.access.keys import Key, Scope, add_key, all_keys, revoke_key
from arena_pipeline.settings import load_settings
from arena_pipeline.terminal import out, print_json, table

keys_app = typer.Typer(no_args_is_help=True, help="Keys of the API: add, list, revoke.")
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for a program instead of a table.")]


@keys_app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Whose key it is.")],
    scope: Annotated[
        list[Scope], typer.Option(help="What it may do beside reading; may be given more than once.")
    ] = [],  # noqa: B006
    as_json: JsonFlag = False,
) -> None:
    """Make a key and print its secret, once: only its hash is stored."""
    key, secret = add_key(_book(), name, scope, datetime.now(UTC))
    if as_json:
        print_json({**_shown(key), "key": secret})
        return
    out.print(f"{secret}", highlight=False, markup=False, soft_wrap=True)
    out.print(f"Key {key.id} of {key.name}; it is not shown again.", highlight=False, markup=False)


@keys_app.command("list")
def show(as_json: JsonFlag = False) -> None:
    """The keys there are and were, without their secrets."""
    rows = [_shown(key) for key in all_keys(_book())]
    if as_json:
        print_json({"keys": rows})
        return
    columns = ("id", "name", "scopes", "created_at", "revoked_at")
    table(
        [{**row, "scopes": ", ".join(row["scopes"])} for row in rows],
        {name: name.replace("_", " ") for name in columns},
    )


@keys_app.command("revoke")
def revoke(
    identity: Annotated[str, typer.Argument(metavar="ID", help="As `arena keys list` shows it.")],
) -> None:
    """Accept a key no longer, from the next request on."""
    key = revoke_key(_book(), identity, datetime.now(UTC))
    out.print(f"Key {key.id} of {key.name} is revoked.", highlight=False, markup=False)


def _book() -> AccessBook:
    return AccessBook(load_settings().home)


def _shown(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }
