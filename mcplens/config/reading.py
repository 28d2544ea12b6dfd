"""From the text of mcplens.toml to settings; what is not understood is refused in one line."""

from __future__ import annotations

import re
import tomllib
import typing
from pathlib import Path
from typing import Final

from mcplens.config.settings import (
    KEEP,
    ErrorRule,
    Keep,
    PathStep,
    Redaction,
    Settings,
    ToolNotes,
)
from mcplens.config.table import Table
from mcplens.errors import ConfigError
from mcplens.events import ErrorClass

_ERROR_CLASSES: Final[tuple[ErrorClass, ...]] = typing.get_args(ErrorClass)
_REVERSIBILITY: Final = ("no_effect", "reversible", "permanent")
_LATER: Final = "budgets are not read from here yet. Give them to pytest: --mcp-budget"
_STEP: Final = re.compile(r"\.(\w[\w-]*|\*)|\[(\d{1,6}|\*)\]|\['([^']+)'\]|\[\"([^\"]+)\"\]")


def parse_settings(data: bytes, *, path: Path) -> Settings:
    """Read the text of a file.

    Raises:
        ConfigError: it is no TOML, or says what nobody understands.
    """
    shown = _shown(path)
    try:
        values = tomllib.loads(data.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        said = " ".join(str(error).split())
        raise ConfigError(f"{shown} is no TOML: {said}") from error
    whole = Table(values, file=shown)
    keep, keep_by_tool = _keep(whole.table("keep"))
    settings = Settings(
        path=path,
        keep=keep,
        keep_by_tool=keep_by_tool,
        redaction=_redaction(whole.table("redact")),
        error_rules=tuple(
            _error_rule(table, number) for number, table in enumerate(whole.tables("errors"), 1)
        ),
        notes_by_tool=_notes(whole.table("tools")),
        handle_by_tool=_handles(whole.table("sessions")),
    )
    if whole.has("budgets"):
        whole.table("budgets").refuse(_LATER)
    whole.done()
    return settings


def _keep(table: Table) -> tuple[Keep | None, tuple[tuple[str, Keep], ...]]:
    default = table.word("default", KEEP)
    by_tool = []
    for glob, value in table.by_tool():
        keep = table.one_of(table.check(value, str, what=f'"{glob}"'), KEEP, what=f'"{glob}"')
        by_tool.append((glob, keep))
    return default, tuple(by_tool)


def _redaction(table: Table) -> Redaction:
    built_in = table.flag("built_in")
    redaction = Redaction(
        keys=tuple(table.many("keys", str)),
        paths=tuple(_json_path(text, table) for text in table.many("paths", str)),
        patterns=tuple(_expression(text, table) for text in table.many("patterns", str)),
        built_in=True if built_in is None else built_in,
    )
    table.done()
    return redaction


def _error_rule(table: Table, number: int) -> ErrorRule:
    is_soft = table.flag("soft") or False
    error_class = table.word("class", _ERROR_CLASSES)
    text = table.text("text")
    rule = ErrorRule(
        name=f"mcplens.toml: {table.text('name') or number}",
        error_class=error_class or "soft_error",
        tool=table.check_glob(table.text("tool") or "*:*"),
        is_soft=is_soft,
        codes=tuple(table.many("code", int)),
        where=_conditions(table.table("where"), table),
        text=None if text is None else _expression(text, table),
    )
    table.done()
    if not (rule.codes or rule.where or rule.text):
        table.refuse("matches everything. Say code, where or text")
    if error_class is None and not is_soft:
        table.refuse("has no class. Say class, such as upstream")
    if rule.error_class == "soft_error" and not is_soft:
        table.refuse("soft_error is for results that claim success. Add soft = true")
    if is_soft and rule.codes:
        table.refuse("a result that claims success has no code. Say where or text")
    return rule


def _conditions(table: Table, rule: Table) -> tuple[tuple[tuple[PathStep, ...], object], ...]:
    conditions = []
    for text, value in table.rest():
        if not isinstance(value, (str, int, float, bool)):
            rule.refuse(f'where "{text}" must be a text, a number, true or false')
        conditions.append((_json_path(text, rule), value))
    return tuple(conditions)


def _notes(table: Table) -> tuple[tuple[str, ToolNotes], ...]:
    noted = []
    for glob, value in table.by_tool():
        tool = table.entry(glob, value)
        notes = ToolNotes(
            cost_usd=tool.amount("cost_usd"),
            upstream=tool.text("upstream"),
            reversibility=tool.word("reversibility", _REVERSIBILITY),
            is_idempotent=tool.flag("idempotent"),
            credential_mode=tool.text("credential_mode"),
            credential_scope=tool.text("credential_scope"),
        )
        tool.done()
        noted.append((glob, notes))
    return tuple(noted)


def _handles(table: Table) -> tuple[tuple[str, str], ...]:
    """Read `handle = "argument"` for all tools, or `[sessions.handle]` with one per tool."""
    if table.is_text("handle"):
        handles: tuple[tuple[str, str], ...] = (("*:*", table.text("handle") or ""),)
    else:
        by_tool = table.table("handle")
        handles = tuple(
            (glob, by_tool.check(name, str, what=f'"{glob}"')) for glob, name in by_tool.by_tool()
        )
    table.done()
    return handles


def _json_path(text: str, table: Table) -> tuple[PathStep, ...]:
    """Read a path such as `$.customer.cards[*].number`."""
    steps: list[PathStep] = []
    at = 1
    while text.startswith("$") and at < len(text) and (match := _STEP.match(text, at)):
        key, index, single, double = match.groups()
        step = next(part for part in (key, index, single, double) if part is not None)
        is_any = "*" in (key, index)
        steps.append(None if is_any else int(step) if index else step)
        at = match.end()
    if not steps or at < len(text):
        table.refuse(f'"{text}" is no path. Write it as in $.customer.cards[*].number')
    return tuple(steps)


def _expression(text: str, table: Table) -> str:
    """Refuse what is no RE2 expression: those take time that grows with the text and no faster."""
    from mcplens.config.expressions import BadExpressionError, compile_expression

    try:
        compile_expression(text)
    except BadExpressionError as error:
        table.refuse(f"'{text}' is no RE2 expression: {error}")
    return text


def _shown(path: Path) -> str:
    """Name the file as a person who stands here would."""
    try:
        return str(path.resolve().relative_to(Path.cwd().resolve()))
    except (OSError, ValueError):
        return str(path)
