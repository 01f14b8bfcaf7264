"""Media inside a URL: `data:image/png;base64,...`."""

import re

DATA_URL = re.compile(r"data:(?P<type>[\w.+/-]+)(;[\w=.+-]+)*;base64,")


def split_data_url(url: str) -> tuple[str, str]:
    """Media type and base64 of a data URL; two empty strings for any other URL."""
    found = DATA_URL.match(url)
    return (found["type"], url[found.end() :]) if found else ("", "")


def data_url(media_type: str, data: str) -> str:
    return f"data:{media_type};base64,{data}"
