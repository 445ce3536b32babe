"""A small application for the tests of the control plane; sent to the containers as it is."""

# ruff: noqa: T201
# What containers print is part of what the tests look at.

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import modal

app = modal.App("small")
image = modal.Image.debian_slim("3.11").env({"COLOUR": "sea green"})
volume = modal.Volume.from_name("things", create_if_missing=True)
THINGS = Path("/things")
kept = {"image": image, "volumes": {THINGS: volume}}


def mark(name: str, text: str = "") -> None:
    """Leaves a file in the volume, for the test to see."""
    (THINGS / name).write_text(text)
    volume.commit()


def attempt(name: str) -> int:
    """Which attempt this is, counted on the volume."""
    number = len(list(THINGS.glob(f"{name}-*"))) + 1
    mark(f"{name}-{number}", str(time.time()))
    return number


@app.function(**kept)
def write(name: str, text: str, is_committed: bool) -> None:
    (THINGS / name).write_text(text)
    if not is_committed:
        os._exit(0)  # the wheel commits at a proper end


@app.function(**kept, secrets=[modal.Secret.from_dict({"PASSWORD": "open sesame"})])
def look(*paths: str) -> dict[str, object]:
    return {
        "seen": [path for path in paths if Path(path).exists()],
        "files": sorted(entry.name for entry in Path("/root").iterdir()),
        "colour": os.environ["COLOUR"],
        "password": os.environ["PASSWORD"],
        "processes": sum(entry.name.isdigit() for entry in Path("/proc").iterdir()),
    }


@app.function(**kept)
def reload_with_open_file() -> list[str]:
    told = []
    mark("held", "open")
    for hold in (lambda: (THINGS / "held").open(), lambda: os.chdir(THINGS)):
        held = hold()
        try:
            volume.reload()
        except RuntimeError as error:
            told.append(str(error))
        if held is not None:
            held.close()
        os.chdir("/root")
    volume.reload()
    return told


@app.function(**kept)
def see_others() -> tuple[bool, bool]:
    """Whether a file that another container commits meanwhile is seen before and after a reload."""
    mark("waiting")
    while "other" not in [entry.path for entry in volume.listdir("/")]:
        time.sleep(0.2)
    before = (THINGS / "other").exists()
    volume.reload()
    return before, (THINGS / "other").exists()


@app.local_entrypoint()
def print_what_is_seen() -> None:
    print("seen", see_others.remote())


@app.function(**kept)
def preempted(is_stubborn: bool) -> int:
    number = attempt(f"preempted-{is_stubborn}")
    if number <= 2:
        while True:
            try:
                time.sleep(60)
            except KeyboardInterrupt:
                print("interrupted")
                if not is_stubborn:
                    raise
    return number


@app.function(**kept, timeout=5, retries=modal.Retries(max_retries=3, initial_delay=0.5, backoff_coefficient=2.0))
def troubled() -> int:
    """Fails by an exception, a time-out and a sudden death, in this order."""
    number = attempt("troubled")
    if number == 1:
        raise ValueError("the first attempt")
    if number == 2:
        time.sleep(60)
    if number == 3:
        os._exit(3)
    return number


@app.function(**kept, timeout=2)
def slow() -> None:
    time.sleep(60)


@app.function(**kept)
def endure(seconds: float) -> str:
    """Says when it is interrupted; a process that it leaves behind ends with the container."""
    subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({seconds})"], start_new_session=True)
    try:
        print("enduring")
        time.sleep(seconds)
    except KeyboardInterrupt:
        mark("ended", "gracefully")
        raise
    return "endured"


@app.function(image=image)
def linger() -> None:
    """Returns and never ends."""
    threading.Thread(target=time.sleep, args=(1000,)).start()


@app.function(image=image)
def serve(seconds: float) -> None:
    """Answers every line with the same in capitals, through a tunnel."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            connection, _ = listener.accept()
            with connection, connection.makefile("rw") as stream:
                stream.write(stream.readline().upper())

    threading.Thread(target=answer, daemon=True).start()
    with modal.forward(listener.getsockname()[1]) as tunnel:
        print("tunnel", tunnel.url, flush=True)
        time.sleep(seconds)


@app.function(image=image)
def large(megabytes: int) -> bytes:
    print("x" * 300_000 + "end of the line")
    return bytes(range(256)) * 4096 * megabytes


@app.local_entrypoint()
def fetch_large() -> None:
    content = large.remote(5)
    assert content == bytes(range(256)) * 4096 * 5
    print("intact", len(content))


@app.local_entrypoint()
def print_refusals() -> None:
    print("refused", reload_with_open_file.remote())


@app.local_entrypoint()
def leave(seconds: float) -> None:
    print("call", endure.spawn(seconds).object_id)


@app.local_entrypoint()
def call_several(paths: str) -> None:
    calls = [look.spawn(path) for path in paths.split(":")]
    print("several", [call.get() for call in calls])


@app.local_entrypoint()
def vary() -> None:
    print("varied", look.with_options(gpu="H100", timeout=60).remote("/root")["seen"])
