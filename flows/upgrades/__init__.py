"""What migrations share: a key becomes a column, and what makes a migration repeatable."""
