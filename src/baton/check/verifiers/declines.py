"""Does an answer decline to answer? Told by how short answers begin, in ten languages; why is not asked."""

import re
import unicodedata

LONGEST_REFUSAL = 1_200
"""Characters. A longer text that begins with an apology goes on to answer."""
READ = 240
"""Characters of the beginning that are looked at."""
CURLY = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'"})

_FORMS = (
    # English
    r"\bi(?:'m| am) (?:(?:really|very|so) )?(?:sorry|afraid)\b.{0,40}\b(?:can't|cannot|won't|unable|not able)\b",
    r"^(?:sorry|apologies)\b.{0,60}\b(?:can't|cannot|won't|unable|not able)\b",
    (r"^(?:unfortunately, )?i (?:can't|cannot|can not|won't|will not|am unable to|am not able to|must decline)"
    r"(?: to)? (?:help|assist|provide|answer|comply|do|create|write|fulfil|complete|discuss|support|generate|engage)"),
    r"^(?:unfortunately, )?i'm (?:unable|not able) to\b",
    r"\bas an ai(?: language)?(?: model| assistant)?,? i (?:can't|cannot|can not|am unable|am not able|don't|do not)\b",
    # German
    r"\b(?:tut mir leid|entschuldigung)\b.{0,80}\b(?:kann|darf|werde)\b.{0,60}\bnicht\b",
    r"^(?:leider )?(?:ich )?(?:kann|darf)(?: ich)? (?:dir |ihnen |dabei |diese |diesen |dieses |das )*nicht\b",
    # French
    r"\bje suis désolée?\b.{0,60}\bje ne (?:peux|puis)\b",
    r"^(?:désolée?,? )?(?:malheureusement,? )?je ne (?:peux|puis) pas\b",
    # Spanish, Portuguese
    r"^(?:lo siento|lamento)\b.{0,80}\bno puedo\b",
    r"^no puedo (?:ayudar|cumplir|proporcionar|responder|hacer)",
    r"^(?:desculpe|sinto muito|lamento)\b.{0,80}\bnão posso\b",
    r"^não posso (?:ajudar|fornecer|responder|fazer)",
    # Italian, Dutch, Polish
    r"^mi dispiace\b.{0,80}\bnon posso\b",
    r"^(?:het spijt me|sorry)\b.{0,80}\bkan (?:ik )?\b.{0,40}\bniet\b",
    r"^(?:przepraszam|przykro mi)\b.{0,80}\bnie mogę\b",
    # Japanese, Chinese, Korean
    r"^(?:申し訳(?:ありません|ございません)|すみません|ごめんなさい).{0,60}(?:できません|できかねます|いたしかねます)",
    r"^(?:很?抱歉|对不起|對不起).{0,40}(?:不能|无法|無法)",
    r"^我(?:不能|无法|無法)(?:提供|回答|协助|協助|帮助|幫助|满足|滿足)",
    r"^(?:죄송합니다|죄송하지만).{0,60}(?:수 없|드릴 수|어렵습니다)",
)  # fmt: skip
_DECLINES = re.compile("|".join(f"(?:{form})" for form in _FORMS), re.DOTALL)


def declines(text: str) -> str:
    """The words by which a text declines, empty where it does not."""
    if len(text) > LONGEST_REFUSAL:
        return ""
    beginning = unicodedata.normalize("NFC", text.strip())[:READ].casefold().translate(CURLY)
    found = _DECLINES.search(" ".join(beginning.split()).lstrip("\"'*_# "))
    return found[0] if found is not None else ""
