"""The built-in task types: the default routing table, and the explicit rules by which a request is recognised.

The order is the order of matching: the first type with an entry that holds is taken. Types of the user's own come
first; then those with a plain sign (a step of a tool loop, an order to classify), then code before the types that are
sent to the cheapest model on weaker signs, broad words last: a mistake should cost money rather than quality. What no
entry recognises is `other` and goes to the reference. Only the caller's own last words are searched.

Every list of patterns stands beside the words of which it needs at least one: patterns cost a microsecond per character
and are only tried where such a word occurs.
"""

from baton.types.task import BUILTIN_TASK_TYPES as NAMES
from baton.types.task import Match, TaskType

SAID = r"[^.?!\n]"
"""A character inside of a sentence."""

ORDER = (
    r"(?:^|[.!?:;,\n] {0,3}|\b(?:please|kindly|(?:can|could|would) you|your (?:task|job) is to"
    r"|you (?:must|should|need to)|i (?:want|need|would like) you to|help me|bitte|merci de|veuillez|peux-tu"
    r"|pouvez-vous|por favor|puedes) {1,3})"
)
"""Where an order begins: a clause, or a polite word. Keeps verbs in the midst of quoted documents from counting."""

CODE_LANGUAGE = r"(?:python|java|javascript|typescript|rust|golang|c\+\+|c#|php|ruby|kotlin|swift|scala|bash|sql)"
CODE_NOUN = (
    r"(?:function|class|method|script|program|code|codebase|unit tests?|test (?:cases?|suite)|regexp?"
    r"|regular expression|quer(?:y|ies)|endpoints?|decorator|algorithm|parser|linter|dockerfile|makefile|bug"
    r"|stack trace|api client"
    rf"|{CODE_LANGUAGE})"
)
TEXT_NOUN = (
    r"(?:e-?mails?|blog|posts?|articles?|product descriptions?|newsletters?|announcements?|press releases?|tweets?"
    r"|captions?|slogans?|taglines?|letters?|invitations?|apolog(?:y|ies)|notes?|stor(?:y|ies)|poems?|haikus?|essays?"
    r"|texts?|copy|headlines?|ad(?:vert|vertisement)?s?|bios?|message to)"
)
FORMAT_NOUN = (
    r"(?:formats?|schemas?|patterns?|rules?|regexp?|spec(?:ification)?s?|syntax|templates?|style guide|guidelines?"
    r"|json|ya?ml|xml|csv|html|iban|isbn|iso[ -]?8601|conventions?|standards?)"
)
FORMAT_NOUN_DE = r"(?:format|schema|regeln?|muster|vorgaben?)"
FORMAT_NOUN_FR = r"(?:format|schéma|règles?|modèle)"
FORMAT_NOUN_ES = r"(?:formato|esquema|reglas?|patrón)"
ASKS_WHETHER = r"(?:does|do|is|are|validate|verify|check|tell me (?:if|whether))"
CONFORMS = (
    r"(?:match(?:es)?|conforms?|compl(?:y|ies)|(?:in)?valid|well-?formed|adheres?|satisf(?:y|ies)|violates?|breaks?"
    r"|fails?|follows?|against)"
)
CODE_VERB = (
    r"(?:write|implement|create|build|generate|develop|refactor|debug|fix|optimi[sz]e|port|convert|review|rewrite"
    r"|simplify|add)"
)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


CLASSIFICATION = Match(
    words=_words(
        "classify categorize categorise triage label category categories intent sentiment labels classes intents spam "
        "toxic positive negative klassifiziere kategorisiere ordne kategorie klasse classe classer classez clasifie "
        "classifie classifier classifiez catégorise catégoriser catégorisez catégorie clasifica clasifique categoriza "
        "categorice categoría"
    ),
    patterns=(
        rf"{ORDER}(?:classify|categori[sz]e|triage|label (?:each|every|the|this|these|it))\b",
        r"\b(?:which|what) (?:is the |are the )?(?:\w+ )?(?:category|categories|label|intent)\b|\bthe sentiment of\b",
        r"\b(?:one|exactly one) of (?:the following |these |the )?(?:categories|labels|classes|intents)\b",
        rf"{ORDER}is (?:this|the following|it) (?:\w+ )?(?:spam|toxic|positive|negative)\b",
        rf"{ORDER}(?:klassifiziere|kategorisiere)\b|\bordne\b{SAID}{{0,80}}\b(?:zu|ein)\b",
        r"\bin welche (?:kategorie|klasse)\b",
        rf"{ORDER}(?:classe[rz]?|classifie[rz]?|catégorise[rz]?)\b|\bdans quelle catégorie\b",
        rf"{ORDER}(?:clasifi(?:ca|que)|categori(?:za|ce))\b|\ben qué categoría\b",
    ),
)
FORMAT_CHECK = Match(
    words=_words(
        "match matches conform conforms comply complies valid invalid formed adhere adheres satisfy satisfies "
        "violate violates violated break breaks broken fail fails follow follows obey obeys against "
        "entspricht entsprechen erfüllt erfüllen verletzt verstößt bricht gültig "
        "respecte respectent enfreint enfreinte conforme conformes valide valides viole "
        "cumple cumplen incumple infringe rompe viola respeta válido válida"
    ),
    patterns=(
        rf"{ORDER}{ASKS_WHETHER}\b{SAID}{{0,120}}\b{CONFORMS}\b{SAID}{{0,60}}\b{FORMAT_NOUN}\b",
        rf"\b(?:which|what|first|any)\b{SAID}{{0,40}}\brules?\b{SAID}{{0,60}}\b(?:breaks?|broken|violate[sd]?|fails?)\b",
        rf"\b(?:which|what|any)\b{SAID}{{0,40}}\b(?:breaks?|violates?|fails?|obeys?|follows?)\b{SAID}{{0,40}}\brules?\b",
        rf"{ORDER}(?:is|are) (?:this|these|the following|it) (?:\w+ ){{0,3}}(?:(?:in)?valid|well-?formed)\b",
        rf"\b(?:entspr[ie]ch(?:t|en)|erfüll(?:t|en)|verletzt|verstößt|gültig)\b{SAID}{{0,80}}\b{FORMAT_NOUN_DE}\b",
        rf"\bregel\b{SAID}{{0,60}}\b(?:verletzt|verstößt|bricht)\b",
        rf"\b(?:respecte(?:nt)?|enfreinte?|conformes?|valides?|viole)\b{SAID}{{0,80}}\b{FORMAT_NOUN_FR}\b",
        rf"\brègle\b{SAID}{{0,60}}\b(?:enfreinte?|viole|respecte)\b",
        rf"\b(?:cumplen?|incumple|infringe|válid[oa]|respeta)\b{SAID}{{0,80}}\b{FORMAT_NOUN_ES}\b",
        rf"\bregla\b{SAID}{{0,60}}\b(?:incumple|infringe|rompe|viola)\b",
    ),
)
FENCED_CODE = Match(
    code_fence=True,
    patterns=(
        rf"```{CODE_LANGUAGE}\b|\b(?:code|function|bug|error|exception|script|snippet|compiles?|refactor)\b",
        r"\w\([^()\n]{0,80}\)|[;{}] {0,8}\n|=>|#include|\bimport \w",
    ),
)
"""A fence around code, and not around a document that somebody wanted to set off."""
CODE = Match(
    words=_words(
        "write implement create build generate develop refactor debug fix optimise optimize port convert review "
        "rewrite simplify add function class script program code method schreib schreibe brauche implementiere "
        "programmiere écris écrire écrivez implémente implémenter implémentez besoin escribe escriba implementa "
        "necesito programa"
    ),
    patterns=(
        rf"{ORDER}{CODE_VERB}\b{SAID}{{0,80}}\b{CODE_NOUN}\b",
        rf"{ORDER}(?:implement|refactor|debug)\b|\b{CODE_LANGUAGE} (?:function|class|script|program|code|method)\b",
        rf"\b(?:schreibe?|brauche|implementiere|programmiere)\b{SAID}{{0,60}}(?:funktion|klasse|skript|programm|code)\b",
        rf"\b(?:écri(?:s|re|vez)|implémente[rz]?|besoin)\b{SAID}{{0,60}}\b(?:fonction|classe|script|programme|code)\b",
        rf"\b(?:escrib[ae]|implementa|necesito|programa)\b{SAID}{{0,60}}\b(?:función|clase|script|programa|código)\b",
    ),
)
EXTRACTION = Match(
    words=_words(
        "extract pull list json extrahiere entnimm extrais extraire extrayez relève relever relevez "
        "extrae extraiga extraer"
    ),
    patterns=(
        rf"{ORDER}(?:extract|pull out|list (?:all|every)\b{SAID}{{0,40}}\b(?:mentioned|named|listed|found))\b",
        rf"{ORDER}(?:return|reply|respond|answer|output|produce|give)\b{SAID}{{0,60}}\bjson\b",
        rf"\bjson\b{SAID}{{0,40}}\b(?:with|containing|having)\b{SAID}{{0,20}}\b(?:fields?|keys?|members?)\b",
        rf"{ORDER}(?:extrahiere|entnimm)\b|\bjson\b{SAID}{{0,40}}\b(?:feldern?|champs?|campos?)\b",
        rf"{ORDER}(?:extrais|extraire|extrayez|relève[rz]?|extrae|extraiga|extraer)\b",
    ),
)
CONTENT = Match(
    words=_words(
        "write draft compose create prepare make rewrite rephrase paraphrase summarise summarize proofread announce "
        "invite apologise apologize thank schreib schreibe schreiben verfasse entwirf formuliere bedanke lade kündige "
        "écris écrire écrivez rédige rédiger rédigez reformule reformuler reformulez inviter invitez annonce annoncer "
        "annoncez remercie remercier remerciez escribe escriba redacta redacte invita anuncia anuncie agradece"
    ),
    patterns=(
        rf"{ORDER}(?:write|draft|compose|create|prepare|make)\b{SAID}{{0,60}}\b{TEXT_NOUN}\b",
        rf"{ORDER}(?:rewrite|rephrase|paraphrase|summari[sz]e|proofread|announce|invite|apologi[sz]e|thank)\b",
        rf"{ORDER}(?:schreibe?n?|verfasse|entwirf|formuliere|bedanke|lade|kündige)\b",
        rf"{ORDER}(?:écri(?:s|re|vez)|rédige[rz]?|reformule[rz]?|invite[rz]?|annonce[rz]?|remercie[rz]?)\b",
        rf"{ORDER}(?:escrib[ae]|redact[ae]|invit[ae]|anunci[ae]|agradece)\b",
    ),
)
ANALYSIS = Match(
    words=_words(
        "analyse analyze analysis prove derive calculate compute compare evaluate assess diagnose work how step root "
        "trade tradeoff tradeoffs pros why explain happen analysiere beweise berechne rechne vergleiche bewerte wie "
        "wieviel wieviele warum schritt analyser analysez démontre démontrer démontrez prouve prouver prouvez calcule "
        "calculer calculez comparer comparez combien pourquoi étape analiza demuestra calcula resuelve resuélvelo "
        "compara cuánto cuánta cuántos cuántas por paso"
    ),
    patterns=(
        r"\b(?:analy[sz]e|analysis|prove|derive|calculate|compute|compare|evaluate|assess|diagnose)\b",
        r"\bwork (?:it|this) out\b",
        r"\bhow (?:many|much|long|far|fast)\b|\bstep by step\b|\broot cause\b|\btrade-?offs?\b|\bpros and cons\b",
        rf"{ORDER}why\b|\bexplain why\b|\bwhat would happen\b",
        r"\b(?:analysiere|beweise|berechne|rechne|vergleiche|bewerte|wie ?viele?|warum|schritt für schritt)\b",
        r"\b(?:analyse[rz]?|démontre[rz]?|prouve[rz]?|calcule[rz]?|compare[rz]?|combien|pourquoi|étape par étape)\b",
        r"\b(?:analiza|demuestra|calcula|resuelve|resuélvelo|compara|cuánt[oa]s?|por qué|paso a paso)\b",
    ),
)
STEP_OF_A_TOOL_LOOP = Match(tools=True, tool_results=True)
ASKS_FOR_A_SCHEMA = Match(response_schema=True)

BUILTIN_TASK_TYPES: dict[str, TaskType] = {
    one.name: one
    for one in (
        TaskType("agent", rule="frontier", output_tokens=300, match=(STEP_OF_A_TOOL_LOOP,)),
        TaskType("classification", rule="cheapest", output_tokens=20, match=(CLASSIFICATION,)),
        TaskType("format_check", rule="cheapest", output_tokens=60, match=(FORMAT_CHECK,)),
        TaskType("code", rule="code", output_tokens=700, match=(FENCED_CODE, CODE)),
        TaskType("extraction", rule="cheapest", output_tokens=250, match=(EXTRACTION, ASKS_FOR_A_SCHEMA)),
        TaskType("content", rule="frontier", rule_internal="mid", output_tokens=500, match=(CONTENT,)),
        TaskType("analysis", rule="frontier", output_tokens=600, match=(ANALYSIS,)),
        TaskType("other", rule="reference", output_tokens=400),
    )
}
assert set(BUILTIN_TASK_TYPES) == set(NAMES)
