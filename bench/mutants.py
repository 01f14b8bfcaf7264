"""Seeded defects of the trust hierarchy, each of which its tests must notice.

    python bench/mutants.py [--only TEXT] [--json]

Every mutant is one change of one line in a copy of the source; the tests of `check/` and `flow/orchestrate/` are run
against the copy, 100 random plans among them. A mutant is killed when they fail. Exits 1 when one survives.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).parent.parent
TESTS = (
    "tests/check/test_check_admit.py", "tests/check/test_check_checks.py", "tests/check/test_check_chain.py",
    "tests/check/test_check_cites.py", "tests/check/test_check_constraints.py",
    "tests/spend/test_spend_branch.py", "tests/flow/test_flow_orchestrate_plan.py",
    "tests/flow/test_flow_orchestrate_run.py", "tests/flow/test_flow_orchestrate_resume.py",
)  # fmt: skip
PLANS = "100"
LIMIT_S = 300


class Mutant(Struct, frozen=True):
    name: str
    file: str
    before: str
    after: str


def _m(name: str, file: str, before: str, after: str) -> Mutant:
    return Mutant(name, f"baton/{file}", before, after)


ADMIT, DESK, DELEGATE, COMPOSE = (
    "check/admit.py",
    "flow/orchestrate/desk.py",
    "flow/orchestrate/delegate.py",
    "flow/orchestrate/compose.py",
)
MUTANTS = (
    _m("admit lets everything through", ADMIT, "if finding.verdict.passed is not True:", "if False:"),
    _m("a truthy verdict passes", ADMIT, "if finding.verdict.passed is not True:", "if not finding.verdict.passed:"),
    _m("a check that crashes passes", ADMIT,
       "verdict = Verdict(check.name, passed=False, score=0.0, reason=reason, ran=False)\n    plain",
       "verdict = Verdict(check.name, passed=True, score=1.0, reason=reason, ran=False)\n    plain"),
    _m("the required assurance is ignored", ADMIT, "if reached < contract.require:", "if False:"),
    _m("unmeasured counts as nothing", ADMIT, "if escaped > contract.max_escaped_error:", "if False:"),
    _m("verification clears taint", ADMIT, "tainted=unverified.tainted, findings", "tainted=False, findings"),
    _m("an unverified value can be printed", "check/unverified.py",
       "__str__ = __format__ = __bytes__ = __fspath__ = _refuse", "__bytes__ = __fspath__ = _refuse"),
    _m("anybody can seal", "check/verified.py", "if seal is not _SEAL:", "if False:"),
    _m("a computation loses taint", "check/verified.py",
       "tainted=any(part.tainted for part in parts)", "tainted=False"),
    _m("a quotation need not stand in the source", "check/verifiers/cites.py", "    if missing:\n", "    if False:\n"),
    _m("a function that is not True passes", "check/checks.py",
       "passed=holds is True, score", "passed=bool(holds), score"),
    _m("names are anybody's words", "check/checks.py",
       'Verdict("labels", passed=held', 'Verdict("labels", passed=True'),
    _m("an echo is an answer", "check/checks.py", "passed=bool(said) and not echo", "passed=True"),
    _m("one agreeing model is enough for a letter", "check/checks.py",
       'if verdict.passed and verdict.level == "small"', 'if False and verdict.level == "small"'),
    _m("arithmetic is believed", "check/verifiers/computes.py",
       "if not math.isclose(", "if False and not math.isclose("),
    _m("numbers of a computation come from nowhere", "check/verifiers/computes.py", "    if foreign:", "    if False:"),
    _m("a judge needs no seal", "check/verifiers/judges.py", "if found.seal != seal:", "if False:"),
    _m("a judge's no is a yes", "check/checks.py", "if not held.holds:", "if False:"),
    _m("an unsafe chain is chosen", "check/chain.py", "if one.escaped <= epsilon]", "if True]"),
    _m("a dear chain is chosen", "check/chain.py", "if best.cost >= oneself:", "if False:"),
    _m("cycles are not looked for", "flow/orchestrate/plan.py", "problems = [*_order(plan, limits)]", "problems = []"),
    _m("the worst case is not looked at", "flow/orchestrate/plan.py", "if worst > limits.money:", "if False:"),
    _m("the budget is not looked at", "spend/branch.py",
       "if self.spent + self._held + amount > limits.money:", "if False:"),
    _m("what is set aside is not counted", "spend/branch.py", "self._held += amount", "self._held += 0"),
    _m("what is set aside is never given back", "spend/branch.py", "self._held -= amount", "self._held -= 0"),
    _m("calls are not counted", "spend/branch.py", "self.calls += 1", "self.calls += 0"),
    _m("what needs an unresolved step is done", "flow/orchestrate/graph.py",
       "        if missing:", "        if False:"),
    _m("time is not looked at", "flow/orchestrate/graph.py",
       "asyncio.timeout(max(0.0, seconds))", "asyncio.timeout(None)"),
    _m("a step that reads documents is not tainted", DELEGATE,
       "tainted = bool(task.documents) or any(", "tainted = any("),
    _m("the refused reason goes to the next model", DELEGATE, 'reason = why if reason else ""', "reason = reason"),
    _m("a fault is an answer", DESK, "if told.fault:", "if False:"),
    _m("the journal is never looked at", DESK, "if known is not None:", "if False:"),
    _m("the answer is not traced", COMPOSE, "        if missing:", "        if False:"),
    _m("constraints are not looked at in the end", COMPOSE,
       "lost = [*broken(text, plan.constraints), *await", "lost = [*await"),
    _m("the answer that was refused is used", COMPOSE,
       'return plain, ["not composed: what was written', 'return "987654", ["not composed: what was written'),
    _m("another version of the code resumes", "flow/orchestrate/journal.py",
       "if record.version != version:", "if False:"),
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="mutants whose name has this text")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    chosen = [one for one in MUTANTS if given.only in one.name]
    survivors = []
    for mutant in chosen:
        killed = _killed(mutant)
        if not killed:
            survivors.append(mutant.name)
        if not given.json:
            print(f"{'killed' if killed else 'SURVIVED':8} {mutant.name}", flush=True)
    result = {"mutants": len(chosen), "killed": len(chosen) - len(survivors), "survived": survivors}
    print(json.dumps(result) if given.json else f"{result['killed']} of {result['mutants']} killed")
    return 1 if survivors else 0


def _killed(mutant: Mutant) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "src"
        shutil.copytree(ROOT / "src", copy, ignore=shutil.ignore_patterns("__pycache__"))
        file = copy / mutant.file
        text = file.read_text()
        if text.count(mutant.before) != 1:
            raise SystemExit(
                f"{mutant.name}: {mutant.before!r} stands {text.count(mutant.before)} times in {mutant.file}"
            )
        file.write_text(text.replace(mutant.before, mutant.after))
        env = {**os.environ, "PYTHONPATH": str(copy), "BATON_PLANS": PLANS, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-o", "timeout=60", *TESTS]
        try:
            ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, timeout=LIMIT_S, check=False)
        except subprocess.TimeoutExpired:
            return True
        return ran.returncode == 1


if __name__ == "__main__":
    sys.exit(main())
