"""Kernels that begin with their libraries imported: a server imports them once, and forks a kernel for each notebook.

To start a kernel and import pandas, seaborn and torch takes seconds (benchmarks/kernels.py); of sixty notebooks these are
minutes. Jupyter finds the kernel by JUPYTER_PATH, so that `papermill -k python3` stays what it is. Nothing of lib is
imported here: a notebook always runs the code that the files hold. Where there is no server, the kernel is an ordinary one.

This file is run as a script: as the server (`warm_kernels.py serve FOLDER`), and as what Jupyter starts in place of a kernel
(`warm_kernels.py kernel SOCKET -f CONNECTION_FILE ...`), which asks the server for one and stands for it until it ends.
"""

import atexit
import contextlib
import importlib
import json
import os
import select
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

_LIBRARIES = (
    *("ipykernel.kernelapp", "IPython.display", "pandas", "pyarrow.parquet", "matplotlib.pyplot", "seaborn"),
    *("scipy.stats", "scipy.optimize", "scipy.spatial.distance", "pydantic", "yaml", "tqdm.auto", "psutil"),
    *("genai_prices", "dotenv", "ipywidgets", "threadpoolctl", "json_repair", "datasketch", "sqlite3"),
)
"""What notebooks import; not what may touch a GPU, nor the inline backend, which looks for IPython as it is imported."""
_WITH_TORCH = (
    *("torch", "sklearn.linear_model", "sklearn.decomposition", "sklearn.metrics", "datasets", "openai"),
    *("transformers.models.bert.modeling_bert", "sentence_transformers", "torchcrf"),  # Three seconds of a 03 or 04.
)
"""Where a machine has a GPU a kernel imports these by itself: CUDA cannot be used after a fork."""
_FOUND = "WARM_KERNELS"
"""The environment variable that names a server's folder."""
_LONGEST = 30.0
"""Seconds in which a server has forked a kernel, its imports included; after them a kernel begins by itself."""
_SECONDS = 0.2
"""Between two looks whether the process still lives for which the server or a kernel runs."""


@contextlib.contextmanager
def warm_kernels() -> Iterator[dict[str, str]]:
    """Starts a server; gives the environment in which notebooks find it. Nothing is started where one is found already, and
    on other systems than Linux."""
    if sys.platform != "linux" or _FOUND in os.environ:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="kernels-") as folder:
        _write_kernelspec(Path(folder))
        command = [sys.executable, "-P", __file__, "serve", folder]
        environment = os.environ | {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
        server = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, start_new_session=True)
        try:
            yield {"JUPYTER_PATH": os.pathsep.join(filter(None, [folder, os.environ.get("JUPYTER_PATH")])), _FOUND: folder}
        finally:
            server.kill()  # It also ends by itself: when its standard input does, as at the death of this process.
            server.communicate()


def _write_kernelspec(folder: Path) -> None:
    """Lets Jupyter find the kernel python3 here before any other."""
    spec = folder / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    command = [sys.executable, "-S", "-P", __file__, "kernel", str(_address(folder)), "-f", "{connection_file}"]
    facts = {"argv": command, "display_name": "Python 3 (ipykernel)", "language": "python", "interrupt_mode": "message"}
    spec.write_text(json.dumps(facts), encoding="utf-8")


def _address(folder: Path) -> Path:
    return folder / "socket"


# ---- the server ----


class _Kernel(socketserver.StreamRequestHandler):
    """One kernel, in a process of its own: says its process id, runs, says how it ended."""

    def handle(self) -> None:
        _, files, _, _ = socket.recv_fds(self.request, 1, 3)
        self.server.server_close()
        request = json.loads(self.rfile.readline())
        for number, file in enumerate(files):
            os.dup2(file, number)
        os.setsid()
        _take_environment(request["environment"])
        os.chdir(request["folder"])
        threading.Thread(target=self._end_with_client, daemon=True).start()
        self.request.sendall(f"{os.getpid()}\n".encode())
        _run_kernel(request["arguments"])
        atexit._run_exitfuncs()  # The fork ends without them.
        with contextlib.suppress(OSError):
            self.request.sendall(b"0\n")

    def _end_with_client(self) -> None:
        """Ends this kernel, and what it started, once nobody stands for it any more."""
        self.rfile.read(1)
        os.killpg(0, signal.SIGKILL)


class _Server(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    """Forks a kernel for each that asks."""

    max_children = 1000
    request_queue_size = 100
    block_on_close = False  # Kernels that still run end by themselves.

    def service_actions(self) -> None:
        """Between requests: ends the server when its standard input has ended."""
        super().service_actions()
        if select.select([0], [], [], 0)[0]:
            os._exit(0)


def _take_environment(environment: dict[str, str]) -> None:
    """The variables of who asks, and with them where modules are looked for."""
    before = _python_path()
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = [*_python_path(), *(path for path in sys.path if path not in before)]


def _python_path() -> list[str]:
    return list(filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))


def _run_kernel(arguments: list[str]) -> None:
    """As `python -m ipykernel_launcher` does, with as many threads as the environment says."""
    if threads := os.environ.get("OMP_NUM_THREADS"):
        importlib.import_module("threadpoolctl").threadpool_limits(int(threads))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["ipykernel_launcher.py", *arguments]
    importlib.import_module("ipykernel.kernelapp").launch_new_instance()


def _serve(folder: str) -> None:
    """Imports the libraries and forks kernels, until its standard input ends. Who asks before that waits."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with _Server(str(_address(Path(folder))), _Kernel) as server:
        for name in [*_LIBRARIES, *(() if Path("/dev/nvidiactl").exists() else _WITH_TORCH)]:
            importlib.import_module(name)
        server.serve_forever(_SECONDS)


# ---- what Jupyter starts ----


def _stand_for_kernel(address: str, arguments: list[str]) -> int:
    """Asks the server for a kernel, passes signals on to it, and ends as it ends; without a server becomes a kernel itself."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(_LONGEST)
    try:
        connection.connect(address)
        socket.send_fds(connection, [b"."], [0, 1, 2])
        request = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}
        connection.sendall(json.dumps(request).encode() + b"\n")
        replies = connection.makefile("rb")
        process = int(replies.readline())
    except (OSError, ValueError):
        os.execv(sys.executable, [sys.executable, "-m", "ipykernel_launcher", *arguments])
    connection.settimeout(None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Jupyter interrupts the kernel itself, by a message.
    signal.signal(signal.SIGTERM, lambda number, _: _signal(process, number))
    threading.Thread(target=_end_without_parent, args=(os.getppid(),), daemon=True).start()
    return int(replies.readline() or 1)


def _signal(process: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, number)


def _end_without_parent(parent: int) -> None:
    """Ends this process, and with it the kernel, when papermill was killed."""
    while os.getppid() == parent:
        time.sleep(_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", folder]:
            _serve(folder)
        case ["kernel", address, *arguments]:
            sys.exit(_stand_for_kernel(address, arguments))
