"""The caller's own words of a request: what is left when quoted documents are taken out.

What a quoted text says decides nothing about the request that quotes it: else a mail that is to be summarised could
choose the model. Only plain signs count; instructions on both sides of a document stay. Everything is linear in the
length of the text.
"""

import re
from collections.abc import Iterator
from typing import Literal

FENCE = re.compile(r"(?:```|~~~).*?(?:```|~~~|\Z)", re.DOTALL)
RULE_LINE = re.compile(r"^(-{3,12}|={3,12}|\*{3,12}) *$", re.MULTILINE)
QUOTED_LINES = re.compile(r"(?m)^ {0,3}>.*(?:\n|\Z)")
TRIPLE_QUOTED = re.compile(r'""".*?"""' + r"|'''.*?'''", re.DOTALL)
STRAIGHT_QUOTED = re.compile(r'"(?<!\w")[^"]{60,}"')
"""As the first kind of the next one, which has no literal to look for: that makes it the slowest step of a decision."""
LONG_QUOTED = re.compile(r'(?<!\w)"[^"]{60,}"|“[^”]{60,}”|«[^»]{60,}»|„[^“”]{60,}[“”]|「[^」]{30,}」')
TAG = re.compile(r"<(/?)([A-Za-z][\w.-]{0,40})(?:\s[^<>]{0,200})?>")
RULED_LINE = re.compile(r"[-=*_#~]{3,}|\[?/?end\b.{0,20}", re.IGNORECASE)
WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)?")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


INSTRUCTING_TAGS = _words(
    "instructions instruction task question query request prompt user user_request user_query user_message ask goal "
    "objective requirements"
)
"""What these tags hold is said by the caller."""
QUOTING_TAGS = _words(
    "document documents doc docs context text article email mail passage content source transcript quote blockquote "
    "file files input data attachment page ticket review message log logs snippet example examples search_results "
    "retrieved result results conversation html system-reminder"
)
"""What these hold is quoted wherever they stand; other tags quote where they begin a line."""
DOCUMENT_WORDS = _words(
    "text texts document documents article email e-mail mail message ticket review passage context transcript content "
    "conversation input source excerpt paragraph letter post comment abstract story report log logs data note notes "
    "dokument artikel nachricht bewertung absatz kontext abschnitt eingabe bericht brief protokoll "
    "texte courriel contexte passage avis extrait rapport lettre commentaire "
    "texto correo mensaje documento contexto artículo reseña informe carta comentario mensagem artigo relatório "
    "testo messaggio articolo contesto recensione lettera "
    "текст документ статья сообщение письмо контекст отзыв "
    "文本 文章 原文 内容 文档 上下文 テキスト 本文 文書 記事 문서 텍스트"
)
INSTRUCTING_WORDS = _words(
    "task question instruction instructions request query prompt goal answer output format aufgabe frage anweisung "
    "antwort tâche consigne consignes réponse tarea pregunta instrucción instrucciones respuesta tarefa pergunta "
    "instruções resposta compito domanda istruzioni risposta задача вопрос задание "
    "任务 问题 要求 问 質問 指示 タスク 질문 작업"
)
OF_CODE = re.compile(r"\s*(?:for|while|if|elif|with|def|class|async|case|switch|return)\b")
"""Lines that end with a colon and announce no document."""
LABEL_CHARS = 60
LAST_WORDS_CHARS = 300
"""A last paragraph of at most so many characters after a pasted text is taken for the caller's own again."""


def trusted(text: str) -> str:
    """The caller's own words of a normalised text; all of it where nothing would be left."""
    kept = text
    if ("`" in kept and "```" in kept) or ("~" in kept and "~~~" in kept):
        kept = FENCE.sub("\n", kept)
    if ('"' in kept and '"""' in kept) or ("'" in kept and "'''" in kept):
        kept = TRIPLE_QUOTED.sub(" ", kept)
    if "<" in kept and "</" in kept:
        kept = "".join(_outside_of_tags(kept))
    if "\n---" in kept or "\n===" in kept or "\n***" in kept:
        kept = _without_ruled(kept)
    if ">" in kept:
        kept = QUOTED_LINES.sub("", kept)
    if not kept.isascii():
        kept = LONG_QUOTED.sub(" ", kept)
    elif '"' in kept:
        kept = STRAIGHT_QUOTED.sub(" ", kept)
    if ":" in kept:
        kept = _without_labelled(kept)
    return kept if kept.strip() else text


def _outside_of_tags(text: str) -> Iterator[str]:
    tags = list(TAG.finditer(text))
    last_closing = {tag[2].lower(): tag.start() for tag in tags if tag[1]}
    kept_from, inside, depth = 0, "", 0
    for tag in tags:
        name = tag[2].lower()
        if inside:
            if name == inside:
                depth += -1 if tag[1] else 1
            if not depth:
                inside, kept_from = "", tag.end()
        elif not tag[1] and last_closing.get(name, -1) > tag.start() and _quotes(name, text, tag.start()):
            yield text[kept_from : tag.start()]
            inside, depth = name, 1
    if not inside:
        yield text[kept_from:]


def _quotes(name: str, text: str, at: int) -> bool:
    if name in INSTRUCTING_TAGS:
        return False
    return name in QUOTING_TAGS or at == 0 or text[at - 1] == "\n"


def _without_ruled(text: str) -> str:
    """Two rules of one kind set a document off; more of them divide a text into its parts."""
    rules = list(RULE_LINE.finditer(text))
    if len(rules) != 2 or rules[0][1] != rules[1][1]:
        return text
    return text[: rules[0].start()] + text[rules[1].end() :]


def _without_labelled(text: str) -> str:
    """Pasted texts under a label: of a line that begins with one its paragraph, of a line that ends with one the rest.

    A rule (`---`) or a label that instructs ends a paste, and so does a short last paragraph.
    """
    kept: list[str] = []
    pasted: list[str] | None = None
    labels = 0
    in_paragraph = False
    for line in text.split("\n"):
        sort = _sort_of(line) if ":" in line else ""
        if sort in {"labelled", "announced"}:
            in_paragraph = sort == "labelled"
            kept.append(line[: line.index(":") + 1] if in_paragraph else line)
            labels += len(kept[-1]) < LABEL_CHARS
            pasted = []
        elif pasted is None:
            kept.append(line)
        elif sort == "instruction" or RULED_LINE.fullmatch(line.strip()) or (in_paragraph and not line):
            pasted = None
            kept.append(line)
        else:
            pasted.append(line)
    if pasted and not in_paragraph:
        kept.extend(_last_words(pasted))
    return "\n".join(kept) if sum(map(bool, map(str.strip, kept))) > labels else text


def _sort_of(line: str) -> Literal["labelled", "announced", "instruction", ""]:
    """What a line with a colon begins: the text after its label, the text below it, or the caller's own words."""
    label, _, rest = line.partition(":")
    words = WORD.findall(label[-LABEL_CHARS:].lower())
    if not words or not label.rstrip("* ")[-1:].isalpha() or OF_CODE.match(line):
        return ""
    begins = len(words) <= 3 and len(label) < LABEL_CHARS
    if begins and not INSTRUCTING_WORDS.isdisjoint(words):
        return "instruction"
    if rest.strip(" *"):
        return "labelled" if begins and words[-1] in DOCUMENT_WORDS else ""
    return "announced" if not DOCUMENT_WORDS.isdisjoint(words[-3:]) else ""


def _last_words(pasted: list[str]) -> list[str]:
    while pasted and not pasted[-1].strip():
        pasted.pop()
    blank = next((place for place in range(len(pasted) - 1, 0, -1) if not pasted[place].strip()), 0)
    last = pasted[blank + 1 :]
    return last if blank and sum(map(len, last)) <= LAST_WORDS_CHARS else []
