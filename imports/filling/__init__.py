"""Many secrets of a checklist are given their first values at once: a pasted text, read, stored."""
