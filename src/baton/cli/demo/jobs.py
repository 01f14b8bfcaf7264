"""What the demo sends: tasks with a way to grade them, from the generated workload or from recorded answers."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from baton.check.verify import verify
from baton.simulate.answer import Answerer
from baton.simulate.conversation import Conversation
from baton.simulate.fleet import Fleet, card_id
from baton.simulate.workload.item import item
from baton.types.task import Audience
from baton.types.verdict import Answer, Verdict


class Job(Struct, frozen=True):
    """One task. `models` is the allow-list of card ids (empty: every model); `reference` a card id."""

    id: str
    task_type: str
    conversation: Conversation
    grade: Callable[[Answer, Mapping[str, str]], Verdict]
    """Answer and response headers -> verdict."""
    reference: str
    group: str
    """What has one reference: the whole workload, or a task of a recorded file."""
    audience: Audience | None = None
    models: tuple[str, ...] = ()


class Source(Struct, frozen=True):
    """A fleet and the tasks for it. `what` says in one line what answers and what is sent."""

    fleet: Answerer
    jobs: tuple[Job, ...]
    what: str
    quality: Mapping[str, Mapping[str, float]] = {}
    """Configured quality per model (card id) and task type, where it was measured beforehand on other prompts."""
    task_types: Mapping[str, Mapping[str, object]] = {}
    """Entries of the config's `task_types`; empty: the built-in routing table."""


def generated(seed: int, tasks: int) -> Source:
    """The generated workload on the default fleet; its first model is the reference."""
    fleet = Fleet(seed=seed)
    reference = card_id(fleet.models[0].id)
    jobs = tuple(_generated_job(seed, index, reference) for index in range(tasks))
    return Source(fleet, jobs, f"{tasks} generated tasks (seed {seed}) on {len(fleet.models)} simulated models")


def _generated_job(seed: int, index: int, reference: str) -> Job:
    task = item(seed, index)

    def grade(answer: Answer, _headers: Mapping[str, str]) -> Verdict:
        return verify(task.check, answer)

    return Job(task.reference, task.task_type, task.conversation, grade, reference, "all", task.audience)
