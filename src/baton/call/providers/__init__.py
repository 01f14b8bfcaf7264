"""What is particular to a provider: how its addresses are made, how it is signed for, its quirks, its words for errors.

One module per kind of provider; a kind is a table (`kind.Kind`) that is found by name (`registry.kind_of`).
"""
