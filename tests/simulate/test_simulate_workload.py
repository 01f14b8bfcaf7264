"""Laws of the generated workload: pure, recoverable, varied, and true by construction."""

import json
import statistics
from collections import Counter
from collections.abc import Iterator

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.simulate.conversation import Conversation, Turn
from baton.simulate.workload import phrases, tickets, word_problems
from baton.simulate.workload.item import LANGUAGES, MIX, TRANSLATED, WorkItem, item, recover
from baton.types.verdict import Answer, Exact, Executes, Fields, Format, Numeric, ToolCalled

ITEMS = [item(3, index) for index in range(1_600)]
CHECKS: dict[str, tuple[type, ...]] = {
    "analysis": (Numeric,),
    "extraction": (Fields,),
    "classification": (Exact,),
    "format_check": (Exact,),
    "code": (Executes,),
    "content": (Format,),
    "agent": (ToolCalled, Numeric),
}


def of(task_type: str) -> Iterator[WorkItem]:
    return (one for one in ITEMS if one.task_type == task_type)


def code_of(answer: Answer) -> str:
    return answer.text.removeprefix("```python\n").removesuffix("```")


def passes(source: str, tests: tuple[str, ...]) -> bool:
    names: dict[str, object] = {}
    exec(source, names)
    try:
        for test in tests:
            exec(test, names)
    except (AssertionError, LookupError, TypeError, ValueError):
        return False
    return True


@given(st.integers(0, 2**62), st.integers(0, 10**12))
def test_an_item_is_a_pure_function_of_seed_and_index(seed: int, index: int) -> None:
    assert item.__wrapped__(seed, index) == item.__wrapped__(seed, index)


@given(st.integers(0, 2**62), st.integers(0, 10**12))
def test_an_item_is_recovered_from_its_prompt_alone(seed: int, index: int) -> None:
    one = item(seed, index)
    found = recover(one.conversation)
    assert found is not None
    assert found.item == one


@pytest.mark.parametrize(("seed", "index"), [(-1, 0), (0, -1)])
def test_negative_numbers_are_refused_by_name(seed: int, index: int) -> None:
    with pytest.raises(ValueError, match=f"item\\({seed}, {index}\\)"):
        item(seed, index)


def test_another_seed_gives_other_items() -> None:
    assert all(item(3, index).prompt != item(4, index).prompt for index in range(200))


def test_prompts_hardly_ever_repeat() -> None:
    assert len({one.prompt.rsplit("\n\n(ref", 1)[0] for one in ITEMS}) >= len(ITEMS) - 2


def test_every_task_type_comes_in_its_share() -> None:
    found = Counter(one.task_type for one in ITEMS)
    assert set(found) == set(MIX)
    assert len(MIX) >= 7
    for name, share in MIX.items():
        assert found[name] / len(ITEMS) == pytest.approx(share, abs=0.03)


def test_the_reference_does_not_tell_the_task_type() -> None:
    for modulus in (2, 3, 7, 10):
        for rest in range(modulus):
            slice_ = [one.task_type for one in ITEMS if one.index % modulus == rest]
            assert Counter(slice_).most_common(1)[0][1] / len(slice_) < 0.35


def test_difficulty_is_uniform_and_not_the_length_of_the_prompt() -> None:
    spread = [one.difficulty for one in ITEMS]
    assert statistics.fmean(spread) == pytest.approx(0.5, abs=0.03)
    assert abs(statistics.correlation(spread, [len(one.prompt) for one in ITEMS])) < 0.25
    for name in MIX:
        pairs = [(one.difficulty, len(one.prompt)) for one in of(name)]
        assert abs(statistics.correlation(*zip(*pairs, strict=True))) < 0.6, name


def test_all_languages_come_where_prompts_are_translated() -> None:
    for name in MIX:
        assert {one.language for one in of(name)} == (set(LANGUAGES) if name in TRANSLATED else {"en"})


def test_every_language_has_all_words() -> None:
    for words in tickets.WORDS.values():
        assert set(words.wishes) == set(words.mentions) == set(tickets.CATEGORIES)
    assert len(tickets.CATEGORIES) == 12
    assert set(word_problems.THEMES) == set(phrases.WORDS) == set(LANGUAGES)


def test_each_type_is_checked_by_its_own_kind_of_check() -> None:
    for one in ITEMS:
        assert isinstance(one.check, CHECKS[one.task_type])
        assert one.audience in ("internal", "customer") if one.task_type == "content" else one.audience is None


def test_every_item_has_several_wrong_answers_that_are_not_the_right_one() -> None:
    for one in ITEMS:
        answers = [wrong.answer for wrong in one.wrong]
        assert len(answers) >= 2, one
        assert one.right not in answers
        assert len({(answer.text, answer.tool_calls) for answer in answers}) == len(answers)


def test_the_last_number_of_a_solution_is_the_gold_and_that_of_a_slip_is_not() -> None:
    for one in of("analysis"):
        assert isinstance(one.check, Numeric)
        assert abs(float(one.right.text.rsplit(" ", 1)[1]) - one.check.gold) <= one.check.abs_tol
        for wrong in one.wrong:
            assert abs(float(wrong.answer.text.rsplit(" ", 1)[1]) - one.check.gold) > one.check.abs_tol


def test_extracted_records_stand_in_the_document() -> None:
    for one in of("extraction"):
        assert isinstance(one.check, Fields)
        assert json.loads(one.right.text) == one.check.gold
        if one.response_schema is not None:
            jsonschema.validate(one.check.gold, one.response_schema)
        for name in ("invoice_number", "vendor", "organiser", "order", "product"):
            assert str(one.check.gold.get(name, "")) in one.prompt
        assert all(json.loads(wrong.answer.text) != one.check.gold for wrong in one.wrong)


def test_labels_are_categories_that_the_prompt_offers() -> None:
    for one in of("classification"):
        for answer in (one.right, *(wrong.answer for wrong in one.wrong)):
            assert answer.text in tickets.CATEGORIES
            assert answer.text in one.prompt


@pytest.mark.slow
def test_solutions_pass_their_tests_and_every_bug_fails_one() -> None:
    for one in of("code"):
        assert isinstance(one.check, Executes)
        assert passes(code_of(one.right), one.check.tests), one
        for wrong in one.wrong:
            assert code_of(wrong.answer) != code_of(one.right), (wrong.kind, one)
            assert not passes(code_of(wrong.answer), one.check.tests), (wrong.kind, one)


def test_right_texts_keep_every_condition_with_room_and_wrong_ones_break_one() -> None:
    for one in of("content"):
        check = one.check
        assert isinstance(check, Format)
        for counted in (one.right.text.split(), one.right.text.replace("- ", "").split()):
            assert check.min_words is not None
            assert check.max_words is not None
            assert check.min_words + 4 <= len(counted) <= check.max_words - 4
        assert keeps(check, one.right.text)
        for wrong in one.wrong:
            assert not keeps(check, wrong.answer.text), (wrong.kind, one)


def keeps(check: Format, text: str) -> bool:
    words = len(text.split())
    return (
        check.min_words is not None
        and check.max_words is not None
        and check.min_words <= words <= check.max_words
        and all(phrase in text for phrase in check.must_include)
        and not any(phrase.lower() in text.lower() for phrase in check.must_avoid)
        and (check.bullets is None or sum(line.startswith("- ") for line in text.splitlines()) == check.bullets)
        and (check.ends_with is None or text.endswith(check.ends_with))
    )


def test_tool_calls_fit_the_schema_of_an_offered_tool() -> None:
    steps = Counter[str]()
    for one in of("agent"):
        offered = {tool.name: tool.parameters for tool in one.tools}
        steps[type(one.check).__name__] += 1
        if isinstance(one.check, ToolCalled):
            (call,) = one.right.tool_calls
            jsonschema.validate(json.loads(call.arguments), offered[call.name])
            assert (call.name, json.loads(call.arguments)) == (one.check.name, one.check.arguments)
            assert not one.history
            assert one.closing
        else:
            assert [turn.role for turn in one.history] == ["assistant", "tool"]
            assert one.history[1].result_of == one.history[0].uses[0].id
            assert not one.right.tool_calls
    assert min(steps.values()) > 20


def test_a_reference_counts_wherever_it_stands_and_the_latest_user_turn_wins() -> None:
    old, new = item(3, 1), item(3, 2)
    turns = (Turn("user", old.prompt), Turn("assistant", "done"), Turn("user", f"please: {new.prompt} thanks"))
    found = recover(Conversation((*turns, Turn("assistant"), Turn("tool", "(ref 9-000009)"))))
    assert found is not None
    assert (found.item, found.results) == (new, 1)


@pytest.mark.parametrize("text", ["hello", "(ref 7)", "(ref 7-12)", "(ref x-000001)", "ref 7-000001", ""])
def test_other_prompts_are_nobodys_item(text: str) -> None:
    assert recover(Conversation((Turn("user", text),))) is None
    assert recover(Conversation(())) is None
