"""The token rule: pieces of at most four bytes that are the text again when joined."""

from hypothesis import given
from hypothesis import strategies as st

from baton.simulate.conversation import Conversation, ToolSpec, ToolUse, Turn
from baton.simulate.tokens import count, count_input, pieces


@given(st.text())
def test_pieces_joined_are_the_text_and_their_number_is_the_count(text: str) -> None:
    assert "".join(pieces(text)) == text
    assert len(pieces(text)) == count(text)
    assert all(len(piece.encode("utf-8", "surrogatepass")) <= 4 for piece in pieces(text))


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_counts_four_bytes_a_token(text: str) -> None:
    assert count(text) == (len(text) + 3) // 4


def test_everything_that_a_model_reads_is_counted() -> None:
    plain = Conversation((Turn("user", "hello, you"),))
    uses = (ToolUse("id", "weather", '{"city": "Oslo"}'),)
    grown = [
        Conversation(plain.turns, "Be brief."),
        Conversation(plain.turns, tools=(ToolSpec("weather", "Forecast.", {"type": "object"}),)),
        Conversation(plain.turns, response_schema={"type": "object"}),
        Conversation((*plain.turns, Turn("assistant", uses=uses))),
        Conversation((*plain.turns, Turn("tool", "12 degrees", result_of="id"))),
    ]
    assert count_input(plain) == 3 + 3
    assert all(count_input(each) > count_input(plain) for each in grown)
