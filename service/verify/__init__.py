"""Whether what a backend wrote is what the articles say."""
