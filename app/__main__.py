"""`python -m app` is the command `sonopost`."""

from app.cli import main

main()
