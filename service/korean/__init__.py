"""Korean words as several rooms need them: tables, synonyms, opposites. Dates and quantities are read by the index."""
