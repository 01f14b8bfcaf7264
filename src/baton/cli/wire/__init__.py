"""`baton wire` and `baton unwire`: point a client at the gateway and back.

May import the standard library, typer and `types`. Start with `command.py`; `clients.py` lists the clients, one module
each; `json_text.py` and `toml_text.py` edit text and touch nothing else; `place.py` is the only one that writes.
"""
