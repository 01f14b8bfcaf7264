"""Records held against stated rules: which break one, or which rule is broken first. Hard ones break it subtly."""

import json
from collections.abc import Callable
from typing import NamedTuple

from baton.simulate.workload.draft import Brief, Draft, slips
from baton.simulate.workload.lexicon import CITIES, FIRST_NAMES, LAST_NAMES, code_name
from baton.types.verdict import Answer, Exact

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # without I and O, which look like digits
SUBTLE_FROM = 0.5


class Family(NamedTuple):
    """A kind of record: its rule in words, how to write a sound one, and how to break one (bluntly or subtly)."""

    rule: str
    sound: Callable[[Brief], str]
    blunt: Callable[[Brief, str], str]
    subtle: Callable[[Brief, str], str]


def make(brief: Brief) -> Draft:
    return brief.rng.choice((_lines, _lines, _settings))(brief)


# --- lines that follow one rule --------------------------------------------------------------------


def _lines(brief: Brief) -> Draft:
    rng = brief.rng
    family = rng.choice(_FAMILIES)
    records = [family.sound(brief) for _ in range(rng.randrange(5, 13))]
    bad = sorted(rng.sample(range(1, len(records) + 1), rng.choice((0, 1, 1, 2, 2, 3))))
    subtle = brief.difficulty > SUBTLE_FROM
    for number in bad:
        spoil = family.subtle if subtle else family.blunt
        records[number - 1] = spoil(brief, records[number - 1])
    listed = "\n".join(f"{number}: {record}" for number, record in enumerate(records, 1))
    right = _numbers(bad)
    sound = [number for number in range(1, len(records) + 1) if number not in bad]
    suspects = rng.sample(sound, 2)
    prompt = f"{family.rule}\n{_ASK_LINES}\n\n{listed}"
    wrong = slips(
        right,
        ("one_missed", _numbers(bad[:-1])),
        ("one_too_many", _numbers([*bad, suspects[0]])),
        ("other_line", _numbers([*bad[1:], suspects[1]])),
        ("none_found", "none"),
    )
    return Draft(prompt, Exact((right,)), Answer(right), wrong, system=rng.choice(_SYSTEMS))


def _numbers(lines: list[int]) -> str:
    return ", ".join(map(str, sorted(set(lines)))) or "none"


def _part_number(brief: Brief) -> str:
    rng = brief.rng
    digits = [rng.randrange(10) for _ in range(5)]
    return f"{rng.choice(LETTERS)}{rng.choice(LETTERS)}-{''.join(map(str, digits))}-{sum(digits) % 10}"


def _part_number_blunt(brief: Brief, record: str) -> str:
    return brief.rng.choice((record.lower(), record.replace("-", "", 1), record[:-3] + record[-2:]))


def _part_number_subtle(brief: Brief, record: str) -> str:
    return record[:-1] + str((int(record[-1]) + brief.rng.randrange(1, 10)) % 10)


def _iso_date(brief: Brief) -> str:
    rng = brief.rng
    return f"{rng.randrange(2019, 2027)}-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}"


def _iso_date_blunt(brief: Brief, record: str) -> str:
    year, month, day = record.split("-")
    return brief.rng.choice(
        (f"{day}.{month}.{year}", f"{year}-13-{day}", f"{year}/{month}/{day}", f"{year[2:]}-{month}-{day}")
    )


def _iso_date_subtle(brief: Brief, record: str) -> str:
    """Days that look right and do not exist: 31 April, 29 February of a common year."""
    year = record[:4]
    common_year = year if int(year) % 4 else str(int(year) + 1)
    return brief.rng.choice((f"{year}-04-31", f"{year}-09-31", f"{year}-11-31", f"{common_year}-02-29"))


def _row(brief: Brief) -> str:
    rng = brief.rng
    price, number = rng.randrange(100, 9_900), rng.randrange(1, 30)
    total = price * number
    return f"{code_name(rng, 'P', 4)};{number};{_amount(price)};{_amount(total)}"


def _amount(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _row_blunt(brief: Brief, record: str) -> str:
    fields = record.split(";")
    return brief.rng.choice((";".join(fields[:3]), record.replace(";", ","), ";".join((*fields[:2], "n/a", fields[3]))))


def _row_subtle(brief: Brief, record: str) -> str:
    *front, total = record.split(";")
    cents = int(total.replace(".", "")) + brief.rng.choice((1, 10, 100, 1_000))
    return ";".join((*front, _amount(cents)))


def _address(brief: Brief) -> str:
    rng = brief.rng
    first, last = rng.choice(FIRST_NAMES).lower(), rng.choice(LAST_NAMES).lower()
    return f"{first}{rng.choice(('.', '_', '-'))}{last}@{rng.choice(CITIES).lower()}.example"


def _address_blunt(brief: Brief, record: str) -> str:
    return brief.rng.choice((record.replace("@", " at "), record.replace("@", "@@"), record.split("@", maxsplit=1)[0]))


def _address_subtle(brief: Brief, record: str) -> str:
    local, domain = record.split("@")
    return brief.rng.choice((f"{local}.@{domain}", f"{local}@-{domain}", f"{local[:2]}..{local[2:]}@{domain}"))


_FAMILIES = (
    Family(
        "A part number is two capital letters, a dash, five digits, a dash and a check digit; the check digit is the "
        "last digit of the sum of the five digits.",
        _part_number, _part_number_blunt, _part_number_subtle,
    ),
    Family("A date is written YYYY-MM-DD and names a day that exists in that year.",
           _iso_date, _iso_date_blunt, _iso_date_subtle),
    Family(
        "A row has four fields, separated by semicolons: article, quantity, unit price, total. Prices have two "
        "decimals, and the total is quantity times unit price.",
        _row, _row_blunt, _row_subtle,
    ),
    Family(
        "An address is LOCAL@DOMAIN. LOCAL has letters, digits and single dots, dashes or underscores, and neither "
        "begins nor ends with one of them; no label of DOMAIN begins or ends with a dash.",
        _address, _address_blunt, _address_subtle,
    ),
)  # fmt: skip
_ASK_LINES = (
    "Which lines break the rule? Answer with their numbers in ascending order, separated by commas, or with none."
)
_SYSTEMS = ("", "You check records. Answer with the result only.", "Be brief: the result and nothing else.")


# --- one settings object that follows several rules ------------------------------------------------


class Rule(NamedTuple):
    """A rule about settings, and changes that break it: one that jumps to the eye, one that does not."""

    text: str
    blunt: dict[str, object]
    subtle: dict[str, object]


_RULES = (
    Rule("`port` is a whole number from 1024 to 65535", {"port": "http"}, {"port": 1023}),
    Rule("`timeout_s` is a number greater than 0 and at most 120", {"timeout_s": -5}, {"timeout_s": 120.5}),
    Rule("`mode` is one of `fast`, `safe`, `mixed`", {"mode": 7}, {"mode": "Safe"}),
    Rule("`retries` is a whole number from 0 to 9", {"retries": 40}, {"retries": "3"}),
    Rule("`hosts` lists at least two different names", {"hosts": []}, {"hosts": ["alpha", "alpha"]}),
    Rule("`log` has a member `level`, one of `info`, `warn`, `error`", {"log": None}, {"log": {"Level": "info"}}),
    Rule("`version` is three numbers joined by dots", {"version": 2}, {"version": "1.4"}),
)


def _settings(brief: Brief) -> Draft:
    rng = brief.rng
    settings: dict[str, object] = {
        "port": rng.choice((1024, 8080, 8443, 9000, 65535)),
        "timeout_s": rng.choice((0.5, 5, 30, 120)),
        "mode": rng.choice(("fast", "safe", "mixed")),
        "retries": rng.randrange(10),
        "hosts": rng.sample(("alpha", "beta", "gamma", "delta"), rng.choice((2, 3))),
        "log": {"level": rng.choice(("info", "warn", "error"))},
        "version": f"{rng.randrange(4)}.{rng.randrange(20)}.{rng.randrange(9)}",
    }
    rules = rng.sample(_RULES, rng.randrange(4, len(_RULES) + 1))
    broken = sorted(rng.sample(range(len(rules)), rng.choice((0, 1, 1, 2))))
    for place in broken:
        settings |= rules[place].subtle if brief.difficulty > SUBTLE_FROM else rules[place].blunt
    listed = "\n".join(f"R{number}. {rule.text}." for number, rule in enumerate(rules, 1))
    names = [f"R{number}" for number in range(1, len(rules) + 1)]
    right = names[broken[0]] if broken else "OK"
    later = names[broken[1]] if len(broken) > 1 else rng.choice([name for name in names if name != right])
    prompt = (
        "Rules for a settings file:\n"
        f"{listed}\n\nWhich is the first rule in this list that the file breaks? Answer with its name, or with OK.\n\n"
        f"{json.dumps(settings, indent=rng.choice((None, 2)))}"
    )
    wrong = slips(
        right, ("not_seen", "OK"), ("another_rule", later), ("first_rule", names[0]), ("last_rule", names[-1])
    )
    return Draft(prompt, Exact((right,)), Answer(right), wrong, system=rng.choice(_SYSTEMS))
