"""The figures of the README: measured against the real service, printed, nothing asserted."""
