"""The sentences of word problems, in four languages. `{k}` is a number."""

from typing import NamedTuple

from baton.simulate.workload.draft import Language


class Theme(NamedTuple):
    """A quantity that changes. `percent` takes that share of it away, `times` multiplies it."""

    opening: str
    opening_unknown: str
    gain: tuple[str, ...]
    loss: tuple[str, ...]
    percent: str
    times: str
    aside: tuple[str, ...]
    ask_end: str
    ask_start: str


class Shop(NamedTuple):
    line: str
    goods: tuple[str, ...]
    discount: str
    tax: str
    shipping: str
    aside: tuple[str, ...]
    question: str


class Road(NamedTuple):
    opening: str
    leg: str
    rest: str
    aside: tuple[str, ...]
    ask_distance: str
    ask_mean: str


INSTRUCTION: dict[Language, str] = {
    "en": "Work it out and end with the number.",
    "de": "Rechne Schritt für Schritt und schließe mit der Zahl.",
    "fr": "Calcule étape par étape et termine par le nombre.",
    "es": "Resuélvelo paso a paso y termina con el número.",
}

PREFACES: dict[Language, tuple[str, ...]] = {
    "en": (
        "This is from an old exercise book that my aunt kept in a drawer, and the page with the solutions is gone.",
        "My daughter and I do not agree about this one, and dinner is getting cold while we argue.",
        "The question comes from a quiz at work; the winner gets to choose the coffee for a month.",
    ),
    "de": (
        "Die Aufgabe steht in einem alten Übungsheft, und die letzte Seite mit den Lösungen fehlt leider.",
        "Meine Tochter und ich sind uns hier nicht einig, und das Essen wird schon kalt.",
    ),
    "fr": (
        "L'exercice vient d'un vieux cahier dont la dernière page, celle des solutions, a disparu.",
        "Ma fille et moi ne sommes pas d'accord, et pendant ce temps le repas refroidit.",
    ),
    "es": (
        "El ejercicio viene de un cuaderno viejo al que le falta la última página, la de las soluciones.",
        "Mi hija y yo no nos ponemos de acuerdo, y mientras tanto se enfría la cena.",
    ),
}

THEMES: dict[Language, tuple[Theme, ...]] = {
    "en": (
        Theme(
            "A lending library opens the week with {k} books on its shelves.",
            "A lending library opens the week with an unknown number of books on its shelves.",
            ("Readers bring back {k} of them.", "A school donates {k} more."),
            ("Then {k} are borrowed.", "The staff throw away {k} worn copies."),
            "After that, {k} percent of what is on the shelves moves to another branch.",
            "A merger multiplies the number on the shelves by {k}.",
            ("The library is open {k} hours a week.", "A reader's card costs {k} euros a year."),
            "How many books are on the shelves at the end?",
            "At the end there are {k} books on the shelves. How many were there at the start?",
        ),
        Theme(
            "A water tank holds {k} litres in the morning.",
            "A water tank holds some water in the morning.",
            ("Rain adds {k} litres.", "A truck fills in {k} litres."),
            ("The garden takes {k} litres.", "A leak costs {k} litres."),
            "Then {k} percent of the water is drained for cleaning.",
            "A second well multiplies the contents by {k}.",
            ("The tank was painted {k} years ago.", "The nearest house is {k} metres away."),
            "How many litres are in the tank now?",
            "Now there are {k} litres in the tank. How many were there in the morning?",
        ),
        Theme(
            "A start-up begins the year with {k} subscribers.",
            "A start-up begins the year with a number of subscribers that nobody wrote down.",
            ("A campaign brings {k} new ones.", "A partner refers {k} people, and all of them sign up."),
            ("{k} subscribers leave.", "After a price rise {k} of them cancel."),
            "A cleaning of the list removes {k} percent of those who are left.",
            "A viral post multiplies the number of subscribers by {k}.",
            ("The team has {k} people.", "The newsletter is {k} lines long."),
            "How many subscribers are there at the end?",
            "At the end there are {k} subscribers. How many were there when the year began?",
        ),
        Theme(
            "A depot has {k} parcels in the morning.",
            "A depot has a pile of parcels in the morning that nobody has counted.",
            ("A lorry delivers {k} parcels.", "The night shift left {k} more at the back door."),
            ("Couriers take {k} parcels away.", "{k} parcels go back to their senders."),
            "Then {k} percent of the parcels in the depot are sent on to the airport.",
            "In the pre-holiday rush the pile grows to {k} times its size.",
            ("The depot has {k} gates.", "A parcel weighs {k} kilograms at most."),
            "How many parcels are in the depot in the evening?",
            "In the evening {k} parcels are in the depot. How many were there in the morning?",
        ),
    ),
    "de": (
        Theme(
            "Ein Lager hat am Morgen {k} Kisten.",
            "Ein Lager hat am Morgen eine unbekannte Zahl von Kisten.",
            ("Ein Lastwagen bringt {k} Kisten.", "Aus der Filiale kommen {k} Kisten zurück."),
            ("{k} Kisten werden verkauft.", "{k} beschädigte Kisten werden aussortiert."),
            "Danach gehen {k} Prozent des Bestandes an ein anderes Lager.",
            "Eine Großlieferung bringt den Bestand auf das {k}-Fache.",
            ("Das Lager hat {k} Tore.", "Eine Kiste wiegt {k} Kilogramm."),
            "Wie viele Kisten sind am Ende im Lager?",
            "Am Ende sind {k} Kisten im Lager. Wie viele waren es am Morgen?",
        ),
        Theme(
            "Ein Verein beginnt das Jahr mit {k} Mitgliedern.",
            "Ein Verein beginnt das Jahr mit einer unbekannten Zahl von Mitgliedern.",
            ("Nach dem Sommerfest treten {k} Personen ein.", "Eine Werbeaktion bringt {k} neue Mitglieder."),
            ("{k} Mitglieder treten aus.", "{k} Mitglieder ziehen weg und kündigen."),
            "Dann werden {k} Prozent der Mitglieder wegen fehlender Beiträge gestrichen.",
            "Durch eine Fusion steigt die Mitgliederzahl auf das {k}-Fache.",
            ("Der Vorstand tagt {k} Mal im Jahr.", "Der Beitrag beträgt {k} Euro."),
            "Wie viele Mitglieder hat der Verein am Ende?",
            "Am Ende hat der Verein {k} Mitglieder. Wie viele waren es zu Beginn?",
        ),
    ),
    "fr": (
        Theme(
            "Une boulangerie compte {k} pains le matin.",
            "Une boulangerie compte le matin un nombre inconnu de pains.",
            ("Une fournée ajoute {k} pains.", "Un fournisseur livre {k} pains."),
            ("Les clients achètent {k} pains.", "On jette {k} pains trop cuits."),
            "Ensuite, {k} pour cent des pains restants partent à la cantine.",
            "Une commande spéciale multiplie le stock par {k}.",
            ("La boutique ouvre {k} heures par jour.", "Le four a {k} ans."),
            "Combien de pains reste-t-il le soir ?",
            "Le soir, il y a {k} pains. Combien y en avait-il le matin ?",
        ),
        Theme(
            "Un parking contient {k} voitures à midi.",
            "Un parking contient à midi un nombre inconnu de voitures.",
            ("{k} voitures entrent.", "Un concert attire {k} voitures de plus."),
            ("{k} voitures sortent.", "La fourrière enlève {k} voitures."),
            "Puis {k} pour cent des voitures présentes quittent le parking.",
            "L'ouverture du stade multiplie le nombre de voitures par {k}.",
            ("Le parking a {k} niveaux.", "L'heure coûte {k} euros."),
            "Combien de voitures y a-t-il à la fin ?",
            "À la fin, il y a {k} voitures. Combien y en avait-il à midi ?",
        ),
    ),
    "es": (
        Theme(
            "Un almacén empieza el día con {k} cajas.",
            "Un almacén empieza el día con un número desconocido de cajas.",
            ("Un camión descarga {k} cajas.", "Devuelven {k} cajas de otra tienda."),
            ("Se venden {k} cajas.", "Se retiran {k} cajas dañadas."),
            "Después, el {k} por ciento de las cajas que quedan va a otra ciudad.",
            "Un pedido grande multiplica las existencias por {k}.",
            ("El almacén tiene {k} puertas.", "Cada caja pesa {k} kilos."),
            "¿Cuántas cajas quedan al final?",
            "Al final quedan {k} cajas. ¿Cuántas había al empezar?",
        ),
        Theme(
            "Un huerto tiene {k} plantas en primavera.",
            "Un huerto tiene en primavera un número desconocido de plantas.",
            ("Un vecino regala {k} plantas.", "Se siembran {k} plantas nuevas."),
            ("Una helada mata {k} plantas.", "Se venden {k} plantas en el mercado."),
            "Luego se trasplanta el {k} por ciento de las plantas a otro terreno.",
            "En verano el número de plantas se multiplica por {k}.",
            ("El huerto se riega {k} minutos al día.", "La valla mide {k} metros."),
            "¿Cuántas plantas hay al final?",
            "Al final hay {k} plantas. ¿Cuántas había en primavera?",
        ),
    ),
}

SHOPS: dict[Language, Shop] = {
    "en": Shop(
        "A customer orders {n} {what} at {price} euros each.",
        ("notebooks", "lamps", "mugs", "cables", "folders", "cushions", "markers"),
        "A voucher takes {k} percent off the goods.",
        "On the goods after any discount, {k} percent tax is added.",
        "Shipping costs {k} euros.",
        (
            "The shop has been in the same street since 1987, and the owner still wraps every order by hand.",
            "The customer already ordered 3 times last year.",
        ),
        "How many euros does the customer pay in total?",
    ),
    "de": Shop(
        "Eine Kundin bestellt {n} {what} zu je {price} Euro.",
        ("Hefte", "Lampen", "Tassen", "Kabel", "Ordner", "Kissen", "Stifte"),
        "Ein Gutschein zieht {k} Prozent vom Warenwert ab.",
        "Auf den Warenwert nach Abzug kommen {k} Prozent Steuer.",
        "Der Versand kostet {k} Euro.",
        ("Der Laden liegt seit 1987 in derselben Straße.", "Die Kundin hat im Vorjahr schon 3 Mal bestellt."),
        "Wie viel Euro zahlt die Kundin insgesamt?",
    ),
    "fr": Shop(
        "Une cliente commande {n} {what} à {price} euros pièce.",
        ("cahiers", "lampes", "tasses", "câbles", "classeurs", "coussins", "feutres"),
        "Un bon de réduction enlève {k} pour cent du prix des articles.",
        "On ajoute {k} pour cent de taxe au prix des articles après réduction.",
        "La livraison coûte {k} euros.",
        ("La boutique existe depuis 1987.", "La cliente a déjà commandé 3 fois l'an dernier."),
        "Combien d'euros la cliente paie-t-elle en tout ?",
    ),
    "es": Shop(
        "Una clienta pide {n} {what} a {price} euros la unidad.",
        ("cuadernos", "lámparas", "tazas", "cables", "carpetas", "cojines", "rotuladores"),
        "Un vale descuenta el {k} por ciento de los artículos.",
        "Sobre los artículos, ya con el descuento, se añade un {k} por ciento de impuesto.",
        "El envío cuesta {k} euros.",
        ("La tienda está en la misma calle desde 1987.", "La clienta ya hizo 3 pedidos el año pasado."),
        "¿Cuántos euros paga la clienta en total?",
    ),
}

ROADS: dict[Language, Road] = {
    "en": Road(
        "A van leaves the depot.",
        "It drives {minutes} minutes at {speed} kilometres per hour.",
        "On the way the driver rests for {k} minutes.",
        ("The van carries {k} boxes.", "The radio plays {k} songs, and the driver knows most of them by heart."),
        "How many kilometres does the van cover?",
        "What is its mean speed over the whole time, rest included, in kilometres per hour (one decimal)?",
    ),
    "de": Road(
        "Ein Lieferwagen verlässt das Depot.",
        "Er fährt {minutes} Minuten mit {speed} Kilometern pro Stunde.",
        "Unterwegs macht die Fahrerin {k} Minuten Pause.",
        ("Der Wagen hat {k} Pakete geladen.", "Im Radio laufen {k} Lieder."),
        "Wie viele Kilometer legt der Wagen zurück?",
        "Wie hoch ist die mittlere Geschwindigkeit samt Pause in Kilometern pro Stunde (eine Nachkommastelle)?",
    ),
    "fr": Road(
        "Une camionnette quitte le dépôt.",
        "Elle roule {minutes} minutes à {speed} kilomètres par heure.",
        "En route, la conductrice se repose {k} minutes.",
        ("La camionnette transporte {k} cartons.", "La radio passe {k} chansons."),
        "Combien de kilomètres la camionnette parcourt-elle ?",
        "Quelle est la vitesse moyenne, pause comprise, en kilomètres par heure (une décimale) ?",
    ),
    "es": Road(
        "Una furgoneta sale del depósito.",
        "Circula {minutes} minutos a {speed} kilómetros por hora.",
        "Por el camino, la conductora descansa {k} minutos.",
        ("La furgoneta lleva {k} cajas.", "En la radio suenan {k} canciones."),
        "¿Cuántos kilómetros recorre la furgoneta?",
        "¿Cuál es la velocidad media, con el descanso incluido, en kilómetros por hora (un decimal)?",
    ),
}
