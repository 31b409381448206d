"""Service debt against truth: `python benchmarks/debt.py [null|hidden|county|clearing|capacity] [ARGUMENTS]`.

null: sums of undisturbed months, real and simulated. hidden: persons absent from services. county: every term of the
ledger in synthetic counties. clearing, capacity: the date of clearing, and the capacity that clears.
"""

from __future__ import annotations

import sys
from importlib import import_module

SECTIONS = ("null", "hidden", "county", "clearing", "capacity")


def main(section: str = "null", *arguments: str) -> None:
    if section not in SECTIONS:
        sys.exit(__doc__)
    if section in ("clearing", "capacity"):
        import_module("debt_clearing").main(section, *map(int, arguments))
    else:
        import_module(f"debt_{section}").main(*arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
