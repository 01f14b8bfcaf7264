"""What a cascade does where it cannot go on, and what of it the response cache gives again."""

from pathlib import Path

from baton.config.schema import KeyConfig
from baton.types.secret import Secret
from baton.types.task import Route, RouteCache
from tests.flow.cascading import MID, NANO, REFUSAL, body, cascade, plan
from tests.flow.voices import Voices


def test_an_answer_that_did_not_convince_is_not_given_again_by_the_cache(tmp_path: Path) -> None:
    cached = Route("cached", model=("auto",), cache=RouteCache(60.0, 1_000_000))
    keys = (KeyConfig("a", Secret("key-a"), day_usd=0.001),)

    async def work(gateway: Voices) -> None:
        for _ in range(2):
            answer = await gateway.ask(body(), authorization="Bearer key-a")
            assert answer.headers["x-baton-unchecked"].startswith("refusal")
        assert gateway.asked() == ["nano", "nano"]

    cascade(tmp_path, {"nano": REFUSAL}, work, plan(), cached, keys=keys)


def test_a_budget_that_has_no_more_for_the_second_opinion_gives_what_there_is(tmp_path: Path) -> None:
    keys = (KeyConfig("a", Secret("key-a"), day_usd=0.0004),)

    async def work(gateway: Voices) -> None:
        answer = await gateway.ask(body(), authorization="Bearer key-a")
        assert answer.status_code == 200, answer.text
        assert gateway.asked() == ["nano"]
        assert answer.headers["x-baton-model"] == NANO
        assert answer.headers["x-baton-unchecked"].startswith("rederives")

    cascade(tmp_path, {"nano": "delivery"}, work, plan(NANO, MID, quorum=2), keys=keys)


def test_several_candidates_of_gemini_are_asked_of_the_stronger_model(tmp_path: Path) -> None:
    async def work(gateway: Voices) -> None:
        asked = {
            "contents": [{"role": "user", "parts": [{"text": "classify: my parcel is late"}]}],
            "generationConfig": {"candidateCount": 2},
        }
        await gateway.ask(asked, "/v1beta/models/auto:generateContent")
        assert "nano" not in gateway.asked()

    cascade(tmp_path, {"nano": "delivery", "frontier": "delivery"}, work)
