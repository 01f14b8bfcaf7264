"""Every captured request of a real client, rendered to every dialect: what became of its elements, and is it valid.

    python bench/handoff_matrix.py [--json]

Captures are looked for in ../shared/captures (or $BATON_CAPTURES). The judges are those of the tests: the vendors' own
SDK types, and a strict schema for Ollama. Within its own dialect a request keeps the client's bytes and is not judged.
Exits 1 when a render raises, is invalid, or leaves an element unaccounted for.
"""

import argparse
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the judges lie in tests/

from tests.protocol.oracle import check_request  # noqa: E402

from baton.protocol.account import UNACCOUNTED, elements  # noqa: E402
from baton.protocol.dialects import PACKAGES, grammar_of  # noqa: E402
from baton.protocol.saved_request import SavedRequest, read_saved  # noqa: E402
from baton.types.card import Dialect  # noqa: E402
from baton.types.conversation import Conversation  # noqa: E402
from baton.types.handoff import Rendered, Target  # noqa: E402
from baton.types.parts import Origin  # noqa: E402

CAPTURES = Path(os.environ.get("BATON_CAPTURES", ROOT.parent / "shared" / "captures"))
MAX_OUTPUT = 128_000
FAULTS = ("exceptions", "invalid", "unaccounted")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line")
    given = parser.parse_args()
    captures = sorted(CAPTURES.glob("*.json"))
    if not captures:
        sys.stderr.write(f"not run: no captures in {CAPTURES}\n")
        return 3
    found = [cell(path.stem, read_saved(path.read_bytes()), into) for path in captures for into in PACKAGES]
    total = {"captures": len(captures), "targets": len(PACKAGES), **summed(found)}
    if given.json:
        sys.stdout.write(json.dumps({"total": total, "cells": found}) + "\n")
    else:
        print_table(found, total)
    return 1 if any(total[fault] for fault in FAULTS) else 0


def cell(name: str, saved: SavedRequest, into: Dialect) -> dict[str, Any]:
    """One capture in one dialect."""
    assert saved.dialect is not None, f"{name} is no capture: it has no path"
    found: dict[str, Any] = {"capture": name, "from": saved.dialect, "to": into, "counts": {}}
    found |= {"exceptions": [], "invalid": [], "unaccounted": []}
    try:
        conversation = grammar_of(saved.dialect).read(saved.members, Origin())
        rendered = grammar_of(into).write(
            conversation, Target(dialect=into, model="target-model", max_output=MAX_OUTPUT)
        )
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what this table counts
        return found | {"exceptions": [repr(error)]}
    found["counts"] = rendered.report.counts()
    found["unaccounted"] = unaccounted(conversation, rendered)
    if into != saved.dialect:
        found["invalid"] = problems_of(into, rendered)
    return found


def problems_of(dialect: Dialect, rendered: Rendered) -> list[str]:
    """A body with rejections is not sent, but what is left of it must be valid all the same."""
    try:
        check_request(dialect, rendered.body)
    except (ValueError, AssertionError) as error:  # of pydantic, of msgspec, and of the judges' own rules
        return [str(error).splitlines()[0]]
    return []


def unaccounted(conversation: Conversation, rendered: Rendered) -> list[str]:
    told = {entry.path for entry in rendered.report.entries if entry.reason != UNACCOUNTED}
    unexplained = [entry.path for entry in rendered.report.entries if entry.action != "kept" and not entry.reason]
    return [path for path in elements(conversation) if path not in told] + unexplained


def summed(cells: list[dict[str, Any]]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for one in cells:
        counts.update(one["counts"])
    return dict(counts) | {fault: sum(len(one[fault]) for one in cells) for fault in FAULTS}


def print_table(cells: list[dict[str, Any]], total: dict[str, int]) -> None:
    print(f"{'from':<18}{'to':<18}{'requests':>9}{'kept':>7}{'moved':>7}{'degraded':>9}{'withheld':>9}{'rejected':>9}")
    for source in PACKAGES:
        for into in PACKAGES:
            row = [one for one in cells if (one["from"], one["to"]) == (source, into)]
            if row:
                sums = summed(row)
                print(
                    f"{source:<18}{into:<18}{len(row):>9}{sums.get('kept', 0):>7}{sums.get('moved', 0):>7}"
                    f"{sums.get('degraded', 0):>9}{sums.get('withheld', 0):>9}{sums.get('rejected', 0):>9}"
                )
    print(", ".join(f"{count} {name}" for name, count in total.items()))
    for one in cells:
        for fault in FAULTS:
            for said in one[fault]:
                print(f"{one['capture']} to {one['to']}: {fault}: {said}")


if __name__ == "__main__":
    sys.exit(main())
