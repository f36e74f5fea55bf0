"""Methods made of a method: refined, keeping clear pixels, in groups of bands."""
