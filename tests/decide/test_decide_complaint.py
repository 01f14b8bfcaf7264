"""Callers who say that the answer was wrong are heard, in their language."""

import pytest

from baton.decide.complaint import complains
from baton.types.request import Facts


@pytest.mark.parametrize(
    "text",
    [
        "That's wrong, the sum is 12.",
        "No, I meant the other file",
        "it still fails with the same error",
        "Still not working",
        "This doesn't work.",
        "please try again",
        "You forgot the second paragraph.",
        "not what I asked for",
        "Are you sure?",
        "the tests still fail",
        "Das ist falsch.",
        "Es funktioniert immer noch nicht",
        "Versuch es nochmal",
        "C'est faux",
        "Ça ne marche toujours pas",
        "Eso está mal, inténtalo otra vez",
        "No funciona",
        "Non funziona, riprova",
        "Ainda está errado",
        "não funciona",
        "Это неправильно",
        "还是不对，再试一次",
        "まだエラーが出ます。もう一度お願いします",
        "틀렸어요. 다시 해 주세요",
        "it still f\u200bails",
        "ѕtіll fаіls",
    ],
)
def test_a_complaint_is_one_after_an_answer_and_none_before(text: str) -> None:
    assert complains(Facts(user_text=text, turns=2))
    assert not complains(Facts(user_text=text, turns=1))


@pytest.mark.parametrize(
    "text",
    [
        "Thanks! Now write the tests.",
        "Great, that works. Next: the parser",
        "Continue",
        "Explain what a wrong turn in a maze does",
        "Danke, jetzt bitte auf Englisch",
        "Merci, et maintenant la suite",
        "Gracias, ahora en inglés",
        "谢谢，请继续",
        "Summarise this:\n> that is wrong, it still fails",
        "",
    ],
)
def test_going_on_is_no_complaint(text: str) -> None:
    assert not complains(Facts(user_text=text, turns=3))


def test_saying_the_same_again_is_a_complaint() -> None:
    assert complains(Facts(user_text="write it", turns=2, repeats=1))
