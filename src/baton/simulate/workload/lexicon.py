"""Names that prompts are filled with. All people and companies are made up; any likeness is chance."""

import random

from baton.simulate.workload.draft import Language

FIRST_NAMES = (
    "Amara", "Bruno", "Chiara", "Dmitri", "Elif", "Farid", "Greta", "Hiro", "Ines", "Jonas", "Karima", "Liam", "Maren",
    "Nadia", "Oscar", "Paula", "Quentin", "Rosa", "Sanjay", "Tomas", "Ulla", "Viktor", "Wanjiru", "Yusuf", "Zoe",
)  # fmt: skip
LAST_NAMES = (
    "Abbott", "Bergstrom", "Castellano", "Dubois", "Eriksen", "Ferreira", "Grunwald", "Haddad", "Ivanova", "Jansen",
    "Kowalski", "Lindqvist", "Moreau", "Nakamura", "Okafor", "Petrov", "Quintero", "Rossi", "Schreiber", "Tanaka",
    "Ustinov", "Vandermeer", "Weiss", "Yamamoto", "Zeller",
)  # fmt: skip
CITIES = (
    "Lisbon", "Hamburg", "Lyon", "Oslo", "Turin", "Valencia", "Graz", "Ghent", "Aarhus", "Porto", "Bilbao", "Leeds",
    "Tampere", "Krakow", "Basel", "Galway",
)  # fmt: skip
PRODUCTS = (
    "desk lamp", "bicycle pump", "espresso mug", "garden hose", "travel adapter", "bookshelf", "rain jacket",
    "chess set", "wall clock", "yoga mat", "tool box", "picture frame", "water filter", "phone stand", "wool blanket",
    "camping stove", "label printer", "office chair",
)  # fmt: skip
WEEKDAYS: dict[Language, tuple[str, ...]] = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
}
MONTHS: dict[Language, tuple[str, ...]] = {
    "en": (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
    "de": (
        "Januar", "Februar", "März", "April", "Mai", "Juni",
        "Juli", "August", "September", "Oktober", "November", "Dezember",
    ),
    "fr": (
        "janvier", "février", "mars", "avril", "mai", "juin",
        "juillet", "août", "septembre", "octobre", "novembre", "décembre",
    ),
    "es": (
        "enero", "febrero", "marzo", "abril", "mayo", "junio",
        "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
    ),
}  # fmt: skip

_COMPANY_STEMS = (
    "Northlight", "Kestrel", "Bluefen", "Harrow", "Solvane", "Tessera", "Ironwood", "Marlow", "Quillon", "Redstart",
    "Velmora", "Ashgrove", "Corvane", "Lumen", "Ostara", "Pinehurst",
)  # fmt: skip
_COMPANY_ENDS: dict[Language, tuple[str, ...]] = {
    "en": ("Supplies Ltd", "Trading Co", "Logistics Ltd", "Labs Inc"),
    "de": ("Handels GmbH", "Technik GmbH", "Logistik AG"),
    "fr": ("Services SARL", "Distribution SA", "Conseil SAS"),
    "es": ("Comercial SL", "Logística SA", "Servicios SL"),
}


def person(rng: random.Random) -> str:
    return f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"


def company(rng: random.Random, language: Language) -> str:
    return f"{rng.choice(_COMPANY_STEMS)} {rng.choice(_COMPANY_ENDS[language])}"


def code_name(rng: random.Random, prefix: str, digits: int = 5) -> str:
    return f"{prefix}-{rng.randrange(10 ** (digits - 1), 10**digits)}"
