"""Questions that the archive is sure to answer, made from its own sentences."""
