"""The hooks that pytest calls in every run, and the fixture.

Without a target nothing here imports more of mcplens than the names of its options.
"""

from __future__ import annotations

from contextlib import ExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from pytest_mcplens import options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcplens.probe.server import Server
    from pytest_mcplens.gate import Gate

_GATE: pytest.StashKey[Gate] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the options."""
    options.register(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Read the options, and refuse at once what cannot be understood."""
    if not any(options.given(config, option) for option in options.OPTIONS):
        return
    from pytest_mcplens.settings import read_settings

    settings = read_settings(config)
    if settings is None or config.option.collectonly:
        return
    if find_spec("mcp") is None:
        raise pytest.UsageError(
            f"{options.TARGET.flag} needs the MCP SDK: pip install 'mcplens[pytest]'"
        )
    from pytest_mcplens.gate import Gate

    gate = Gate(config, settings)
    config.stash[_GATE] = gate
    config.pluginmanager.register(gate, "mcplens-gate")


@pytest.fixture(scope="session")
def mcp_server(pytestconfig: pytest.Config) -> Iterator[Server]:
    """The MCP server of `--mcp-target`, to be called as `mcp_server.call("tool", argument=1)`.

    A call gives the server's answer, also when that is an error: `.text`, `.structured` (the
    structured content, or None), `.content` (every part, as on the wire), `.is_error`, and `.code`
    (the JSON-RPC code, where the server refused the call). Without a usable answer, because the
    server took too long or ended, it raises `mcplens.errors.CallError`.
    `mcp_server.tools` are the listed tools by name, `mcp_server.stderr` is what it wrote there.
    """
    from mcplens.errors import McplensError, StoreError

    gate = pytestconfig.stash.get(_GATE, None)
    if gate is None:
        pytest.skip(f'mcp_server needs a server: pytest {options.TARGET.flag}="COMMAND"')
    with ExitStack() as stack:
        try:
            server = stack.enter_context(gate.serving())
        except McplensError as error:
            gate.has_no_server = True
            at_fault = options.RECORD if isinstance(error, StoreError) else options.TARGET
            sentence = f"{at_fault.flag}: {error}"
        else:
            yield server
            return
    pytest.fail(sentence, pytrace=False)
