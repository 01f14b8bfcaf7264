"""A simulated fleet on a real port, a config that reaches it, and prompts of its workload."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from baton.config.load import parse_config
from baton.config.schema import Config
from baton.measure.bench import Order
from baton.measure.datasets.prompt import PromptSet, pinned
from baton.measure.datasets.rows import prompt_of
from baton.simulate.answer import Answerer
from baton.simulate.drive import prompt_row
from baton.simulate.fleet import Fleet, gateway_config
from baton.simulate.journal import Journal
from baton.simulate.serve import serve_in_thread
from baton.simulate.workload.item import item


class Stage(msgspec.Struct):
    config: Config
    journal: Journal
    folder: Path
    text: str

    def order(self, prompts: PromptSet, usd: float = 100.0, **changes: Any) -> Order:
        fields: dict[str, Any] = {"command": "test", "prompts": prompts, "budget": int(usd * 1e9)}
        fields |= {"date": "2026-01-31", "record": self.folder / "record.jsonl"}
        return Order(**(fields | changes))

    def asked(self) -> list[tuple[str, str]]:
        """(model, nonce) of every request that the fleet saw."""
        return [(entry.model, entry.nonce) for entry in self.journal.since().entries]


@contextlib.contextmanager
def stage(folder: Path, fleet: Answerer | None = None, **sections: Any) -> Iterator[Stage]:
    with serve_in_thread(fleet or Fleet(seed=3)) as running:
        config = gateway_config(fleet or Fleet(seed=3), f"{running.base_url}/v1")
        whole = {"version": 1, **config, "ledger": {"path": str(folder / "ledger.db")}, **sections}
        text = yaml.safe_dump(whole, sort_keys=False)
        yield Stage(parse_config(text, {}), running.journal, folder, text)


def prompts(seed: int, counts: dict[str, int]) -> PromptSet:
    """So many prompts of each task type."""
    left, found, index = dict(counts), [], 0
    while any(left.values()):
        one = item(seed, index)
        index += 1
        if left.get(one.task_type, 0) > 0:
            left[one.task_type] -= 1
            found.append(prompt_of(prompt_row(one), None))
    return pinned(found, f"workload {seed}")
