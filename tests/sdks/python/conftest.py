"""The two Slack clients behind one interface, and a summary for each test file."""

from collections import Counter

import pytest

from world import Client

FLAVOURS = ("sync", "async")


def pytest_addoption(parser):
    parser.addoption("--client", choices=FLAVOURS, help="only this client; both by default")


def pytest_generate_tests(metafunc):
    if "slack" in metafunc.fixturenames:
        only = metafunc.config.getoption("--client")
        metafunc.parametrize("flavour", [only] if only else FLAVOURS)


@pytest.fixture
def slack(flavour):
    """Makes a client of the flavour under test: `slack(token)`."""
    return lambda token=None, **options: Client(flavour, token, **options)


@pytest.fixture
def bot(slack):
    """The bot of deploybot."""
    return slack("xoxb-deploy")


@pytest.fixture
def other_bot(slack):
    """The bot of another app."""
    return slack("xoxb-poll")


@pytest.fixture
def ada(slack):
    """An administrator."""
    return slack("xoxp-ada")


@pytest.fixture
def ben(slack):
    """A member, who installed deploybot."""
    return slack("xoxp-ben")


@pytest.fixture
def cleo(slack):
    """An ordinary member."""
    return slack("xoxp-cleo")


def pytest_terminal_summary(terminalreporter):
    files = {}
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            files.setdefault(report.nodeid.split("::")[0], Counter())[outcome] += 1
    for name in sorted(files):
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(files[name].items(), reverse=True))
        terminalreporter.write_line(f"{name}: {counts}")
