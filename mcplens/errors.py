"""What can go wrong, as a tree.

Every error carries one line that says what, where and what to do; the command line prints that
line and exits with the class's `exit_code`.

    McplensError
    ├── UsageError          the words of a command, a budget or a selector cannot be understood
    ├── ConfigError         mcplens.toml cannot be read, or says what nobody understands
    ├── StoreError          a store is not there, is no store, or cannot be read or written
    │   └── NewerSchemaError    written by a later mcplens
    ├── QueryError          DuckDB did not accept a query
    ├── CommandNotFoundError    the server's command does not exist (exit code 127)
    ├── TargetError         a server under test did not start or does not speak MCP
    └── CallError           a server under test gave no usable answer to a call
"""

from __future__ import annotations

from typing import ClassVar


class McplensError(Exception):
    """Anything mcplens itself refuses, in one line."""

    exit_code: ClassVar[int] = 2


class UsageError(McplensError):
    """The words of a command, a budget or a selector cannot be understood."""


class ConfigError(McplensError):
    """mcplens.toml cannot be read, or says what nobody understands."""


class StoreError(McplensError):
    """A store is not there, is no store, or cannot be read or written."""


class NewerSchemaError(StoreError):
    """A file was written by a later mcplens than this one."""


class QueryError(McplensError):
    """DuckDB did not accept a query."""


class CommandNotFoundError(McplensError):
    """The server's command does not exist or may not be run."""

    exit_code: ClassVar[int] = 127


class TargetError(McplensError):
    """A server under test did not start or does not speak MCP."""


class CallError(McplensError):
    """A server under test gave no usable answer to a call."""
