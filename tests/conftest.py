"""Settings of all tests."""

import os
import shutil
from collections.abc import Iterator

import pytest
from hypothesis import settings

from lib.study.warm_kernels import warm_kernels

# A first example imports what it needs, and other work may run beside: how long an example takes says nothing.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
beside = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
if beside > 1:  # Before torch is imported, which would take all cores in each of the workers.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // beside)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that run notebooks come first: at the end they would keep one worker busy while the others have nothing to do."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


@pytest.fixture(autouse=True, scope="session")
def gpu_hidden_from_children() -> None:
    """Notebooks and processes that tests start train on the processor, where what they give is known, whatever the machine has."""
    if shutil.which("nvidia-smi"):
        import torch

        torch.cuda.is_available()  # From here on this process itself sees the GPU whatever the variable says.
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


@pytest.fixture(autouse=True)
def on_the_processor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """So do the tests themselves, but for those that name the GPU as their device."""
    if shutil.which("nvidia-smi") and "cuda" not in request.node.name:
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)


@pytest.fixture(scope="session")
def kernels() -> Iterator[dict[str, str]]:
    """Notebooks begin with their libraries imported, once for all tests of a worker."""
    with warm_kernels() as environment:
        yield environment


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory, kernels: dict[str, str]) -> Iterator[None]:
    """The kernels' environment: no key, no endpoint, one thread each, and an IPython folder that is not the user's."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HUB_MIRROR"):
            patch.delenv(name, raising=False)
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        patch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
        patch.setenv("OMP_NUM_THREADS", "1")
        for name, value in kernels.items():
            patch.setenv(name, value)
        yield
