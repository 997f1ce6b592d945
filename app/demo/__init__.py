"""A throw-away instance with real ultrasound in it, for trying everything."""
