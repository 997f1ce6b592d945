"""The browser of the page tests, for journeys through them."""

from tests.web.conftest import browser_context_args, browser_type_launch_args

__all__ = ["browser_context_args", "browser_type_launch_args"]
