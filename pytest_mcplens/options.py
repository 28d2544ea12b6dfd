"""The options, once: this table makes the flags, the ini options and the README's table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    import pytest


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A flag, and the ini option of the same name; the flag goes before."""

    name: str
    kind: Literal["string", "linelist", "bool"] = "string"
    """`string` is given once, `linelist` any number of times, `bool` without a value."""
    value: str = ""
    """What to write for the value."""
    default: str = ""
    """What holds without it, in words."""
    help: str

    @property
    def flag(self) -> str:
        """The flag: `--mcp-target` for `mcp_target`."""
        return f"--{self.name.replace('_', '-')}"


TARGET: Final = Option(
    name="mcp_target",
    value="COMMAND",
    default="tests of mcp_server are skipped",
    help="the server to test: the command that starts it",
)
LATENCY_BUDGET: Final = Option(
    name="mcp_latency_budget",
    kind="linelist",
    value="[TOOL:]pNN=TIME",
    help="how long calls may take, such as p95=200ms or search:p50=20ms; may be repeated",
)
SUCCESS_RATE: Final = Option(
    name="mcp_success_rate",
    kind="linelist",
    value="[TOOL:]RATE",
    help="the share of calls that must succeed, such as 95% or search:99%; may be repeated",
)
BUDGET: Final = Option(
    name="mcp_budget",
    kind="linelist",
    value="[TOOL:]BUDGET",
    help='several promises of one tool, such as "search:p95=200ms success=95%"; may be repeated',
)
CONFIDENCE: Final = Option(
    name="mcp_confidence",
    value="RATE",
    default="95%",
    help="how sure a pass must be",
)
INCONCLUSIVE: Final = Option(
    name="mcp_inconclusive",
    value="pass|warn|fail",
    default="warn",
    help="what too few calls to tell do to the run",
)
CALL_TIMEOUT: Final = Option(
    name="mcp_call_timeout",
    value="TIME",
    default="30s",
    help="how long one call may take before it has failed",
)
RECORD: Final = Option(
    name="mcp_record",
    value="DIR",
    default="$MCPLENS_STORE, else the nearest .mcplens upward, else one per user",
    help="the store to record the calls into",
)
NO_RECORD: Final = Option(
    name="mcp_no_record",
    kind="bool",
    default="calls are recorded",
    help="judge the calls, and keep no recording",
)

OPTIONS: Final = (
    TARGET,
    LATENCY_BUDGET,
    SUCCESS_RATE,
    BUDGET,
    CONFIDENCE,
    INCONCLUSIVE,
    CALL_TIMEOUT,
    RECORD,
    NO_RECORD,
)

_ACTIONS: Final[dict[str, dict[str, Any]]] = {
    "string": {"action": "store"},
    "linelist": {"action": "append"},
    "bool": {"action": "store_const", "const": True},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One value that was given, and where."""

    value: str
    where: str
    """Such as `--mcp-budget`, or `mcp_budget in pyproject.toml`."""
    by_flag: bool


def register(parser: pytest.Parser) -> None:
    """Make every option a flag and an ini option."""
    group = parser.getgroup("mcplens", "calls of an MCP server, recorded and judged (mcplens)")
    for option in OPTIONS:
        # A default other than None would hide the ini option.
        named = {} if option.kind == "bool" else {"metavar": option.value}
        group.addoption(
            option.flag,
            dest=option.name,
            default=None,
            help=option.help.replace("%", "%%"),
            **_ACTIONS[option.kind],
            **named,
        )
        parser.addini(
            option.name,
            help=option.help,
            type=option.kind,
            default=[] if option.kind == "linelist" else None,
        )


def given(config: pytest.Config, option: Option) -> list[Given]:
    """List an option's values: those of the flag, or where it was not used, of the ini option."""
    by_flag = config.getoption(option.name)
    value = config.getini(option.name) if by_flag is None else by_flag
    if value is None or value is False:
        return []
    where = option.flag
    if by_flag is None:
        where = f"{option.name} in {config.inipath.name if config.inipath else 'the ini file'}"
    values = value if isinstance(value, list) else [value]
    return [Given(value=str(v), where=where, by_flag=by_flag is not None) for v in values]
