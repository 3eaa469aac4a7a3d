# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the live tests: each has a private daemon, and looks afterwards whether anything was left behind."""
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import daemons  # noqa: E402
from guests import EventLoop  # noqa: E402

ON_LIBVIRTD = os.environ.get("LODGE_TEST_DAEMON") == "libvirtd"


def pytest_configure(config):
    config.addinivalue_line("markers", "lodge: of Lodge only; not run when the tests are tried on libvirtd")


def pytest_collection_modifyitems(items):
    if ON_LIBVIRTD:
        for item in items:
            if item.get_closest_marker("lodge"):
                item.add_marker(pytest.mark.skip(reason="a promise of Lodge's only"))


def served(request):
    daemon = daemons.make_daemon()
    try:
        daemon.start()
        yield daemon
    finally:
        wrong = daemon.close()
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def daemon(request):
    """A daemon of the test's own."""
    yield from served(request)


@pytest.fixture(scope="module")
def shared(request):
    """A daemon for all tests of a file: they name their guests differently and take them away."""
    yield from served(request)


@pytest.fixture
def connection(daemon):
    connection = daemon.connect()
    yield connection
    try:
        connection.close()
    except Exception:  # the test may have closed it, or killed the daemon
        pass


@pytest.fixture
def events_connection(daemon):
    """A connection whose events are heard."""
    EventLoop.start()
    connection = daemon.connect()
    yield connection
    try:
        connection.close()
    except Exception:
        pass
