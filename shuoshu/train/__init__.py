"""The one training loop, for pretraining and fine-tuning alike: they differ only in where batches come from."""
