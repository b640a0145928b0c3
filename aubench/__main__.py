"""``python -m aubench``."""

from __future__ import annotations

import sys

from aubench.cli import main

sys.exit(main())
