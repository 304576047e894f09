"""One runner a system; each is a script of its own environment."""
