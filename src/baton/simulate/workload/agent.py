"""One step of a tool loop: the right call has to be made, or its result is there and the answer has to be given."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from baton.simulate.conversation import ToolSpec, ToolUse, Turn
from baton.simulate.draw import label
from baton.simulate.workload import tools
from baton.simulate.workload.draft import Brief, Draft, Wrong, slips
from baton.simulate.workload.lexicon import CITIES, PRODUCTS, WEEKDAYS, code_name, person
from baton.types.verdict import Answer, Numeric, ToolCall, ToolCalled


class Scene(NamedTuple):
    """One situation. `result` is what the tool gives back, `number` the member of it that the user asked for."""

    request: str
    tool: str
    arguments: dict[str, Any]
    wrong_arguments: tuple[tuple[str, dict[str, Any]], ...]
    wrong_tool: str
    result: dict[str, Any]
    number: str
    closing: str
    """A sentence that ends with the number, in `{number}`."""


def make(brief: Brief) -> Draft:
    rng = brief.rng
    scene = rng.choice(_SCENES)(brief)
    offered = [tools.TOOLS[scene.tool], tools.TOOLS[scene.wrong_tool]]
    rest = [tool for name, tool in tools.TOOLS.items() if name not in (scene.tool, scene.wrong_tool)]
    offered += rng.sample(rest, rng.randint(0, 3))
    rng.shuffle(offered)
    prompt = scene.request
    if rng.random() < 0.6 - 0.4 * brief.difficulty:
        prompt = f"{rng.choice(_ASIDES)} {prompt}"
    closing = scene.closing.format(number=scene.result[scene.number])
    made = _made(brief, scene, prompt, tuple(offered), closing)
    return _finished(scene, made) if rng.random() < 0.4 else made


def _made(brief: Brief, scene: Scene, prompt: str, offered: tuple[ToolSpec, ...], closing: str) -> Draft:
    """The step in which the call is made."""
    wrong = [Wrong(kind, _call(scene.tool, changed)) for kind, changed in scene.wrong_arguments]
    other = tools.TOOLS[scene.wrong_tool].parameters["properties"]
    shared = {name: value for name, value in scene.arguments.items() if name in other}
    wrong.append(Wrong("other_tool", _call(scene.wrong_tool, shared)))
    wrong.append(Wrong("no_call", Answer(closing)))
    return Draft(
        prompt=prompt,
        check=ToolCalled(scene.tool, scene.arguments),
        right=_call(scene.tool, scene.arguments),
        wrong=tuple(wrong),
        system=brief.rng.choice(_SYSTEMS),
        tools=offered,
        closing=closing,
    )


def _finished(scene: Scene, made: Draft) -> Draft:
    """The step after it: the result is part of the request, the right answer is its number in words."""
    use = ToolUse(f"call_{label(24, made.prompt)}", scene.tool, json.dumps(scene.arguments, ensure_ascii=False))
    result = Turn("tool", json.dumps(scene.result, ensure_ascii=False), result_of=use.id)
    gold = scene.result[scene.number]
    others = [value for value in scene.result.values() if isinstance(value, int | float) and value != gold]
    numbers = [("other_member", value) for value in others] + [("digit", gold + 1), ("digit", gold + 10)]
    return Draft(
        prompt=made.prompt,
        check=Numeric(gold=gold, abs_tol=1e-6),
        right=Answer(made.closing),
        wrong=slips(made.closing, *((kind, scene.closing.format(number=value)) for kind, value in numbers)),
        system=made.system,
        tools=made.tools,
        history=(Turn("assistant", uses=(use,)), result),
    )


def _call(name: str, arguments: dict[str, Any]) -> Answer:
    return Answer("", (ToolCall(name, json.dumps(arguments, ensure_ascii=False)),))


# --- scenes: the harder, the more has to be worked out before the call -----------------------------


def _weather(brief: Brief) -> Scene:
    rng = brief.rng
    city, other = rng.sample(CITIES, 2)
    today = rng.randrange(7)
    ahead = rng.randrange(1, 6)
    week = WEEKDAYS["en"]
    when = f"in {ahead} days" if brief.difficulty < 0.5 else f"on {week[(today + ahead) % 7]}; today is {week[today]}"
    trip = f"I fly from {other} to {city}" if brief.difficulty > 0.3 else f"I am going to {city}"
    arguments = {"city": city, "days_ahead": ahead}
    high = rng.randrange(4, 31)
    return Scene(
        f"{trip}. How warm will it get there {when}?",
        "weather_forecast",
        arguments,
        (("other_city", arguments | {"city": other}), ("other_day", arguments | {"days_ahead": ahead + 1})),
        "weather_history",
        {"city": city, "low_celsius": high - rng.randrange(3, 9), "high_celsius": high, "rain_percent": high + 35},
        "high_celsius",
        "The highest temperature in degrees Celsius will be {number}",
    )


def _stock(brief: Brief) -> Scene:
    rng = brief.rng
    product, other = rng.sample(PRODUCTS, 2)
    article, other_article = code_name(rng, "P", 4), code_name(rng, "P", 4)
    city = rng.choice(CITIES)
    lead = f"The {product} is article {article}." if brief.difficulty < 0.5 else (
        f"Article {other_article} is the {other}, and {article} is the {product}; people mix them up all the time."
    )  # fmt: skip
    arguments = {"article": article, "warehouse": city}
    free = rng.randrange(3, 200)
    return Scene(
        f"{lead} How many pieces of the {product} can we still sell from the warehouse in {city}?",
        "stock_level",
        arguments,
        (
            ("other_article", arguments | {"article": other_article}),
            ("argument_missing", {"article": article}),
        ),
        "stock_transfer",
        {"article": article, "on_shelf": free + rng.randrange(5, 40), "free_to_sell": free},
        "free_to_sell",
        "The number of pieces that are free to sell is {number}",
    )


def _exchange(brief: Brief) -> Scene:
    rng = brief.rng
    source, target, third = rng.sample(("EUR", "USD", "GBP", "CHF", "SEK", "PLN"), 3)
    pieces, price = rng.randrange(2, 12), rng.randrange(11, 95)
    amount = pieces * price
    told = f"{amount} {source}" if brief.difficulty < 0.5 else f"{pieces} tickets at {price} {source} each"
    arguments = {"amount": amount, "source": source, "target": target}
    got = round(amount * rng.randrange(60, 160) / 100, 2)
    return Scene(
        f"How much is {told} in {target}? We do not need it in {third}.",
        "convert_currency",
        arguments,
        (
            ("turned_round", arguments | {"source": target, "target": source}),
            ("other_amount", arguments | {"amount": price}),
            ("other_currency", arguments | {"target": third}),
        ),
        "exchange_rate",
        {"amount": amount, "fee": round(amount / 50 + 0.5, 2), "converted": got},
        "converted",
        f"The converted amount in {target} is {{number}}",
    )


def _calendar(brief: Brief) -> Scene:
    rng = brief.rng
    guest, hour, minutes = person(rng), rng.randrange(8, 17), rng.choice((30, 45, 60, 90))
    day = f"2026-0{rng.randrange(1, 10)}-{rng.randrange(10, 28)}"
    start = f"{hour:02d}:00"
    until = f"{hour + minutes // 60:02d}:{minutes % 60:02d}"
    span = f"for {minutes} minutes from {start}" if brief.difficulty < 0.5 else f"from {start} to {until}"
    arguments = {"date": day, "start": start, "minutes": minutes, "guest": guest}
    return Scene(
        f"Put a talk with {guest} into my calendar on {day} {span}, and tell me how many entries I have that day.",
        "create_event",
        arguments,
        (
            ("other_length", arguments | {"minutes": minutes + 15}),
            ("other_start", arguments | {"start": f"{hour + 1:02d}:00"}),
            ("argument_missing", {"date": day, "start": start, "minutes": minutes}),
        ),
        "find_free_slot",
        {"created": True, "entries_that_day": rng.randrange(1, 6), "entries_that_week": rng.randrange(7, 30)},
        "entries_that_day",
        "It is in your calendar; the number of entries on that day is now {number}",
    )


def _refund(brief: Brief) -> Scene:
    rng = brief.rng
    order, old_order = code_name(rng, "A", 6), code_name(rng, "A", 6)
    cents = rng.randrange(500, 20_000, 25)
    lead = "" if brief.difficulty < 0.5 else f"Order {old_order} was settled last week, leave it alone. "
    amount = cents / 100
    arguments = {"order": order, "amount_eur": amount}
    return Scene(
        f"{lead}Pay back {amount:.2f} euros for order {order} and tell me what is left of it.",
        "refund_order",
        arguments,
        (
            ("other_order", arguments | {"order": old_order}),
            ("cents", arguments | {"amount_eur": cents}),
            ("argument_missing", {"order": order}),
        ),
        "cancel_order",
        {"refunded_eur": amount, "left_eur": round(amount * rng.randrange(1, 4) + 1.5, 2)},
        "left_eur",
        "Done; what is left of the order in euros is {number}",
    )


_SCENES: tuple[Callable[[Brief], Scene], ...] = (_weather, _stock, _exchange, _calendar, _refund)
_SYSTEMS = (
    "You act through tools. Call a tool when it is needed, and answer briefly once you have its result.",
    "You are an assistant with tools.",
)
_ASIDES = (
    "Hello! I hope you are well. I have only a minute between two meetings, so a short answer is all I need.",
    "I asked a colleague and she sent me to you, because you are said to be good at this sort of thing.",
    "Quick one for you.",
)
