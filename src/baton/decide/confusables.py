"""Letters of other scripts that a reader takes for Latin ones, by the looks of common fonts.

`ALIKE` are as good as identical; a word of nothing but these may be a disguised Latin word. `NEAR` are only told from
Latin letters when one looks twice, and are read as Latin only inside of words that hold Latin letters as well.
"""


def _pairs(*rows: tuple[str, str]) -> dict[int, str]:
    return {ord(other): latin for others, latins in rows for other, latin in zip(others, latins, strict=True)}


ALIKE: dict[int, str] = _pairs(
    # Cyrillic
    ("аесорхуіјѕһԁԛԝӏѵүԍҫ", "aecopxyijshdqwlvygc"),
    ("АВЕКМНОРСТХУІЈЅԚԜӀҮҪҺԌ", "ABEKMHOPCTXYIJSQWIYChG"),
    # Greek
    ("ονραυϳγ", "ovpaujy"),
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧͿι", "ABEZHIKMNOPTYXJi"),
    # Armenian
    ("օսոցհզյքՕՍԼՏ", "ounghqjpOULS"),
    # Cherokee and Lisu
    ("ᎪᏴᏟᎠᎬᏀᎻᎫᏦᏞᎷᏢᎡᏚᎢᏙᎳᏃᏎᏂ", "ABCDEGHJKLMPRSTVWZ4h"),
    ("ꓮꓐꓚꓓꓰꓝꓖꓧꓲꓙꓗꓡꓟꓠꓳꓑꓣꓢꓔꓴꓦꓪꓫꓬꓜ", "ABCDEFGHIJKLMNOPRSTUVWXYZ"),
    # Letters of the Latin script that no language writes instead of the plain one
    ("ɑɡɩʟᴀʙᴄᴅᴇꜰɢʜɪᴊᴋᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢǀꞬ", "agilabcdefghijkmnoprstuvwyzlg"),
)
NEAR: dict[int, str] = _pairs(
    # Cyrillic
    ("вгкмнптЬѡЯ", "brkmhntbwR"),
    # Greek; the lunate sigmas have become usual ones before this table is asked
    ("βεηκμστωχςΣ", "benkuotwxcC"),
)
BLACK: dict[int, str] = {first + place: chr(ord("A") + place) for first in (0x1F150, 0x1F170) for place in range(26)}
"""Letters on black grounds, which compatibility forms leave alone."""
