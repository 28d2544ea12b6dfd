"""Work on a store in a process that is killed: what `python -m mcplens` runs, without its start.

A server forks each process with everything imported, so that a kill falls into the work and not
into half a second of imports.
"""

import multiprocessing
import os
import sys

import pyarrow.dataset  # noqa: F401  imported once, before the fork

from mcplens.cli.main import main
from mcplens.cli.store import compact, prune  # noqa: F401  the same
from mcplens.store import archive, housekeeping, links, seal  # noqa: F401  the same

FORKING = multiprocessing.get_context("forkserver")
# Each process looks at what the server's own process was started as, which is pytest.
FORKING.set_forkserver_preload(["pytest", __name__])


def start(*arguments):
    """Start `mcplens ARGUMENTS…`, or the process that keeps house where the first says so."""
    process = FORKING.Process(target=_work, args=(arguments,))
    process.start()
    return process


def _work(arguments):
    for descriptor in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
    program, *rest = arguments
    act = housekeeping.main if program == "housekeeping" else main
    sys.exit(act(rest))
