"""Make the runs: corpora, models, optimisers, ladders. Needs the extra ``train`` (PyTorch)."""
