"""The wording of content tasks: what is asked for, and sentences that answer it, in four languages."""

from typing import NamedTuple

from baton.simulate.workload.draft import Language


class Kind(NamedTuple):
    """`names` are the facts that the sentences use, so that any of them may be required."""

    task: str
    names: tuple[str, ...]
    sentences: tuple[str, ...]


class Words(NamedTuple):
    systems: tuple[str, ...]
    customer: tuple[Kind, ...]
    internal: tuple[Kind, ...]
    facts: str
    labels: dict[str, str]
    length: str
    include: str
    avoid: str
    bullets: str
    ending: str
    banned: tuple[str, ...]
    closing: str
    padding: tuple[str, ...]
    background: tuple[str, ...]


WORDS: dict[Language, Words] = {
    "en": Words(
        systems=("You write for a small company.", "Write plainly.", ""),
        customer=(
            Kind(
                "Write a short product text about the {product} for our shop.",
                ("product", "company", "percent"),
                (
                    "The {product} by {company} does its work quietly and lasts for years.",
                    "It is easy to clean, easy to store and made to be repaired.",
                    "This week it costs {percent} less, as long as the shelf is full.",
                ),
            ),
            Kind(
                "Write an apology to a customer whose order {order} is late.",
                ("order", "day", "person"),
                (
                    "Your order {order} has not left our house yet, and that is our fault.",
                    "It goes out on {day}, and we pay the shipping.",
                    "If anything is unclear, {person} answers in person.",
                ),
            ),
            Kind(
                "Invite our customers to the opening of the shop in {city}.",
                ("city", "day", "company"),
                (
                    "On {day} the doors of our shop in {city} open for the first time.",
                    "Come by for coffee, look around and ask us anything.",
                    "The team of {company} is glad to see you.",
                ),
            ),
        ),
        internal=(
            Kind(
                "Write a status note for the team about the move to {city}.",
                ("city", "person", "day"),
                (
                    "The move to {city} is on plan, and the lease is signed.",
                    "{person} orders the desks and keeps the list of open points.",
                    "The next check is on {day} before lunch.",
                ),
            ),
            Kind(
                "Summarise for colleagues what happened with order {order}.",
                ("order", "product", "company"),
                (
                    "Order {order} was packed twice because two lists were open.",
                    "The second {product} is on its way back from {company}.",
                    "From now on one list is enough, and the old one is closed.",
                ),
            ),
        ),
        facts="Facts:",
        labels={
            "product": "product", "company": "company", "city": "city", "day": "day", "order": "order",
            "person": "contact", "percent": "discount",
        },
        length="Between {least} and {most} words.",
        include="Use these exactly as they stand: {quoted}.",
        avoid="Do not use: {quoted}.",
        bullets="Exactly {k} bullet points, each beginning with a dash.",
        ending="The last line is {quoted}.",
        banned=("revolutionary", "seamless", "unleash", "synergy", "game-changing"),
        closing="That is all for now.",
        padding=(
            "Before we come to the point, a few words about how all of this came to be and why it matters to us.",
            "As many of you know, we have thought about this for a long time and from many sides.",
            "It goes without saying that we would be happy to hear what you make of it.",
        ),
        background=(
            ("Background: we are nine people, we write the way we talk, and nobody reads more than they have to. The "
            "text appears without a picture, so it has to stand on its own."),
            ("The last text of this sort was written years ago and nobody remembers by whom; start afresh and do not "
            "look for it."),
        ),
    ),
    "de": Words(
        systems=("Du schreibst für eine kleine Firma.", ""),
        customer=(
            Kind(
                "Schreibe einen kurzen Produkttext über den Artikel {product} für unseren Laden.",
                ("product", "company", "percent"),
                (
                    "Der Artikel {product} von {company} arbeitet leise und hält viele Jahre.",
                    "Er ist leicht zu reinigen und lässt sich reparieren.",
                    "Diese Woche kostet er {percent} weniger, solange der Vorrat reicht.",
                ),
            ),
            Kind(
                "Schreibe eine Entschuldigung an eine Kundin, deren Bestellung {order} sich verspätet.",
                ("order", "day", "person"),
                (
                    "Ihre Bestellung {order} hat unser Haus noch nicht verlassen, und das ist unser Fehler.",
                    "Sie geht am {day} hinaus, und wir zahlen den Versand.",
                    "Bei Fragen antwortet {person} persönlich.",
                ),
            ),
        ),
        internal=(
            Kind(
                "Schreibe eine Statusnotiz für das Team über den Umzug nach {city}.",
                ("city", "person", "day"),
                (
                    "Der Umzug nach {city} liegt im Plan, und der Vertrag ist unterschrieben.",
                    "{person} bestellt die Tische und führt die Liste der offenen Punkte.",
                    "Der nächste Termin ist am {day} vor dem Mittag.",
                ),
            ),
        ),
        facts="Angaben:",
        labels={
            "product": "Artikel", "company": "Firma", "city": "Ort", "day": "Tag", "order": "Bestellung",
            "person": "Kontakt", "percent": "Nachlass",
        },
        length="Zwischen {least} und {most} Wörter.",
        include="Verwende wörtlich: {quoted}.",
        avoid="Verwende nicht: {quoted}.",
        bullets="Genau {k} Aufzählungspunkte, jeder beginnt mit einem Strich.",
        ending="Die letzte Zeile lautet {quoted}.",
        banned=("revolutionär", "nahtlos", "einzigartig", "Synergie"),
        closing="Das war es für heute.",
        padding=(
            "Bevor wir zur Sache kommen, noch ein paar Worte dazu, wie es zu alledem kam und warum es uns wichtig ist.",
            "Wie viele von Ihnen wissen, haben wir darüber lange und von vielen Seiten nachgedacht.",
        ),
        background=(
            ("Hintergrund: Wir sind neun Leute, schreiben so, wie wir reden, und niemand liest mehr als nötig. Der "
            "Text erscheint ohne Bild und muss für sich stehen."),
        ),
    ),
    "fr": Words(
        systems=("Tu écris pour une petite entreprise.", ""),
        customer=(
            Kind(
                "Écris un court texte de vente sur l'article {product} pour notre boutique.",
                ("product", "company", "percent"),
                (
                    "L'article {product} de {company} travaille en silence et dure des années.",
                    "Il se nettoie sans peine et se répare facilement.",
                    "Cette semaine il coûte {percent} de moins, dans la limite du stock.",
                ),
            ),
            Kind(
                "Écris des excuses à une cliente dont la commande {order} a du retard.",
                ("order", "day", "person"),
                (
                    "Votre commande {order} n'a pas encore quitté nos locaux, et c'est notre faute.",
                    "Elle part {day} et la livraison est à notre charge.",
                    "Pour toute question, {person} vous répond en personne.",
                ),
            ),
        ),
        internal=(
            Kind(
                "Écris pour l'équipe une note sur le déménagement à {city}.",
                ("city", "person", "day"),
                (
                    "Le déménagement à {city} suit le plan et le bail est signé.",
                    "{person} commande les bureaux et tient la liste des points ouverts.",
                    "Le prochain point a lieu {day} avant midi.",
                ),
            ),
        ),
        facts="Données :",
        labels={
            "product": "article", "company": "société", "city": "ville", "day": "jour", "order": "commande",
            "person": "contact", "percent": "remise",
        },
        length="Entre {least} et {most} mots.",
        include="Reprends tel quel : {quoted}.",
        avoid="N'emploie pas : {quoted}.",
        bullets="Exactement {k} puces, chacune commençant par un tiret.",
        ending="La dernière ligne est {quoted}.",
        banned=("révolutionnaire", "incontournable", "synergie", "inédit"),
        closing="C'est tout pour aujourd'hui.",
        padding=(
            "Avant d'en venir au fait, quelques mots sur la façon dont tout cela est né et ce qui nous tient à cœur.",
            "Comme beaucoup d'entre vous le savent, nous y avons réfléchi longtemps et de bien des côtés.",
        ),
        background=(
            ("Contexte : nous sommes neuf, nous écrivons comme nous parlons et personne ne lit plus que nécessaire. "
            "Le texte paraît sans image et doit se suffire."),
        ),
    ),
    "es": Words(
        systems=("Escribes para una empresa pequeña.", ""),
        customer=(
            Kind(
                "Escribe un texto breve sobre el artículo {product} para nuestra tienda.",
                ("product", "company", "percent"),
                (
                    "El artículo {product} de {company} trabaja en silencio y dura muchos años.",
                    "Se limpia sin esfuerzo y se puede reparar.",
                    "Esta semana cuesta un {percent} menos, hasta agotar existencias.",
                ),
            ),
            Kind(
                "Escribe una disculpa a una clienta cuyo pedido {order} llega tarde.",
                ("order", "day", "person"),
                (
                    "Su pedido {order} aún no ha salido de nuestra casa, y la culpa es nuestra.",
                    "Sale el {day} y el envío corre de nuestra cuenta.",
                    "Si algo no queda claro, {person} le responde en persona.",
                ),
            ),
        ),
        internal=(
            Kind(
                "Escribe para el equipo una nota sobre la mudanza a {city}.",
                ("city", "person", "day"),
                (
                    "La mudanza a {city} va según lo previsto y el contrato está firmado.",
                    "{person} encarga las mesas y lleva la lista de puntos abiertos.",
                    "La próxima revisión es el {day} antes de comer.",
                ),
            ),
        ),
        facts="Datos:",
        labels={
            "product": "artículo", "company": "empresa", "city": "ciudad", "day": "día", "order": "pedido",
            "person": "contacto", "percent": "descuento",
        },
        length="Entre {least} y {most} palabras.",
        include="Usa tal cual: {quoted}.",
        avoid="No uses: {quoted}.",
        bullets="Exactamente {k} viñetas, cada una empieza con un guion.",
        ending="La última línea es {quoted}.",
        banned=("revolucionario", "impecable", "sinergia", "inigualable"),
        closing="Eso es todo por hoy.",
        padding=(
            "Antes de entrar en materia, unas palabras sobre cómo nació todo esto y por qué nos importa tanto.",
            "Como muchos de ustedes saben, lo hemos pensado mucho tiempo y desde muchos lados.",
        ),
        background=(
            ("Contexto: somos nueve, escribimos como hablamos y nadie lee más de lo necesario. El texto sale sin "
            "imagen y tiene que valerse solo."),
        ),
    ),
}  # fmt: skip
