"""What a field of a model may be, and how its values are looked up."""
