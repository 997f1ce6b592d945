"""Bytes at rest: Blob rows, the two stores, the spool, the sweep."""
