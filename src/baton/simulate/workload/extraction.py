"""Fields out of generated invoices and e-mails, as JSON. What makes one hard: rival dates, numbers and quoted text."""

import datetime as dt
import json
from typing import Any

from baton.simulate.workload import papers
from baton.simulate.workload.draft import Brief, Draft, Language, Wrong
from baton.simulate.workload.lexicon import CITIES, MONTHS, PRODUCTS, code_name, company, person
from baton.types.verdict import Answer, Fields

FIRST_DAY = dt.date(2025, 1, 6)
DAYS = 700

Record = dict[str, Any]


def make(brief: Brief) -> Draft:
    return brief.rng.choice((_invoice, _invoice, _meeting, _order))(brief)


def _draft(brief: Brief, paper: str, record: Record, wrong: list[tuple[str, Record]]) -> Draft:
    """`wrong` holds (kind, fields that come out differently); None drops the field."""
    task = papers.TASKS[brief.language].format(fields=", ".join(record))
    answers: list[Wrong] = []
    for kind, changes in wrong:
        changed = {name: value for name, value in (record | changes).items() if value is not None}
        if changed != record and all(answer.answer.text != _written(changed) for answer in answers):
            answers.append(Wrong(kind, Answer(_written(changed))))
    return Draft(
        prompt=f"{task}\n\n---\n{paper}\n---",
        check=Fields(record),
        right=Answer(_written(record)),
        wrong=tuple(answers),
        system=brief.rng.choice(papers.SYSTEMS),
        response_schema=_schema(record) if brief.rng.random() < 0.7 else None,
    )


def _written(record: Record) -> str:
    return json.dumps(record, ensure_ascii=False)


def _schema(example: Any) -> dict[str, Any]:
    """The JSON Schema of the record's own shape, with every field required."""
    if isinstance(example, dict):
        properties = {name: _schema(value) for name, value in example.items()}
        return {"type": "object", "properties": properties, "required": [*example], "additionalProperties": False}
    if isinstance(example, list):
        return {"type": "array", "items": _schema(example[0])}
    if isinstance(example, int):
        return {"type": "integer"}
    return {"type": "number"} if isinstance(example, float) else {"type": "string"}


def _day(brief: Brief) -> dt.date:
    return FIRST_DAY + dt.timedelta(days=brief.rng.randrange(DAYS))


def _spelled(day: dt.date, language: Language, style: int) -> str:
    """Only ways of writing a date that leave no doubt about day and month in that language."""
    month = MONTHS[language][day.month - 1]
    if language == "en":
        return (day.isoformat(), f"{day.day} {month} {day.year}", f"{month} {day.day}, {day.year}")[style % 3]
    if language == "de":
        return (f"{day:%d.%m.%Y}", f"{day.day}. {month} {day.year}")[style % 2]
    if language == "fr":
        return (f"{day:%d/%m/%Y}", f"{day.day} {month} {day.year}")[style % 2]
    return (f"{day:%d/%m/%Y}", f"{day.day} de {month} de {day.year}")[style % 2]


def _swapped(day: dt.date) -> str:
    """Day and month the wrong way round where that is a date at all, else the next day."""
    if day.day <= 12 and day.day != day.month:
        return f"{day.year}-{day.day:02d}-{day.month:02d}"
    return (day + dt.timedelta(days=1)).isoformat()


# --- invoices --------------------------------------------------------------------------------------


def _invoice(brief: Brief) -> Draft:
    rng, words = brief.rng, papers.INVOICES[brief.language]
    issued = _day(brief)
    due = issued + dt.timedelta(days=rng.choice((10, 14, 30)))
    goods = rng.sample(PRODUCTS, brief.steps(1, 5))
    lines = [(what, rng.randrange(1, 13), rng.randrange(350, 19_900, 5)) for what in goods]
    net = sum(number * cents for _, number, cents in lines)
    rate = rng.choice((7, 10, 19, 20))
    tax = round(net * rate / 100)
    number, customer_number = code_name(rng, "INV"), code_name(rng, "C", 6)
    vendor, customer = company(rng, brief.language), person(rng)
    style = rng.randrange(6)
    head = [
        f"{words.vendor}: {vendor}",
        f"{words.customer}: {customer} ({customer_number})",
        f"{words.number}: {number}",
        f"{words.date}: {_spelled(issued, brief.language, style)}",
        f"{words.due}: {_spelled(due, brief.language, style)}",
    ]
    if brief.difficulty > 0.5:
        head.append(words.replaces.format(k=code_name(rng, "INV")))
    rng.shuffle(head)
    body = [f"{count} x {what}, {words.each} {_money(cents)}" for what, count, cents in lines]
    foot = [
        f"{words.net}: {_money(net)}",
        f"{words.tax} {rate} %: {_money(tax)}",
        f"{words.total}: {_money(net + tax)}",
    ]
    if brief.difficulty > 0.7:
        foot.append(words.paid.format(k=_money(round((net + tax) / 4))))
    foot += brief.idle(words.notes)
    record: Record = {"invoice_number": number, "vendor": vendor, "invoice_date": issued.isoformat()}
    record["total"] = (net + tax) / 100
    if brief.difficulty > 0.35:
        record["items"] = [{"description": what, "quantity": count} for what, count, _ in lines]
    wrong: list[tuple[str, Record]] = [
        ("due_date_for_date", {"invoice_date": due.isoformat()}),
        ("net_for_total", {"total": net / 100}),
        ("date_misread", {"invoice_date": _swapped(issued)}),
        ("customer_for_vendor", {"vendor": customer}),
        ("other_number", {"invoice_number": customer_number}),
        ("field_missing", {"vendor": None}),
    ]
    if "items" in record:
        wrong.insert(0, ("quantity", {"items": _one_off(record["items"], rng.randrange(len(lines)))}))
        if len(lines) > 1:
            wrong.append(("line_missing", {"items": record["items"][:-1]}))
    return _draft(brief, "\n".join((*head, "", *body, "", *foot)), record, wrong)


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d} EUR"


def _one_off(items: list[Record], place: int) -> list[Record]:
    changed = [dict(entry) for entry in items]
    changed[place]["quantity"] += 1
    return changed


# --- e-mails ---------------------------------------------------------------------------------------


def _meeting(brief: Brief) -> Draft:
    rng, words = brief.rng, papers.MEETINGS[brief.language]
    day, style = _day(brief), rng.randrange(6)
    other_day = day + dt.timedelta(days=rng.choice((-7, -1, 1, 7)))
    hour, minute, other_hour = rng.randrange(8, 13), rng.choice((0, 15, 30, 45)), rng.randrange(13, 18)
    organiser, city, other_city = person(rng), *rng.sample(CITIES, 2)
    people = rng.randrange(4, 30)
    moved, dinner = brief.difficulty > 0.45, brief.difficulty > 0.75
    spelled, other_spelled = _spelled(day, brief.language, style), _spelled(other_day, brief.language, style)
    sentences = [
        words.plan.format(day=other_spelled if moved else spelled, city=other_city if moved else city),
        words.time.format(time=f"{hour:02d}:{minute:02d}"),
        words.people.format(k=people),
    ]
    if moved:
        sentences.append(words.moved.format(day=spelled, city=city))
    if dinner:
        sentences.append(words.dinner.format(time=f"{other_hour:02d}:30", city=other_city))
    sentences += brief.idle(words.chat)
    paper = "\n".join((words.greeting, *sentences, f"{words.regards}\n{organiser}"))
    record: Record = {
        "organiser": organiser,
        "date": day.isoformat(),
        "time": f"{hour:02d}:{minute:02d}",
        "city": city,
        "participants": people,
    }
    wrong: list[tuple[str, Record]] = []
    if moved:
        wrong += [("old_date", {"date": other_day.isoformat()}), ("old_city", {"city": other_city})]
    if dinner:
        wrong.append(("dinner_time", {"time": f"{other_hour:02d}:30"}))
    wrong += [
        ("date_misread", {"date": _swapped(day)}),
        ("participants", {"participants": people + 1}),
        ("field_missing", {"organiser": None}),
    ]
    return _draft(brief, paper, record, wrong)


def _order(brief: Brief) -> Draft:
    rng, words = brief.rng, papers.ORDERS[brief.language]
    order, old_order = code_name(rng, "A", 6), code_name(rng, "A", 6)
    product, other = rng.sample(PRODUCTS, 2)
    count, old_count = rng.randrange(2, 40), rng.randrange(41, 90)
    day, style = _day(brief), rng.randrange(6)
    city, sender = rng.choice(CITIES), person(rng)
    changed, earlier = brief.difficulty > 0.4, brief.difficulty > 0.65
    sentences = [
        words.order.format(order=order, n=old_count if changed else count, product=product),
        words.deliver.format(day=_spelled(day, brief.language, style), city=city),
    ]
    if changed:
        sentences.append(words.change.format(n=count))
    if earlier:
        sentences.insert(0, words.earlier.format(order=old_order, product=other))
    sentences += brief.idle(words.chat)
    paper = "\n".join((words.greeting, *sentences, f"{words.regards}\n{sender}"))
    record: Record = {
        "customer": sender,
        "order": order,
        "product": product,
        "quantity": count,
        "delivery": {"date": day.isoformat(), "city": city},
    }
    wrong: list[tuple[str, Record]] = []
    if changed:
        wrong.append(("old_quantity", {"quantity": old_count}))
    if earlier:
        wrong += [("earlier_order", {"order": old_order}), ("earlier_product", {"product": other})]
    wrong += [
        ("date_misread", {"delivery": record["delivery"] | {"date": _swapped(day)}}),
        ("quantity", {"quantity": count + 1}),
        ("field_missing", {"customer": None}),
    ]
    return _draft(brief, paper, record, wrong)
