"""Do the statistics keep what they promise? One key per bar: found, bar, met. Seeded.

    python bench/statistics.py [--data ../shared/data] [--reps 1000] [--only KEY ...] [--json]

Keys that need recorded outcomes of real models say so where `--data` has none. Exits 1 when a bar is missed.
"""

import importlib.util
import sys
import sysconfig
from pathlib import Path


def give_way() -> None:
    """This file has the name of a module of the standard library, and stands first in the path of every bench."""
    place = Path(sysconfig.get_path("stdlib")) / "statistics.py"
    spec = importlib.util.spec_from_file_location("statistics", place)
    if spec is None or spec.loader is None:
        raise ImportError(f"the standard library has no {place}")
    module = importlib.util.module_from_spec(spec)
    sys.modules["statistics"] = module
    spec.loader.exec_module(module)


give_way()

if __name__ == "__main__":
    from statistics_bars import main

    sys.exit(main())
