"""Stop sequences that the gateway itself cuts at, for upstreams that know none."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from baton.protocol.fold import fold
from baton.protocol.stop_cut import StopCut, cut_answer
from baton.types.events import AnswerMessage, Event, PartEnd, Start, Stop, StreamFault, TextDelta, UsageUpdate
from baton.types.money import Usage
from baton.types.parts import TextPart, ToolCallPart

letters = st.text("ab<", max_size=40)
sequences = st.lists(st.text("ab<", min_size=1, max_size=4), min_size=1, max_size=3)


def told(pieces: list[str], *last: Event) -> list[Event]:
    return [Start("1", "m"), *(TextDelta(0, piece) for piece in pieces), PartEnd(0), *last]


@given(text=letters, stops=sequences, data=st.data())
def test_the_text_ends_before_the_first_sequence_however_it_arrives(
    text: str, stops: list[str], data: st.DataObject
) -> None:
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    edges = [0, *places, len(text)]
    pieces = [text[start:end] for start, end in pairwise(edges)]
    usage = UsageUpdate(Usage(1, 2))
    answer = fold(StopCut(stops).pass_on(told(pieces, usage, Stop("end", "stop"))))
    whole = [(text.find(stop) + len(stop), text.find(stop)) for stop in stops if stop in text]
    first = min(whole)[1] if whole else None
    said = "".join(part.text for part in answer.parts if isinstance(part, TextPart))
    assert said == (text if first is None else text[:first])
    assert answer.stop is not None
    assert answer.stop.reason == ("end" if first is None else "stop_sequence")
    assert answer.usage == Usage(1, 2)


def test_what_cannot_begin_a_sequence_is_told_at_once() -> None:
    cut = StopCut(["</end>"])
    assert list(cut.pass_on([TextDelta(0, "hello <")])) == [TextDelta(0, "hello ")]
    assert list(cut.pass_on([TextDelta(0, "b>")])) == [TextDelta(0, "<b>")]


def test_after_the_cut_a_fault_of_the_upstream_is_no_fault_of_the_answer() -> None:
    events = list(StopCut(["X"]).pass_on(told(["aXb"], StreamFault("cut", "gone"))))
    assert events[-1] == Stop("stop_sequence", "stop_sequence", "X")


def test_calls_after_the_sequence_are_not_made_and_refusals_are_not_cut() -> None:
    call = ToolCallPart("1", "f", "{}")
    answer = AnswerMessage(parts=(TextPart("aXb"), call), stop=Stop("tool_calls"))
    assert cut_answer(answer, ["X"]).parts == (TextPart("a"),)
    refusal = AnswerMessage(parts=(TextPart("aXb", refusal=True),), stop=Stop("refusal"))
    assert cut_answer(refusal, ["X"]) == refusal
    assert cut_answer(answer, []) == answer
