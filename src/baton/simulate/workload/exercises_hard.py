"""Hard exercises: order of events, nested structure, boundaries that meet."""

import datetime as dt
import random

from baton.simulate.workload.exercises import Bug, Exercise, Sheet

_ROMAN = {1000: "M", 900: "CM", 500: "D", 400: "CD", 100: "C", 90: "XC", 50: "L", 40: "XL", 10: "X", 9: "IX", 5: "V",
          4: "IV", 1: "I"}  # fmt: skip


def _intervals(rng: random.Random) -> Sheet:
    gap = rng.choice((0, 1, 2))

    def truth(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
        merged: list[list[int]] = []
        for start, end in sorted(spans):
            if merged and start - merged[-1][1] <= gap:
                merged[-1][1] = max(end, merged[-1][1])
            else:
                merged.append([start, end])
        return [(start, end) for start, end in merged]

    def draw() -> tuple[list[tuple[int, int]]]:
        starts = [rng.randint(0, 30) for _ in range(rng.randint(2, 6))]
        return ([(start, start + rng.randint(0, 6)) for start in starts],)

    return Sheet(
        names=("merge_spans", "join_intervals", "combine_ranges"),
        parameters="spans",
        task="It merges pairs (start, end) of integers that overlap or whose gap (next start minus end) is at most "
        f"{gap}, and returns the merged pairs as tuples in ascending order. The input may be unsorted.",
        solution=(
            "def NAME(spans):\n"
            "    merged = []\n"
            "    for start, end in sorted(spans):\n"
            f"        if merged and start - merged[-1][1] <= {gap}:\n"
            "            merged[-1] = (merged[-1][0], max(merged[-1][1], end))\n"
            "        else:\n"
            "            merged.append((start, end))\n"
            "    return merged\n"
        ),
        truth=truth,
        edge_cases=(
            ([(1, 9), (2, 3)],),
            ([(5, 6), (0, 5 - gap)],),
            ([],),
            ([(0, 1), (2 + gap, 4)],),
            ([(8, 9), (0, 8)],),
        ),
        draw=draw,
        bugs=(
            Bug("inner_span", "max(merged[-1][1], end)", "end"),
            Bug("gap", f"<= {gap}", f"< {gap}"),
            Bug("unsorted", "sorted(spans)", "spans"),
        ),
    )


def _cache(rng: random.Random) -> Sheet:
    size = rng.choice((2, 3))

    def truth(keys: list[str]) -> list[str]:
        kept: list[str] = []
        gone: list[str] = []
        for key in keys:
            if key in kept:
                kept.remove(key)
            elif len(kept) == size:
                gone.append(kept.pop(0))
            kept.append(key)
        return gone

    return Sheet(
        names=("evicted", "eviction_order", "dropped_keys"),
        parameters="keys",
        task=f"It plays a cache with room for {size} keys that drops the least recently used one, asks for the given "
        "keys in order, and returns the list of dropped keys in the order in which they were dropped.",
        solution=(
            "def NAME(keys):\n"
            "    kept, gone = {}, []\n"
            "    for key in keys:\n"
            "        if key in kept:\n"
            "            del kept[key]\n"
            f"        elif len(kept) == {size}:\n"
            "            oldest = next(iter(kept))\n"
            "            del kept[oldest]\n"
            "            gone.append(oldest)\n"
            "        kept[key] = True\n"
            "    return gone\n"
        ),
        truth=truth,
        edge_cases=((list("abcabc"),), (list("abacad"),), ([],), (list("aaaa"),), (list("abcbdae"),)),
        draw=lambda: ([rng.choice("pqrst") for _ in range(10)],),
        bugs=(
            Bug("oldest_not_least_recent", "            del kept[key]\n", "            continue\n"),
            Bug("capacity", f"== {size}", f"== {size + 1}"),
            Bug("newest_dropped", "next(iter(kept))", "list(kept)[-1]"),
        ),
    )


def _brackets(rng: random.Random) -> Sheet:
    depth = rng.choice((2, 3, 4))
    pairs = {")": "(", "]": "["}

    def truth(text: str) -> bool:
        stack: list[str] = []
        for sign in text:
            if sign in "([":
                stack.append(sign)
                if len(stack) > depth:
                    return False
            elif sign in pairs and (not stack or stack.pop() != pairs[sign]):
                return False
        return not stack

    return Sheet(
        names=("well_nested", "brackets_ok", "is_balanced"),
        parameters="text",
        task="It tells (True or False) whether the round and square brackets of the text are closed in the right order "
        f"and never nested deeper than {depth}. Other characters are ignored.",
        solution=(
            "def NAME(text):\n"
            '    stack, partner = [], {")": "(", "]": "["}\n'
            "    for sign in text:\n"
            "        if sign in partner.values():\n"
            "            stack.append(sign)\n"
            f"            if len(stack) > {depth}:\n"
            "                return False\n"
            "        elif sign in partner:\n"
            "            if not stack or stack.pop() != partner[sign]:\n"
            "                return False\n"
            "    return not stack\n"
        ),
        truth=truth,
        edge_cases=(
            ("(" * depth + ")" * depth,),
            ("(" * (depth + 1) + ")" * (depth + 1),),
            ("([)]",),
            ("(",),
            ("][",),
            ("a(b)[c]",),
            ("",),
        ),
        draw=lambda: ("".join(rng.choice("()[]x") for _ in range(6)),),
        bugs=(
            Bug("depth", f"> {depth}", f">= {depth}"),
            Bug("left_open", "return not stack", "return True"),
            Bug("order", "stack.pop() != partner[sign]", "not stack.pop()"),
        ),
    )


def _roman(rng: random.Random) -> Sheet:
    top = rng.choice((1_000, 2_000, 3_000))

    def truth(number: int) -> str:
        text = ""
        for value, sign in _ROMAN.items():
            text += sign * (number // value)
            number %= value
        return text

    return Sheet(
        names=("to_roman", "roman", "as_roman"),
        parameters="number",
        task=f"It writes a whole number from 1 to {top} as a Roman numeral in capitals (with subtraction: 4 is IV).",
        solution=(
            "def NAME(number):\n"
            "    values = (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1)\n"
            '    signs = ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I")\n'
            '    text = ""\n'
            "    for value, sign in zip(values, signs):\n"
            "        while number >= value:\n"
            "            text += sign\n"
            "            number -= value\n"
            "    return text\n"
        ),
        truth=truth,
        edge_cases=((1,), (4,), (9,), (49,), (90,), (944,), (top,), (top - 1,)),
        draw=lambda: (rng.randint(1, top),),
        bugs=(
            Bug("boundary", "number >= value", "number > value"),
            Bug("forty", '"XL"', '"XXXX"'),
            Bug("once_each", "while number", "if number"),
        ),
    )


def _quarter_turn(rng: random.Random) -> Sheet:
    turn = rng.choice(("clockwise", "counter-clockwise"))

    def truth(rows: list[list[int]]) -> list[list[int]]:
        height, width = len(rows), len(rows[0])
        if turn == "clockwise":
            return [[rows[height - 1 - y][x] for y in range(height)] for x in range(width)]
        return [[rows[y][width - 1 - x] for y in range(height)] for x in range(width)]

    right = "zip(*rows[::-1])" if turn == "clockwise" else "list(zip(*rows))[::-1]"
    other = "list(zip(*rows))[::-1]" if turn == "clockwise" else "zip(*rows[::-1])"
    return Sheet(
        names=("turn", "rotate", "quarter_turn"),
        parameters="rows",
        task=f"It turns a rectangular table (a list of equally long, non-empty lists) by 90 degrees {turn} and returns "
        "it as a list of lists.",
        solution=f"def NAME(rows):\n    return [list(row) for row in {right}]\n",
        truth=truth,
        edge_cases=(([[1, 2], [3, 4]],), ([[1, 2, 3]],), ([[1], [2], [3]],), ([[1, 2, 3], [4, 5, 6]],)),
        draw=lambda: ([[rng.randint(0, 9) for _ in range(3)] for _ in range(rng.randint(2, 4))],),
        bugs=(
            Bug("wrong_way", right, other),
            Bug("transposed", right, "zip(*rows)"),
            Bug("half_turn", right, "[row[::-1] for row in rows[::-1]]"),
        ),
    )


def _streak(rng: random.Random) -> Sheet:
    start = dt.date(rng.randint(2019, 2025), 12, rng.randint(24, 31))

    def day(offset: int) -> str:
        return (start + dt.timedelta(days=offset)).isoformat()

    def truth(days: list[str]) -> int:
        numbers = {dt.date.fromisoformat(text).toordinal() for text in days}
        best = 0
        for number in numbers:
            length = 0
            while number + length in numbers:
                length += 1
            best = max(best, length)
        return best

    return Sheet(
        names=("longest_streak", "best_run_of_days", "days_in_a_row"),
        parameters="days",
        task="It gets dates as ISO text, unsorted and perhaps with duplicates, and returns the length of the longest "
        "run of consecutive calendar days (0 for an empty list).",
        solution=(
            "def NAME(days):\n"
            "    import datetime\n\n"
            "    best, length, last = 0, 0, None\n"
            "    for day in sorted({datetime.date.fromisoformat(text) for text in days}):\n"
            "        follows = last is not None and (day - last).days == 1\n"
            "        length = length + 1 if follows else 1\n"
            "        best, last = max(best, length), day\n"
            "    return best\n"
        ),
        truth=truth,
        edge_cases=(
            ([],),
            ([day(3), day(3), day(4), day(2)],),
            ([day(9), day(8), day(10), day(1)],),
            ([day(0), day(2), day(4)],),
            ([day(1), day(2), day(3), day(7), day(8)],),
        ),
        draw=lambda: ([day(rng.randint(0, 12)) for _ in range(8)],),
        bugs=(
            Bug("duplicates", "sorted({datetime.date.fromisoformat(text) for text in days})",
                "sorted(datetime.date.fromisoformat(text) for text in days)"),
            Bug("gaps_allowed", ".days == 1", ".days <= 2"),
            Bug("last_run", "best, last = max(best, length), day", "best, last = length, day"),
        ),
    )  # fmt: skip


def _flatten(rng: random.Random) -> Sheet:
    joint = rng.choice((".", "/", "_"))

    def truth(tree: dict[str, object], above: str = "") -> dict[str, object]:
        flat: dict[str, object] = {}
        for key, value in tree.items():
            path = f"{above}{joint}{key}" if above else key
            if isinstance(value, dict) and value:
                flat |= truth(value, path)
            else:
                flat[path] = value
        return flat

    def draw() -> tuple[dict[str, object]]:
        inner: dict[str, object] = {
            rng.choice("xyz"): rng.randint(0, 9),
            "deep": {rng.choice("uvw"): rng.randint(0, 9)},
        }
        return ({rng.choice("abc"): rng.randint(0, 9), "k": inner},)

    return Sheet(
        names=("flatten", "flat_keys", "to_paths"),
        parameters="tree",
        task=f"It flattens nested dicts with string keys into one dict whose keys are paths joined by `{joint}`. An "
        "empty dict inside stays as a value, lists are values and not opened.",
        solution=(
            'def NAME(tree, above=""):\n'
            "    flat = {}\n"
            "    for key, value in tree.items():\n"
            f"        path = above + {joint!r} + key if above else key\n"
            "        if isinstance(value, dict) and value:\n"
            "            flat.update(NAME(value, path))\n"
            "        else:\n"
            "            flat[path] = value\n"
            "    return flat\n"
        ),
        truth=truth,
        edge_cases=(({"a": {"b": {"c": 1}}, "d": 2},), ({},), ({"a": {}},), ({"a": {"b": {}}, "l": [{"x": 1}]},)),
        draw=draw,
        bugs=(
            Bug("empty_dicts_vanish", "isinstance(value, dict) and value", "isinstance(value, dict)"),
            Bug("path_lost", "NAME(value, path)", "NAME(value, key)"),
            Bug("leading_joint", " if above else key", ""),
        ),
    )


HARD: tuple[Exercise, ...] = (_intervals, _cache, _brackets, _roman, _quarter_turn, _streak, _flatten)
