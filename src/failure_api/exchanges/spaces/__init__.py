"""Spaces of observations, actions and messages: rows of numbers, masks, zeros and sizes."""
