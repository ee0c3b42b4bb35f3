"""Settings of all tests."""

from hypothesis import settings

# A first example imports what it needs, and other work may run beside: how long an example takes says nothing.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
