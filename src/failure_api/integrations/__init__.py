"""Adapters for simulators and trainers; each needs its own package and is imported by name."""
