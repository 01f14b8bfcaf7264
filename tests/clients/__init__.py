"""Real clients through a real gateway onto upstreams of every dialect: `make test-clients`; not part of `make test`.

`packages.py` installs them from the npm registry into a cache, `stage.py` starts the strict simulated engine and one
gateway for each upstream dialect, `recorder.py` stands between client and gateway and notes what the gateway says.
Start with `__main__.py`.
"""
