"""The forms in which clients ask: one file each, from a body to rows and from answers to a body.

Each has ``ROUTES``, "METHOD /address" -> handler; parts of an address stand in capitals, what may be left out in
brackets.
"""
