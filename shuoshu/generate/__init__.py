"""The one generation engine behind `ask`, `complete`, `chat`, `serve` and `evaluate`."""
