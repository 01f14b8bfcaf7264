"""Laws of `baton wire` and `baton unwire`, over settings of every shape: idempotent, undone byte for byte, lossless."""

import json
import tomllib

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from baton.cli.wire import codex, json_text, opencode, toml_text
from baton.cli.wire.clients import CLIENTS
from baton.cli.wire.command import unwire, wire
from baton.cli.wire.entries import Gateway, NotEditable

APP = typer.Typer()
APP.command()(wire)
APP.command()(unwire)
RUN = CliRunner()

GATEWAY = Gateway("http://127.0.0.1:4141", "unused")
FILES = {
    "claude-code": ".claude/settings.json",
    "codex": ".codex/config.toml",
    "opencode": ".config/opencode/opencode.json",
}

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
OUR_NAMES = st.sampled_from(["ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN", "baton", "other"])
SETTINGS = st.dictionaries(WORDS | st.sampled_from(["model", "$schema"]), TREES, max_size=4).flatmap(
    lambda tree: st.fixed_dictionaries(
        {name: st.just(value) for name, value in tree.items()},
        optional={name: st.dictionaries(OUR_NAMES, TREES, max_size=3) for name in ("env", "provider")},
    )
)
INDENT = st.sampled_from([None, 1, 2, 4, "\t"])
GAPS = st.sampled_from(["", " ", "\n", "\r\n", "\t", "// a, {\n", '/* } " */', "  // é\n\n"])


@st.composite
def json_texts(draw: st.DrawFn) -> str:
    text = json.dumps(draw(SETTINGS), indent=draw(INDENT), ensure_ascii=draw(st.booleans()))
    return draw(st.sampled_from(["", "\ufeff", "\n"])) + text + draw(st.sampled_from(["", "\n", "\r\n "]))


@st.composite
def jsonc_texts(draw: st.DrawFn) -> str:
    """Gaps of every kind between any two signs of the grammar, and trailing commas."""

    def written(value: object) -> str:
        gap = draw(GAPS)
        if isinstance(value, dict | list):
            if isinstance(value, dict):
                inner = [f"{json.dumps(name)}{draw(GAPS)}:{written(one)}" for name, one in value.items()]
            else:
                inner = [written(one) for one in value]
            last = draw(st.sampled_from(["", ",", "/* , */,"])) if inner else ""
            opening, closing = "{}" if isinstance(value, dict) else "[]"
            return gap + opening + draw(GAPS) + f"{draw(GAPS)},".join(inner) + last + draw(GAPS) + closing
        return gap + json.dumps(value)

    return written(draw(SETTINGS)) + draw(GAPS)


LINES = st.sampled_from(
    [
        "# a comment [x]",
        "",
        'text = """\n[model_providers.baton]\nmodel = "x"\n"""',
        "'quoted key' = 'c:\\[x]'  # = \"",
        'dotted . "k=]" = [ 1, # ]\n  [2], { a = "}" } ]',
        "when = 1979-05-27T07:32:00Z",
        "five = '''a''''",
    ]
)
ROOTS = st.sampled_from(['model = "gpt"', "model = '''\ngpt'''  # mine", 'model_provider="x"', '"model" = "é"'])
TABLES = st.sampled_from(
    [
        "[model_providers.baton]",
        '[ model_providers . "baton" ] # mine',
        "[model_providers.other]",
        "[[array.of]]",
        "[mcp_servers.x]",
        "[model_providers.baton.query_params]",
        "[profiles.model]",
    ]
)
KEYS = st.sampled_from(['base_url = "http://x"', "name = 'n'", "retries = 3", 'model = "y"', "wire_api = 'chat'"])


@st.composite
def toml_texts(draw: st.DrawFn) -> str:
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    lines = draw(st.lists(LINES | ROOTS, max_size=4))
    for header in draw(st.lists(TABLES, max_size=3)):
        lines += [header, *draw(st.lists(KEYS | LINES, max_size=3))]
    text = "\n".join(lines).replace("\n", newline) + draw(st.sampled_from(["", newline, newline * 2]))
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:  # the same key twice
        return draw(st.just("model = 'x'"))
    return text


def texts(client: str) -> st.SearchStrategy[str]:
    return {"claude-code": json_texts(), "codex": toml_texts(), "opencode": jsonc_texts() | json_texts()}[client]


@pytest.mark.parametrize("client", FILES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_wiring_is_idempotent_and_adds_nothing_but_the_entries(client: str, data: st.DataObject) -> None:
    text, entries = data.draw(texts(client)), CLIENTS[client].entries(GATEWAY)
    try:
        once = CLIENTS[client].put(text, entries)
    except NotEditable:
        assert client == "codex" or '"provider"' in text or '"env"' in text
        return
    assert CLIENTS[client].put(once, entries) == once


@pytest.mark.parametrize("client", ["claude-code", "opencode"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_taking_the_entries_out_leaves_the_values_that_were_there(client: str, data: st.DataObject) -> None:
    """Also where the file cannot be put back whole, because somebody edited it: here, by a new last line."""
    text, entries = data.draw(texts(client)), CLIENTS[client].entries(GATEWAY)
    comments = client == "opencode"
    wired = CLIENTS[client].put(text, entries)
    taken = CLIENTS[client].take(wired + "\n", text, entries)
    assert taken.left == ()
    assert taken.text is not None
    before = json_text.Source(text, comments=comments).tree
    assert json_text.Source(taken.text, comments=comments).tree == before


@settings(max_examples=60, deadline=None)
@given(toml_texts())
def test_taking_the_entries_out_of_toml_leaves_the_text_that_was_there(text: str) -> None:
    entries = codex.entries(GATEWAY)
    try:
        wired = toml_text.put(text, entries)
    except NotEditable:
        return
    taken = toml_text.take(wired + "# edited\n", text, entries)
    assert taken.left == ()
    assert taken.text is not None
    assert tomllib.loads(taken.text) == tomllib.loads(text)
    assert [line for line in text.splitlines() if line] == [
        line for line in taken.text.removesuffix("# edited\n").splitlines() if line
    ]


@pytest.mark.parametrize("client", FILES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_unwire_after_wire_is_the_file_byte_for_byte(
    client: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("HOME", str(home))
        for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_CONFIG_HOME"):
            patch.delenv(name, raising=False)
        text = data.draw(texts(client))
        path = home / FILES[client]
        path.parent.mkdir(parents=True)
        path.write_bytes(text.encode())
        if RUN.invoke(APP, ["wire", client]).exit_code == 0:
            assert json.dumps(GATEWAY.url)[1:-1] in path.read_text()
            assert RUN.invoke(APP, ["unwire", client]).exit_code == 0
        assert path.read_bytes() == text.encode()
        assert list(path.parent.iterdir()) == [path]


@settings(max_examples=60, deadline=None)
@given(jsonc_texts())
def test_no_comment_is_lost_on_the_way_there_and_back(text: str) -> None:
    entries = opencode.entries(GATEWAY)
    wired = opencode.put(text, entries)
    taken = opencode.take(wired, text, entries).text or ""
    for comment in ("// a, {\n", '/* } " */', "// é\n\n", "/* , */"):
        assert taken.count(comment.strip()) == text.count(comment.strip())
        if '"baton"' not in text and '"model"' not in text:
            assert wired.count(comment.strip()) == text.count(comment.strip())
