"""What a secret looks like where it is written out: `asof --help` needs no YAML to know it."""

from __future__ import annotations

import re

SECRET_IN_URL = re.compile(r"(?<=://)((?:\$\{env:\w+\}|[^/@\s:])*+):(?!\$\{env:)([^@/\s]+)(?=@)")
SECRET_IN_DSN = re.compile(r"(?i)\b(?:password|pwd|secret|token)\s*=\s*(?!\$\{env:)([^\s;&]+)")
