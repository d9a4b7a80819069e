"""``python -m handful``: the same as the command ``handful``."""

import sys

from handful.cli.main import main

sys.exit(main())
