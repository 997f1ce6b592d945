"""The answer: drafted, signed, replaced, read."""
