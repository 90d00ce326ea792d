"""What is known of the flows of earlier files, so that they are not read again.

A table of a pure function's results (`exportfile.known_items`): it may be emptied at any time.
Public: `store.find_parsed`, `store.remember_parsed`.
"""
