"""`mcplens serve`: take events by POST."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mcplens.cli.record import KEEP
from mcplens.errors import UsageError

if TYPE_CHECKING:
    from mcplens.capture.listening import Address
    from mcplens.capture.privacy import Keep

_EXAMPLE: Final = "127.0.0.1:8901"


@click.command(short_help="Take events by POST, from anything that can send them.")
@click.option("--ingest", metavar="HOST:PORT", help=f"Take events here, such as {_EXAMPLE}.")
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Read the token that senders need from here, and not from $MCPLENS_INGEST_TOKEN.",
)
@click.option("--label", metavar="LABEL", help="Name the run. Default: branch@commit.")
@click.option(
    "--keep",
    type=click.Choice(KEEP),
    help="What of contents to keep. Default: shape, or what mcplens.toml says.",
)
@click.option("--config", metavar="FILE", help="Keep contents by these settings.")
@click.option("--store", metavar="DIR", help="Write into this store.")
def serve(  # noqa: PLR0917  click gives them by name
    ingest: str | None,
    token_file: Path | None,
    label: str | None,
    keep: Keep | None,
    config: str | None,
    store: str | None,
) -> None:
    """Take events by POST and count each once, until told to end.

    A token is needed unless HOST is this machine; it stands in $MCPLENS_INGEST_TOKEN or in a file.
    """
    if ingest is None:
        raise UsageError(f"there is nothing to serve. Say where with --ingest {_EXAMPLE}")
    from mcplens.capture.ingest.doorkeeper import TOKEN_VARIABLE, read_token
    from mcplens.capture.listening import parse_address

    address = parse_address(ingest, example=_EXAMPLE)
    token = read_token(token_file, environment=os.environ)
    if token is None and not address.is_loopback:
        raise UsageError(
            f"{address.host} can be reached from elsewhere, and there is no token. "
            f"Set {TOKEN_VARIABLE}, name a --token-file, or listen on 127.0.0.1"
        )
    _serve(address, token, label=label, keep=keep, config=config, store=store)


def _serve(
    address: Address,
    token: str | None,
    *,
    label: str | None,
    keep: Keep | None,
    config: str | None,
    store: str | None,
) -> None:
    try:
        from mcplens.capture.ingest import service
    except ModuleNotFoundError as error:
        raise UsageError(
            f'serving needs {error.name}, which is not installed: pip install "mcplens[http]"'
        ) from error
    from mcplens.capture.clock import Clock
    from mcplens.capture.ingest.doorkeeper import Doorkeeper
    from mcplens.capture.ingest.intake import Intake
    from mcplens.capture.ingest.reading import EventReader
    from mcplens.capture.label import default_label
    from mcplens.capture.privacy import Privacy
    from mcplens.capture.stderr import say
    from mcplens.config import hash_key, read_settings
    from mcplens.store.location import create, locate

    clock = Clock()
    hashing = hash_key()
    if hashing.trouble:
        say(hashing.trouble)
    settings = read_settings(config)
    privacy = Privacy(keep, key=hashing.key, settings=settings)
    path = locate(store)

    async def run() -> None:
        door = service.Service(
            intake,
            reader=EventReader(privacy, settings=settings),
            clock=clock,
            doorkeeper=Doorkeeper(token),
        )
        await service.serve(
            door,
            address,
            ready=lambda at: say(f"taking events at {at.url}{service.PATH} into {path}"),
        )

    with Intake(
        create(path), label=label or default_label(), keep=privacy.keep, clock=clock
    ) as intake:
        for reason in intake.left_out:
            say(f"repeats of what this holds will count again: {reason}")
        asyncio.run(run())
