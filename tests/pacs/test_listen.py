"""What a sender was told is stored is on the disk, and each complete study is analyzed once for all its images."""

from __future__ import annotations

import shutil
import socket
import threading
from pathlib import Path

import pydicom
import pytest

from marrowsignal.errors import InputError, OutputError, PacsError, UsageError
from marrowsignal.pacs import Analysis
from marrowsignal.pacs.instance_file import file_name
from marrowsignal.pacs.records import ArrivedStudy
from tests.pacs.conftest import wait_for
from tests.pacs.listening import SUCCESS, Listener, association, names_of, send


def test_a_complete_study_is_analyzed_once(listener: Listener, studies: list[list[Path]]) -> None:
    with listener() as running:
        with association(running.port) as opened:
            assert opened.send_c_echo().Status == SUCCESS
            assert send(opened, studies[0]) == [SUCCESS] * 10
        wait_for(running.outcomes)
    assert running.analyzed == [names_of(studies[0])]
    (outcome,) = running.outcomes()
    assert outcome["state"] == "analyzed"
    for file in running.settings.inbox.glob("*/images/*"):
        sent = next(f for f in studies[0] if file_name(pydicom.dcmread(f).SOPInstanceUID) == file.name)
        assert pydicom.dcmread(file) == pydicom.dcmread(sent)


def test_two_senders_at_once_and_two_studies_each(listener: Listener, studies: list[list[Path]]) -> None:
    one, two = studies
    with listener() as running:
        with association(running.port) as left, association(running.port) as right:
            for a, b in zip(one, reversed(two), strict=True):
                assert send(left, [a]) + send(right, [b]) == [SUCCESS, SUCCESS]
        wait_for(lambda: len(running.outcomes()) == 2)
    assert sorted(running.analyzed) == sorted([names_of(one), names_of(two)])


def test_an_open_association_holds_its_study_back(listener: Listener, studies: list[list[Path]]) -> None:
    with listener() as running:
        with association(running.port) as slow:
            send(slow, studies[0][:5])
            with association(running.port) as other:
                send(other, studies[1])
            # The other study becomes quiet later than this one, and yet is analyzed before.
            wait_for(running.outcomes)
            assert running.analyzed == [names_of(studies[1])]
            send(slow, studies[0][5:])
        wait_for(lambda: len(running.outcomes()) == 2)
    assert running.analyzed[1:] == [names_of(studies[0])]


def test_an_aborted_association_loses_nothing_and_the_sender_sends_again(
    listener: Listener, studies: list[list[Path]]
) -> None:
    with listener() as running:
        with association(running.port) as opened:
            assert send(opened, studies[0][:4]) == [SUCCESS] * 4
            opened.abort()
        assert running.names() == set(names_of(studies[0][:4]))
        with association(running.port) as opened:
            assert send(opened, studies[0]) == [SUCCESS] * 10
        wait_for(lambda: running.analyzed and running.analyzed[-1] == names_of(studies[0]))


def test_a_connection_that_breaks_does_not_hold_its_study_back_for_ever(
    listener: Listener, studies: list[list[Path]]
) -> None:
    with listener() as running, association(running.port) as opened:
        send(opened, studies[0])
        opened.dul.socket.socket.shutdown(socket.SHUT_RDWR)
        wait_for(running.outcomes)


def test_what_comes_during_an_analysis_has_to_become_quiet_too(listener: Listener, studies: list[list[Path]]) -> None:
    arrived = threading.Event()

    def analyze(study: ArrivedStudy) -> Analysis:
        arrived.wait(10)
        return Analysis(cases=())

    with listener(on_study=analyze, quiet_s=1.0) as running:
        with association(running.port) as opened:
            send(opened, studies[0][:2])
        wait_for(lambda: running.analyzed)
        for files in (studies[0][2:4], studies[0][4:]):  # as senders do that open an association an image
            with association(running.port) as opened:
                send(opened, files)
            arrived.set()
        wait_for(lambda: len(running.analyzed) > 1)
    assert running.analyzed[1] == names_of(studies[0])


def test_duplicates_are_kept_once_and_not_analyzed_again(listener: Listener, studies: list[list[Path]]) -> None:
    with listener() as running:
        for _ in range(2):
            with association(running.port) as opened:
                assert send(opened, studies[0] + studies[0][:3]) == [SUCCESS] * 13
            wait_for(running.outcomes)
        with association(running.port) as opened:
            send(opened, studies[1])
        wait_for(lambda: len(running.outcomes()) == 2)
    assert running.analyzed == [names_of(studies[0]), names_of(studies[1])]


def test_a_study_that_gets_further_images_is_analyzed_anew(listener: Listener, studies: list[list[Path]]) -> None:
    with listener() as running:
        for part in (studies[0][:5], studies[0][5:]):
            before = len(running.analyzed)
            with association(running.port) as opened:
                send(opened, part)
            wait_for(lambda before=before: len(running.analyzed) > before)
    assert running.analyzed == [names_of(studies[0][:5]), names_of(studies[0])]


def test_a_failure_stops_nothing_and_is_kept_with_its_reason(listener: Listener, studies: list[list[Path]]) -> None:
    def analyze(study: ArrivedStudy) -> Analysis:
        if len(running.analyzed) == 1:
            raise InputError("no use", code="no_use", stage="find_series")
        if len(running.analyzed) == 2:
            raise ZeroDivisionError("Hidden^Name")
        return Analysis(cases=(study.name,))

    with listener(on_study=analyze) as running:
        for files, count in ((studies[0], 1), (studies[1], 2), (studies[0], 3)):
            with association(running.port) as opened:
                send(opened, files)
            wait_for(lambda count=count: len(running.analyzed) == count)
        wait_for(lambda: {told["state"] for told in running.outcomes()} == {"analyzed", "failed"})
    (failed,) = [told for told in running.outcomes() if told["state"] == "failed"]
    assert "ZeroDivisionError" in failed["reason"]
    assert any("no use" in line for line in running.lines)
    assert not any("Hidden" in line for line in [*running.lines, failed["reason"]])


def test_a_restart_goes_on_with_what_lies_in_the_inbox(listener: Listener, studies: list[list[Path]]) -> None:
    with listener(quiet_s=3600.0) as running, association(running.port) as opened:
        send(opened, studies[0])
    assert running.analyzed == []
    with listener() as running:
        wait_for(running.outcomes)
    assert running.analyzed == [names_of(studies[0])]
    with listener() as running:
        assert running.analyzed == []


@pytest.mark.parametrize("problem", ["", "one pair of two"])
def test_a_delivery_that_fails_is_tried_again_without_a_new_analysis(
    listener: Listener, studies: list[list[Path]], problem: str
) -> None:
    tried = []

    def deliver(case: Path) -> None:
        tried.append(case)
        if len(tried) < 3:
            raise PacsError("not there", code="pacs_unreachable", stage="push")

    def analyze(study: ArrivedStudy) -> Analysis:
        return Analysis(cases=(study.name,), problem=problem)

    with listener(on_study=analyze, deliver=deliver, retry_s=0.05) as running:
        with association(running.port) as opened:
            send(opened, studies[0])
        wait_for(lambda: [told["delivery"] for told in running.outcomes()] == ["done"])
    assert len(running.analyzed) == 1
    assert tried == [running.settings.out / running.outcomes()[0]["cases"][0]] * 3


def test_a_bug_in_a_delivery_stops_nothing_and_the_analysis_is_kept_before_it(
    listener: Listener, studies: list[list[Path]]
) -> None:
    seen = []

    def deliver(case: Path) -> None:
        seen.extend(running.outcomes())
        raise RuntimeError("Xqzvornik")

    with listener(deliver=deliver) as running:
        with association(running.port) as opened:
            send(opened, studies[0])
        wait_for(lambda: [told["delivery"] for told in running.outcomes()] == ["refused"])
    assert [(told["state"], told["delivery"]) for told in seen] == [("analyzed", "waiting")]
    assert running.outcomes()[0]["delivery_reason"] == "a bug (RuntimeError)"


def test_a_delivery_that_is_refused_is_told_and_not_tried_again(listener: Listener, studies: list[list[Path]]) -> None:
    def deliver(case: Path) -> None:
        raise OutputError("refused", code="pacs_refused_objects", stage="push")

    with listener(deliver=deliver, retry_s=0.05) as running:
        with association(running.port) as opened:
            send(opened, studies[0])
        wait_for(lambda: [told["delivery"] for told in running.outcomes()] == ["refused"])
    assert running.outcomes()[0]["delivery_reason"].startswith("push: refused")


def test_images_are_removed_when_all_is_done_and_failures_stay(listener: Listener, studies: list[list[Path]]) -> None:
    def analyze(study: ArrivedStudy) -> Analysis:
        return Analysis(cases=(), problem="" if len(running.analyzed) == 1 else "no use")

    with listener(on_study=analyze) as running:
        for count, files in enumerate(studies, start=1):
            with association(running.port) as opened:
                send(opened, files)
            wait_for(lambda count=count: len(running.outcomes()) == count)
    with listener(keep_hours=0.0) as running:
        # Counted, not read: what is read here may be removed meanwhile.
        wait_for(lambda: len(list(running.settings.inbox.glob("*/outcome.json"))) == 1)
    assert running.names() == set(names_of(studies[1]))


def test_a_second_listener_of_an_inbox_is_a_usage_error_and_throws_nothing_away(listener: Listener) -> None:
    with listener() as running:
        arriving = running.settings.inbox / ".arriving" / "half"
        arriving.touch()
        with pytest.raises(UsageError, match="another listener"), listener():
            pass
        assert arriving.exists()


def test_a_study_that_somebody_removes_is_let_go(listener: Listener, studies: list[list[Path]]) -> None:
    with listener(quiet_s=0.5) as running:
        with association(running.port) as opened:
            send(opened, studies[0])
            shutil.rmtree(next(running.settings.inbox.glob("*/images")).parent)
        with association(running.port) as opened:
            send(opened, studies[1])
        wait_for(running.outcomes)
    assert running.analyzed == [names_of(studies[1])]
