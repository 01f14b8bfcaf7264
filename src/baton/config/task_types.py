"""The built-in task types: the default routing table, and the explicit rules by which a request is recognised.

The order is the order of matching: the first type with an entry that holds is taken. Types of the user's own come
first; then those with a plain sign (a step of a tool loop, an order to classify), then code before the types that are
sent to the cheapest model on weaker signs, broad words last: a mistake should cost money rather than quality. What no
entry recognises is `other` and goes to the reference. Only the caller's own last words are searched.

Every list of patterns stands beside the words of which it needs at least one: patterns cost a microsecond for forty
characters, and are only tried where such a word occurs. Orders cost less: they are tried where a clause begins.
"""

from baton.types.task import BUILTIN_TASK_TYPES as NAMES
from baton.types.task import Match, TaskType

SAID = r"[^.?!\n]"
"""A character inside of a sentence."""

CODE_LANGUAGE = r"(?:python|java|javascript|typescript|rust|golang|c\+\+|c#|php|ruby|kotlin|swift|scala|bash|sql)"
CODE_NOUN = (
    r"(?:function|class|method|script|program|code|codebase|unit tests?|test (?:cases?|suite)|regexp?"
    r"|regular expression|quer(?:y|ies)|endpoints?|decorator|algorithm|parser|linter|dockerfile|makefile|bug"
    r"|stack trace|api client"
    rf"|{CODE_LANGUAGE})"
)
CODE_NOUN_DE = r"(?:funktion|klasse|skript|programm|code|parser|abfrage)"
CODE_NOUN_FR = r"(?:fonction|classe|script|programme|code|parseur|requête sql)"
CODE_NOUN_ES = r"(?:función|clase|script|programa|código|parser|consulta sql)"
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


def _orders(words: str, *orders: str) -> Match:
    return Match(words=_words(words), orders=orders)


def _patterns(words: str, *patterns: str) -> Match:
    return Match(words=_words(words), patterns=patterns)


CLASSIFICATION = (
    _orders(
        "classify categorize categorise triage label",
        r"(?:classify|categori[sz]e|triage|label (?:each|every|the|this|these|it))\b",
    ),
    _patterns(
        "category categories label intent",
        r"\b(?:which|what) (?:is the |are the )?(?:\w+ )?(?:category|categories|label|intent)\b",
    ),
    _patterns("sentiment", r"\bthe sentiment of\b"),
    _patterns(
        "categories labels classes intents",
        r"\b(?:one|exactly one) of (?:the following |these |the )?(?:categories|labels|classes|intents)\b",
    ),
    _orders(
        "spam toxic positive negative", r"is (?:this|the following|it) (?:\w+ )?(?:spam|toxic|positive|negative)\b"
    ),
    _orders("klassifiziere kategorisiere", r"(?:klassifiziere|kategorisiere)\b"),
    _patterns("ordne", rf"\bordne\b{SAID}{{0,80}}\b(?:zu|ein)\b"),
    _patterns("kategorie klasse", r"\bin welche (?:kategorie|klasse)\b"),
    _orders(
        "classe classer classez classifie classifier classifiez catégorise catégoriser catégorisez",
        r"(?:classe[rz]?|classifie[rz]?|catégorise[rz]?)\b",
    ),
    _patterns("catégorie", r"\bdans quelle catégorie\b"),
    _orders("clasifica clasifique categoriza categorice", r"(?:clasifi(?:ca|que)|categori(?:za|ce))\b"),
    _patterns("categoría", r"\ben qué categoría\b"),
)
FORMAT_CHECK = (
    _orders(
        "match matches conform conforms comply complies valid invalid formed adhere adheres satisfy satisfies violate "
        "violates break breaks fail fails follow follows against",
        rf"{ASKS_WHETHER}\b{SAID}{{0,120}}\b{CONFORMS}\b{SAID}{{0,60}}\b{FORMAT_NOUN}\b",
        r"(?:is|are) (?:this|these|the following|it) (?:\w+ ){0,3}(?:(?:in)?valid|well-?formed)\b",
    ),
    _patterns(
        "rule rules",
        rf"\b(?:which|what|first|any)\b{SAID}{{0,40}}\brules?\b{SAID}{{0,60}}\b(?:breaks?|broken|violate[sd]?|fails?)\b",
        rf"\b(?:which|what|any)\b{SAID}{{0,40}}\b(?:breaks?|violates?|fails?|obeys?|follows?)\b{SAID}{{0,40}}\brules?\b",
    ),
    _patterns(
        "entspricht entsprechen erfüllt erfüllen verletzt verstößt gültig",
        rf"\b(?:entspr[ie]ch(?:t|en)|erfüll(?:t|en)|verletzt|verstößt|gültig)\b{SAID}{{0,80}}\b{FORMAT_NOUN_DE}\b",
    ),
    _patterns("regel", rf"\bregel\b{SAID}{{0,60}}\b(?:verletzt|verstößt|bricht)\b"),
    _patterns(
        "respecte respectent enfreint enfreinte conforme conformes valide valides viole",
        rf"\b(?:respecte(?:nt)?|enfreinte?|conformes?|valides?|viole)\b{SAID}{{0,80}}\b{FORMAT_NOUN_FR}\b",
    ),
    _patterns("règle", rf"\brègle\b{SAID}{{0,60}}\b(?:enfreinte?|viole|respecte)\b"),
    _patterns(
        "cumple cumplen incumple infringe válido válida respeta",
        rf"\b(?:cumplen?|incumple|infringe|válid[oa]|respeta)\b{SAID}{{0,80}}\b{FORMAT_NOUN_ES}\b",
    ),
    _patterns("regla", rf"\bregla\b{SAID}{{0,60}}\b(?:incumple|infringe|rompe|viola)\b"),
)
FENCED_CODE = Match(
    code_fence=True,
    patterns=(
        rf"```{CODE_LANGUAGE}\b|\b(?:code|function|bug|error|exception|script|snippet|compiles?|refactor)\b",
        r"\w\([^()\n]{0,80}\)|[;{}] {0,8}\n|=>|#include|\bimport \w",
    ),
)
"""A fence around code, and not around a document that somebody wanted to set off."""
CODE = (
    _orders(
        "write implement create build generate develop refactor debug fix optimise optimize port convert review "
        "rewrite simplify add",
        rf"{CODE_VERB}\b{SAID}{{0,80}}\b{CODE_NOUN}\b",
        r"(?:implement|refactor|debug)\b",
    ),
    _patterns(
        "function class script program code method",
        rf"\b{CODE_LANGUAGE} (?:function|class|script|program|code|method)\b",
    ),
    _patterns(
        "schreib schreibe brauche implementiere programmiere",
        rf"\b(?:schreibe?|brauche|implementiere|programmiere)\b{SAID}{{0,60}}{CODE_NOUN_DE}\b",
    ),
    _patterns(
        "écris écrire écrivez implémente implémenter implémentez besoin",
        rf"\b(?:écri(?:s|re|vez)|implémente[rz]?|besoin)\b{SAID}{{0,60}}\b{CODE_NOUN_FR}\b",
    ),
    _patterns(
        "escribe escriba implementa necesito programa",
        rf"\b(?:escrib[ae]|implementa|necesito|programa)\b{SAID}{{0,60}}\b{CODE_NOUN_ES}\b",
    ),
)
EXTRACTION = (
    _orders(
        "extract pull list",
        rf"(?:extract|pull out|list (?:all|every)\b{SAID}{{0,40}}\b(?:mentioned|named|listed|found))\b",
    ),
    Match(
        words=("json",),
        orders=(rf"(?:return|reply|respond|answer|output|produce|give)\b{SAID}{{0,60}}\bjson\b",),
        patterns=(
            rf"\bjson\b{SAID}{{0,40}}\b(?:with|containing|having)\b{SAID}{{0,20}}\b(?:fields?|keys?|members?)\b",
            rf"\bjson\b{SAID}{{0,40}}\b(?:feldern?|champs?|campos?)\b",
        ),
    ),
    _orders("extrahiere entnimm", r"(?:extrahiere|entnimm)\b"),
    _orders(
        "extrais extraire extrayez relève relever relevez extrae extraiga extraer",
        r"(?:extrais|extraire|extrayez|relève[rz]?|extrae|extraiga|extraer)\b",
    ),
)
CONTENT = (
    _orders(
        "write draft compose create prepare make",
        rf"(?:write|draft|compose|create|prepare|make)\b{SAID}{{0,60}}\b{TEXT_NOUN}\b",
    ),
    _orders(
        "rewrite rephrase paraphrase summarise summarize proofread announce invite apologise apologize thank",
        r"(?:rewrite|rephrase|paraphrase|summari[sz]e|proofread|announce|invite|apologi[sz]e)\b",
        r"thank (?:the|our|my|a|an|him|her|them|all|every\w*)\b",
    ),
    _orders(
        "schreib schreibe schreiben verfasse entwirf formuliere bedanke lade kündige",
        r"(?:schreibe?n?|verfasse|entwirf|formuliere|bedanke|lade|kündige)\b",
    ),
    _orders(
        "écris écrire écrivez rédige rédiger rédigez reformule reformuler reformulez invite inviter invitez annonce "
        "annoncer annoncez remercie remercier remerciez",
        r"(?:écri(?:s|re|vez)|rédige[rz]?|reformule[rz]?|invite[rz]?|annonce[rz]?|remercie[rz]?)\b",
    ),
    _orders(
        "escribe escriba redacta redacte invita invite anuncia anuncie agradece",
        r"(?:escrib[ae]|redact[ae]|invit[ae]|anunci[ae]|agradece)\b",
    ),
)
ANALYSIS = (
    Match(
        words=_words(
            "analyse analyze prove derive calculate compute compare evaluate assess diagnose "
            "analysiere beweise berechne rechne vergleiche bewerte warum "
            "analyser analysez démontre démontrer démontrez prouve prouver prouvez calcule calculer calculez comparer "
            "comparez pourquoi "
            "analiza demuestra calcula resuelve resuélvelo compara"
        )
    ),
    _patterns("work", r"\bwork (?:it|this) out\b"),
    _patterns("analysis", r"\b(?:analysis of|(?:do|give|make|write|perform|provide) (?:\w+ ){0,2}analysis)\b"),
    _patterns("step root tradeoff tradeoffs trade pros", r"\b(?:step by step|root cause|trade-?offs?|pros and cons)\b"),
    Match(words=("why",), orders=(r"why\b",), patterns=(r"\bexplain why\b",)),
    _patterns("happen", r"\bwhat would happen\b"),
    _patterns("schritt", r"\bschritt für schritt\b"),
    _patterns("étape", r"\bétape par étape\b"),
    _patterns("por paso", r"\bpor qué\b|\bpaso a paso\b"),
)
STEP_OF_A_TOOL_LOOP = Match(tools=True, tool_results=True)
ASKS_FOR_A_SCHEMA = Match(response_schema=True)

BUILTIN_TASK_TYPES: dict[str, TaskType] = {
    one.name: one
    for one in (
        TaskType("agent", rule="frontier", output_tokens=300, match=(STEP_OF_A_TOOL_LOOP,)),
        TaskType("classification", rule="cheapest", output_tokens=20, match=CLASSIFICATION),
        TaskType("format_check", rule="cheapest", output_tokens=60, match=FORMAT_CHECK),
        TaskType("code", rule="code", output_tokens=700, match=(FENCED_CODE, *CODE)),
        TaskType("extraction", rule="cheapest", output_tokens=250, match=(*EXTRACTION, ASKS_FOR_A_SCHEMA)),
        TaskType("content", rule="frontier", rule_internal="mid", output_tokens=500, match=CONTENT),
        TaskType("analysis", rule="frontier", output_tokens=600, match=ANALYSIS),
        TaskType("other", rule="reference", output_tokens=400),
    )
}
assert set(BUILTIN_TASK_TYPES) == set(NAMES)
