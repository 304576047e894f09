"""A question, and what it asks for: by itself, of which time, of which articles."""
