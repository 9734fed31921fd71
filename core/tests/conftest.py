"""Settings of the property tests: the same examples at every run in CI, new ones elsewhere."""

import os

from hypothesis import settings

settings.register_profile("derandomized", derandomize=True, deadline=None, database=None)
settings.register_profile("random", deadline=None)
settings.load_profile("derandomized" if os.environ.get("CI") else "random")
