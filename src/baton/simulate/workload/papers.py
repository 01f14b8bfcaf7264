"""The wording of invoices and e-mails, in four languages."""

from typing import NamedTuple

from baton.simulate.workload.draft import Language


class InvoiceWords(NamedTuple):
    vendor: str
    customer: str
    number: str
    date: str
    due: str
    each: str
    net: str
    tax: str
    total: str
    replaces: str
    paid: str
    notes: tuple[str, ...]


class MeetingWords(NamedTuple):
    greeting: str
    plan: str
    time: str
    people: str
    moved: str
    dinner: str
    chat: tuple[str, ...]
    regards: str


class OrderWords(NamedTuple):
    greeting: str
    order: str
    deliver: str
    change: str
    earlier: str
    chat: tuple[str, ...]
    regards: str


SYSTEMS = (
    "You fill in forms. Reply with one JSON object and nothing else.",
    "Reply with JSON only.",
    "You read documents for an accounting team. Output exactly one JSON object, dates as YYYY-MM-DD.",
)

TASKS: dict[Language, str] = {
    "en": "Read the document and return a JSON object with the fields {fields}. "
    "Dates as YYYY-MM-DD, amounts as numbers.",
    "de": "Lies das Dokument und gib ein JSON-Objekt mit den Feldern {fields} zurück. "
    "Datum als JJJJ-MM-TT, Beträge als Zahlen.",
    "fr": "Lis le document et renvoie un objet JSON avec les champs {fields}. "
    "Dates au format AAAA-MM-JJ, montants en nombres.",
    "es": "Lee el documento y devuelve un objeto JSON con los campos {fields}. "
    "Fechas como AAAA-MM-DD, importes como números.",
}

INVOICES: dict[Language, InvoiceWords] = {
    "en": InvoiceWords(
        "From", "Bill to", "Invoice no.", "Invoice date", "Payable until", "each", "Net", "VAT", "Total due",
        "Replaces the cancelled invoice {k}",
        "Already paid in advance (settled separately): {k}",
        (
            "Goods remain our property until they are paid in full. Complaints within eight days, in writing, please.",
            "Thank you for your business! Our office is closed between the holidays.",
            "Please use the invoice number as the reference of your transfer, it helps us to match payments quickly.",
            "Ask us about our new catalogue; more than 400 articles are in stock.",
        ),
    ),
    "de": InvoiceWords(
        "Von", "An", "Rechnungsnr.", "Rechnungsdatum", "Zahlbar bis", "je", "Netto", "MwSt.", "Gesamtbetrag",
        "Ersetzt die stornierte Rechnung {k}",
        "Bereits angezahlt (wird gesondert verrechnet): {k}",
        (
            "Die Ware bleibt bis zur vollständigen Bezahlung unser Eigentum. Reklamationen bitte binnen acht Tagen.",
            "Vielen Dank für Ihren Auftrag! Zwischen den Feiertagen ist unser Büro geschlossen.",
            "Bitte geben Sie bei der Überweisung die Rechnungsnummer an.",
        ),
    ),
    "fr": InvoiceWords(
        "Émetteur", "Client", "Facture n°", "Date de facture", "À régler avant le", "l'unité", "Total HT", "TVA",
        "Total TTC",
        "Remplace la facture annulée {k}",
        "Acompte déjà versé (traité à part) : {k}",
        (
            "La marchandise reste notre propriété jusqu'au paiement complet. Réclamations sous huit jours.",
            "Merci de votre confiance ! Nos bureaux sont fermés entre les fêtes.",
            "Merci d'indiquer le numéro de facture dans votre virement.",
        ),
    ),
    "es": InvoiceWords(
        "Emisor", "Cliente", "Factura n.º", "Fecha de factura", "Vencimiento", "cada uno", "Base imponible", "IVA",
        "Total a pagar",
        "Sustituye a la factura anulada {k}",
        "Anticipo ya abonado (se liquida aparte): {k}",
        (
            "La mercancía es de nuestra propiedad hasta el pago completo. Reclamaciones en ocho días.",
            "¡Gracias por su confianza! Cerramos entre las fiestas.",
            "Indique el número de factura en la transferencia, por favor.",
        ),
    ),
}  # fmt: skip

MEETINGS: dict[Language, MeetingWords] = {
    "en": MeetingWords(
        "Hello everyone,",
        "our quarterly meeting takes place on {day} in {city}.",
        "We start at {time} sharp.",
        "There will be {k} of us.",
        "Correction: the room fell through, so the meeting moves to {day} in {city}, same time of day.",
        "Those who stay longer meet for dinner at {time}, wherever we find a table; last year it was in {city}.",
        (
            "Please bring your laptops, and read the minutes of the last meeting before you come.",
            "Parking is scarce, so take the train if you can.",
            "The coffee will be better than last time, that much I can promise.",
            "Slides are welcome but not needed.",
        ),
        "Best wishes",
    ),
    "de": MeetingWords(
        "Hallo zusammen,",
        "unser Quartalstreffen findet am {day} in {city} statt.",
        "Wir beginnen pünktlich um {time} Uhr.",
        "Wir werden {k} Personen sein.",
        "Korrektur: Der Raum ist weggefallen, das Treffen ist nun am {day} in {city}, zur gleichen Uhrzeit.",
        "Wer länger bleibt, trifft sich um {time} Uhr zum Abendessen; voriges Jahr war das in {city}.",
        (
            "Bitte bringt eure Laptops mit und lest vorher das letzte Protokoll.",
            "Parkplätze sind knapp, nehmt nach Möglichkeit die Bahn.",
            "Der Kaffee wird diesmal besser, versprochen.",
        ),
        "Viele Grüße",
    ),
    "fr": MeetingWords(
        "Bonjour à tous,",
        "notre réunion trimestrielle aura lieu le {day} à {city}.",
        "Nous commençons à {time} précises.",
        "Nous serons {k} personnes.",
        "Rectification : la salle n'est plus libre, la réunion aura donc lieu le {day} à {city}, à la même heure.",
        "Ceux qui restent se retrouvent pour dîner à {time} ; l'an dernier c'était à {city}.",
        (
            "Merci d'apporter vos ordinateurs et de relire le dernier compte rendu.",
            "Il y a peu de places de parking, prenez le train si possible.",
            "Le café sera meilleur que la dernière fois, c'est promis.",
        ),
        "Bien à vous",
    ),
    "es": MeetingWords(
        "Hola a todos:",
        "nuestra reunión trimestral es el {day} en {city}.",
        "Empezamos a las {time} en punto.",
        "Seremos {k} personas.",
        "Corrección: la sala ya no está libre, así que la reunión pasa al {day} en {city}, a la misma hora.",
        "Quienes se queden cenan juntos a las {time}; el año pasado fue en {city}.",
        (
            "Traed los portátiles y leed antes el acta anterior, por favor.",
            "Hay poco aparcamiento; si podéis, venid en tren.",
            "El café será mejor que la última vez, prometido.",
        ),
        "Un saludo",
    ),
}

ORDERS: dict[Language, OrderWords] = {
    "en": OrderWords(
        "Good morning,",
        "with order {order} we ordered {n} pieces of your {product}.",
        "Please deliver on {day} to our branch in {city}.",
        "One change after a count in our stock room: we need {n} pieces, not the number above.",
        "Before anything else: order {order} for the {product} arrived in good shape, that one is closed.",
        (
            "Our goods entrance is in the yard, and the gate is open from seven.",
            "Your driver was very kind last time, please pass that on.",
            "We are glad to work with you again after such a long break.",
        ),
        "Kind regards",
    ),
    "de": OrderWords(
        "Guten Morgen,",
        "mit der Bestellung {order} haben wir {n} Stück Ihres Artikels {product} bestellt.",
        "Bitte liefern Sie am {day} an unsere Filiale in {city}.",
        "Eine Änderung nach unserer Inventur: Wir brauchen {n} Stück, nicht die oben genannte Zahl.",
        "Vorab: Die Bestellung {order} über den Artikel {product} ist gut angekommen und erledigt.",
        (
            "Der Wareneingang ist im Hof, das Tor ist ab sieben offen.",
            "Ihr Fahrer war letztes Mal sehr freundlich, bitte geben Sie das weiter.",
        ),
        "Freundliche Grüße",
    ),
    "fr": OrderWords(
        "Bonjour,",
        "par la commande {order}, nous avons commandé {n} pièces de votre article {product}.",
        "Merci de livrer le {day} à notre succursale de {city}.",
        "Un changement après inventaire : il nous faut {n} pièces, et non le nombre ci-dessus.",
        "Avant tout : la commande {order} de l'article {product} est bien arrivée et close.",
        (
            "L'entrée des marchandises est dans la cour, le portail ouvre à sept heures.",
            "Votre chauffeur a été très aimable la dernière fois.",
        ),
        "Cordialement",
    ),
    "es": OrderWords(
        "Buenos días:",
        "con el pedido {order} encargamos {n} unidades de su artículo {product}.",
        "Entreguen por favor el {day} en nuestra sucursal de {city}.",
        "Un cambio tras el inventario: necesitamos {n} unidades, no la cifra de arriba.",
        "Antes que nada: el pedido {order} del artículo {product} llegó bien y está cerrado.",
        (
            "La entrada de mercancías está en el patio; abrimos a las siete.",
            "Su conductor fue muy amable la última vez.",
        ),
        "Saludos cordiales",
    ),
}
