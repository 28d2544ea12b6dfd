"""What tests of posted events share."""

import pytest

from mcplens.store.location import create
from tests.capture.ingest.posted import Service


@pytest.fixture
def store(tmp_path):
    """A store of the test's own."""
    return create(tmp_path / "store")


@pytest.fixture
def serve(tmp_path):
    """Starts services into one store, one after the other, and leaves none behind."""
    started = []

    def start(*options, **settings):
        started.append(Service(tmp_path / "store", *options, **settings))
        return started[-1]

    yield start
    for service in started:
        if service.process.poll() is None:
            service.kill()
        service.process.stderr.close()
