"""Lets every test import what they share, and keeps pygame from looking for a screen."""

import os
import sys
from pathlib import Path

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

SHARED = str(Path(__file__).resolve().parent)
if SHARED not in sys.path:
    sys.path.insert(0, SHARED)
