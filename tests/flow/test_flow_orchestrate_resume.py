"""A run that is killed anywhere comes to the same end, and asks again at most what was under way."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from baton.flow.library import Baton
from baton.simulate.ensemble import Ensemble
from baton.simulate.serve import serve_in_thread
from baton.types.errors import Conflict, NotFound, RunRefused
from tests.flow.crash import REQUEST, config_of, crashed, plan_of

TASKS = 4


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_run_that_is_killed_after_any_row_of_its_journal_comes_to_the_same_end(tmp_path: Path) -> None:
    with serve_in_thread(Ensemble()) as upstream:
        whole = crashed(upstream, tmp_path / "whole", TASKS, after=10_000)
        assert whole.outcome.status == "complete"
        after = 1
        while (found := crashed(upstream, tmp_path / f"at{after}", TASKS, after)).after > 0:
            assert (found.outcome.text, found.outcome.status) == (whole.outcome.text, "complete"), after
            assert found.calls <= whole.calls + found.repeated, after
            assert found.repeated <= TASKS // 2, after
            after += 1
        assert after > 2 * TASKS


def test_who_resumes_must_ask_the_same_of_the_same_code(tmp_path: Path) -> None:
    with serve_in_thread(Ensemble()) as upstream:
        config = config_of(upstream, tmp_path / "ledger.db")
        plan, documents = plan_of(2)

        async def go() -> None:
            async with Baton(config) as baton:
                outcome = await baton.orchestrate(REQUEST, documents=documents, plan=plan)
                again = await baton.resume(outcome.run_id)
                assert again == outcome
                with pytest.raises(NotFound):
                    await baton.resume("nobody")
            connection = sqlite3.connect(config.ledger.path)
            connection.execute("UPDATE runs SET status = 'running', version = 'older'")
            connection.commit()
            async with Baton(config) as baton:
                with pytest.raises(RunRefused, match="another version of the code"):
                    await baton.resume(outcome.run_id)
            connection.execute("UPDATE runs SET request = '{}'")
            connection.commit()
            connection.close()
            async with Baton(config) as baton:
                with pytest.raises(Conflict, match="not kept"):
                    await baton.resume(outcome.run_id)

        asyncio.run(go())
