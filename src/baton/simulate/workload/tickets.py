"""The wording of support tickets. A *wish* settles the category; a *mention* touches it without asking for it."""

from typing import NamedTuple

from baton.simulate.workload.draft import Language

CATEGORIES = (
    "billing", "refund", "delivery", "damaged_item", "account_access", "technical_bug", "feature_request",
    "cancellation", "privacy", "sales_inquiry", "partnership", "complaint",
)  # fmt: skip

NEIGHBOURS: dict[str, tuple[str, ...]] = {
    "billing": ("refund", "cancellation", "sales_inquiry"),
    "refund": ("billing", "damaged_item", "cancellation"),
    "delivery": ("damaged_item", "complaint", "refund"),
    "damaged_item": ("delivery", "refund", "complaint"),
    "account_access": ("technical_bug", "privacy", "billing"),
    "technical_bug": ("account_access", "feature_request", "complaint"),
    "feature_request": ("technical_bug", "sales_inquiry", "partnership"),
    "cancellation": ("billing", "refund", "complaint"),
    "privacy": ("account_access", "cancellation", "complaint"),
    "sales_inquiry": ("feature_request", "partnership", "billing"),
    "partnership": ("sales_inquiry", "feature_request", "privacy"),
    "complaint": ("delivery", "technical_bug", "cancellation"),
}


class Words(NamedTuple):
    systems: tuple[str, ...]
    task: str
    ticket: str
    wishes: dict[str, tuple[str, ...]]
    mentions: dict[str, tuple[str, ...]]
    small_talk: tuple[str, ...]


WORDS: dict[Language, Words] = {
    "en": Words(
        systems=("You sort support tickets.", "You are the first reader in a help desk. Answer with one word."),
        task="Into which category does the request of this ticket fall? Answer with one of: {categories}.",
        ticket="Ticket",
        wishes={
            "billing": (
                "Could you explain why two amounts for order {order} stand on this month's invoice?",
                "Please correct the company address on my invoice and send it again.",
            ),
            "refund": (
                "Please transfer what I paid for the {product} back to my card.",
                "I sent the {product} back three weeks ago and am still waiting for my money.",
            ),
            "delivery": (
                "Where is my parcel with order {order}? The tracking page has not moved for days.",
                "Can order {order} go to my office instead? It has not been shipped yet.",
            ),
            "damaged_item": (
                "The {product} came out of the box with a crack, so I need another one in one piece.",
                "One part of the {product} was broken on arrival; please send me that part.",
            ),
            "account_access": (
                "I cannot log in any more and the reset link never reaches me. Please let me in again.",
                "My second factor is on a lost phone, please help me to get back into my account.",
            ),
            "technical_bug": (
                "The export button answers with error 500 every time, please repair it.",
                "The app closes by itself as soon as I open the map; can your developers look into it?",
            ),
            "feature_request": (
                "It would be great if the report could be exported as a spreadsheet; please consider building that.",
                "Please add a dark theme in one of the next versions.",
            ),
            "cancellation": (
                "Please end my subscription at the next possible date and confirm it in writing.",
                "I want to call off order {order} before it is packed.",
            ),
            "privacy": (
                "Please send me a copy of all the personal data that you store about me.",
                "Delete my personal data and tell me when that is done.",
            ),
            "sales_inquiry": (
                "What would fifty pieces of the {product} cost us, and is there a discount for schools?",
                "Which of your plans suits a team of twelve? We have not bought anything yet.",
            ),
            "partnership": (
                "We run a design blog and would like to become an affiliate of yours; whom should we talk to?",
                "Our agency would like to resell your service under a joint offer. Shall we have a call?",
            ),
            "complaint": (
                "Your agent hung up on me twice. I want a manager to hear how I was treated.",
                "I have never been spoken to so rudely; please take this up with your staff.",
            ),
        },
        mentions={
            "billing": ("The invoice itself is fine, I checked every line.",),
            "refund": ("The money for the last return arrived quickly, thank you for that.",),
            "delivery": ("The parcel came on time, even a day early.",),
            "damaged_item": ("This time nothing was broken, unlike the {product} in spring.",),
            "account_access": ("Logging in works again since yesterday.",),
            "technical_bug": ("I saw that the error on the search page is gone.",),
            "feature_request": ("I once suggested a dark theme, but that is not why I write.",),
            "cancellation": ("A friend ended his subscription, I am staying.",),
            "privacy": ("I have read your privacy notice and have no question about it.",),
            "sales_inquiry": ("We had asked for a quote in March, and that is settled.",),
            "partnership": ("Your partner programme was mentioned to me, maybe another time.",),
            "complaint": ("I am not writing to complain, your people have been kind.",),
        },
        small_talk=(
            "I hope you had a good start into the week.",
            "I have been with you since the early days and recommend you to everyone I know.",
            "By the way, the new packaging is lovely.",
            "I am on the road today, so an e-mail is better than a call.",
            "Sorry for writing from my phone, and for any typos in this message.",
            "My neighbour told me that you usually reply within a day, which I find remarkable for a small company.",
        ),
    ),
    "de": Words(
        systems=("Du sortierst Support-Anfragen.",),
        task="In welche Kategorie fällt das Anliegen dieses Tickets? Antworte mit genau einer von: {categories}.",
        ticket="Ticket",
        wishes={
            "billing": (
                "Warum stehen auf der Rechnung zwei Beträge für die Bestellung {order}? Bitte klären Sie das.",
            ),
            "refund": ("Bitte überweisen Sie mir den Kaufpreis für den Artikel {product} zurück.",),
            "delivery": (
                "Wo bleibt mein Paket zur Bestellung {order}? Die Sendungsverfolgung steht seit Tagen still.",
            ),
            "damaged_item": ("Der Artikel {product} kam mit einem Riss an, ich brauche bitte Ersatz.",),
            "account_access": ("Ich komme nicht mehr in mein Konto, der Link zum Zurücksetzen kommt nie an.",),
            "technical_bug": ("Der Export bricht jedes Mal mit Fehler 500 ab, bitte beheben Sie das.",),
            "feature_request": ("Bitte bauen Sie einen Export als Tabelle ein, das wäre uns eine große Hilfe.",),
            "cancellation": ("Bitte beenden Sie mein Abo zum nächstmöglichen Termin und bestätigen Sie es.",),
            "privacy": ("Bitte schicken Sie mir eine Kopie aller Daten, die Sie über mich speichern.",),
            "sales_inquiry": ("Was würden fünfzig Stück vom Artikel {product} für eine Schule kosten?",),
            "partnership": ("Wir möchten Ihre Leistung gemeinsam mit Ihnen anbieten, mit wem können wir sprechen?",),
            "complaint": ("Ihr Mitarbeiter hat zweimal aufgelegt. Ich möchte, dass die Leitung davon erfährt.",),
        },
        mentions={
            "billing": ("Die Rechnung selbst stimmt, ich habe jede Zeile geprüft.",),
            "refund": ("Das Geld für die letzte Rücksendung war schnell da, danke dafür.",),
            "delivery": ("Das Paket kam pünktlich.",),
            "damaged_item": ("Diesmal war nichts kaputt, anders als beim Artikel {product} im Frühjahr.",),
            "account_access": ("Die Anmeldung klappt seit gestern wieder.",),
            "technical_bug": ("Der Fehler auf der Suchseite ist ja behoben.",),
            "feature_request": ("Ich hatte einmal eine Idee eingereicht, aber darum geht es nicht.",),
            "cancellation": ("Ein Freund hat gekündigt, ich bleibe.",),
            "privacy": ("Ihre Datenschutzhinweise habe ich gelesen, dazu habe ich keine Frage.",),
            "sales_inquiry": ("Unser Angebot vom März ist erledigt.",),
            "partnership": ("Von Ihrem Partnerprogramm habe ich gehört, vielleicht ein andermal.",),
            "complaint": ("Beschweren will ich mich nicht, Ihr Team war freundlich.",),
        },
        small_talk=(
            "Ich hoffe, Sie hatten einen guten Start in die Woche.",
            "Ich bin seit Jahren Kundin und empfehle Sie gern weiter.",
            "Die neue Verpackung gefällt mir übrigens sehr.",
            "Heute bin ich unterwegs, eine E-Mail ist also besser als ein Anruf.",
        ),
    ),
    "fr": Words(
        systems=("Tu tries les demandes du service client.",),
        task="Dans quelle catégorie la demande de ce ticket tombe-t-elle ? Réponds par une seule de : {categories}.",
        ticket="Ticket",
        wishes={
            "billing": ("Pourquoi deux montants figurent-ils sur la facture pour la commande {order} ?",),
            "refund": ("Merci de reverser sur ma carte ce que j'ai payé pour l'article {product}.",),
            "delivery": ("Où est mon colis de la commande {order} ? Le suivi n'a pas bougé depuis des jours.",),
            "damaged_item": ("L'article {product} est arrivé fendu, il m'en faut un autre en bon état.",),
            "account_access": ("Je n'arrive plus à me connecter et le lien de réinitialisation n'arrive jamais.",),
            "technical_bug": ("L'export renvoie toujours l'erreur 500, merci de la corriger.",),
            "feature_request": ("Pourriez-vous ajouter un export en tableur dans une prochaine version ?",),
            "cancellation": ("Merci de résilier mon abonnement à la prochaine échéance et de le confirmer.",),
            "privacy": ("Merci de m'envoyer une copie de toutes les données que vous gardez sur moi.",),
            "sales_inquiry": ("Combien coûteraient cinquante pièces de l'article {product} pour une école ?",),
            "partnership": ("Notre agence voudrait proposer votre service avec vous ; à qui parler ?",),
            "complaint": ("Votre agent m'a raccroché au nez deux fois, je veux que la direction le sache.",),
        },
        mentions={
            "billing": ("La facture elle-même est juste, j'ai vérifié chaque ligne.",),
            "refund": ("L'argent du dernier retour est arrivé vite, merci.",),
            "delivery": ("Le colis est arrivé à l'heure.",),
            "damaged_item": ("Cette fois rien n'était cassé, contrairement à l'article {product} au printemps.",),
            "account_access": ("La connexion marche de nouveau depuis hier.",),
            "technical_bug": ("L'erreur de la page de recherche a bien disparu.",),
            "feature_request": ("J'avais proposé une idée un jour, mais ce n'est pas le sujet.",),
            "cancellation": ("Un ami a résilié, moi je reste.",),
            "privacy": ("J'ai lu votre notice sur les données et n'ai pas de question.",),
            "sales_inquiry": ("Le devis de mars est réglé.",),
            "partnership": ("On m'a parlé de votre programme de partenaires, une autre fois peut-être.",),
            "complaint": ("Je n'écris pas pour me plaindre, vos équipes ont été aimables.",),
        },
        small_talk=(
            "J'espère que votre semaine a bien commencé.",
            "Je suis cliente depuis des années et je vous recommande volontiers.",
            "Au passage, le nouvel emballage est très réussi.",
            "Je suis en déplacement, un courriel vaut donc mieux qu'un appel.",
        ),
    ),
    "es": Words(
        systems=("Clasificas solicitudes de clientes.",),
        task="¿En qué categoría cae la petición de este mensaje? Responde con una sola de: {categories}.",
        ticket="Mensaje",
        wishes={
            "billing": ("¿Por qué hay dos importes en la factura por el pedido {order}? Acláralo, por favor.",),
            "refund": ("Devuélvanme a la tarjeta lo que pagué por el artículo {product}, por favor.",),
            "delivery": ("¿Dónde está mi paquete del pedido {order}? El seguimiento lleva días parado.",),
            "damaged_item": ("El artículo {product} llegó rajado y necesito otro en buen estado.",),
            "account_access": ("Ya no puedo entrar en mi cuenta y el enlace para restablecerla nunca llega.",),
            "technical_bug": ("La exportación da siempre el error 500; arréglenlo, por favor.",),
            "feature_request": ("¿Podrían añadir una exportación a hoja de cálculo en otra versión?",),
            "cancellation": ("Den de baja mi suscripción en la próxima fecha posible y confírmenlo.",),
            "privacy": ("Envíenme una copia de todos los datos que guardan sobre mí.",),
            "sales_inquiry": ("¿Cuánto costarían cincuenta unidades del artículo {product} para una escuela?",),
            "partnership": ("Nuestra agencia quiere ofrecer su servicio junto con ustedes; ¿con quién hablamos?",),
            "complaint": ("Su agente me colgó dos veces y quiero que la dirección lo sepa.",),
        },
        mentions={
            "billing": ("La factura está bien, he revisado cada línea.",),
            "refund": ("El dinero de la última devolución llegó pronto, gracias.",),
            "delivery": ("El paquete llegó a tiempo.",),
            "damaged_item": ("Esta vez nada venía roto, no como el artículo {product} de primavera.",),
            "account_access": ("Desde ayer puedo entrar otra vez.",),
            "technical_bug": ("El error de la página de búsqueda ya no aparece.",),
            "feature_request": ("Una vez propuse una idea, pero no escribo por eso.",),
            "cancellation": ("Un amigo se dio de baja; yo me quedo.",),
            "privacy": ("He leído su aviso de privacidad y no tengo preguntas.",),
            "sales_inquiry": ("El presupuesto de marzo ya está resuelto.",),
            "partnership": ("Me hablaron de su programa de socios, quizá en otra ocasión.",),
            "complaint": ("No escribo para quejarme, su equipo fue amable.",),
        },
        small_talk=(
            "Espero que hayan empezado bien la semana.",
            "Soy clienta desde hace años y los recomiendo siempre.",
            "Por cierto, el nuevo embalaje es precioso.",
            "Hoy estoy de viaje, así que mejor un correo que una llamada.",
        ),
    ),
}
