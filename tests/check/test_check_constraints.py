"""What a caller wants kept is read from plain words, and held against the text."""

import pytest

from baton.check.constraints import broken, constraints_of, keeps
from baton.types.plan import Constraint

CASES = [
    ("Summarise it in at most 5 words.", "max_words", "one two three", "one two three four five six"),
    (
        "Answer shortly in German.",
        "language",
        "Das ist die Frist, und sie ist nicht lang.",
        "The term is not that long",
    ),
    ("Reply in English.", "language", "The term is ninety days.", "Die Frist ist nicht lang und das ist es."),
    ("Please write the answer in Russian", "language", "Срок девяносто дней", "Ninety days"),
    ('Do not mention "Acme".', "avoids", "The firm pays.", "ACME pays."),
    ('Include the word "binding".', "includes", "It is binding.", "It holds."),
    ("Answer with one of: spam, ham or eggs.", "one_of", "Ham", "ham and eggs"),
    ("Give me the result as JSON.", "format", '{"days": 90}', "90 days"),
    ("Write all dates with ISO dates.", "format", "It ends on 2026-01-31.", "It ends on 31 January 2026."),
    ("Answer in one line.", "format", "90 days", "90\ndays"),
    ("List them as bullet points.", "format", "- a\n- b", "a and b"),
]


@pytest.mark.parametrize(("request_text", "kind", "good", "bad"), CASES)
def test_a_constraint_that_is_said_plainly_is_found_and_held_against_the_answer(
    request_text: str, kind: str, good: str, bad: str
) -> None:
    found = constraints_of(request_text)
    assert [one.kind for one in found] == [kind]
    assert broken(good, found) == []
    assert broken(bad, found) == list(found)


@pytest.mark.parametrize("text", ["Compare these contracts.", "What does 'at most' mean?", "in 50 words or so", ""])
def test_what_is_not_said_plainly_is_no_constraint(text: str) -> None:
    assert constraints_of(text) == ()


@pytest.mark.parametrize(
    "one",
    [Constraint("a", "", "max_words", ("many",)), Constraint("a", "", "format", ("xml",)), Constraint("a", "", "includes"),
     Constraint("a", "", "language", ("tlh",))],
)  # fmt: skip
def test_what_cannot_be_checked_is_not_kept(one: Constraint) -> None:
    assert not keeps("anything", one)
