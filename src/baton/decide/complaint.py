"""Whether the caller says that the last answer was not good: a sign that the conversation is harder than it looked."""

import re

from msgspec import Struct

from baton.decide.quoted import trusted
from baton.decide.said import Said, words_of
from baton.decide.text import normalised
from baton.types.request import Facts

READ_CHARS, KEPT_CHARS = 800, 240
"""People complain at the beginning; what comes later is the matter. So much is read, so much of their own is kept."""


class _Signs(Struct, frozen=True):
    """`pattern` is only searched where one of `words` stands: most texts hold none."""

    words: frozenset[str]
    pattern: re.Pattern[str]


def _signs(words: str, pattern: str) -> _Signs:
    return _Signs(frozenset(words.split()), re.compile(pattern, re.VERBOSE))


SPOKEN = (
    _signs(
        "no nope wrong incorrect broken not right correct working work works compile run help pass fail fails failing "
        "failed crash crashes crashing still again same redo properly missed forgot ignored broke misunderstood "
        "misread mistake mistaken listening sure try",
        r"""
        ^\W*(?:no+|nope|wrong|incorrect)\b\s*[,.!:;-]
        |\b(?:that|this|it|which|answer|result|output|code|solution)(?:'s|\s+is|\s+was|\s+are)?
          \s+(?:still\s+|just\s+|all\s+)?
          (?:wrong|incorrect|broken|not\s+(?:right|correct|working|true|what\s+i))\b
        |\b(?:still|again)\s+(?:\w+\s+)?(?:fail(?:s|ing|ed)?|broken|wrong|crash(?:es|ing)?|the\s+same|get(?:ting)?|not
          |errors?|does\s?n.t|is\s?n.t|throws?)\b
        |\b(?:does|did|is|was|are)\s?(?:n.t|\s+not)\s+(?:work|compile|run|help|pass|correct|right|what\s+i)
        |\btry\s+(?:it\s+|this\s+|that\s+)?(?:again|once\s+more|harder)\b
        |\b(?:redo|do)\s+(?:it|this|that)\s+(?:again|over|properly)\b
        |\bsame\s+(?:error|problem|issue|mistake|result)\b|\bnot\s+what\s+i\s+(?:asked|wanted|meant|said)\b
        |\byou\s+(?:(?:just|have|again|completely)\s+)?(?:missed|forgot|ignored|broke|misunderstood|misread
          |made\s+(?:a|an|the)\s+\w*\s?mistake)\b
        |\byou(?:'re|\s+are)\s+(?:still\s+)?(?:wrong|mistaken|not\s+listening)\b
        |\bare\s+you\s+sure\b|\btests?\s+(?:still\s+)?fail
        """,
    ),
    _signs(
        "falsch nein kaputt nicht noch nochmal versuch versuche probier probiere",
        r"""
        ^\W*(?:nein|falsch)\b\s*[,.!:;-]
        |\b(?:das|es|immer\s+noch)\s+(?:\w+\s+)?(?:ist\s+)?(?:falsch|kaputt|nicht\s+(?:richtig|korrekt))\b
        |\b(?:geht|funktioniert|klappt|stimmt|läuft)\s+(?:immer\s+noch\s+|so\s+|leider\s+)?nicht\b|\bimmer\s+noch\b
        |\b(?:nochmal|noch\s+einmal)\b|\b(?:versuch|probier)e?\s+(?:es|das)\b
        """,
    ),
    _signs(
        "non faux incorrect correct bon juste ça pas réessaie réessayez recommence recommencer recommencez encore",
        r"""
        ^\W*(?:non|faux)\b\s*[,.!:;-]
        |\b(?:c'est|ce\s+n'est|cela\s+est)\s+(?:toujours\s+|encore\s+|pas\s+)?(?:faux|incorrect|correct|bon|juste|ça)\b
        |\b(?:ne\s+)?(?:marche|fonctionne)\s+(?:toujours\s+)?pas\b
        |\b(?:réessa(?:ie|yez)|recommence[rz]?|essaie\s+encore)\b
        """,
    ),
    _signs(
        "no mal incorrecto incorrecta equivocado equivocada fallando roto sin vez nuevo está sigue "
        "errado errada incorreto incorreta não novo novamente",
        r"""
        ^\W*(?:mal|errado)\b\s*[,.!:;-]
        |\b(?:est[áa]|es|sigue|continúa)\s+(?:\w+\s+)?(?:mal|incorrect[oa]|equivocad[oa]|fallando|roto)\b|\bsigue\s+sin\b
        |\bno\s+(?:funciona|es\s+correcto|sirve|es\s+lo\s+que)\b
        |\b(?:inténtalo|prueba|intenta)\s+(?:otra\s+vez|de\s+nuevo)\b
        |\b(?:está|ainda)\s+(?:\w+\s+)?(?:errad[oa]|incorret[oa])\b|\bnão\s+(?:funciona|está\s+cert[oa]|é\s+isso)\b
        |\btent[ea]\s+(?:de\s+novo|novamente|outra\s+vez)\b
        """,
    ),
    _signs(
        "sbagliato sbagliata errato errata non riprova",
        r"""
        ^\W*(?:no|non|sbagliato)\b\s*[,.!:;-]
        |\b(?:è|ancora)\s+(?:\w+\s+)?(?:sbagliat[oa]|errat[oa])\b
        |\bnon\s+(?:funziona|va\s+bene|è\s+corretto)\b|\briprova\b
        """,
    ),
    _signs(
        "неправильно неверно не всё все попробуй ошибка ошибки",
        r"неправильно|неверно|не\s+работает|всё\s+ещё|все\s+еще|попробуй\s+(?:ещё|еще|снова)|ошибк[аи]\s+(?:та|осталась)",
    ),
)
SPOKEN_WORDS = frozenset(word for signs in SPOKEN for word in signs.words)
WRITTEN_TOGETHER = re.compile(
    "不对|不正确|错了|还是(?:不|错|有|失败)|不行|再试|重新(?:来|做|试)|没用|不是我(?:要|想)"
    "|違います|間違っ|まだ(?:エラー|動か|失敗|直っ)|もう一度|やり直し|動きません|正しくない"
    r"|틀렸|아직도|다시\s*(?:해|시도)|안\s*(?:돼|되|됩)|작동하지"
)
"""Signs in languages that do not set their words apart."""


def complains(facts: Facts, read: Said | None = None) -> bool:
    """True where the caller has had an answer and says that it was wrong, or says the same thing once more.

    `read`: what was read of the same facts before.
    """
    if facts.turns < 2:
        return False
    if facts.repeats:
        return True
    if read is not None and len(facts.user_text) <= READ_CHARS:
        own, named = read.user, not SPOKEN_WORDS.isdisjoint(read.words)
    else:
        own, named = trusted(normalised(facts.user_text[:READ_CHARS])), True
    said = own[:KEPT_CHARS].lower()
    if named:
        words = words_of(said)
        for signs in SPOKEN:
            if not signs.words.isdisjoint(words) and signs.pattern.search(said):
                return True
    return not said.isascii() and WRITTEN_TOGETHER.search(said) is not None
