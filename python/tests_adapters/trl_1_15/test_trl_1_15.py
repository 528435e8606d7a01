"""The tests of ``../trl`` with an older TRL, which computes with Triton: here by Triton's interpreter, for want of a GPU."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

os.environ["TRITON_INTERPRET"] = "1"
sys.path.insert(0, str(Path(__file__).parents[1] / "trl"))

import test_trl
from test_trl import *  # noqa: F403

# The interpreter uses NumPy in an old way.
pytestmark = [test_trl.pytestmark, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
