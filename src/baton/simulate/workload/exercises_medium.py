"""Medium exercises: some state, and a case that is easily forgotten."""

import itertools
import random

from baton.simulate.workload.exercises import Bug, Exercise, Sheet


def _run_lengths(rng: random.Random) -> Sheet:
    least = rng.choice((2, 3))

    def truth(text: str) -> str:
        runs = [(letter, len(list(group))) for letter, group in itertools.groupby(text)]
        return "".join(f"{size}{letter}" if size >= least else letter * size for letter, size in runs)

    return Sheet(
        names=("squeeze", "pack_runs", "encode_runs"),
        parameters="text",
        task=f"It replaces each run of at least {least} equal letters by the length of the run and the letter; shorter "
        "runs stay as they are.",
        solution=(
            "def NAME(text):\n"
            "    packed, place = [], 0\n"
            "    while place < len(text):\n"
            "        end = place\n"
            "        while end < len(text) and text[end] == text[place]:\n"
            "            end += 1\n"
            "        size = end - place\n"
            f"        packed.append(str(size) + text[place] if size >= {least} else text[place] * size)\n"
            "        place = end\n"
            '    return "".join(packed)\n'
        ),
        truth=truth,
        edge_cases=(("",), ("a",), ("ab" * least,), ("a" * least,), ("a" * (least + 1) + "b",), ("b" + "c" * 12,)),
        draw=lambda: ("".join(rng.choice("abc") * rng.randint(1, 5) for _ in range(5)),),
        bugs=(
            Bug("threshold", f"size >= {least}", f"size > {least}"),
            Bug("letter_first", "str(size) + text[place]", "text[place] + str(size)"),
            Bug("one_digit", "str(size) +", "str(min(size, 9)) +"),
        ),
    )


def _second_largest(rng: random.Random) -> Sheet:
    default = rng.choice((None, 0, -1))
    return Sheet(
        names=("runner_up", "second_largest", "second_best"),
        parameters="values",
        task="It returns the second largest different value of a list of integers (duplicates of the largest do not "
        f"count), or {default!r} if there is none.",
        solution=(
            "def NAME(values):\n"
            "    ranked = sorted(set(values))\n"
            f"    return ranked[-2] if len(ranked) > 1 else {default!r}\n"
        ),
        truth=lambda values: max((value for value in values if value != max(values)), default=default),
        edge_cases=(([5, 5, 3],), ([7],), ([],), ([2, 2],), ([-4, -9, -4],), ([1, 9, 4, 9],)),
        draw=lambda: ([rng.randint(-9, 9) for _ in range(rng.randint(2, 7))],),
        bugs=(
            Bug("duplicates", "sorted(set(values))", "sorted(values)"),
            Bug("wrong_end", "ranked[-2]", "ranked[1]"),
            Bug("default", f"else {default!r}", "else ranked[0] if ranked else 99"),
        ),
    )


def _moving_mean(rng: random.Random) -> Sheet:
    width = rng.choice((2, 3, 4))

    def truth(values: list[int]) -> list[float]:
        return [round(sum(values[end - width : end]) / width, 2) for end in range(width, len(values) + 1)]

    return Sheet(
        names=("moving_mean", "smooth", "rolling_mean"),
        parameters="values",
        task=f"It returns the means of every {width} neighbouring values, rounded to 2 decimals; with fewer than "
        f"{width} values the result is an empty list.",
        solution=(
            "def NAME(values):\n"
            f"    windows = range(len(values) - {width} + 1)\n"
            f"    return [round(sum(values[start:start + {width}]) / {width}, 2) for start in windows]\n"
        ),
        truth=truth,
        edge_cases=(([1] * (width - 1),), ([3] * width,), ([1, 2, 4, 8, 16, 32],), ([],)),
        draw=lambda: ([rng.randint(0, 50) for _ in range(rng.randint(4, 9))],),
        bugs=(
            Bug("last_window", f"- {width} + 1)", f"- {width})"),
            Bug("whole_numbers", f"round(sum(values[start:start + {width}]) / {width}, 2)",
                f"sum(values[start:start + {width}]) // {width}"),
            Bug("short_windows", f"range(len(values) - {width} + 1)", "range(len(values))"),
        ),
    )  # fmt: skip


def _settings(rng: random.Random) -> Sheet:
    between, joint = rng.choice((";", ",", "|")), rng.choice((":", "="))

    def truth(text: str) -> dict[str, str]:
        pairs = [part.split(joint, 1) for part in text.split(between) if joint in part]
        return {pair[0].strip(): pair[1].strip() for pair in pairs}

    def draw() -> tuple[str]:
        pairs = [f"{rng.choice('abcdef')}{rng.choice(('', ' '))}{joint}{rng.randint(0, 99)}" for _ in range(4)]
        return (between.join(pairs),)

    return Sheet(
        names=("read_settings", "parse_pairs", "to_dict"),
        parameters="text",
        task=f"It reads pairs such as `a{joint}1{between}b{joint}2` into a dict of strings. Spaces round keys and "
        f"values are dropped, a part without `{joint}` is skipped, a value may itself contain `{joint}`, and the last "
        "of two equal keys wins.",
        solution=(
            "def NAME(text):\n"
            "    found = {}\n"
            f"    for part in text.split({between!r}):\n"
            f"        key, sign, value = part.partition({joint!r})\n"
            "        if sign:\n"
            "            found[key.strip()] = value.strip()\n"
            "    return found\n"
        ),
        truth=truth,
        edge_cases=(
            (f"a{joint}1{between}a{joint}2",),
            (f" k {joint} v{joint}w {between}loose",),
            ("",),
            (f"x{joint}{between}y{joint}3",),
        ),
        draw=draw,
        bugs=(
            Bug("first_wins", "found[key.strip()] = value.strip()", "found.setdefault(key.strip(), value.strip())"),
            Bug("last_sign", f"part.partition({joint!r})", f"part.rpartition({joint!r})"),
            Bug("spaces_kept", "found[key.strip()]", "found[key]"),
        ),
    )


def _tariff(rng: random.Random) -> Sheet:
    free, cheap, dear = rng.randint(5, 15), rng.randint(2, 4), rng.randint(6, 9)
    step = free + rng.randint(10, 30)

    def truth(units: int) -> int:
        return sum(0 if unit <= free else cheap if unit <= step else dear for unit in range(1, units + 1))

    return Sheet(
        names=("fee", "tariff", "price_of_usage"),
        parameters="units",
        task=f"It returns the price of a usage in cents: the first {free} units are free, the following ones up to and "
        f"including unit {step} cost {cheap} each, all further ones {dear} each.",
        solution=(
            "def NAME(units):\n"
            f"    middle = min(max(units - {free}, 0), {step - free})\n"
            f"    upper = max(units - {step}, 0)\n"
            f"    return middle * {cheap} + upper * {dear}\n"
        ),
        truth=truth,
        edge_cases=((0,), (free,), (free + 1,), (step,), (step + 1,), (step + 40,)),
        draw=lambda: (rng.randint(0, 2 * step),),
        bugs=(
            Bug("middle_not_capped", f"min(max(units - {free}, 0), {step - free})", f"max(units - {free}, 0)"),
            Bug("all_at_the_upper_rate", f"upper = max(units - {step}, 0)", f"upper = units if units > {step} else 0"),
            Bug("off_by_one", f"units - {step}", f"units - {step - 1}"),
        ),
    )


def _merge_sorted(rng: random.Random) -> Sheet:
    order = rng.choice(("ascending", "descending"))
    tail = "" if order == "ascending" else "[::-1]"
    return Sheet(
        names=("merge_unique", "join_sorted", "union_sorted"),
        parameters="first, second",
        task=f"It merges two ascending lists into one {order} list in which every value stands once.",
        solution=f"def NAME(first, second):\n    return sorted(set(first) | set(second)){tail}\n",
        truth=lambda first, second: sorted({*first, *second}, reverse=order == "descending"),
        edge_cases=(([1, 2, 2], [2, 3]), ([], [4, 4]), ([], []), ([5, 6], [1]), ([10, 20], [3, 30])),
        draw=lambda: (sorted(rng.choices(range(20), k=4)), sorted(rng.choices(range(20), k=5))),
        bugs=(
            Bug("duplicates", "set(first) | set(second)", "first + second"),
            Bug("common_only", "set(first) | set(second)", "set(first) & set(second)"),
            Bug("sorted_as_text", "set(second))", "set(second), key=str)"),
        ),
    )


def _top_words(rng: random.Random) -> Sheet:
    limit = rng.randint(2, 4)
    return Sheet(
        names=("top_words", "most_common_words", "frequent_words"),
        parameters="text",
        task=f"It returns the {limit} most frequent words of the text in lower case (fewer if there are fewer), most "
        "frequent first, words of equal frequency in alphabetical order. Words are separated by spaces.",
        solution=(
            "def NAME(text):\n"
            "    words = text.lower().split()\n"
            "    ranked = sorted(set(words), key=lambda word: (-words.count(word), word))\n"
            f"    return ranked[:{limit}]\n"
        ),
        truth=lambda text: [
            word for _, word in sorted({(-text.lower().split().count(word), word) for word in text.lower().split()})
        ][:limit],
        edge_cases=(("b a b a c",), ("Z z y x w v",), ("",), ("one",), ("d d c c b b a",)),
        draw=lambda: (" ".join(rng.choices(("red", "Blue", "green", "Red", "teal", "blue"), k=9)),),
        bugs=(
            Bug("case", "text.lower().split()", "text.split()"),
            Bug("ties", "(-words.count(word), word)", "(words.count(word), word)"),
            Bug("one_short", f"ranked[:{limit}]", f"ranked[:{limit - 1}]"),
        ),
    )


MEDIUM: tuple[Exercise, ...] = (
    _run_lengths, _second_largest, _moving_mean, _settings, _tariff, _merge_sorted, _top_words,
)  # fmt: skip
