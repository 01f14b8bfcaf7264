"""What Baton weighs: CPU of `import baton`, and the distributions that running it needs, with their size.

python bench/footprint.py [--extra postgres --extra redis] [--json]
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

NAME = "batonpass"
RUNS = 7
IMPORT = "import time; begun = time.process_time(); import baton; print(time.process_time() - begun)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extra", action="append", default=[], help="count what this extra brings as well")
    parser.add_argument("--json", action="store_true", help="one line")
    given = parser.parse_args()
    needed = closure(NAME, given.extra)
    sizes = {name: size_of(found) for name, found in needed.items()}
    found = {
        "import_cpu_ms": round(1_000 * min(import_cpu() for _ in range(RUNS)), 1),
        "import_cpu_ms_median": round(1_000 * statistics.median(import_cpu() for _ in range(RUNS)), 1),
        "distributions": len(needed),
        "size_mb": round(sum(sizes.values()) / 1e6, 1),
        "largest_mb": {name: round(size / 1e6, 1) for name, size in sorted(sizes.items(), key=lambda one: -one[1])[:6]},
    }
    sys.stdout.write(json.dumps(found, indent=None if given.json else 2) + "\n")
    return 0


def import_cpu() -> float:
    return float(subprocess.run([sys.executable, "-c", IMPORT], check=True, capture_output=True, text=True).stdout)


def closure(name: str, extras: list[str]) -> dict[str, Distribution]:
    """Everything that is installed because `name[extras]` asks for it, itself included."""
    found: dict[str, Distribution] = {}
    waiting: list[tuple[str, frozenset[str]]] = [(name, frozenset(extras))]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        try:
            installed = distribution(one[0])
        except PackageNotFoundError:
            continue  # for another platform, or an extra that is not installed here
        found[canonical(one[0])] = installed
        for text in installed.requires or ():
            wanted = Requirement(text)
            if wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in ("", *one[1])):
                waiting.append((canonical(wanted.name), frozenset(wanted.extras)))
    return found


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def size_of(found: Distribution) -> int:
    """Bytes on disk of the files that the distribution says it installed."""
    return sum(path.stat().st_size for file in found.files or () if (path := found.locate_file(file)).is_file())  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main())
