"""Real servers for the tests: each on the loopback only, and gone with the test process."""
