"""Sums of budget lines: by kind and dimension, no money twice, with the notes that say what they count."""
