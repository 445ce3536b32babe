from __future__ import annotations

import ast
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import modal
import modal.exception
import pytest

import nsm
from nsm.cloud import modal_platform
from nsm.cloud.modal_platform import (
    LIMITS,
    LOCK,
    NOTEBOOK,
    ModalCall,
    ModalVolume,
    build_image,
    container,
    has_token,
    telling_failures_apart,
)
from nsm.cloud.orders import GPUS
from nsm.cloud.storage import Outcome, RemoteFile, StorageError, UnknownCall
from nsm.errors import NSMError

PACKAGE = Path(nsm.__file__).parent


def volume_of(monkeypatch: pytest.MonkeyPatch, **methods: Any) -> ModalVolume:
    """Ours around one that does what is told here."""
    monkeypatch.setattr(modal_platform.modal.Volume, "from_name", lambda *_, **__: SimpleNamespace(**methods))
    return ModalVolume(pause=0, tell=lambda _: None)


def raising(*failures: BaseException) -> Any:
    """A function that raises these, one for each call, and then nothing."""
    left = list(failures)

    def act(*_: object, **__: object) -> None:
        if left:
            raise left.pop(0)

    return act


def test_nothing_else_imports_modal() -> None:
    importing = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == "modal" for name in names):
                importing.add(path.relative_to(PACKAGE).as_posix())
    assert importing == {"cloud/modal_platform.py"}


def test_what_a_function_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modal_platform.modal.Volume, "from_name", lambda *name, **how: (name, how))
    given = container(GPUS, seconds=10**6, retries=99)
    assert given["gpu"] == list(GPUS) and given["timeout"] == LIMITS["timeout"] == 86_400
    assert given["retries"].max_retries == LIMITS["retries"] == 10
    assert given["volumes"] == {"/checkpoints": (("nsm-checkpoints",), {"create_if_missing": True})}
    assert given["single_use_containers"] is True
    assert LOCK.is_file() and NOTEBOOK.is_file() and isinstance(build_image(), modal.Image)


@pytest.mark.parametrize(("token", "secret", "is_set"), [("ak-1", "as-1", True), ("ak-1", "", False), ("", "", False)])
def test_a_token_is_looked_for_here(monkeypatch: pytest.MonkeyPatch, token: str, secret: str, is_set: bool) -> None:
    known = {"token_id": token, "token_secret": secret}
    monkeypatch.setattr(modal_platform.modal.config, "config", known)
    assert has_token() is is_set


def test_a_reload_waits_for_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = RuntimeError("there are open files preventing the operation: path data/x is open")
    volume_of(monkeypatch, reload=raising(*[busy] * 4)).reload()
    with pytest.raises(NSMError, match="path data/x is open") as caught:
        volume_of(monkeypatch, reload=raising(*[busy] * 5)).reload()
    assert "works inside /checkpoints" in str(caught.value.hint)


def test_a_commit_needs_no_closed_files(monkeypatch: pytest.MonkeyPatch) -> None:
    volume_of(monkeypatch, commit=raising(RuntimeError("there are open files preventing the operation"))).commit()


def test_a_commit_that_is_refused_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = [RuntimeError("busy"), modal.exception.ServiceError("away"), modal.exception.ConnectionError("no way")]
    volume_of(monkeypatch, commit=raising(*refused, RuntimeError("busy"))).commit()
    with pytest.raises(StorageError, match="could not be committed: busy"):
        volume_of(monkeypatch, commit=raising(*[RuntimeError("busy")] * 5)).commit()
    with pytest.raises(StorageError, match="cannot be brought up to date: Modal: away"):
        volume_of(monkeypatch, reload=raising(*[modal.exception.ServiceError("away")] * 5)).reload()


def test_files_are_listed_without_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    file, folder = SimpleNamespace(name="FILE"), SimpleNamespace(name="DIRECTORY")
    entries = [
        SimpleNamespace(path="/causal", type=folder, size=0, mtime=1),
        SimpleNamespace(path="/causal/best_model.pt", type=file, size=7, mtime=9),
    ]
    found = volume_of(monkeypatch, listdir=lambda *_, **__: entries).files("causal")
    assert found == [RemoteFile("causal/best_model.pt", 7, 9)]
    missing = raising(modal.exception.NotFoundError("no such path"))
    assert volume_of(monkeypatch, listdir=missing, hydrate=lambda: None).files("kg") == []
    gone = raising(modal.exception.NotFoundError("Volume 'nsm-checkpoints' not found"))
    with pytest.raises(NSMError, match="Modal has no such thing: Volume 'nsm-checkpoints'"):
        volume_of(monkeypatch, listdir=raising(modal.exception.NotFoundError("x")), hydrate=gone).files("kg")


def test_files_are_read_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, told = io.BytesIO(), []
    volume = volume_of(monkeypatch, read_file=lambda _: iter([b"one", b"three"]))
    volume.read("a", stream, told.append)
    assert stream.getvalue() == b"onethree" and told == [3, 5]
    with pytest.raises(NSMError, match="a: the volume has no such file"):
        volume_of(monkeypatch, read_file=raising(FileNotFoundError("a"))).read("a", stream)
    with pytest.raises(NSMError, match="Modal refuses the token: bad"):
        volume_of(monkeypatch, read_file=raising(modal.exception.AuthError("bad"))).read("a", stream)


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (TimeoutError(), None),
        (TimeoutError("the data server is slow"), Outcome(why="TimeoutError: the data server is slow")),
        (ValueError("two\nlines"), Outcome(why="ValueError: two lines")),
        (modal.exception.FunctionTimeoutError("40 s"), Outcome(why="FunctionTimeoutError: 40 s")),
        (modal.exception.OutputExpiredError(), Outcome(why="its result has expired; the run itself is on the volume")),
    ],
    ids=["running", "its own time-out", "failed", "timeout", "expired"],
)
def test_how_a_call_ended(failure: Exception, outcome: Outcome | None) -> None:
    call = ModalCall(SimpleNamespace(object_id="fc-1", get=raising(failure)))
    assert call.poll(0) == outcome and call.call_id == "fc-1"
    assert call.poll(0) == Outcome(None)


@pytest.mark.parametrize("kind", ["ConnectionError", "ServiceError", "InternalError", "ResourceExhaustedError"])
def test_trouble_of_the_client_says_nothing_about_a_call(kind: str) -> None:
    said: list[str] = []
    trouble = raising(getattr(modal.exception, kind)("away"))
    call = ModalCall(SimpleNamespace(object_id="fc-1", get=trouble), pause=0, tell=said.append)
    assert call.poll(0) is None and said == ["Modal cannot be reached, asking again: away"]
    assert call.poll(0) == Outcome(None)


@pytest.mark.parametrize("failure", [TimeoutError(), modal.exception.ServiceError("away")])
def test_what_a_function_raises_is_not_taken_for_the_clients_trouble(failure: Exception) -> None:
    with pytest.raises(RuntimeError, match=type(failure).__name__) as caught, telling_failures_apart():
        raise failure
    again = ModalCall(SimpleNamespace(object_id="fc-1", get=raising(caught.value))).poll(0)
    assert again is not None and str(again.why).startswith("RuntimeError: ")
    with pytest.raises(ValueError, match="boom"), telling_failures_apart():
        raise ValueError("boom")


def test_a_call_that_does_not_exist_is_a_mistake() -> None:
    call = ModalCall(SimpleNamespace(object_id="fc-1", get=raising(modal.exception.NotFoundError("gone"))))
    with pytest.raises(UnknownCall, match="Modal knows no call 'fc-1': gone"):
        call.poll(0)
    with pytest.raises(UnknownCall, match="Modal knows no call 'zzz'"):
        modal_platform.call("zzz")


def test_variables_are_known_in_the_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modal_platform.modal.Volume, "from_name", lambda *_, **__: None)
    given = container(GPUS, seconds=60, retries=0, environment={"NSM_TIMEOUT": "60"})
    assert given["env"] == {"NSM_TIMEOUT": "60"}
    assert modal_platform.current_call() == ""
