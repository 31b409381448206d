"""`python -m ennakointi` is the command `ennakointi`."""

import sys

from ennakointi.cli import main

sys.exit(main())
