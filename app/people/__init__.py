"""Organizations, the people in them, and the patients they know."""
