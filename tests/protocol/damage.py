"""Ways in which bytes and JSON can be wrong."""

from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

TOKENS = [
    b"data: ", b"data:", b"event: ", b"event: error\n", b"\n\n", b"\r\n\r\n", b"\r", b"\n", b":\n", b"\xef\xbb\xbf",
    b"\x00", b"\xff\xfe", b"[DONE]", b"{", b"}", b"null", b'"', b"\\", b'"type":', b'"error":', b'"index":-1',
    b'"index":99999999999999999999', b'"choices":[', b'"usage":', b"1e999", b"-0", b"\\ud800", b"[[[[[[[[" * 300,
]  # fmt: skip
WRONG: list[Any] = [
    None, True, -1, 0, 1.5, 10**30, "", "x", "\ud800", [], {}, [None], [[]], {"type": "x"}, {"type": None}, {"a": {"b": []}},
]  # fmt: skip

CUTS = st.lists(st.integers(0, 1 << 20), max_size=6)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[begin:end] for begin, end in pairwise(places)]


def changed(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict) and value and draw(st.integers(0, 5)):
        name = draw(st.sampled_from(sorted(value)))
        if not draw(st.integers(0, 4)):
            return {other: one for other, one in value.items() if other != name}
        return value | {name: changed(draw, value[name])}
    if isinstance(value, list) and value and draw(st.integers(0, 5)):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], changed(draw, value[place]), *value[place + 1 :]]
    return draw(st.sampled_from(WRONG))
