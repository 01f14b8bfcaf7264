"""What `baseline`, `ladder` and `certify` have in common: their options, the bench they work on, and how they tell."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar

import typer
from msgspec import Struct

from baton.cli.configured import configured, file_of, ledger_of

if TYPE_CHECKING:
    from rich.console import Console

    from baton.config.schema import Config
    from baton.measure.bench import Bench, Order
    from baton.measure.datasets.prompt import PromptSet

T = TypeVar("T")
INTERRUPTED = 130

PromptsOption = Annotated[
    Path | None,
    typer.Option(help="Prompts, or grades that were recorded: .jsonl, .json, .parquet. Default: the ledger's traffic."),
]
BudgetOption = Annotated[
    float | None, typer.Option(min=0, help="US dollars that this run may spend in all. It is never passed.")
]
ModelOption = Annotated[
    list[str] | None, typer.Option(help="Measure this model; may be repeated. Default: all that may serve.")
]
TypeOption = Annotated[str | None, typer.Option(help="Task type of prompts that name none.")]
ColumnOption = Annotated[str, typer.Option(help="Column of recorded grades that names the task type.")]
FirstOption = Annotated[
    bool, typer.Option("--first", help="Of recorded grades of the same prompt and model take the first.")
]
SeedOption = Annotated[int, typer.Option(min=0, help="Order in which prompts are drawn.")]
JudgeOption = Annotated[str | None, typer.Option(help="Model that judges what no program can grade.")]
PairwiseOption = Annotated[
    bool, typer.Option("--pairwise", help="The judge compares with the reference's answer, in both orders.")
]
CriterionOption = Annotated[list[str] | None, typer.Option(help="One criterion of the judge; may be repeated.")]
ConcurrencyOption = Annotated[int, typer.Option(min=1, max=256, help="Calls under way at once.")]
RecordOption = Annotated[
    Path | None, typer.Option(help="Run record; what is in it is not paid again. Default: beside the ledger.")
]
ReferenceOption = Annotated[str | None, typer.Option(help="Reference of recorded grades, where the config names none.")]
ChanceOption = Annotated[float | None, typer.Option(min=0, max=0.99, help="Score of a random answer, such as 0.25.")]
MaxOutputOption = Annotated[int, typer.Option(min=16, help="Tokens of an answer, where the prompt sets no limit.")]
DateOption = Annotated[
    str | None, typer.Option(help="Day that certificates bear, as 2026-01-31. Default: today (UTC).")
]
FreshPin = Annotated[Path | None, typer.Option(help="Write the prompts that are drawn to this new .jsonl file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Given(Struct, frozen=True, kw_only=True):
    """The options of one command."""

    command: str
    config: Path | None
    prompts: Path | None
    budget: float | None
    models: tuple[str, ...]
    task_type: str | None
    seed: int
    judge: str | None
    pairwise: bool
    criteria: tuple[str, ...]
    concurrency: int
    record: Path | None
    reference: str | None
    chance: float | None
    max_output: int
    date: str | None
    column: str = "task_type"
    first: bool = False
    claim: str = ""
    """What besides models and prompts makes it another run."""
    pin: Path | None = None
    per_type: int = 2_000
    """Prompts of a task type that are taken from the ledger."""


def run(work: "Callable[[], Coroutine[Any, Any, T]]") -> T:
    """Ctrl-C stops in good order: what was answered is in the record."""
    try:
        return asyncio.run(work())
    except KeyboardInterrupt:
        sys.stderr.write("stopped: what was answered is in the run record, and the same command goes on from there\n")
        raise typer.Exit(INTERRUPTED) from None


@asynccontextmanager
async def bench_of(given: Given, shown: "Shown") -> "AsyncIterator[tuple[Bench, Config | None]]":
    """Raises DatasetError, ProofError, ConfigError: before anything is paid."""
    from baton.measure.bench import opened
    from baton.measure.datasets.load import holds_grades, load_recorded
    from baton.measure.recorded import RecordedOrder, recorded_bench

    if given.prompts is not None and holds_grades(given.prompts):
        config = configured(given.config) if file_of(given.config) is not None else None
        rows = load_recorded(given.prompts, given.task_type, given.column, first=given.first)
        references = {one.task_type: given.reference for one in rows} if given.reference is not None else {}
        order = RecordedOrder(
            command=given.command, source=str(given.prompts), date=_day(given.date), references=references,
            models=given.models, seed=given.seed, chance=given.chance,
        )  # fmt: skip
        yield recorded_bench(config, order, rows), config
        return
    found = configured(given.config)
    async with opened(found, _order(given, found), shown.answered) as bench:
        shown.begin(bench)
        yield bench, found


def _order(given: Given, config: "Config") -> "Order":
    from baton.measure.bench import JudgeOrder, Order
    from baton.measure.datasets.load import write_prompts
    from baton.measure.graders.rubric import DEFAULT_CRITERIA
    from baton.types.money import nano_from_usd

    if given.budget is None:
        raise typer.BadParameter("models are asked, and that costs money: say how much at most", param_hint="--budget")
    prompts = _prompts(given, config)
    if given.pin is not None:
        write_prompts(prompts, given.pin)
        sys.stderr.write(f"{given.pin} holds {len(prompts.prompts)} prompts: {prompts.hash}\n")
    judge = None
    if given.judge is not None:
        judge = JudgeOrder(given.judge, given.pairwise, given.criteria or DEFAULT_CRITERIA)
    return Order(
        command=f"{given.command} {given.claim}".strip(), prompts=prompts,
        budget=nano_from_usd(given.budget), date=_day(given.date),
        record=given.record or record_beside(config), models=given.models, seed=given.seed, judge=judge,
        max_output=given.max_output, concurrency=given.concurrency, chance=given.chance,
    )  # fmt: skip


def record_beside(config: "Config") -> Path:
    ledger = Path(config.ledger.path)
    return ledger.with_name(f"{ledger.stem}-record.jsonl")


def _prompts(given: Given, config: "Config") -> "PromptSet":
    from baton.measure.datasets.ledger import from_ledger
    from baton.measure.datasets.load import load_prompts

    if given.prompts is not None:
        return load_prompts(given.prompts, given.task_type)
    place = ledger_of(None, given.config)
    return from_ledger(place, per_type=given.per_type, seed=given.seed, mode=config.content.mode)


def _day(text: str | None) -> str:
    if text is None:
        return datetime.now(UTC).date().isoformat()
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date().isoformat()
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a day: write 2026-01-31", param_hint="--date") from error


class Shown:
    """Progress on standard error: answers so far, what they cost, and when at the latest it is over."""

    def __init__(self, console: "Console") -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress: Progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("answers at most,"),
            TextColumn("${task.fields[spent]:.4f} of ${task.fields[budget]:g},"), TimeRemainingColumn(),
            TextColumn("left at most"), console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self._bar = self._progress.add_task("measuring", total=None, spent=0.0, budget=0.0, visible=False)
        self._bench: Bench | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, bench: "Bench") -> None:
        self._bench = bench
        self._progress.update(self._bar, budget=bench.order.budget / 1e9, visible=True)

    def task_type(self, name: str, at_most: int) -> None:
        """`at_most`: answers that it may need."""
        self._progress.reset(self._bar, total=at_most, description=name, visible=self._bench is not None)

    def answered(self) -> None:
        spent = 0 if self._bench is None else self._bench.examiner.spent
        self._progress.update(self._bar, advance=1, spent=spent / 1e9)


def shown_to(as_json: bool) -> "Console":
    """Standard error, and nothing where a machine reads and nobody looks."""
    from rich.console import Console

    return Console(stderr=True, quiet=as_json and not sys.stderr.isatty())


def print_json(value: object) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
