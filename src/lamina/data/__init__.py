"""From rows and typed columns to batches: read, infer, split, encode into the store."""
