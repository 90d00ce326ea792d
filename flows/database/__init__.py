"""The database below the models: writes in batches, locks, limits of statements."""
