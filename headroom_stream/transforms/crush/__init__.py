"""What `SmartCrusher` does to the lists of a JSON value.

What fields tell is in `columns`, `numbers`, `errors`, `alike` and `shapes`, what a query names in `asked`; `choose` says which items
of one list stay, `cut` writes the value without the others.
"""
