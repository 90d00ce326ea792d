"""Pure: which secrets an item uses, where they are sent, and which pairs of the two are new.

Public: `destinations.find_secret_uses`, `new.find_new_destinations`, `warnings.make_warnings`.
"""
