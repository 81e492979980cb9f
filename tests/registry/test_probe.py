"""``asof registry check``: what it says of good places and bad ones, and that it leaves nothing behind."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import unquote

import boto3
import pytest

from asof.cli import ExitCode, main
from asof.registry import open_objects
from asof.registry.local import LocalBlobs
from asof.registry.patience import Patience
from asof.registry.probe import Status, passed, probe
from asof.testing.blob_stores import fails
from asof.testing.fault_proxy import CUT_BEFORE, Fault, fault_proxy
from tests.registry.servers.gcs import gcs_server

if TYPE_CHECKING:
    from pathlib import Path

    from asof.registry.probe import Finding

AWS_ERROR = "<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code} it is</Message></Error>"


@pytest.fixture
def store_endpoints(s3_endpoint: str, gcs_endpoint: str, azure_endpoint: str) -> dict[str, str]:
    return {"s3": s3_endpoint, "gs": gcs_endpoint, "az": azure_endpoint}


@pytest.fixture(params=["s3", "gs", "az"])
def location(request: pytest.FixtureRequest, store_endpoints: dict[str, str]) -> str:
    option = "&path_style=true" if request.param == "s3" else ""
    return f"{request.param}://features/probed?endpoint={store_endpoints[request.param]}{option}"


def by_step(findings: tuple[Finding, ...]) -> dict[str, Finding]:
    return {finding.step: finding for finding in findings}


def failure(findings: tuple[Finding, ...]) -> tuple[str, str, str]:
    """The step that failed, its code, and all that is said."""
    assert not passed(findings)
    failed = next(finding for finding in findings if finding.status is Status.FAILED)
    return failed.step, failed.code, " ".join((failed.text, *failed.notes))


def answer(code: str, status: int) -> Fault:
    return Fault(when="before", status=status, body=AWS_ERROR.format(code=code).encode())


def s3(endpoint: str, bucket: str = "features", options: str = "") -> str:
    return f"s3://{bucket}/probed?endpoint={endpoint}&path_style=true{options}"


def test_a_good_store_passes_and_is_left_as_it_was(location: str, tmp_path: Path) -> None:
    blobs = open_objects(location)
    blobs.put("mine", b"1", replaces=None) if blobs.get("mine") is None else None
    findings = probe(location, root=tmp_path)
    assert passed(findings), findings
    assert by_step(findings)["clock"].text.endswith("s apart")
    assert list(blobs.list("")) == ["mine"]


def test_a_folder_passes_and_is_left_as_it_was(tmp_path: Path) -> None:
    assert passed(probe("deep/er/registry", root=tmp_path))
    assert list(tmp_path.iterdir()) == []
    LocalBlobs(tmp_path / "registry").put("mine", b"1", replaces=None)
    assert passed(probe("registry", root=tmp_path))
    assert [path.name for path in (tmp_path / "registry").iterdir()] == ["mine"]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert failure(probe("file", root=tmp_path))[:2] == ("open", "AS703")


def test_the_versions_of_a_bucket_are_removed_too(s3_endpoint: str, tmp_path: Path) -> None:
    client = boto3.client("s3", endpoint_url=s3_endpoint)
    client.create_bucket(Bucket="versioned")
    client.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    findings = probe(s3(s3_endpoint, "versioned"), root=tmp_path)
    assert passed(findings)
    assert "keeps versions" in by_step(findings)["clean"].text
    found = client.list_object_versions(Bucket="versioned")
    assert found.get("Versions", []) + found.get("DeleteMarkers", []) == []
    client.close()


def test_the_versions_of_googles_bucket_are_removed_too(cloud_settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with gcs_server() as endpoint, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", endpoint)
        from google.cloud import storage

        client = storage.Client(project="test")
        bucket = client.bucket("versioned")
        bucket.versioning_enabled = True
        bucket.create()
        findings = probe("gs://versioned", root=tmp_path)
        assert passed(findings)
        assert "keeps versions" in by_step(findings)["clean"].text
        assert list(client.list_blobs("versioned", versions=True)) == []
        client.close()


def test_a_store_without_conditions_is_refused(unsafe_endpoint: str, tmp_path: Path) -> None:
    findings = probe(s3(unsafe_endpoint), root=tmp_path)
    step, code, said = failure(findings)
    assert (step, code) == ("create", "AS784")
    assert "conditional writes are not honoured" in said
    assert by_step(findings)["replace"].status is Status.SKIPPED
    assert list(open_objects(s3(unsafe_endpoint)).list("")) == []


def test_a_store_that_does_not_know_conditions_is_refused(s3_endpoint: str, tmp_path: Path) -> None:
    with fault_proxy(s3_endpoint) as proxy:
        proxy.next(answer("NotImplemented", 501), methods=("PUT",), times=99)
        assert failure(probe(s3(proxy.endpoint), root=tmp_path))[:2] == ("create", "AS784")


def test_a_bucket_that_is_not_there(location: str, tmp_path: Path) -> None:
    findings = probe(location.replace("://features/", "://absent/"), root=tmp_path)
    assert failure(findings)[:2] == ("open", "AS780")
    assert {f.status for f in findings[1:]} == {Status.SKIPPED}


AZURE_OLD = """<?xml version="1.0"?><Error><Code>AuthenticationFailed</Code><Message>it is
</Message><AuthenticationErrorDetail>Request date header too old: 'Mon'</AuthenticationErrorDetail></Error>"""
AZURE_ERROR = "<?xml version='1.0'?><Error><Code>{}</Code><Message>it is</Message></Error>"
GOOGLE_ERROR = '{{"error": {{"code": 0, "message": "{0}", "errors": [{{"message": "{0}", "reason": "{0}"}}]}}}}'


def denied(scheme: str) -> Fault:
    """What each store answers to those who may not."""
    if scheme == "s3":
        return answer("AccessDenied", 403)
    if scheme == "gs":
        body, kind = GOOGLE_ERROR.format("forbidden"), "application/json"
    else:
        body, kind = AZURE_ERROR.format("AuthorizationPermissionMismatch"), "application/xml"
    return Fault(status=403, body=body.encode(), headers={"Content-Type": kind})


PERMISSIONS = {
    "s3": {"GET": "s3:ListBucket", "DELETE": "s3:DeleteObject", "PUT": "s3:PutObject"},
    "gs": dict.fromkeys(("GET", "DELETE", "POST"), "roles/storage.objectUser"),
    "az": dict.fromkeys(("GET", "DELETE", "PUT"), "Storage Blob Data Contributor"),
}
STEPS = {"GET": "open", "DELETE": "delete", "PUT": "create", "POST": "create"}


@pytest.mark.parametrize(
    ("scheme", "method"), [(s, method) for s, methods in PERMISSIONS.items() for method in methods]
)
def test_a_permission_that_lacks(
    store_endpoints: dict[str, str], tmp_path: Path, scheme: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    option = "&path_style=true" if scheme == "s3" else ""
    with fault_proxy(store_endpoints[scheme]) as proxy:
        proxy.next(denied(scheme), methods=(method, "HEAD") if method == "GET" else (method,), times=99)
        failed, code, said = failure(
            probe(f"{scheme}://features/probed?endpoint={proxy.endpoint}{option}", root=tmp_path)
        )
    assert (failed, code) == (STEPS[method], "AS781")
    assert PERMISSIONS[scheme][method] in said
    place = f"{scheme}://features/probed?endpoint={store_endpoints[scheme]}{option}"
    assert list(open_objects(place).list("check-")) == []


def test_nothing_but_scratch_names_is_written(store_endpoints: dict[str, str], location: str, tmp_path: Path) -> None:
    """Each request that is not a read names a blob of the probe's own: none changes the bucket, none another blob."""
    scheme = location.partition(":")[0]
    with fault_proxy(store_endpoints[scheme]) as proxy:
        assert passed(probe(location.replace(store_endpoints[scheme], proxy.endpoint), root=tmp_path))
        seen = [(one.method, one.path) for one in proxy.seen if one.method not in ("GET", "HEAD")]
    assert {method for method, _ in seen} == ({"POST", "DELETE"} if scheme == "gs" else {"PUT", "DELETE"})
    for method, path in seen:
        if (method, scheme) == ("POST", "gs"):
            # The name of the blob stands in the body; the path says that a blob is made, and of which bucket.
            assert path.startswith("/upload/storage/v1/b/features/o?uploadType="), path
        else:
            assert "probed/check-" in unquote(path), path
    assert list(open_objects(location).list("check-")) == []


@pytest.mark.parametrize(
    ("scheme", "status", "body", "code"),
    [
        ("s3", 403, AWS_ERROR.format(code="RequestTimeTooSkewed"), "AS783"),
        ("s3", 403, AWS_ERROR.format(code="InvalidAccessKeyId"), "AS782"),
        ("s3", 400, AWS_ERROR.format(code="ExpiredToken"), "AS782"),
        ("s3", 404, AWS_ERROR.format(code="NoSuchBucket"), "AS780"),
        ("s3", 503, AWS_ERROR.format(code="SlowDown"), "AS703"),
        ("s3", 500, AWS_ERROR.format(code="InternalError"), "AS703"),
        ("s3", 400, AWS_ERROR.format(code="RequestTimeout"), "AS703"),
        ("az", 403, AZURE_OLD, "AS783"),
        ("az", 403, AZURE_ERROR.format("AuthenticationFailed"), "AS782"),
        ("az", 403, AZURE_ERROR.format("AuthorizationPermissionMismatch"), "AS781"),
        ("az", 404, AZURE_ERROR.format("ContainerNotFound"), "AS780"),
        ("az", 503, AZURE_ERROR.format("ServerBusy"), "AS703"),
        ("az", 409, AZURE_ERROR.format("AccountBeingCreated"), "AS703"),
        ("gs", 401, GOOGLE_ERROR.format("authError"), "AS782"),
        ("gs", 403, GOOGLE_ERROR.format("forbidden"), "AS781"),
        ("gs", 404, GOOGLE_ERROR.format("The specified bucket does not exist."), "AS780"),
        ("gs", 429, GOOGLE_ERROR.format("rateLimitExceeded"), "AS703"),
        ("gs", 500, GOOGLE_ERROR.format("backendError"), "AS703"),
    ],
)
def test_what_a_store_answers_has_a_code(
    store_endpoints: dict[str, str], scheme: str, status: int, body: str, code: str
) -> None:
    headers = {"Content-Type": "application/json" if scheme == "gs" else "application/xml"}
    with fault_proxy(store_endpoints[scheme]) as proxy:
        proxy.next(Fault(status=status, body=body.encode(), headers=headers), times=99)
        option = "&path_style=true" if scheme == "s3" else ""
        place = f"{scheme}://features/coded?endpoint={proxy.endpoint}{option}"
        blobs = open_objects(place, patience=Patience(tries=2, first=0.0))
        for act in (lambda: blobs.get("HEAD.json"), lambda: list(blobs.list("generations/"))):
            with fails(code):
                act()


def test_versions_that_may_not_be_listed(s3_endpoint: str, tmp_path: Path) -> None:
    denied = answer("AccessDenied", 403)
    with fault_proxy(s3_endpoint) as proxy:
        proxy.pick = lambda method, path: denied if "versions" in path else None
        findings = probe(s3(proxy.endpoint), root=tmp_path)
    assert passed(findings)
    assert by_step(findings)["clean"].status is Status.WARNING


@pytest.mark.parametrize(("seconds", "status"), [(2, Status.OK), (30, Status.WARNING), (-600, Status.FAILED)])
def test_clocks_that_differ(s3_endpoint: str, tmp_path: Path, seconds: int, status: Status) -> None:
    findings = probe(s3(s3_endpoint), root=tmp_path, clock=lambda: datetime.now(UTC) + timedelta(seconds=seconds))
    assert by_step(findings)["clock"].status is status
    assert passed(findings) == (status is not Status.FAILED)
    assert by_step(findings)["clean"].status is Status.OK


def test_the_command_line_says_it_to_people_and_machines(
    location: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-C", str(tmp_path), "registry", "check", location]) == ExitCode.OK
    assert "A registry may live here." in capsys.readouterr().out
    absent = location.replace("://features/", "://absent/")
    assert main(["-C", str(tmp_path), "--json", "registry", "check", absent]) == ExitCode.UNAVAILABLE
    said = json.loads(capsys.readouterr().out)
    assert said["steps"][0]["status"] == "failed"
    assert said["steps"][0]["code"] == "AS780"
    assert said["steps"][0]["notes"]


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("s3:///prefix", "AS704"),
        ("ftp://host/x", "AS704"),
        ("s3://user:hunter2@bucket/x", "AS704"),
        ("s3://bucket/../x", "AS704"),
        ("s3://bucket/x?regoin=eu", "AS787"),
        ("s3://bucket/x?secret_key=hunter2", "AS787"),
        ("s3://bucket/x?path_style=yes", "AS787"),
        ("s3://bucket/x?profile=nobody", "AS787"),
        ("s3://bucket/x?endpoint=nonsense", "AS787"),
        ("az://container/x?sas=hunter2", "AS787"),
        ("gs://bucket/x?&&=", "AS704"),
    ],
)
def test_a_location_that_makes_no_sense(
    cloud_settings: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str, code: str
) -> None:
    assert main(["-C", str(tmp_path), "registry", "check", place]) == ExitCode.UNAVAILABLE
    said = capsys.readouterr()
    assert f"[{code}]" in said.out
    assert "hunter2" not in said.out + said.err


CANARY = "c4n4ry0c4n4ry0c4n4ry0c4n4ry0c4n4ry0c4n4ry0"


@pytest.mark.parametrize("fault", [CUT_BEFORE, Fault(status=403), Fault(status=404), Fault(status=400)])
def test_no_credential_is_ever_said(
    store_endpoints: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    fault: Fault,
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)
    monkeypatch.setenv("AWS_SESSION_TOKEN", CANARY)
    monkeypatch.delenv("AZURE_STORAGE_KEY")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", f"sv=2024-01-01&sig={CANARY}")
    monkeypatch.setattr("asof.registry.probe.Patience", lambda tries: Patience(tries=1))
    caplog.set_level("DEBUG", logger="asof")
    for scheme, endpoint in store_endpoints.items():
        with fault_proxy(endpoint) as proxy:
            proxy.next(fault, times=999)
            monkeypatch.setattr("asof.registry.Patience", lambda: Patience(tries=1))
            place = f"{scheme}://features/secret?endpoint={proxy.endpoint}"
            assert main(["-C", str(tmp_path), "registry", "check", place]) == ExitCode.UNAVAILABLE
    said = capfd.readouterr()
    assert CANARY not in said.out + said.err + caplog.text
    assert said.out.count("FAILED") == 3
