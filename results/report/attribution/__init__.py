"""What maps of where networks look say of training methods: as stored, in tables and in figures."""
