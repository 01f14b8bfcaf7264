"""What every vendor applies last: stop sequences and the caller's cap on output tokens."""

from hypothesis import given
from hypothesis import strategies as st

from baton.simulate.answer import UNKNOWN, Ask, finished
from baton.simulate.conversation import Conversation, Turn
from baton.simulate.tokens import count
from baton.types.money import Usage

TALK = Conversation((Turn("user", "hi"),))


@given(st.text(min_size=1), st.integers(1, 40))
def test_the_cap_is_kept_and_a_cut_answer_says_so(text: str, limit: int) -> None:
    answer = finished(Ask("m", TALK, max_output=limit), text, (), UNKNOWN, Usage(input=5))
    assert answer.usage.output <= limit
    assert answer.usage.output == count(answer.text)
    assert text.startswith(answer.text)
    assert (answer.finish == "length") == (answer.text != text)


@given(st.text(alphabet="abc ", max_size=60), st.lists(st.text(alphabet="abc ", max_size=3), max_size=4))
def test_a_stop_sequence_ends_the_text_at_its_first_place(text: str, stops: list[str]) -> None:
    answer = finished(Ask("m", TALK, stop=tuple(stops)), text, (), UNKNOWN, Usage())
    places = [(text.index(stop), stop) for stop in stops if stop and stop in text]
    if places:
        assert answer.text == text[: min(place for place, _ in places)]
        assert answer.finish == "stop_sequence"
        assert answer.stop_sequence in [stop for _, stop in places]
    else:
        assert (answer.text, answer.finish, answer.stop_sequence) == (text, "stop", None)


def test_a_call_that_reaches_the_cap_keeps_the_beginning_of_its_arguments() -> None:
    calls = (("lookup", '{"city": "Oslo", "day": 3}'),)
    answer = finished(Ask("m", TALK, max_output=5), "", calls, UNKNOWN, Usage())
    assert answer.finish == "length"
    assert [use.arguments for use in answer.uses] == ['{"city": "Os']
    none = finished(Ask("m", TALK, max_output=1), "", calls, UNKNOWN, Usage())
    assert (none.uses, none.usage.output) == ((), 1)


def test_whole_calls_end_with_tool_calls_and_have_their_own_ids() -> None:
    calls = (("a", "{}"), ("a", "{}"))
    answer = finished(Ask("m", TALK, nonce="n"), "", calls, UNKNOWN, Usage())
    assert answer.finish == "tool_calls"
    assert len({use.id for use in answer.uses}) == 2


def test_recorded_output_tokens_stand_unless_the_text_was_cut() -> None:
    usage = Usage(input=9, output=700)
    assert finished(Ask("m", TALK), "short", (), UNKNOWN, usage).usage.output == 700
    assert finished(Ask("m", TALK, max_output=10), "short", (), UNKNOWN, usage).usage.output == 10
    assert finished(Ask("m", TALK, stop=("or",)), "short", (), UNKNOWN, usage).usage.output == 1
