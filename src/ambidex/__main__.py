"""`python -m ambidex` is `ambidex`."""

import sys

from ambidex.cli.main import main

sys.exit(main())
