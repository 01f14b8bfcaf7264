"""One test for each numbered bug that was met in the field, named by the threads that tell of it.

`threads.py` lists them; `rendered.py` writes a request in another dialect, `stage.py` runs a whole gateway.
"""
