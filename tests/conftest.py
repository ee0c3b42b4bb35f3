"""Settings of all tests."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from lib.study.warm_kernels import warm_kernels

# A first example imports what it needs, and other work may run beside: how long an example takes says nothing.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that run notebooks come first: at the end they would keep one worker busy while the others have nothing to do."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


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
