"""``python -m tests.cloud.fake_modal --env FILE --work DIR``: runs until it gets SIGTERM or SIGINT.

``FILE`` is written once everything answers: ``. FILE`` sets what the client needs, ``FAKE_MODAL_CONTROL`` (see
`tests.cloud.fake_modal.control`) and ``FAKE_MODAL_CA``, the certificate of the tunnels.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import signal
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.cloud.fake_modal import serving
from tests.cloud.fake_modal.apps import Apps
from tests.cloud.fake_modal.calls import Calls
from tests.cloud.fake_modal.containers import Containers
from tests.cloud.fake_modal.control import Control
from tests.cloud.fake_modal.functions import Functions
from tests.cloud.fake_modal.logs import Logs
from tests.cloud.fake_modal.sources import Sources
from tests.cloud.fake_modal.tasks import Tasks
from tests.cloud.fake_modal.tunnels import Tunnels
from tests.cloud.fake_modal.volumes import Volumes
from tests.cloud.fake_modal.world import Settings, World


def arguments(given: list[str] | None = None) -> tuple[Path, Settings]:
    """The file to write and the settings."""
    default = Settings(Path(), "")
    parser = argparse.ArgumentParser(prog="python -m tests.cloud.fake_modal", description=__doc__)
    parser.add_argument("--env", type=Path, required=True, help="file to write the client's environment to")
    parser.add_argument("--work", type=Path, required=True, help="folder for volumes and working copies")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the containers")
    parser.add_argument("--builder", default=default.builder, help="version of the image builder")
    parser.add_argument("--grace", type=float, default=default.grace, help="seconds between SIGINT and SIGKILL")
    parser.add_argument(
        "--patience", type=float, default=default.patience, help="seconds until a silent client is gone"
    )
    parser.add_argument("--hide", type=Path, action="append", default=[], help="path that containers do not see")
    told = parser.parse_args(given)
    hidden = tuple(path.resolve() for path in told.hide)
    return told.env, Settings(told.work.resolve(), told.python, told.builder, told.grace, hidden, told.patience)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost and its key, made here."""
    made, key = folder / "certificate.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    files = ["-keyout", str(key), "-out", str(made), "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*command.split(), *files], check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return made, key


def build(settings: Settings) -> tuple[World, Control, Apps, list[Any]]:
    """The world and everything that answers in it."""
    made, key = certificate(settings.folder)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made, key)
    world = World(settings, tls)
    volumes, tunnels = Volumes(world), Tunnels(world)
    containers = Containers(world, volumes, tunnels)
    apps = Apps(world, containers)
    services = [apps, Logs(world), Sources(world), Functions(world), Calls(world, containers), volumes, tunnels]
    containers.services = [*services, Tasks(world, containers)]
    return world, Control(world, containers, volumes), apps, containers.services


def tell(file: Path, variables: dict[str, str]) -> None:
    """Writes the environment in one step: who waits for the file sees all of it."""
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    spare = file.with_name(f"{file.name}.{os.getpid()}")
    spare.write_text("".join(lines))
    spare.replace(file)


async def run(file: Path, settings: Settings) -> None:
    """Answers until told to stop, then ends every container and every task."""
    settings.folder.mkdir(parents=True, exist_ok=True)
    world, control, apps, services = build(settings)
    runner = await control.start()
    server, url = await serving.serve(world, services)
    watch = asyncio.create_task(apps.stop_the_abandoned())
    variables = {
        "MODAL_SERVER_URL": url,
        "MODAL_TOKEN_ID": world.token[0],
        "MODAL_TOKEN_SECRET": world.token[1],
        "MODAL_CONFIG_PATH": str(settings.folder / "modal.toml"),
        "FAKE_MODAL_CONTROL": world.http,
        "FAKE_MODAL_CA": str(settings.folder / "certificate.pem"),
    }
    tell(file, variables)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    watch.cancel()
    for app in world.apps.values():
        app.is_stopped = True
    world.bell.ring()
    await control.containers.close()
    while world.tasks:
        await asyncio.wait(world.tasks, timeout=1)
    await serving.close(server)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(run(*arguments()))
