"""Runs as a program asks for them: plans and contracts of its own, and the same again to resume."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from baton import Assurance, Baton, Budget, Constraint, Contract, Task, checks
from baton.simulate.ensemble import Ensemble
from baton.simulate.serve import serve_in_thread
from baton.types.errors import PlanRefused, RunRefused
from tests.flow.crash import config_of

ACME, GLOBEX = "Acme. The notice period is 30 days.", "Globex. The notice period is 90 days."
ASKED = "Extract the number after 'notice period'"
ITEMS = {"type": "object", "required": ["items"]}


def contract(limit: int = 365) -> Contract[object]:
    return Contract(
        ITEMS,
        (checks.cites(fields=("items[].value",)), checks.executes(lambda value: value["items"][0]["value"] < limit)),
        Assurance.EXECUTED,
    )


def plan(limit: int = 365) -> list[Task]:
    return [
        Task("acme", ASKED, contract(limit), data=ACME, max_output=200),
        Task("globex", ASKED, contract(limit), data=GLOBEX, max_output=200),
    ]


def test_a_plan_with_contracts_of_its_own_is_carried_out_and_resumed(tmp_path: Path) -> None:
    with serve_in_thread(Ensemble()) as upstream:
        config = config_of(upstream, tmp_path / "ledger.db")

        async def go() -> None:
            async with Baton(config) as baton:
                answer = await baton.orchestrate("Which is longer?", plan=plan(), budget=Budget(usd=0.40, seconds=60))
                assert (answer.status, answer.assurance) == ("complete", "executed")
                assert "the longest is 90" in answer.text
                assert (await baton.resume(answer.run_id, plan=plan())).text == answer.text
                other = [Task("acme", ASKED, "extract", data=ACME), *plan()[1:]]
                with pytest.raises(RunRefused, match="something else"):
                    await baton.resume(answer.run_id, plan=other)
            asked = len(upstream.journal.since().entries)
            connection = sqlite3.connect(config.ledger.path)
            connection.execute("UPDATE runs SET status = 'running', result = ''")  # as a crash would leave it
            connection.commit()
            connection.close()
            async with Baton(config) as baton:
                assert (await baton.resume(answer.run_id, plan=plan())).text == answer.text
            assert len(upstream.journal.since().entries) == asked

        asyncio.run(go())


def test_what_a_contract_of_ones_own_refuses_is_not_in_the_answer(tmp_path: Path) -> None:
    with serve_in_thread(Ensemble()) as upstream, Baton(config_of(upstream, tmp_path / "ledger.db")).sync as baton:
        wish = Constraint("unit", "days, not weeks", "avoids", ("weeks",))
        answer = baton.orchestrate("Which is longer?", plan=plan(limit=60), keep=[wish])
        assert answer.status == "partial"
        assert set(answer.unresolved) == {"globex"}
        assert "30" in answer.text
        assert "90" not in answer.text
        with pytest.raises(PlanRefused, match="names the contract 'pray'"):
            baton.orchestrate("x", plan=[Task("a", "x", "pray")])


def test_documents_may_come_without_names_and_the_answer_is_the_same_by_hand(tmp_path: Path) -> None:
    with serve_in_thread(Ensemble()) as upstream, Baton(config_of(upstream, tmp_path / "ledger.db")).sync as baton:
        answer = baton.orchestrate("What is the 'notice period' of each?", documents=[ACME, GLOBEX])
        assert answer.status == "complete"
        assert answer.tainted
        assert {"30", "90"} <= {claim.text for claim in answer.claims}
