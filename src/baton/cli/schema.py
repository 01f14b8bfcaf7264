"""`baton schema`: the JSON Schema of `baton.yaml`, for editors."""

import sys


def schema() -> None:
    """Print the JSON Schema of baton.yaml: save it, and point your editor's YAML plugin at it."""
    import json

    from baton.config.shape import json_schema

    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
