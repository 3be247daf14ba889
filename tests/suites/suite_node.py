"""The node of run_suite.py: runs one file of tests in this process."""


class Seen:
    """What pytest says of each test (numpy's and pandas' suites are written for it)."""

    def __init__(self):
        self.run, self.skipped, self.failed = 0, 0, {}

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or (report.when == "setup" and report.failed):
            self.run += 1
        if report.skipped:
            self.skipped += 1
        if report.failed:
            self.failed[report.nodeid] = str(report.longrepr)[-3000:]

    def pytest_collectreport(self, report):
        if report.failed:
            self.failed[report.nodeid] = str(report.longrepr)[-3000:]

    def pytest_internalerror(self, excrepr):
        self.failed["pytest itself"] = str(excrepr)[-3000:]


def with_pytest(name: str) -> dict:
    import importlib.util
    import pathlib

    import pytest

    seen = Seen()
    # A path and not --pyargs NAME: with this, pytest reads the package's conftest.py only when it collects, too late for
    # the options that pandas' adds. It would then run no test at all.
    package, _, module = name.partition(".")
    place = pathlib.Path(importlib.util.find_spec(package).submodule_search_locations[0])
    file = place.joinpath(*module.split(".")).with_suffix(".py")
    options = ["-q", "-p", "no:cacheprovider", "-m", "not slow and not network and not db and not single_cpu", str(file)]
    status = pytest.main(options, plugins=[seen])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED) and not seen.failed:
        seen.failed["pytest itself"] = "ended with %r" % status
    return {"run": seen.run, "skipped": seen.skipped, "failed": seen.failed}


def with_unittest(name: str) -> dict:
    import importlib
    import unittest

    from test import support

    support.use_resources = []  # no network, no large files, no audio: as `python3 -m test` without -u
    try:
        module = importlib.import_module(name)
    except unittest.SkipTest as reason:
        return {"run": 0, "skipped": 1, "failed": {}, "note": str(reason)}
    result = unittest.TestResult()
    if hasattr(module, "test_main"):
        # It prepares the module's cases, and hands them to this function of test.support.
        support._run_suite = lambda cases: cases.run(result)
        module.test_main()
    else:
        unittest.defaultTestLoader.loadTestsFromModule(module).run(result)
    failed = {str(test): text[-3000:] for test, text in result.failures + result.errors}
    for test in result.unexpectedSuccesses:
        failed[str(test)] = "passed, which was not expected"
    return {"run": result.testsRun, "skipped": len(result.skipped), "failed": failed}


def suite(name: str) -> dict:
    return with_unittest(name) if name.startswith("test.") else with_pytest(name)
