"""One verifier a module: `(answer, check) -> Verdict`, pure but for `executes`.

May import `types` and the rest of `check`. Any of them is a good place to start.
"""
