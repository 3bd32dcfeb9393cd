"""How we ask: whom we trust, what we send to whom, when we ask again, and what our errors tell."""

from __future__ import annotations

import gzip
import io
import json
import traceback
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest

from marrowsignal.errors import PacsError, UsageError
from marrowsignal.pacs import Pacs, Patience, fetch_study
from marrowsignal.pacs.multipart import one_part
from marrowsignal.pacs.records import InstanceAddress
from tests.pacs.conftest import HASTY
from tests.pacs.scripted_server import Answer, serving

STUDY, SERIES, INSTANCE = "1.2.3", "1.2.3.4", "1.2.3.4.5"
PLACE = InstanceAddress(study_instance_uid=STUDY, series_instance_uid=SERIES, sop_instance_uid=INSTANCE)
LISTED = Answer(
    body=json.dumps(
        [{"0020000E": {"vr": "UI", "Value": [SERIES]}, "00080018": {"vr": "UI", "Value": [INSTANCE]}}]
    ).encode()
)


def pacs_at(port: int, *, scheme: str = "http", patience: Patience = HASTY, ca: Path | None = None) -> Pacs:
    return Pacs(f"{scheme}://127.0.0.1:{port}/dicom-web", patience=patience, ca_file=ca)


class TestAddress:
    @pytest.mark.parametrize(
        "url",
        ["pacs/dicom-web", "ftp://pacs/x", "https://", "https://pacs:99999999/x", "https://[pacs/x", "file:///etc/x"],
    )
    def test_what_is_no_address_is_refused(self, url: str) -> None:
        with pytest.raises(UsageError, match="not of the form"):
            Pacs(url)

    @pytest.mark.parametrize(
        "url", ["https://reader:s3cret@pacs/x", "https://s3cret@pacs/x", "https://pacs/x?k=s3cret"]
    )
    def test_secrets_in_it_are_refused_and_not_repeated(self, url: str) -> None:
        with pytest.raises(UsageError) as caught:
            Pacs(url)
        assert "s3cret" not in str(caught.value)

    @pytest.mark.parametrize(
        ("url", "warned"),
        [
            ("http://pacs/x", True),
            ("http://10.0.0.1/x", True),
            ("https://pacs/x", False),
            ("http://localhost:8042/x", False),
            ("http://127.0.0.1/x", False),
            ("http://[::1]/x", False),
            ("http://localhost.evil.example/x", True),
        ],
    )
    def test_what_is_not_encrypted_is_told(self, url: str, warned: bool) -> None:
        with Pacs(url) as pacs:
            assert [finding.code for finding in pacs.findings] == ["pacs_unencrypted"] * warned


class TestCredentials:
    @pytest.mark.parametrize(
        "given",
        [
            {"USER": "reader"},
            {"PASSWORD": "s3cret"},
            {"USER": "reader", "PASSWORD": "s3cret", "TOKEN": "s3cret"},
            {"TOKEN": "Bearer s3cret"},
            {"TOKEN": "s3cret\nX-Other: 1"},
        ],
    )
    def test_what_makes_no_sense_is_refused(self, monkeypatch: pytest.MonkeyPatch, given: dict[str, str]) -> None:
        for name, value in given.items():
            monkeypatch.setenv(f"MARROWSIGNAL_DICOMWEB_{name}", value)
        with pytest.raises(UsageError) as caught:
            Pacs("https://pacs/x")
        assert "s3cret" not in str(caught.value)

    def test_a_token_is_sent_and_never_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MARROWSIGNAL_DICOMWEB_TOKEN", "t0ken")
        with (
            serving(lambda _n: Answer(status=403)) as (port, asked),
            pacs_at(port) as pacs,
            pytest.raises(PacsError, match="403") as caught,
        ):
            pacs.instances(STUDY)
        assert asked[0].headers["Authorization"] == "Bearer t0ken"
        assert len(asked) == 1
        assert "t0ken" not in "".join(traceback.format_exception(caught.value))

    def test_another_host_gets_nothing_at_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MARROWSIGNAL_DICOMWEB_TOKEN", "t0ken")
        with serving(lambda _n: Answer()) as (there, asked_there):
            ways = [f"http://localhost:{there}/x", f"//127.0.0.1:{there}/x", "http://[::1", "http://.x/"]
            moved = [Answer(status=307, headers={"Location": way}) for way in ways for _ in range(2)]
            with serving(lambda n: moved[n]) as (port, _asked), pacs_at(port) as pacs:
                for _ in ways:
                    for call in (lambda: pacs.instances(STUDY), lambda: pacs.store(b"patient")):
                        with pytest.raises(PacsError) as caught:
                            call()
                        assert caught.value.code == "pacs_sends_elsewhere"
        assert asked_there == []

    def test_within_the_pacs_it_is_followed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MARROWSIGNAL_DICOMWEB_TOKEN", "t0ken")
        moved = Answer(status=307, headers={"Location": "/other"})
        with serving(lambda n: LISTED if n else moved) as (port, asked), pacs_at(port) as pacs:
            assert pacs.instances(STUDY) == (PLACE,)
        assert asked[1].line.startswith("GET /other ")
        assert asked[1].headers["Authorization"] == "Bearer t0ken"
        assert asked[1].headers["Host"] == f"127.0.0.1:{port}"

    def test_a_proxy_of_the_environment_gets_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with serving(lambda _n: Answer()) as (proxy, asked_proxy):
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy}")
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy}")
            with serving(lambda n: LISTED) as (port, _asked), pacs_at(port) as pacs:
                pacs.instances(STUDY)
        assert asked_proxy == []


class TestAskingAgain:
    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    def test_what_may_pass_is_asked_again(self, status: int) -> None:
        answers = [Answer(status=status), Answer(status=status, headers={"Retry-After": "0"}), LISTED]
        with serving(lambda n: answers[n] if n < 3 else LISTED) as (port, _asked), pacs_at(port) as pacs:
            assert pacs.instances(STUDY) == (PLACE,)

    def test_it_ends(self) -> None:
        with (
            serving(lambda _n: Answer(status=503)) as (port, asked),
            pacs_at(port) as pacs,
            pytest.raises(PacsError, match="HTTP 503"),
        ):
            pacs.instances(STUDY)
        assert len(asked) == HASTY.attempts

    def test_retry_after_is_bounded(self) -> None:
        later = Answer(status=503, headers={"Retry-After": "86400"})
        date = Answer(status=503, headers={"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"})
        bad = Answer(status=503, headers={"Retry-After": "soon"})
        with serving(lambda n: [later, date, bad, LISTED][min(n, 3)]) as (port, _asked), pacs_at(port) as pacs:
            assert pacs.instances(STUDY) == (PLACE,)

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (400, "pacs_refuses_request"),
            (401, "pacs_refuses_us"),
            (403, "pacs_refuses_us"),
            (404, "pacs_not_found"),
            (410, "pacs_not_found"),
        ],
    )
    def test_what_does_not_pass_is_asked_once(self, status: int, code: str) -> None:
        with (
            serving(lambda _n: Answer(status=status)) as (port, asked),
            pacs_at(port) as pacs,
            pytest.raises(PacsError) as caught,
        ):
            pacs.instances(STUDY)
        assert (len(asked), caught.value.code) == (1, code)

    def test_an_instance_cut_off_is_asked_for_again_and_comes_whole(self) -> None:
        body, kind = one_part(bytes(range(256)) * 40)
        answers = [Answer(body=body, kind=kind, cut=cut) for cut in (0, 60, 5000, len(body) - 5)]
        whole = Answer(body=body, kind=kind)
        stream = io.BytesIO()
        patience = Patience(attempts=5, first_wait_s=0.0)
        with serving(lambda n: [*answers, whole][n]) as (port, asked), pacs_at(port, patience=patience) as pacs:
            pacs.retrieve(PLACE, stream)
        assert stream.getvalue() == bytes(range(256)) * 40
        assert len(asked) == 5
        assert "transfer-syntax=*" in asked[0].headers["Accept"]


class TestAnswers:
    @pytest.mark.parametrize(
        "answer",
        [
            Answer(body=b"<html>Welcome</html>", kind="text/html"),
            Answer(body=b'[{"00080018": {"vr": "UI", "Value": ["1.2.3.4.5"]}}]'),
            Answer(body=b'[{"00080018": 1}]'),
            Answer(body=b"null"),
            Answer(body=b"1"),
            Answer(body=b"[" * 100_000),
        ],
    )
    def test_what_is_no_dicomweb_is_told(self, answer: Answer) -> None:
        with (
            serving(lambda _n: answer) as (port, _asked),
            pacs_at(port) as pacs,
            pytest.raises(PacsError) as caught,
        ):
            pacs.instances(STUDY)
        assert caught.value.code == "pacs_not_dicomweb"

    def test_a_server_that_knows_no_pages_is_asked_twice(self) -> None:
        with serving(lambda _n: LISTED) as (port, asked), pacs_at(port) as pacs:
            assert pacs.instances(STUDY) == (PLACE,)
        assert len(asked) == 2

    def test_an_answer_that_unpacks_to_more_than_a_list_is_not_read_to_its_end(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("marrowsignal.pacs.session._MOST_BYTES_OF_A_REPLY", 1000)
        bomb = Answer(body=gzip.compress(b" " * 100_000), headers={"Content-Encoding": "gzip"})
        with serving(lambda _n: bomb) as (port, asked), pacs_at(port) as pacs, pytest.raises(PacsError) as caught:
            pacs.instances(STUDY)
        assert (caught.value.code, len(asked)) == ("pacs_too_long", 1)

    def test_an_instance_that_does_not_end_is_not_kept(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr("marrowsignal.pacs.session._MOST_BYTES_OF_AN_INSTANCE", 1000)
        body, kind = one_part(bytes(100_000))
        answers = [LISTED, Answer(status=204, body=b""), Answer(body=body, kind=kind)]
        with (
            serving(lambda n: answers[n]) as (port, _asked),
            pacs_at(port) as pacs,
            pytest.raises(PacsError, match="1 of 1 instances are missing: the PACS's answer does not end"),
        ):
            fetch_study(pacs, STUDY, tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_a_list_that_does_not_end_is_not_followed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("marrowsignal.pacs.dicomweb._MOST_LISTED", 3)
        with (
            serving(lambda n: replace(LISTED, body=LISTED.body.replace(b"4.5", b"4.%d" % n))) as (port, asked),
            pacs_at(port) as pacs,
            pytest.raises(PacsError),
        ):
            pacs.instances(STUDY)
        assert len(asked) == 5

    def test_a_pacs_that_is_down_is_not_asked_for_the_rest(self, tmp_path: Path) -> None:
        listed = json.dumps(
            [
                {"0020000E": {"vr": "UI", "Value": [SERIES]}, "00080018": {"vr": "UI", "Value": [f"1.{n}"]}}
                for n in (1, 2)
            ]
        )
        answers = [Answer(body=listed.encode()), Answer(status=204, body=b"")]
        down = Answer(status=503)
        with (
            serving(lambda n: answers[n] if n < 2 else down) as (port, asked),
            pacs_at(port) as pacs,
            pytest.raises(PacsError, match="2 of 2 instances are missing"),
        ):
            fetch_study(pacs, STUDY, tmp_path)
        assert len(asked) == 2 + HASTY.attempts

    def test_the_instance_of_another_study_is_not_kept(self, case_folder: Path, tmp_path: Path) -> None:
        file = case_folder / "dicom" / "first_screen_sc.dcm"
        body, kind = one_part(file.read_bytes())
        uid = str(pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID)
        answers = [replace(LISTED, body=LISTED.body.replace(INSTANCE.encode(), uid.encode()))]
        answers += [Answer(status=204, body=b""), Answer(body=body, kind=kind)]
        with (
            serving(lambda n: answers[n]) as (port, _asked),
            pacs_at(port) as pacs,
            pytest.raises(PacsError, match="another instance"),
        ):
            fetch_study(pacs, STUDY, tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_another_instance_than_asked_for_is_not_kept(self, case_folder: Path, tmp_path: Path) -> None:
        body, kind = one_part((case_folder / "dicom" / "first_screen_sc.dcm").read_bytes())
        other, empty = Answer(body=body, kind=kind), Answer(status=204, body=b"")
        with (
            serving(lambda n: [LISTED, empty, other][n]) as (port, _asked),
            pacs_at(port) as pacs,
            pytest.raises(PacsError, match="1 of 1 instances are missing: the PACS sent another instance"),
        ):
            fetch_study(pacs, STUDY, tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_why_an_instance_was_refused(self) -> None:
        failed = {"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [0xA700]}}]}}
        unknown = {"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [0x1234]}}]}}
        told = [
            (Answer(status=409, body=json.dumps(failed).encode()), "Refused: Out of Resources (A700H)"),
            (Answer(status=202, body=json.dumps(unknown).encode()), "no known reason (1234H)"),
            (Answer(status=409, body=b""), "the PACS does not say why (HTTP 409)"),
            (Answer(status=415), "the PACS refuses the request (HTTP 415)"),
            (Answer(body=b"<xml/>", kind="application/dicom+xml"), ""),
            (Answer(body=b'{"00081198": {"vr": "LO", "Value": ["x"]}}'), ""),
            (Answer(body=b'{"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "LO", "Value": ["x"]}}]}}'), ""),
            (Answer(body=b"[" * 100_000), ""),
        ]
        with serving(lambda n: told[n][0]) as (port, asked), pacs_at(port) as pacs:
            assert [pacs.store(b"DICM") for _ in told] == [words for _, words in told]
        assert asked[0].line.startswith("POST /dicom-web/studies ")


def test_no_error_holds_an_address_or_a_uid() -> None:
    answers = (Answer(status=404), Answer(status=500), Answer(body=b"<html>"), Answer(cut=0, body=b"[     ]"))
    for answer in answers:
        with (
            serving(lambda _n, answer=answer: answer) as (port, _asked),
            pacs_at(port) as pacs,
            pytest.raises(PacsError) as caught,
        ):
            pacs.instances(STUDY)
        shown = "".join(traceback.format_exception(caught.value, chain=True)[-1:])
        assert STUDY not in shown and str(port) not in shown
        assert caught.value.__cause__ is None and caught.value.__suppress_context__


class TestCertificate:
    def test_a_stranger_is_not_trusted(self, certificate: tuple[Path, Path]) -> None:
        with (
            serving(lambda _n: LISTED, certificate=certificate) as (port, asked),
            pacs_at(port, scheme="https") as pacs,
            pytest.raises(PacsError, match="not to be trusted"),
        ):
            pacs.instances(STUDY)
        assert asked == []

    @pytest.mark.parametrize("way", ["option", "variable"])
    def test_the_site_s_own_authority_is(
        self, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, way: str
    ) -> None:
        if way == "variable":
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
        ca = certificate[0] if way == "option" else None
        with (
            serving(lambda _n: LISTED, certificate=certificate) as (port, _asked),
            pacs_at(port, scheme="https", ca=ca) as pacs,
        ):
            assert pacs.instances(STUDY) == (PLACE,)

    def test_a_file_that_is_not_there_is_told_without_its_name(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="not there") as caught:
            Pacs("https://pacs/x", ca_file=tmp_path / "Xqzvornik.pem")
        assert "Xqzvornik" not in str(caught.value)
