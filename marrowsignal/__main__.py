"""``python -m marrowsignal`` is the command ``marrowsignal``."""

import sys

from marrowsignal.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
