"""Which mcplens.toml counts, and what happens when it cannot be read."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mcplens.config.key import config_dir
from mcplens.config.settings import NO_SETTINGS, Settings
from mcplens.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_NAME: Final = "mcplens.toml"
_MAX_BYTES: Final = 1_000_000


def find_settings(
    explicit: str | Path | None = None, *, environ: Mapping[str, str] | None = None
) -> Path | None:
    """Find the file: the named one, else $MCPLENS_CONFIG, else the nearest upward, else the user's.

    A file that is named is given whether it exists or not.
    """
    environ = os.environ if environ is None else environ
    named = explicit or environ.get("MCPLENS_CONFIG")
    if named:
        return Path(named)
    with contextlib.suppress(OSError):  # The folder we stand in may be gone.
        here = Path.cwd()
        for folder in (here, *here.parents):
            if (folder / FILE_NAME).is_file():
                return folder / FILE_NAME
    with contextlib.suppress(OSError, RuntimeError):  # There may be no home.
        of_user = config_dir(environ) / FILE_NAME
        if of_user.is_file():
            return of_user
    return None


def read_settings(
    explicit: str | Path | None = None, *, environ: Mapping[str, str] | None = None
) -> Settings:
    """Read the file that counts; without one, all settings are empty.

    Raises:
        ConfigError: the file is not there, cannot be read, or says what nobody understands.
    """
    path = find_settings(explicit, environ=environ)
    if path is None:
        return NO_SETTINGS
    from mcplens.config.reading import parse_settings  # Only where there is a file.

    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
    if len(data) > _MAX_BYTES:
        raise ConfigError(f"{path} is larger than {_MAX_BYTES // 1000} KB, which no settings are")
    return parse_settings(data, path=path)


def settings_for_recorder(
    explicit: str | Path | None = None, *, environ: Mapping[str, str] | None = None
) -> Settings:
    """Read the file that counts, for a recorder that must go on; never raises.

    When the file is in trouble, no contents are kept: it may have said so.
    """
    try:
        return read_settings(explicit, environ=environ)
    except Exception as error:  # noqa: BLE001  whatever it is, the traffic goes on
        return Settings(keep="none", trouble=str(error))
