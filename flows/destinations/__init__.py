"""Pure: which secrets an item uses, where they are sent, and which pairs of the two are new.

Public: `destinations.secret_uses`, `new.find_new_destinations` and `warnings.warnings_of`.
"""
