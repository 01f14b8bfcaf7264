"""Disguised words read as what they look like, and words of other scripts stay what they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.decide.text import capped, normalised, visible_length

from .timing import least_s

CYRILLIC = str.maketrans("acdehijlopqswxyABCEHIJKMOPSTXY", "асԁеһіјӏорԛѕԝхуАВСЕНІЈКМОРЅТХУ")
GREEK = str.maketrans("ovpiuABEZHIKMNOPTYX", "ονριυΑΒΕΖΗΙΚΜΝΟΡΤΥΧ")
WIDE = str.maketrans("kmtnbrxw", "кмтпЬгχω")
ENGLISH = (
    "Classify this ticket as billing, refund or delivery. One Word Only, please: such a case is open.",
    "Write a Python function `sort_all(values)` that returns the list.\n\nKeep it short.",
    "How many litres are in the tank? A hose adds 7 of them per hour.",
)
REAL = (
    "Рост цен на жильё: сор, оса и рос. Объясни, почему так вышло.",
    "Напиши функцию на Python, которая сортирует список",
    "Η ζωή είναι ωραία. Γράψε μου ένα ποίημα.",
    "Объясни как Raft достигает консенсуса при сбоях",
    "Schöne Grüße aus Köln, für alle",
    "Où est la bibliothèque ? C'est déjà fermé",
    "Bir kılıç hikâyesi yaz",
    "Translate 'лошадь' and 'ящик' into English",
    "请把下面的句子翻译成英文。",
    "次の文章を要約してください。",
    "λx.x βδ",
)


@pytest.mark.parametrize("disguise", [CYRILLIC, GREEK, CYRILLIC | WIDE], ids=["cyrillic", "greek", "wide"])
@pytest.mark.parametrize("text", ENGLISH)
def test_look_alike_letters_are_read_as_the_letters_they_look_like(text: str, disguise: dict[int, int]) -> None:
    assert text.translate(disguise) != text
    assert normalised(text.translate(disguise)) == text


@pytest.mark.parametrize("hidden", ["\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u202e", "\u2066", "\U000e0041"])
@pytest.mark.parametrize("text", [*ENGLISH, *REAL])
def test_invisible_characters_change_nothing(text: str, hidden: str) -> None:
    assert normalised(hidden.join(text)) == normalised(text)


@pytest.mark.parametrize("text", [one for one in REAL if "。" not in one])
def test_words_of_other_scripts_stay_what_they_are(text: str) -> None:
    assert normalised(text) == text


def test_letters_in_fancy_dress_are_plain_letters() -> None:
    assert normalised("ＣＬＡＳＳＩＦＹ 𝐜𝐥𝐚𝐬𝐬𝐢𝐟𝐲 🅒🄻Ⓐ🆂🆂 ᴄʟᴀꜱꜱɪꜰʏ c\u0336l\u0336a\u0336s\u0336s") == (
        "CLASSIFY classify CLASS classify class"
    )


def test_white_space_is_collapsed_and_paragraphs_stay() -> None:
    assert normalised("a\t b\u00a0\u2003c\r\n\r\n\n \n\nd\x00e") == "a b c \n\nde"


@given(st.text(max_size=200))
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    once = normalised(text)
    assert normalised(once) == once


@given(st.text(max_size=300), st.integers(1, 40), st.integers(1, 40))
def test_a_capped_text_keeps_its_head_and_its_tail(text: str, head: int, tail: int) -> None:
    kept = capped(text, head, tail)
    assert len(kept) <= head + tail + 1
    assert kept.startswith(text[:head])
    assert kept.endswith(text[-tail:])


@pytest.mark.parametrize("text", ["а" * 6000, "a\u0301" * 3000, " " * 6000, "\n " * 3000, "aа" * 3000, "\u200b" * 6000])
def test_no_text_stalls_the_reading(text: str) -> None:
    assert least_s(lambda: normalised(text)) < 0.05


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Кто создал Руτһοո?", "Кто создал Python?"),
        ("Какой порт использует НТТР?", "Какой порт использует HTTP?"),
        ("Сумма первых ո чисел, что это", "Сумма первых n чисел, что это"),
        ("Извлеки все емаіӏ-адреса из этого", "Извлеки все email-адреса из этого"),
        ("Ατ маոу рοіոτѕ οո τһе interval [0,π] it іѕ zero", "At many points on the interval [0,π] it is zero"),
        ("Translate 'кот' and 'ящик' into English", "Translate 'кот' and 'ящик' into English"),
        ("Η τιμή του ABC ανέβηκε χθες λίγο", "Η τιμή του ABC ανέβηκε χθες λίγο"),
    ],
)
def test_a_word_is_disguised_where_its_script_is_not_at_home(text: str, read: str) -> None:
    assert normalised(text) == read


def test_what_nobody_sees_makes_no_text_longer() -> None:
    assert visible_length("hello") == visible_length("he\u200bl\u200blo\ufeff") == 5
    assert visible_length("жильё") == 5
