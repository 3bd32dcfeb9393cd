"""The acceptance test that a hospital runs: the installed command on its own phantoms."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.end_to_end


def test_the_selftest_passes_and_prints_measured_beside_true(call) -> None:
    done = call("selftest")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "selftest passed"
    checks = [line for line in lines if line.startswith("  ")]
    assert len(checks) >= 20
    assert all(line.split()[0] == "ok" and " truth " in line and " measured " in line for line in checks)
