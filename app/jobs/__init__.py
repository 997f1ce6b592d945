"""Durable background work: rows of the same database, enqueued in the caller's transaction."""
