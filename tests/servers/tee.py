"""Passes everything on, and writes down what passed: PREFIX.to_server and PREFIX.to_client.

python tests/servers/tee.py PREFIX COMMAND ARGS…
"""

import os
import subprocess
import sys
import threading


def copy(source, target, path):
    with open(path, "wb", buffering=0) as log:  # noqa: PTH123  the shorter start
        while chunk := os.read(source, 65_536):
            log.write(chunk)
            try:
                os.write(target, chunk)
            except BrokenPipeError:
                break
    os.close(target)


def main():
    prefix, *command = sys.argv[1:]
    server = subprocess.Popen(command, stdin=-1, stdout=-1)
    to_server = (0, os.dup(server.stdin.fileno()), f"{prefix}.to_server")
    server.stdin.close()
    threading.Thread(target=copy, args=to_server, daemon=True).start()
    copy(server.stdout.fileno(), os.dup(1), f"{prefix}.to_client")
    return server.wait()


if __name__ == "__main__":
    sys.exit(main())
