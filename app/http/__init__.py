"""For all HTTP doors: the actor of the request, CSRF, problem+json, limits."""
