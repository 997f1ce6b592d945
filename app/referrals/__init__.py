"""The question: about whom, how urgent, and which files come with it."""
