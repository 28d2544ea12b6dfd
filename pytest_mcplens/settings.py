"""What the options ask for, understood; and one line about the one that cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import pytest

from mcplens.budgets.budget import Budget, parse_budget, parse_latency_budget, parse_success_rate
from mcplens.budgets.judge import CONFIDENCE
from mcplens.errors import McplensError
from mcplens.probe.server import CALL_TIMEOUT_MS
from mcplens.probe.target import Target, parse_target
from mcplens.units import parse_ms, parse_rate
from pytest_mcplens import options

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_mcplens.options import Given, Option

Inconclusive = Literal["pass", "warn", "fail"]
Read = TypeVar("Read")

_INCONCLUSIVE: Final[tuple[Inconclusive, ...]] = ("pass", "warn", "fail")
_BUDGETS: Final[tuple[tuple[Option, Callable[[str], tuple[Budget, ...]]], ...]] = (
    (options.LATENCY_BUDGET, parse_latency_budget),
    (options.SUCCESS_RATE, parse_success_rate),
    (options.BUDGET, parse_budget),
)
_LEAST_CONFIDENCE: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What this run of pytest shall do with a server."""

    target: Target
    budgets: tuple[Budget, ...]
    confidence: float
    inconclusive: Inconclusive
    call_timeout_ms: float
    record: Path | None
    """The store that was named, if one was."""
    is_kept: bool
    """Whether the recording outlives the run."""


def read_settings(config: pytest.Config) -> Settings | None:
    """Read every option; None without a target, since then there is nothing to do.

    Raises:
        pytest.UsageError: one cannot be understood, or asks for what cannot be.
    """
    budgets = _read_budgets(config)
    target = _read_one(config, options.TARGET, parse_target)
    settings: dict[str, Any] = {
        "confidence": _read_one(config, options.CONFIDENCE, _confidence) or CONFIDENCE,
        "inconclusive": _read_one(config, options.INCONCLUSIVE, _inconclusive) or "warn",
        "call_timeout_ms": _read_one(config, options.CALL_TIMEOUT, _timeout) or CALL_TIMEOUT_MS,
        **_read_recording(config),
    }
    if target is None:
        _refuse_budget_without_target(config)
        return None
    return Settings(target=target, budgets=budgets, **settings)


def _read_budgets(config: pytest.Config) -> tuple[Budget, ...]:
    found = [
        (value.by_flag, budget)
        for option, parse in _BUDGETS
        for value in options.given(config, option)
        for budget in _understand(value, parse)
    ]
    # The later one of two equals holds, and a flag goes before the ini file whatever its name.
    return tuple(budget for _, budget in sorted(found, key=lambda pair: pair[0]))


def _refuse_budget_without_target(config: pytest.Config) -> None:
    for option, _ in _BUDGETS:
        for value in options.given(config, option):
            if value.by_flag:
                raise pytest.UsageError(
                    f"{value.where}={value.value} has no server to judge. Name one with "
                    f'{options.TARGET.flag}, such as {options.TARGET.flag}="python server.py"'
                )


def _read_recording(config: pytest.Config) -> dict[str, Any]:
    where, nowhere = options.given(config, options.RECORD), options.given(config, options.NO_RECORD)
    if where and nowhere and where[0].by_flag == nowhere[0].by_flag:
        raise pytest.UsageError(f"{where[0].where} and {nowhere[0].where} exclude each other")
    # A flag that asks for a recording goes before an ini option that asks for none.
    is_kept = not nowhere or bool(where and where[0].by_flag)
    if not (where and is_kept):
        return {"record": None, "is_kept": is_kept}
    base = Path.cwd() if where[0].by_flag else config.rootpath
    return {"record": base / Path(where[0].value).expanduser(), "is_kept": True}


def _read_one(config: pytest.Config, option: Option, parse: Callable[[str], Read]) -> Read | None:
    values = options.given(config, option)
    return _understand(values[0], parse) if values else None


def _understand(value: Given, parse: Callable[[str], Read]) -> Read:
    try:
        return parse(value.value)
    except McplensError as error:
        raise pytest.UsageError(f"{value.where}: {error}") from None


def _confidence(text: str) -> float:
    share = parse_rate(text)
    if not _LEAST_CONFIDENCE <= share < 1:
        raise McplensError(f'"{text}" is no confidence. Write a share from 50% to below 100%')
    return share


def _inconclusive(text: str) -> Inconclusive:
    for word in _INCONCLUSIVE:
        if text == word:
            return word
    close = get_close_matches(text, _INCONCLUSIVE, n=1)
    hint = f'. Did you mean "{close[0]}"?' if close else "; it is one of pass, warn and fail"
    raise McplensError(f'unknown word "{text}"{hint}')


def _timeout(text: str) -> float:
    milliseconds = parse_ms(text)
    if milliseconds <= 0:
        raise McplensError(f'"{text}" leaves no time for a call')
    return milliseconds
