"""The embedding model that comes with the product."""
