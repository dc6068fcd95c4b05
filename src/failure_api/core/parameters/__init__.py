"""Parameters of models: their rules, their types, and how they are looked up."""
