import pytest

from processes import Sluice


@pytest.fixture(params=["sns", "sqs", "stream"])
def each_queue(request):
    """A gateway and a publisher, for each of the three queue semantics."""
    sluice = Sluice(request.param)
    yield sluice
    sluice.stop()


@pytest.fixture
def sluice():
    """Nothing started yet."""
    sluice = Sluice()
    yield sluice
    sluice.stop()


@pytest.fixture(scope="module")
def running():
    """A gateway and a publisher that the tests of one file share: what a test does must not end them."""
    sluice = Sluice().start("--echo", "--payload-bytes", "64KiB", "--message-bytes", "128KiB")
    yield sluice
    assert sluice.gateway.process.poll() is None, "the gateway has ended:\n" + "\n".join(sluice.gateway.log[-30:])
    assert sluice.publisher.process.poll() is None, "the publisher has ended:\n" + "\n".join(sluice.publisher.log[-30:])
    sluice.stop()
