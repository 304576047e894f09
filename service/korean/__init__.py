"""Korean as several rooms need it: words, quantities, dates."""
