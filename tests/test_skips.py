"""The rule for skipped tests, tried on a small project of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest_plugins = ("pytester",)

SKIPPED = {
    "for want of a module": "import pytest\ndef test_a():\n    pytest.importorskip('no_such_module')\n",
    "for want of a marked part": "import pytest\n@pytest.mark.needs_shared\ndef test_a(shared):\n    pass\n",
}
EXCUSED = "import pytest\n@pytest.mark.needs_gpu\ndef test_a():\n    pytest.skip('no device')\n"


def run(pytester: pytest.Pytester, code: str, *options: str) -> pytest.RunResult:
    marks = "\n".join(f"    {mark}" for mark in ("needs_gpu", "needs_modal", "needs_shared"))
    pytester.makeini(f"[pytest]\nmarkers =\n{marks}\n")
    shutil.copy(Path(__file__).with_name("skips.py"), pytester.path / "skips.py")
    pytester.makeconftest("pytest_plugins = ('skips',)\n")
    pytester.makepyfile(test_it=code)
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", *options)


@pytest.mark.parametrize("code", SKIPPED.values(), ids=SKIPPED)
def test_a_skip_is_told_and_fails_only_where_asked(pytester: pytest.Pytester, code: str) -> None:
    result = run(pytester, code)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*NOT TESTED: 1 skipped*", "1 x *"])
    assert run(pytester, code, "--fail-on-skip").ret == pytest.ExitCode.TESTS_FAILED


def test_a_missing_gpu_is_told_and_never_fails(pytester: pytest.Pytester) -> None:
    result = run(pytester, EXCUSED, "--fail-on-skip")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*NOT TESTED HERE: 1 skipped*"])


def test_a_test_that_runs_is_left_alone(pytester: pytest.Pytester) -> None:
    result = run(pytester, "def test_a():\n    pass\n", "--fail-on-skip")
    assert result.ret == pytest.ExitCode.OK
    assert "NOT TESTED" not in result.stdout.str()


MODALLESS = """
import skips

skips._has_modal = lambda: False
skips._can_isolate = lambda: {may_mount}
skips.PARTS["needs_modal"] = skips.Part(skips._can_imitate_modal, "get it", is_installable=skips._can_isolate)
"""


@pytest.mark.parametrize(("may_mount", "ending"), [(True, pytest.ExitCode.TESTS_FAILED), (False, pytest.ExitCode.OK)])
def test_a_part_with_two_needs_is_insisted_on_only_where_it_could_be_had(
    pytester: pytest.Pytester, may_mount: bool, ending: pytest.ExitCode
) -> None:
    code = "import pytest\n@pytest.mark.needs_modal\ndef test_a():\n    pass\n"
    pytester.makepyfile(modalless=MODALLESS.format(may_mount=may_mount))
    pytester.syspathinsert()
    result = run(pytester, code, "-p", "modalless", "--fail-on-skip")
    assert result.ret == ending
    result.stdout.fnmatch_lines([f"*NOT TESTED{'' if may_mount else ' HERE'}: 1 skipped*", "1 x needs_modal: get it"])
