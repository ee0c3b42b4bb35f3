"""Kernels that a server forks: they are as ordinary ones are, but begin with their libraries imported."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

from lib.core import paths
from lib.study.warm_kernels import warm_kernels

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform != "linux", reason="There is no server on other systems."),
]


@contextmanager
def kernel(environment: dict[str, str], **more: Any) -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        manager, client = start_new_kernel(kernel_name="python3", **more)
    try:
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def answer(client: BlockingKernelClient, code: str) -> str:
    """What a cell prints, or the name of its error."""
    said: list[str] = []
    reply = client.execute_interactive(
        code, timeout=60, output_hook=lambda message: said.append(message["content"].get("text", ""))
    )
    return "".join(said).strip() or reply["content"].get("ename", "")


def is_gone(process: int, seconds: float = 20.0) -> bool:
    until = time.monotonic() + seconds
    while psutil.pid_exists(process) and psutil.Process(process).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def test_a_kernel_begins_with_its_libraries_and_without_lib(kernels: dict[str, str]) -> None:
    with kernel(kernels) as (_, client):
        assert answer(client, "import sys; print('seaborn' in sys.modules, 'lib' in sys.modules)") == "True False"


def test_a_kernel_has_the_folder_and_the_environment_of_who_asks(kernels: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "only_here.py").write_text("VALUE = 7\n")
    asked = kernels | {"PYTHONPATH": str(tmp_path), "MINE": "5", "OMP_NUM_THREADS": "1"}
    with kernel(asked, cwd=str(tmp_path)) as (_, client):
        code = "import os, only_here, torch; print(os.getcwd(), os.environ['MINE'], only_here.VALUE, torch.get_num_threads())"
        assert answer(client, code) == f"{tmp_path} 5 7 1"


def test_an_interrupt_ends_the_cell_and_not_the_kernel(kernels: dict[str, str]) -> None:
    with kernel(kernels) as (manager, client):
        slow = "import time; print('begun', flush=True); time.sleep(60)"
        client.execute(slow, stop_on_error=False)  # Else a kernel may refuse what comes at once after an error.
        while client.get_iopub_msg(timeout=20)["msg_type"] != "stream":  # Before that there is nothing to interrupt.
            pass
        manager.interrupt_kernel()
        while (reply := client.get_shell_msg(timeout=20))[
            "msg_type"
        ] != "execute_reply":  # A slow kernel was asked twice who it is.
            pass
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        assert answer(client, "raise LookupError") == "LookupError"  # Printed text may be lost once after an interrupt.


def test_a_kernel_ends_with_the_process_that_stands_for_it(kernels: dict[str, str]) -> None:
    with kernel(kernels) as (manager, client):
        process = int(answer(client, "import os; print(os.getpid())"))
        children = int(answer(client, "import subprocess; print(subprocess.Popen(['sleep', '100']).pid)"))
        os.kill(manager.provisioner.process.pid, signal.SIGKILL)  # type: ignore[union-attr]
        assert is_gone(process)
        assert is_gone(children)


def test_without_a_server_a_kernel_is_an_ordinary_one(kernels: dict[str, str], tmp_path: Path) -> None:
    spec = (Path(kernels["WARM_KERNELS"]) / "kernels/python3/kernel.json").read_text(encoding="utf-8")
    (tmp_path / "kernels/python3").mkdir(parents=True)
    nobody = spec.replace(kernels["WARM_KERNELS"], str(tmp_path))
    (tmp_path / "kernels/python3/kernel.json").write_text(nobody, encoding="utf-8")
    with kernel({"JUPYTER_PATH": str(tmp_path)}) as (_, client):
        assert answer(client, "import sys; print('pandas' in sys.modules)") == "False"


def test_a_server_ends_with_the_process_that_started_it() -> None:
    code = "from lib.study import warm_kernels as w\nwith w.warm_kernels() as found: print(found['WARM_KERNELS'], flush=True); input()"
    environment = {name: value for name, value in os.environ.items() if name != "WARM_KERNELS"}
    owner = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=paths.ROOT
    )
    assert owner.stdout
    assert owner.stdout.readline()
    (server,) = psutil.Process(owner.pid).children()
    owner.kill()
    owner.communicate()
    assert is_gone(server.pid, 60)


def test_a_server_that_is_there_is_used_again(kernels: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARM_KERNELS", kernels["WARM_KERNELS"])
    with warm_kernels() as environment:
        assert environment == {}
