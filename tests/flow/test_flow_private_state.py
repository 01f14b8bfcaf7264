"""Private state is named, put back for its own caller and maker, and for nobody else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from baton.flow.private_state import PrivateState, house_seal
from baton.protocol.prefix import prefix_hashes
from baton.state.keep import Keep
from baton.types.conversation import Conversation, Turn
from baton.types.events import AnswerMessage, Stop, StreamFault
from baton.types.parts import Origin, PrivateEntry, ReasoningPart, TextPart, ToolCallPart
from baton.types.request import Caller

ALICE, MALLORY = Caller("alice"), Caller("mallory")
CLAUDE, OTHER = Origin("anthropic", "key", "", "claude"), Origin("bedrock", "key", "", "claude")
SIGNATURE = b"c2lnbmF0dXJlIG9mIGNsYXVkZQ=="
QUESTION = Turn("user", (TextPart("hi", path="messages[0].content"),), path="messages[0]")


@pytest.fixture
def private(tmp_path: Path) -> Iterator[PrivateState]:
    keep = Keep(tmp_path / "state.db", lambda: 0.0)
    yield PrivateState(keep, b"seal", 100.0, durable=True)
    keep.close()


ENDED = Stop("end")


def thought(text: str = "yes", *, stop: Stop | None = ENDED, fault: StreamFault | None = None) -> AnswerMessage:
    entry = PrivateEntry("signature", SIGNATURE, "anthropic", CLAUDE, anchor=0)
    return AnswerMessage(parts=(ReasoningPart("hm"), TextPart(text)), private=(entry,), stop=stop, fault=fault)


def echoed(*turns: Turn) -> Conversation:
    return Conversation("openai-chat", "m", turns)


def said(text: str, place: int = 1) -> Turn:
    return Turn("assistant", (TextPart(text, path=f"messages[{place}].content"),), path=f"messages[{place}]")


def prefix_of(*turns: Turn) -> str:
    return prefix_hashes(turns)[-1]


def test_an_answer_is_put_back_for_its_caller_and_for_no_other(private: PrivateState) -> None:
    private.keep_answer(thought(), prefix_of(QUESTION), "anthropic", ALICE)
    conversation = echoed(QUESTION, said("yes"))
    mine = private.restored(conversation, ALICE).turns[1]
    assert [entry.payload for entry in mine.private] == [SIGNATURE]
    assert isinstance(mine.parts[0], ReasoningPart)
    assert private.restored(conversation, MALLORY).turns[1] == conversation.turns[1]


@pytest.mark.parametrize("broken", [thought(stop=None), thought(fault=StreamFault("cut", "cut"))])
def test_an_answer_without_its_end_is_not_put_back(private: PrivateState, broken: AnswerMessage) -> None:
    private.keep_answer(broken, prefix_of(QUESTION), "anthropic", ALICE)
    conversation = echoed(QUESTION, said("yes"))
    assert private.restored(conversation, ALICE) == conversation


def test_the_same_words_after_other_turns_are_other_answers(private: PrivateState) -> None:
    """A tool called ten times with the same arguments is ten calls, each with its own id."""
    turns: list[Turn] = [QUESTION]
    for number in range(10):
        call = ToolCallPart(f"call_{number}", "ls", "{}")
        answer = AnswerMessage(parts=(call,), stop=Stop("tool_calls"))
        private.keep_answer(answer, prefix_of(*turns), "openai-chat", ALICE)
        turns.append(Turn("assistant", (call,), path=f"messages[{2 * number + 1}]"))
        turns.append(Turn("user", (TextPart("more"),), path=f"messages[{2 * number + 2}]"))
    restored = private.restored(echoed(*turns), ALICE)
    calls = [part.id for turn in restored.turns for part in turn.parts if isinstance(part, ToolCallPart)]
    assert calls == [f"call_{number}" for number in range(10)]


def test_bytes_may_go_to_the_maker_of_what_is_in_them_and_not_to_others(private: PrivateState) -> None:
    body = b'{"messages":[{"content":[{"type":"thinking","signature":"' + SIGNATURE + b'"}]}]}'
    assert private.may_go_as_it_is(body, OTHER), "nothing is known of it yet"
    private.keep_names(body, CLAUDE)
    assert private.may_go_as_it_is(body, CLAUDE)
    assert not private.may_go_as_it_is(body, OTHER)


def test_an_envelope_goes_nowhere_as_bytes(private: PrivateState) -> None:
    sealed = private.seal(PrivateEntry("encrypted", b"{}", "openai-responses"), True)
    assert not private.may_go_as_it_is(b'{"signature":"' + sealed.encode() + b'"}', CLAUDE)


def test_reasoning_that_was_shown_under_a_made_up_id_goes_nowhere_as_bytes(private: PrivateState) -> None:
    """Its id means nothing to any provider, and one that looks it up refuses the request."""
    assert not private.may_go_as_it_is(b'{"input":[{"type":"reasoning","id":"rs_baton_1","summary":[]}]}', OTHER)
    assert private.may_go_as_it_is(b'{"input":[{"type":"reasoning","id":"rs_1","summary":[]}]}', OTHER)


def test_all_who_share_the_file_seal_with_one_key(tmp_path: Path) -> None:
    first, second = (Keep(tmp_path / "state.db", lambda: 0.0) for _ in range(2))
    assert house_seal(first, b"a" * 32) == house_seal(second, b"b" * 32) == b"a" * 32
    first.close()
    second.close()
    third = Keep(None, lambda: 0.0)
    assert house_seal(third, b"c" * 32) == b"c" * 32
    third.close()
