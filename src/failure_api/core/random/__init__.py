"""Random streams: named, seeded, and independent of each other."""
