"""Easy exercises: one loop or one expression, with a boundary to respect."""

import random

from baton.simulate.workload.exercises import Bug, Exercise, Sheet

_WORDS = ("harbour", "Otter", "quiet", "LANTERN", "moss", "Echo", "willow", "Apex", "river", "umbrella", "Iris", "sky")


def _numbers(rng: random.Random, low: int = -30, high: int = 90) -> list[int]:
    return [rng.randint(low, high) for _ in range(rng.randint(3, 9))]


def _clamp(rng: random.Random) -> Sheet:
    low, high = rng.randint(-9, 0), rng.randint(20, 60)
    return Sheet(
        names=("limit_all", "clamp_values", "keep_in_range"),
        parameters="values",
        task=f"It returns the list of integers with every value below {low} raised to {low} and every value above "
        f"{high} lowered to {high}.",
        solution=f"def NAME(values):\n    return [min(max(value, {low}), {high}) for value in values]\n",
        truth=lambda values: [low if value < low else min(value, high) for value in values],
        edge_cases=(([low - 1, low, high, high + 1],), ([],), ([low - 50, 5, high + 50],)),
        draw=lambda: (_numbers(rng),),
        bugs=(
            Bug("dropped_instead", f"[min(max(value, {low}), {high}) for value in values]",
                f"[value for value in values if {low} <= value <= {high}]"),
            Bug("off_by_one", f"{high})", f"{high - 1})"),
            Bug("one_side", f"min(max(value, {low}), {high})", f"min(value, {high})"),
        ),
    )  # fmt: skip


def _multiples(rng: random.Random) -> Sheet:
    factor = rng.choice((3, 4, 6, 7))
    return Sheet(
        names=("sum_of_multiples", "add_multiples", "total_of_multiples"),
        parameters="values",
        task=f"It returns the sum of those integers in the list that are multiples of {factor} (negatives too).",
        solution=f"def NAME(values):\n    return sum(value for value in values if value % {factor} == 0)\n",
        truth=lambda values: sum(value for value in values if value // factor * factor == value),
        edge_cases=(([factor, 2 * factor, -3 * factor, 1],), ([],), ([-factor, factor + 1],)),
        draw=lambda: (_numbers(rng),),
        bugs=(
            Bug("negatives_skipped", f"% {factor} == 0", f"% {factor} == 0 and value > 0"),
            Bug("counted", "sum(value for", "sum(1 for"),
            Bug("other_way_round", f"value % {factor} == 0", f"value % {factor} != 0"),
        ),
    )


def _letters(rng: random.Random) -> Sheet:
    letters = "".join(rng.sample("aeiou", rng.randint(2, 4)))
    return Sheet(
        names=("count_letters", "letter_hits", "tally_letters"),
        parameters="text",
        task=f"It counts how many characters of the text are one of `{letters}`, without regard to case.",
        solution=f'def NAME(text):\n    return sum(letter in "{letters}" for letter in text.lower())\n',
        truth=lambda text: len([letter for letter in text if letter in letters or letter in letters.upper()]),
        edge_cases=((letters.upper(),), ("",), (letters * 2 + "Xyz",), (letters[0] + letters[-1].upper(),)),
        draw=lambda: (" ".join(rng.sample(_WORDS, 4)),),
        bugs=(
            Bug("case", "text.lower()", "text"),
            Bug("each_once", "in text.lower()", "in set(text.lower())"),
            Bug("first_only", f'"{letters}"', f'"{letters[:-1]}"'),
        ),
    )


def _initials(rng: random.Random) -> Sheet:
    dot = rng.choice((".", "", "-"))
    return Sheet(
        names=("initials", "make_initials", "short_name"),
        parameters="name",
        task=f"It returns the capitalised first letters of all words of a name, each followed by {dot!r}; extra spaces "
        "in the name do not matter.",
        solution=f'def NAME(name):\n    return "".join(word[0].upper() + {dot!r} for word in name.split())\n',
        truth=lambda name: "".join(word[:1].upper() + dot for word in name.split(" ") if word),
        edge_cases=(("ada byron",), ("  rosa   lind  ",), ("",), ("Jo van der meer",)),
        draw=lambda: (" ".join(rng.sample(_WORDS, rng.randint(1, 3))),),
        bugs=(
            Bug("not_capitalised", "word[0].upper()", "word[0]"),
            Bug("spaces", "name.split()", 'name.strip().replace("  ", " ").split()[:2]'),
            Bug("whole_words", "word[0].upper()", "word.upper()"),
        ),
    )


def _grade(rng: random.Random) -> Sheet:
    passed, good = rng.randint(40, 55), rng.randint(75, 90)
    return Sheet(
        names=("grade", "rate_score", "mark_for"),
        parameters="points",
        task=f'It returns "good" from {good} points up, "passed" from {passed} points up, and "failed" below.',
        solution=(
            "def NAME(points):\n"
            f'    if points >= {good}:\n        return "good"\n'
            f'    return "passed" if points >= {passed} else "failed"\n'
        ),
        truth=lambda points: ("failed", "passed", "good")[(points >= passed) + (points >= good)],
        edge_cases=((passed,), (passed - 1,), (good,), (good - 1,), (0,)),
        draw=lambda: (rng.randint(0, 100),),
        bugs=(
            Bug("boundary", f"points >= {good}", f"points > {good}"),
            Bug("lower_boundary", f"points >= {passed} ", f"points > {passed} "),
            Bug("swapped", '"passed" if', '"failed" if'),
        ),
    )


def _alternate(rng: random.Random) -> Sheet:
    start, step = rng.randint(0, 1), rng.randint(2, 4)
    return Sheet(
        names=("pick_every", "thin_out", "take_some"),
        parameters="items",
        task=f"It returns every element whose zero-based position is {start}, {start + step}, {start + 2 * step} and "
        "so on, in reverse order.",
        solution=f"def NAME(items):\n    return items[{start}::{step}][::-1]\n",
        truth=lambda items: [items[place] for place in range(start, len(items), step)][::-1],
        edge_cases=((list(range(11)),), ([],), ([4, 8, 15, 16, 23, 42, 7],)),
        draw=lambda: (_numbers(rng),),
        bugs=(
            Bug("not_reversed", "[::-1]", ""),
            Bug("reversed_first", f"[{start}::{step}][::-1]", f"[::-1][{start}::{step + 1}]"),
            Bug("start", f"[{start}::", f"[{start + 1}::"),
        ),
    )


EASY: tuple[Exercise, ...] = (_clamp, _multiples, _letters, _initials, _grade, _alternate)
