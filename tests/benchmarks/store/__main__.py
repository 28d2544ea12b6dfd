"""What a store costs, takes and gives back, part by part.

    uv run python -m tests.benchmarks.store [--events N] [--seconds S]

Every part is a module of its own here and runs alone too. A million events by default; 10 and 100
million take minutes and gigabytes (`--events 100000000`), and then only reading is measured, since
the other parts say nothing new there.
"""

import argparse
import subprocess
import sys

MOST_OF_ALL = 2_000_000
"""Events up to which every part is measured."""


def main():
    """Run the parts one after the other, each in a process of its own."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--events", type=int, default=1_000_000)
    options.add_argument("--seconds", type=int, default=60, help="how long the crowd records")
    given = options.parse_args()
    events = ["--events", str(given.events)]
    parts = {"reading": events}
    if given.events <= MOST_OF_ALL:
        parts |= {
            "codecs": events,
            "peers": events,
            "compacting": events,
            "draining": [],
            "crowd": ["--seconds", str(given.seconds)],
        }
    for part, arguments in parts.items():
        print(f"== {part}", flush=True)
        subprocess.run(
            [sys.executable, "-m", f"tests.benchmarks.store.{part}", *arguments], check=True
        )
        print(flush=True)


if __name__ == "__main__":
    main()
