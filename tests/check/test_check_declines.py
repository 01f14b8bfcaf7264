"""Refusals are told from answers, in several languages."""

import pytest

from baton.check.verifiers.declines import LONGEST_REFUSAL, declines

REFUSALS = [
    "I'm sorry, but I can't help with that.",
    "I\u2019m sorry, I can\u2019t assist with that request.",
    "I am really sorry, but I am unable to provide this information.",
    "Sorry, I cannot do that.",
    "I cannot help with creating this.",
    "Unfortunately, I can't assist with that.",
    "I'm unable to answer this question.",
    "As an AI language model, I cannot have opinions on that.",
    "**I can't help with that.**",
    "Es tut mir leid, aber dabei kann ich dir nicht helfen.",
    "Leider kann ich dabei nicht helfen.",
    "Je suis désolé, mais je ne peux pas répondre à cette question.",
    "Je ne peux pas vous aider.",
    "Lo siento, pero no puedo ayudar con eso.",
    "Sinto muito, mas não posso ajudar com isso.",
    "Mi dispiace, ma non posso aiutarti.",
    "Het spijt me, maar daar kan ik niet mee helpen.",
    "Przykro mi, ale nie mogę w tym pomóc.",
    "申し訳ありませんが、そのご要望にはお応えできません。",
    "很抱歉，我无法提供这些信息。",
    "죄송합니다. 그 요청은 도와드릴 수 없습니다.",
]
ANSWERS = [
    "",
    "billing",
    "42",
    '{"sentiment": "sorry"}',
    "The sorrow of the hero cannot be overlooked.",
    "I'm sorry to hear that your parcel is late. It will arrive on Tuesday.",
    "Dear customer, we are sorry that you cannot log in. Please reset your password.",
    "You can't divide by zero, so the answer is undefined.",
    "Leider ist das Paket verspätet.",
    "Je suis désolé pour le retard; votre colis arrive mardi.",
    "Lo siento mucho por su pérdida. Le enviamos un paquete nuevo.",
    "def cannot(): return 'I can'",
    "抱歉给您带来不便，包裹周二送达。",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_told(text: str) -> None:
    assert declines(text)


@pytest.mark.parametrize("text", ANSWERS)
def test_an_answer_is_none(text: str) -> None:
    assert declines(text) == ""


def test_a_long_text_that_begins_with_an_apology_goes_on_to_answer() -> None:
    assert declines(REFUSALS[0] + " But here is how it works." + "x" * LONGEST_REFUSAL) == ""
