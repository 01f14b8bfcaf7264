"""Pinned prompts with known answers, asked again and again: what they see is the model, not the traffic."""

from pathlib import Path

from baton.config.proof import WatchConfig
from baton.flow.measurement import Probe
from baton.measure.datasets.load import load_prompts
from baton.measure.datasets.prompt import Prompt
from baton.measure.drift.events import Event, Observed
from baton.measure.drift.state import LoopState
from baton.measure.shadow import MAX_OUTPUT, Comparer, NoRoom, score
from baton.types.errors import BatonError

RUNS = 5
"""Of each prompt, before its mean is what later runs are held against."""


class Canaries:
    """Of one process: what the prompts were worth before is in memory, and learnt anew after a restart."""

    def __init__(self, prompts: tuple[Prompt, ...], every_s: float) -> None:
        self._prompts = tuple(one for one in prompts if one.check is not None)
        self._every_s = every_s
        self._asked_at: float | None = None
        self._before: dict[tuple[str, str], list[float]] = {}

    @classmethod
    def of(cls, watch: WatchConfig) -> "Canaries | None":
        """Raises DatasetError for a file that holds none."""
        if watch.prompts is None:
            return None
        return cls(load_prompts(Path(watch.prompts)).prompts, watch.canary_every_s)

    async def due(self, comparer: Comparer, state: LoopState, now: float) -> list[Event]:
        """One run over all prompts and the models that are watched on their task types, where it is time for one."""
        if self._asked_at is not None and 0 <= now - self._asked_at < self._every_s:
            return []
        self._asked_at = now
        found: list[Event] = []
        try:
            for _, one in sorted(state.subjects.items()):
                if one.state == "watched" and one.present:
                    for prompt in self._prompts:
                        if prompt.task_type == one.task_type:
                            found += await self._asked(comparer, prompt, one.model, now)
        except NoRoom:
            pass  # what was asked counts; the rest waits for the next run
        return found

    async def _asked(self, comparer: Comparer, prompt: Prompt, model: str, now: float) -> list[Event]:
        assert prompt.check is not None
        try:
            reading = await comparer.ask(Probe(model, prompt.task_type, prompt.dialect, prompt.body, MAX_OUTPUT))
        except BatonError:
            return []
        grade = None if reading.fault else score((prompt.check,), reading.answer)
        if grade is None:
            return []
        before = self._before.setdefault((model, prompt.key), [])
        if len(before) < RUNS:
            before.append(grade)
            return []
        return [Observed(now, prompt.task_type, model, "canary", grade - sum(before) / len(before), now)]
