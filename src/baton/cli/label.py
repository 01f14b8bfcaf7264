"""`baton label`: a person says of recorded answers whether they are good, one after the other, at the terminal."""

import getpass
import random
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from baton.cli.configured import ConfigOption, configured
from baton.cli.measuring import PromptsOption, RecordOption, SeedOption, TypeOption, record_beside
from baton.types.errors import ProofError

if TYPE_CHECKING:
    from rich.console import Console

    from baton.config.schema import Config
    from baton.measure.datasets.prompt import Prompt
    from baton.measure.journal import Answered, Journal

KEYS = {"y": 1.0, "n": 0.0, "h": 0.5}
HELP = "y good, n not good, h half, 0..1 a score, s skip, q quit"


def label(
    prompts: PromptsOption = None,
    config: ConfigOption = None,
    model: Annotated[list[str] | None, typer.Option(help="Only answers of this model; may be repeated.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many answers.")] = 100,
    by: Annotated[str | None, typer.Option(help="Who labels. Default: the user of this machine.")] = None,
    task_type: TypeOption = None,
    seed: SeedOption = 7,
    record: RecordOption = None,
) -> None:
    """Label recorded answers, drawn at random, without seeing whose they are: 100 labels correct a judge."""
    from rich.console import Console

    from baton.measure.datasets.load import load_prompts
    from baton.measure.journal import Journal

    if prompts is None:
        raise typer.BadParameter("name the prompt set whose answers were recorded", param_hint="--prompts")
    found = configured(config)
    known = {prompt.key: prompt for prompt in load_prompts(prompts, task_type).prompts}
    who = by or getpass.getuser()
    with Journal(record or record_beside(found), keep_answers=found.content.mode != "off") as journal:
        waiting = _waiting(journal, found, known, tuple(model or ()), who)
        if not waiting and not journal.labels:
            told = f"{journal.path} holds no answers to these prompts with their text: measure first"
            raise ProofError(f"{told}{', and not with content.mode: off' if found.content.mode == 'off' else ''}")
        random.Random(seed).shuffle(waiting)  # noqa: S311 - a sample, not a secret
        done = _ask_all(waiting[:count], known, journal, who, Console())
    sys.stderr.write(f"{done} labels by {who}; {len(waiting) - done} recorded answers are not labelled\n")


def _waiting(
    journal: "Journal", config: "Config", known: "dict[str, Prompt]", models: tuple[str, ...], who: str
) -> "list[Answered]":
    """In an order that does not depend on the record's."""
    from baton.types.certificate import identity

    wanted = {identity(config.snapshot.cards[model]) for model in models}
    found = [
        one
        for (prompt, model), one in sorted(journal.answers.items())
        if prompt in known and one.answer is not None and (not wanted or model in wanted)
    ]
    return [one for one in found if (one.prompt, one.model, who) not in journal.labels]


def _ask_all(
    waiting: "list[Answered]", known: "dict[str, Prompt]", journal: "Journal", who: str, console: "Console"
) -> int:
    from baton.measure.journal import Labelled

    done = 0
    for number, one in enumerate(waiting, 1):
        _show(known[one.prompt], one, number, len(waiting), console)
        score = _score(console)
        if score is None:
            break
        if score >= 0:
            journal.labelled(Labelled(one.prompt, one.model, who, score, time.time()))
            done += 1
    return done


def _show(prompt: "Prompt", one: "Answered", number: int, of: int, console: "Console") -> None:
    from baton.measure.graders.judging import shown_answer, shown_task

    assert one.answer is not None
    console.rule(f"{number} of {of}: {prompt.task_type}")
    console.print(shown_task(prompt), markup=False)
    if prompt.gold is not None:
        console.rule("a good answer", style="dim")
        console.print(prompt.gold, markup=False, style="dim")
    console.rule("the answer")
    console.print(shown_answer(one.answer), markup=False)


def _score(console: "Console") -> float | None:
    """None: enough for today; below 0: skipped."""
    while True:
        try:
            said = console.input(f"[bold]{HELP}:[/bold] ").strip().lower()
        except EOFError:
            return None
        if said in KEYS:
            return KEYS[said]
        if said == "q":
            return None
        if said == "s":
            return -1.0
        try:
            score = float(said)
        except ValueError:
            continue
        if 0.0 <= score <= 1.0:
            return score
