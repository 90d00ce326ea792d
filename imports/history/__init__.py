"""The old history of runs, removed: `prune.prune_history`, and `prune_after_run` after a run."""
