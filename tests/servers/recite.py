"""Says what it was told to, whatever that is, and listens to nothing but the first line.

    python tests/servers/recite.py FILE [PIECE_BYTES]

Waits for a line, writes FILE in pieces, and then waits until its input ends.
"""

import os
import sys


def main():
    path, piece = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 65_536
    with open(path, "rb") as file:  # noqa: PTH123  the shorter start
        words = file.read()
    while b"\n" not in os.read(0, 65_536):
        pass
    while words:
        words = words[os.write(1, words[:piece]) :]
    while os.read(0, 65_536):
        pass


if __name__ == "__main__":
    main()
