"""Word problems whose answer is one number: running quantities (forwards and backwards), purchases, journeys."""

from typing import NamedTuple

from baton.simulate.workload import word_problems as words
from baton.simulate.workload.draft import EASY_BELOW, Brief, Draft, slips
from baton.types.verdict import Answer, Numeric

CENT = 0.005
BACKWARDS_FROM = 0.6
"""From this difficulty on, some problems give the end and ask for the start."""


class Step(NamedTuple):
    kind: str
    amount: int


def make(brief: Brief) -> Draft:
    maker = brief.rng.choice((_running, _running, _purchase, _journey))
    return maker(brief)


def _told(brief: Brief, *sentences: str) -> str:
    """The problem as text; the easier it is, the more often with a preface, so that length alone tells little."""
    prefaced = brief.rng.random() > brief.difficulty
    preface = brief.rng.sample(words.PREFACES[brief.language], 2 if brief.difficulty < EASY_BELOW else 1)
    return " ".join((*(preface if prefaced else ()), *sentences, words.INSTRUCTION[brief.language]))


# --- a quantity that changes step by step ----------------------------------------------------------


def _running(brief: Brief) -> Draft:
    rng = brief.rng
    theme = rng.choice(words.THEMES[brief.language])
    start = rng.randrange(60, 400)
    steps = _steps(brief, start)
    end = _follow(start, steps)
    backwards = brief.difficulty > BACKWARDS_FROM and rng.random() < 0.5
    told = [_tell(theme, step, rng.randrange(len(theme.gain))) for step in steps]
    for aside in brief.idle(theme.aside):
        told.insert(rng.randrange(len(told) + 1), aside.format(k=rng.randrange(3, 48)))
    if backwards:
        opening, question = theme.opening_unknown, theme.ask_start.format(k=end)
    else:
        opening, question = theme.opening.format(k=start), theme.ask_end
    prompt = _told(brief, opening, *told, question)
    gold = start if backwards else end
    right = _solve_back(end, steps) if backwards else _solve(start, steps)
    mutated = ((kind, changed) for kind, changed in _mutations(steps))
    wrong = [(kind, _solve_back(end, done) if backwards else _solve(start, done)) for kind, done in mutated]
    working = right.rsplit(":", 1)[0]
    wrong += [("arithmetic", f"{working}: {gold + rng.choice((1, 2, 10))}"), ("digit_lost", f"{working}: {gold // 10}")]
    return Draft(prompt, Numeric(gold=gold), Answer(right), slips(right, *_other_numbers(gold, wrong)))


def _steps(brief: Brief, start: int) -> list[Step]:
    rng, value, steps = brief.rng, start, list[Step]()
    count = brief.steps(2, 4)
    while len(steps) < count:
        kind = rng.choice(("gain", "loss", "percent", "times") if rng.random() < brief.difficulty else ("gain", "loss"))
        if kind == "percent":
            shares = [share for share in (10, 20, 25, 50) if value * share % 100 == 0]
            if not shares:  # an even twenty makes every share come out whole
                steps.append(Step("gain", 20 - value % 20))
                value = _follow(start, steps)
                shares = [10, 20, 25, 50]
            step = Step("percent", rng.choice(shares))
        elif kind == "times" and value < 2_000:
            step = Step("times", rng.choice((2, 3)))
        elif kind == "loss" and value > 20:
            step = Step("loss", rng.randrange(3, value // 2 + 1))
        else:
            step = Step("gain", rng.randrange(3, 120))
        steps.append(step)
        value = _follow(start, steps)
    return steps


def _apply(value: int, step: Step) -> int:
    if step.kind == "gain":
        return value + step.amount
    if step.kind == "loss":
        return value - step.amount
    if step.kind == "times":
        return value * step.amount
    return value - value * step.amount // 100


def _follow(value: int, steps: list[Step]) -> int:
    for step in steps:
        value = _apply(value, step)
    return value


def _tell(theme: words.Theme, step: Step, variant: int) -> str:
    sentence = {
        "gain": theme.gain[variant % len(theme.gain)],
        "loss": theme.loss[variant % len(theme.loss)],
        "percent": theme.percent,
        "times": theme.times,
    }[step.kind]
    return sentence.format(k=step.amount)


def _solve(start: int, steps: list[Step]) -> str:
    lines, value = [], start
    for step in steps:
        after = _apply(value, step)
        sign = {"gain": "+", "loss": "-", "times": "*"}.get(step.kind)
        lines.append(f"{value} {sign} {step.amount} = {after}" if sign else f"{value} - {step.amount}% = {after}")
        value = after
    return "\n".join((*lines, f"Answer: {value}"))


def _solve_back(end: int, steps: list[Step]) -> str:
    """From the end to the start; where a wrong path does not come out whole, it is rounded as the careless do."""
    lines, value = [], end
    for step in reversed(steps):
        if step.kind in ("gain", "loss"):
            before = value - step.amount if step.kind == "gain" else value + step.amount
        elif step.kind == "times":
            before = round(value / step.amount)
        else:
            before = round(value * 100 / (100 - step.amount))
        lines.append(f"before: {before} (then {value})")
        value = before
    return "\n".join((*lines, f"Answer: {value}"))


def _mutations(steps: list[Step]) -> list[tuple[str, list[Step]]]:
    found: list[tuple[str, list[Step]]] = []
    for place, step in enumerate(steps):
        changed = {
            "percent": ("percent_as_number", Step("loss", step.amount)),
            "loss": ("sign", Step("gain", step.amount)),
            "gain": ("sign", Step("loss", step.amount)),
            "times": ("added_once", Step("gain", step.amount)),
        }[step.kind]
        found.append((changed[0], [*steps[:place], changed[1], *steps[place + 1 :]]))
    found.sort(key=lambda pair: pair[0] == "sign")  # the traps of the text first, the plain slips after
    found.append(("last_step_missing", steps[:-1]))
    return found


def _other_numbers(gold: int, wrong: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """A slip may lead to the right number by luck, or below zero where nobody would believe it: both are left out."""
    numbers = ((kind, text, int(text.rsplit(" ", 1)[1])) for kind, text in wrong)
    return [(kind, text) for kind, text, number in numbers if number >= 0 and number != gold]


# --- a purchase ------------------------------------------------------------------------------------


def _purchase(brief: Brief) -> Draft:
    rng, shop = brief.rng, words.SHOPS[brief.language]
    lines = [(rng.randrange(2, 9), rng.randrange(150, 4_900, 5)) for _ in range(brief.steps(1, 4))]
    discount = rng.choice((5, 10, 15, 20)) if brief.difficulty > 0.3 else 0
    tax = rng.choice((7, 10, 19, 21)) if brief.difficulty > 0.65 else 0
    shipping = rng.randrange(290, 1_290, 10) if rng.random() < 0.6 else 0
    goods = rng.sample(shop.goods, len(lines))
    told = [
        shop.line.format(n=number, what=what, price=_money(price))
        for (number, price), what in zip(lines, goods, strict=True)
    ]
    told += [shop.discount.format(k=discount)] if discount else []
    told += [shop.tax.format(k=tax)] if tax else []
    told += [shop.shipping.format(k=_money(shipping))] if shipping else []
    told += brief.idle(shop.aside)
    subtotal = sum(number * price for number, price in lines)

    def total(*, off: int, added: int, sent: int) -> float:
        return (subtotal * (100 - off) * (100 + added) / 10_000 + sent) / 100

    gold = total(off=discount, added=tax, sent=shipping)
    prompt = _told(brief, *told, shop.question)
    candidates = (
        ("discount_forgotten", total(off=0, added=tax, sent=shipping)),
        ("tax_forgotten", total(off=discount, added=0, sent=shipping)),
        ("shipping_forgotten", total(off=discount, added=tax, sent=0)),
        ("one_line_forgotten", gold - lines[0][0] * lines[0][1] / 100),
        ("counted_once", gold - (lines[-1][0] - 1) * lines[-1][1] / 100),
        ("arithmetic", gold + rng.choice((1, 2, 10))),
        ("digit_lost", gold / 10),
    )
    right = _priced(subtotal, gold)
    wrong = (
        (kind, _priced(subtotal, value)) for kind, value in candidates if value > 0 and abs(value - gold) > 10 * CENT
    )
    return Draft(prompt, Numeric(gold=round(gold, 2), abs_tol=2 * CENT), Answer(right), slips(right, *wrong))


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _priced(subtotal: int, total: float) -> str:
    return f"The goods cost {_money(subtotal)} before anything else.\nAnswer: {total:.2f}"


# --- a journey -------------------------------------------------------------------------------------


def _journey(brief: Brief) -> Draft:
    rng, road = brief.rng, words.ROADS[brief.language]
    legs = [(rng.choice((20, 30, 40, 45, 60, 80, 90)), rng.choice((30, 60, 90, 120))) for _ in range(brief.steps(1, 4))]
    rest = rng.randrange(5, 50, 5) if brief.difficulty > 0.25 or rng.random() < 0.5 else 0
    told = [road.opening]
    told += [road.leg.format(minutes=minutes, speed=speed) for minutes, speed in legs]
    told += [road.rest.format(k=rest)] * bool(rest)
    told += [aside.format(k=rng.randrange(4, 40)) for aside in brief.idle(road.aside)]
    distance = sum(minutes * speed / 60 for minutes, speed in legs)
    driving = sum(minutes for minutes, _ in legs)
    asks_mean = brief.difficulty > 0.7
    if asks_mean:
        gold = distance / ((driving + rest) / 60)
        question = road.ask_mean
        candidates = (
            ("rest_forgotten", distance / (driving / 60)),
            ("mean_of_speeds", sum(speed for _, speed in legs) / len(legs)),
            ("one_leg_forgotten", (distance - legs[0][0] * legs[0][1] / 60) / ((driving + rest) / 60)),
            ("arithmetic", gold + rng.choice((2, 5))),
            ("digit_lost", gold / 10),
        )
    else:
        gold = distance
        question = road.ask_distance
        candidates = (
            ("rest_as_driving", distance + rest * legs[-1][1] / 60),
            ("one_leg_forgotten", distance - legs[-1][0] * legs[-1][1] / 60),
            ("one_speed_for_all", driving * legs[0][1] / 60),
            ("arithmetic", gold + rng.choice((5, 10))),
            ("digit_lost", gold / 10),
        )
    prompt = _told(brief, *told, question)
    right = _travelled(distance, gold)
    wrong = ((kind, _travelled(distance, value)) for kind, value in candidates if value > 0 and abs(value - gold) > 0.5)
    return Draft(prompt, Numeric(gold=round(gold, 4), abs_tol=0.06), Answer(right), slips(right, *wrong))


def _travelled(distance: float, answer: float) -> str:
    return f"The legs add up to {distance:.1f} kilometres.\nAnswer: {answer:.1f}"
