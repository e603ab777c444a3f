"""Maps of where networks look, by training method: as stored, in tables and in figures."""
