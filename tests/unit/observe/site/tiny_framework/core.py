class Mean:
    """A model whose training may be given an iterator."""

    def __init__(self, scale=1.0):
        self.scale = scale

    def fit(self, batches, shuffle=None):
        """Find the mean of the batches."""
        total = count = 0
        for batch in batches:
            total += sum(batch)
            count += len(batch)
        self.mean_ = self.scale * total / count
        return self
