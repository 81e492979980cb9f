#!/usr/bin/env bash
# pytest 9.2.0 with pytest-xdist 3.8.0: `--dist loadgroup` spreads the tests of one `xdist_group` over all workers, without
# a warning. With pytest 9.1.1 they share a worker, and their ids end in "@group". xdist writes the group into the item's
# private `_nodeid`, which pytest 9.2 no longer reads.
# Suites that keep a server or a JVM for a group start it once a worker, and tests that rely on the group to keep out of
# each other's way race.
#
# Exits 0 while this is so; 1 where the behaviour has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/env"
cat > "$place/test_group.py" <<'PYTHON'
import time

import pytest


@pytest.mark.xdist_group("one server")
@pytest.mark.parametrize("number", range(8))
def test_group(number: int) -> None:
    time.sleep(0.2)
PYTHON
workers() {
    "$place/env/bin/pip" install --quiet --disable-pip-version-check "pytest==$1" pytest-xdist==3.8.0
    (cd "$place" && env/bin/python -m pytest -n 2 --dist loadgroup -v -p no:cacheprovider test_group.py) |
        grep -o '^\[gw[01]\]' | sort -u | wc -l
}
before=$(workers 9.1.1)
after=$(workers 9.2.0)
echo "workers that run one group: pytest 9.1.1 $before, pytest 9.2.0 $after"
test "$before $after" = "1 2"
