"""Numbers and months as people write them in English, German, French and Spanish."""

import re

MONTHS = {
    name: place
    for names in (
        "january february march april may june july august september october november december",
        "jan feb mar apr may jun jul aug sep oct nov dec",
        "januar februar märz april mai juni juli august september oktober november dezember",
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    )
    for place, name in enumerate(names.split(), 1)
}
MONTHS["sept"] = 9
DAYS_OF_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

_WORDS = (
    (range(2, 13), "two three four five six seven eight nine ten eleven twelve"),
    (range(13, 21), "thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty"),
    (range(30, 100, 10), "thirty forty fifty sixty seventy eighty ninety"),
    (range(2, 13), "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf"),
    (range(2, 13), "deux trois quatre cinq six sept huit neuf dix onze douze"),
    (range(2, 11), "dos tres cuatro cinco seis siete ocho nueve diez"),
)
NUMBER_WORDS = {name: value for values, names in _WORDS for value, name in zip(values, names.split(), strict=True)}
"""Not one, which is an article in most languages, and not the Spanish eleven, which is an English word."""

_GROUPS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+")


def without_thousands(number: str) -> str:
    """A number as `float` reads it: `1,234` is a thousand, `1.234` is one, `1.234,5` and `1,234.5` are a thousand."""
    point, comma = number.rfind("."), number.rfind(",")
    if point >= 0 and comma >= 0:
        decimal, thousands = (".", ",") if point > comma else (",", ".")
        return number.replace(thousands, "").replace(decimal, ".")
    if comma >= 0:
        return number.replace(",", "" if _GROUPS.fullmatch(number) else ".")
    if number.count(".") > 1:
        return number.replace(".", "")
    return number
