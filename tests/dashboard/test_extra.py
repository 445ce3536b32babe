"""Without the extra there is one clear error."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from nsm.dashboard.extra import is_notebook, notebook_module
from nsm.errors import NSMError
from tests.dashboard.fake_notebook import FakeNotebook


def test_a_missing_package_has_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(NSMError, match="needs ipywidgets, which is not installed") as caught:
        notebook_module("ipywidgets")
    assert caught.value.hint == "pip install 'nsm[notebook]'"
    assert notebook_module("json").dumps(1) == "1"


def test_only_a_kernel_is_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not is_notebook()
    terminal = ModuleType("IPython")
    terminal.get_ipython = lambda: object()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", terminal)
    assert not is_notebook()
    FakeNotebook(monkeypatch)
    assert is_notebook()
