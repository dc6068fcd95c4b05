"""Array libraries, and what is made of their arrays: rings and trees."""
