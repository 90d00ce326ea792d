"""The pages of the whole server: its state, what was changed here, a comparison, an export."""
