"""The tests of ``../openenv`` with an older OpenEnv."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "openenv"))

from test_openenv import *  # noqa: F403
