"""The pages are asked like the API, over the same small arena."""

from tests.api.conftest import before_the_first_run, client, home

__all__ = ["before_the_first_run", "client", "home"]
