"""Pages for people in a browser, phones included; each works without script."""
