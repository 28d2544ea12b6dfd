"""One run of pytest with a server: its recording while tests run, its verdicts at the end.

Every process that runs tests records a run of its own; under xdist the controller gives each worker
the id of its run, and judges them all when the workers are done.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from mcplens.errors import McplensError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcplens.probe.server import Server
    from mcplens.reports.judging import Judgement
    from pytest_mcplens.settings import Settings

_WORKER_RUN: Final = "mcplens_run"
_WORKER_STORE: Final = "mcplens_store"
_WORKER_SAID: Final = "mcplens_said"
_WORKER_HAS_NO_SERVER: Final = "mcplens_has_no_server"

_CLOSE_S: Final = 10.0
"""How long the last rows may take to be written; a number without them would be wrong."""


class Gate:
    """Hooks that are registered only when there is a server to call."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.settings = settings
        self.judgement: Judgement | None = None
        self.trouble: McplensError | None = None
        """Why nothing could be judged."""
        self.said: list[str] = []
        """What the recorder had to say about the store."""
        self.sets_exit_code = False
        """Whether the run fails by a budget alone."""
        self.has_no_server = False
        """Whether the server could not be started, which the first test has said at length."""
        self.test_id: str | None = None
        self.began_at = datetime.now(UTC).replace(tzinfo=None)
        self._temporary: Path | None = None
        self._worker_output: dict[str, Any] | None = getattr(config, "workeroutput", None)
        given: dict[str, Any] | None = getattr(config, "workerinput", None)
        if given is not None:
            self.store_path = Path(given[_WORKER_STORE])
            self.run_ids = [given[_WORKER_RUN]]
        else:
            self.store_path = self._find_store()
            self.run_ids = [_new_run_id()]
        self._has_workers = False

    @property
    def is_parallel(self) -> bool:
        """Whether several processes made calls at the same time."""
        return len(self.run_ids) > 1

    def _find_store(self) -> Path:
        from mcplens.store.location import locate

        if self.settings.is_kept:
            return locate(self.settings.record)
        self._temporary = Path(tempfile.mkdtemp(prefix="mcplens-"))
        return self._temporary / "store"

    @contextmanager
    def serving(self) -> Iterator[Server]:
        """Start the server and record its calls."""
        from mcplens.capture.client import record_transport
        from mcplens.capture.label import default_label
        from mcplens.capture.recorder import Recorder
        from mcplens.config import settings_for_recorder
        from mcplens.probe.server import running
        from mcplens.store.location import create

        recorder = Recorder(
            create(self.store_path),
            observer="client",
            label=default_label(Path.cwd()),
            settings=settings_for_recorder(),
            run_id=self.run_ids[0],
            seal=self.settings.is_kept,
            say=self.said.append,
        )

        def tap(transport: Any) -> Any:
            return record_transport(
                transport,
                recorder=recorder,
                command=self.settings.target.command,
                test_id=lambda: self.test_id,
            )

        with ExitStack() as stack:
            stack.callback(recorder.close, _CLOSE_S)
            yield stack.enter_context(
                running(
                    self.settings.target, tap=tap, call_timeout_ms=self.settings.call_timeout_ms
                )
            )

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Know which test makes the calls that come now."""
        self.test_id = nodeid

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Spare the tests that need a server which could not be started."""
        if self.has_no_server and "mcp_server" in getattr(item, "fixturenames", ()):
            pytest.skip("the server did not start, see the first error")

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of xdist where to record."""
        if not self._has_workers:
            self._has_workers, self.run_ids = True, []
        run_id = _new_run_id()
        self.run_ids.append(run_id)
        node.workerinput[_WORKER_RUN] = run_id
        node.workerinput[_WORKER_STORE] = os.fspath(self.store_path)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker had to say."""
        output = getattr(node, "workeroutput", {})
        self.said += output.get(_WORKER_SAID, [])
        self.has_no_server = self.has_no_server or output.get(_WORKER_HAS_NO_SERVER, False)

    # Last, so that the session's fixtures are gone and their recording is written.
    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Judge what was recorded, and fail a run that breaks a budget."""
        if self._worker_output is not None:
            self._worker_output[_WORKER_SAID] = self.said
            self._worker_output[_WORKER_HAS_NO_SERVER] = self.has_no_server
            return
        try:
            self.judgement = self._judge()
        except McplensError as trouble:
            self.trouble = trouble
        # A run that failed already says why by its own code.
        if self._is_broken() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            self.sets_exit_code = True

    def _judge(self) -> Judgement:
        from mcplens.metrics.connect import connect
        from mcplens.reports.judging import Judgement, judge_recorded

        if not self.store_path.exists():
            return Judgement(tools=(), unmatched=self.settings.budgets, overview={})
        with connect(self.store_path, run=self.run_ids) as con:
            return judge_recorded(
                con,
                self.settings.budgets,
                confidence=self.settings.confidence,
                in_parallel=self.is_parallel,
            )

    def _is_broken(self) -> bool:
        if not self.settings.budgets:
            return False
        if self.judgement is None:
            return True
        breaking = {"fail"}
        if self.settings.inconclusive == "fail":
            breaking.add("inconclusive")
        return self.judgement.status in breaking

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show a line for every tool and a sentence for every budget that was not kept."""
        from pytest_mcplens.summary import write_summary

        write_summary(self, terminalreporter)

    def pytest_unconfigure(self) -> None:
        """Forget a recording that was not to be kept."""
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)


def _new_run_id() -> str:
    return os.urandom(6).hex()
