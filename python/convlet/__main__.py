"""`python -m convlet` is the command `convlet`."""

from __future__ import annotations

import sys

from convlet.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
