"""What a person sets: the file mcplens.toml, and the key that hashes are made with.

In comes a file, wherever it is found; out goes one frozen `Settings`, and a `HashKey`. It knows
nothing of the wire and nothing of a store, and it loads a TOML reader only where there is a file.
"""

from mcplens.config.finding import find_settings, read_settings, settings_for_recorder
from mcplens.config.key import KEY_BYTES, HashKey, config_dir, hash_key
from mcplens.config.settings import (
    NO_SETTINGS,
    ErrorRule,
    Keep,
    Redaction,
    Settings,
    ToolNotes,
)

__all__ = [
    "KEY_BYTES",
    "NO_SETTINGS",
    "ErrorRule",
    "HashKey",
    "Keep",
    "Redaction",
    "Settings",
    "ToolNotes",
    "config_dir",
    "find_settings",
    "hash_key",
    "read_settings",
    "settings_for_recorder",
]
