"""Small functions with unit tests. The wrong answers are bugs that people and models really write."""

from baton.simulate.workload.draft import Brief, Draft, Wrong
from baton.simulate.workload.exercises import Arguments, Exercise
from baton.simulate.workload.exercises_easy import EASY
from baton.simulate.workload.exercises_hard import HARD
from baton.simulate.workload.exercises_medium import MEDIUM
from baton.types.verdict import Answer, Executes

CASES = 7
MEDIUM_FROM, HARD_FROM = 0.34, 0.67
TIMEOUT_S = 5.0


def make(brief: Brief) -> Draft:
    rng = brief.rng
    shelf = HARD if brief.difficulty > HARD_FROM else MEDIUM if brief.difficulty > MEDIUM_FROM else EASY
    exercise: Exercise = rng.choice(shelf)
    sheet = exercise(rng)
    name = rng.choice(sheet.names)
    calls = [
        (arguments, sheet.truth(*arguments)) for arguments in (*sheet.edge_cases, *(sheet.draw() for _ in range(CASES)))
    ]
    tests = tuple(f"assert {name}{_call(arguments)} == {expected!r}" for arguments, expected in calls)
    shown_arguments, shown_result = calls[-1]
    prompt = " ".join(
        (rng.choice(_OPENINGS).format(name=name, parameters=sheet.parameters), sheet.task, rng.choice(_ASIDES))
    )
    prompt = f"{prompt.strip()}\n\nExample: `{name}{_call(shown_arguments)}` gives `{shown_result!r}`."
    fence = rng.random() < 0.7
    wrong = tuple(
        Wrong(bug.kind, _answer(sheet.solution.replace(bug.right, bug.wrong), name, fence=fence)) for bug in sheet.bugs
    )
    return Draft(
        prompt=prompt,
        check=Executes(tests, timeout_s=TIMEOUT_S),
        right=_answer(sheet.solution, name, fence=fence),
        wrong=wrong,
        system=rng.choice(_SYSTEMS),
    )


def _call(arguments: Arguments) -> str:
    return f"({', '.join(map(repr, arguments))})"


def _answer(solution: str, name: str, *, fence: bool) -> Answer:
    source = solution.replace("NAME", name)
    return Answer(f"```python\n{source}```" if fence else source)


_OPENINGS = (
    "Write a Python function `{name}({parameters})`.",
    "I need a Python function `{name}({parameters})`.",
    "Please implement `{name}({parameters})` in Python, standard library only.",
)
_ASIDES = (
    "",
    "",
    "Reply with the code only.",
    "It will be called often, but the inputs are small, so clarity beats speed.",
    (
        "It goes into a nightly job of ours that has been running for years on the same machine, so nothing exotic; "
        "our reviewers like short functions without comments."
    ),
)
_SYSTEMS = ("", "You are a careful Python programmer.", "Answer with code only.")
