"""Run the command line as `python -m mcplens`."""

import sys

from mcplens.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
