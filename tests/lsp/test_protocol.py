"""`asof lsp` as an editor meets it: a process that speaks over standard input and output."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from asof import api, api_explore
from tests.golden import ROOT
from tests.lsp.editor import ASOF, MARK, PATIENCE, Editor, applied, at, editor, position, rich

if TYPE_CHECKING:
    from pathlib import Path

FLIGHTS = ROOT.parent / "repos" / "flights"
AIRPORTS = "views/airports.yaml"


@pytest.fixture
def flights(tmp_path: Path) -> Path:
    return shutil.copytree(FLIGHTS, tmp_path / "flights", ignore=shutil.ignore_patterns("data", ".asof"))


def document(address: str) -> lsp.TextDocumentIdentifier:
    return lsp.TextDocumentIdentifier(uri=address)


def test_findings_come_with_the_typing_and_go_when_it_is_mended(flights: Path) -> None:
    async def session() -> None:
        async with editor(flights) as client:
            path = flights / AIRPORTS
            text = path.read_text()
            address = client.open(path)
            await client.until_codes(address)
            client.type(address, text.replace("[airport]", "[airprt]", 1))
            (found,) = await client.until_codes(address, "AS302")
            assert found.severity is lsp.DiagnosticSeverity.Error
            assert found.source == "asof"
            assert "there is no entity `airprt`" in found.message
            assert "asof explain AS302" in found.message
            client.type(address, text)
            await client.until_codes(address)

    asyncio.run(session())


def test_columns_are_counted_in_utf_16_and_lines_may_end_in_two_characters(flights: Path) -> None:
    async def session() -> None:
        async with editor(flights) as client:
            path = flights / "views" / "new.yaml"
            line = 'description: "😋😋"'
            text = f"kind: FeatureView\nname: new\n{line}\nowner: me\nentities: [airport]\nsource: landings\n"
            text += 'schema: [{name: dest, description: "😋", type: int64}]\n'
            address = client.open(path, text.replace("\n", "\r\n"))
            await client.until(lambda: bool(client.codes(address)))
            places = {str(item.code): item.range for item in client.published[address]}
            wanted = position(text.replace("int64", MARK))
            assert any(place.start == wanted for place in places.values()), places

    asyncio.run(session())


def test_what_stands_elsewhere_is_related_information(flights: Path) -> None:
    async def session() -> None:
        async with editor(flights) as client:
            path = flights / "views" / "twice.yaml"
            address = client.open(path, (flights / AIRPORTS).read_text().partition("---")[0])
            (found,) = await client.until_codes(address, "AS301")
            assert found.related_information is not None
            (elsewhere,) = found.related_information
            assert elsewhere.location.uri == (flights / AIRPORTS).as_uri()
            assert elsewhere.message == "first defined here"

    asyncio.run(session())


def test_half_typed_yaml_is_reported_and_the_rest_of_the_repo_is_still_known(flights: Path) -> None:
    async def session() -> None:
        async with editor(flights) as client:
            path = flights / "views" / "delays.yaml"
            text = path.read_text()
            address = client.open(path)
            await client.until_codes(address)
            broken = text.replace("source: landings", 'source: "landi', 1)
            client.type(address, broken)
            await client.until(lambda: "AS102" in client.codes(address))
            assert "landings" in await client.complete(address, text.replace("source: landings", f"source: {MARK}", 1))
            service = client.open(flights / "services.yaml")
            client.type(address, broken)
            marked = (flights / "services.yaml").read_text().replace("- route_delays", f"- {MARK}", 1)
            found = await client.complete(service, marked)
            assert {"carrier_delays", "route_delays"} <= set(found), "from the last text that could be read"

    asyncio.run(session())


def test_completion_hover_definition_and_references(flights: Path) -> None:
    async def session() -> None:
        async with editor(flights) as client:
            path = flights / AIRPORTS
            text = path.read_text()
            address = client.open(path)

            async def hover(place: lsp.Position) -> str:
                found = await client.text_document_hover_async(
                    lsp.HoverParams(text_document=document(address), position=place)
                )
                assert found is not None
                assert isinstance(found.contents, lsp.MarkupContent)
                return found.contents.value

            async def target(place: lsp.Position) -> tuple[str, str]:
                found = await client.text_document_definition_async(
                    lsp.DefinitionParams(text_document=document(address), position=place)
                )
                (one,) = list(found)  # type: ignore[arg-type]
                assert isinstance(one, lsp.Location)
                file = one.uri.rpartition("/")[2]
                lines = next(flights.rglob(file)).read_text().splitlines()
                start, end = one.range.start, one.range.end
                return file, lines[start.line][start.character : end.character]

            assert "The column with the time" in await hover(at(text, "timestamp_field"))
            entity = await hover(at(text, "airport]"))
            assert "Entity · network-planning" in entity
            assert "`airport` string" in entity
            assert "3 feature views" in entity
            column = await hover(at(text, "temp_f", 2))
            assert "float64" in column
            assert "data_source/weather_observations.temp_f" in column
            assert "DataSource" in await hover(at(text, "weather_observations"))
            assert await target(at(text, "airport]")) == ("entities.yaml", "airport")
            assert await target(at(text, "weather_observations")) == ("sources.yaml", "weather_observations")
            assert await target(at(text, "wind_speed_mph", 1)) == ("sources.yaml", "wind_speed_mph")
            assert await target(at(text, "temp_f", 2)) == ("airports.yaml", "temp_f")
            assert await target(at(text, "timestamp_field: observed_at", 1, 20)) == ("airports.yaml", "observed_at")
            places = await client.text_document_references_async(
                lsp.ReferenceParams(
                    text_document=document(address),
                    position=at(text, "name: weather", 1, 8),
                    context=lsp.ReferenceContext(include_declaration=False),
                )
            )
            files = sorted(place.uri.rpartition("/")[2] for place in places or ())
            assert files == ["on_demand.yaml", "services.yaml", "tests.yaml"]
            labels = await client.complete(address, text.replace("FROM weather_observations", f"FROM {MARK}", 1))
            assert "weather_observations" in labels

    asyncio.run(session())


def test_the_page_of_a_code(flights: Path) -> None:
    async def session() -> None:
        async with editor(flights) as client:
            text = "kind: Entity\nname: e\nallow: {AS433: why}\n"
            address = client.open(flights / "e.yaml", text)
            found = await client.text_document_hover_async(
                lsp.HoverParams(text_document=document(address), position=at(text, "AS433"))
            )
            assert found is not None
            assert isinstance(found.contents, lsp.MarkupContent)
            assert found.contents.value == api_explore.explain("AS433")

    asyncio.run(session())


def test_symbols_of_a_file_and_of_the_repo(flights: Path) -> None:
    async def session() -> None:
        async with editor(flights) as client:
            address = client.open(flights / AIRPORTS)
            found = await client.text_document_document_symbol_async(
                lsp.DocumentSymbolParams(text_document=document(address))
            )
            names = [one.name for one in found or ()]
            assert names == ["airport_traffic", "weather", "airport_site"]
            everywhere = await client.workspace_symbol_async(lsp.WorkspaceSymbolParams(query="weath"))
            assert [one.name for one in everywhere or ()][:2] == ["old_weather_is_no_weather", "weather"]

    asyncio.run(session())


@pytest.mark.parametrize("documents", [True, False], ids=["with versions", "plain"])
def test_a_rename_over_the_protocol_leaves_a_sound_repo(flights: Path, documents: bool) -> None:
    async def session() -> None:
        async with editor(flights, capabilities=rich() if documents else lsp.ClientCapabilities()) as client:
            path = flights / AIRPORTS
            text = path.read_text()
            address = client.open(path, "# not saved 😋\n" + text)
            place = at("# not saved 😋\n" + text, "name: weather", 1, 8)
            prepared = await client.text_document_prepare_rename_async(
                lsp.PrepareRenameParams(text_document=document(address), position=place)
            )
            assert isinstance(prepared, lsp.PrepareRenamePlaceholder)
            assert prepared.placeholder == "weather"
            edit = await client.text_document_rename_async(
                lsp.RenameParams(text_document=document(address), position=place, new_name="wx")
            )
            assert edit is not None
            changes = dict(edit.changes or {})
            for one in edit.document_changes or ():
                assert isinstance(one, lsp.TextDocumentEdit)
                changes[one.text_document.uri] = list(one.edits)  # type: ignore[arg-type]
                assert one.text_document.version == (1 if one.text_document.uri == address else None)
            assert bool(edit.document_changes) is documents
            for uri, edits in changes.items():
                file = next(f for f in flights.rglob("*.yaml") if f.as_uri() == uri)
                before = "# not saved 😋\n" + text if uri == address else file.read_text()
                file.write_text(applied(before, list(edits)))
            assert "name: wx\nmoved_from: weather\n" in path.read_text()

    asyncio.run(session())
    assert api.check(flights).sound is not None, api.check(flights).diagnostics


def test_renames_that_are_refused_say_why(flights: Path) -> None:
    async def session() -> None:
        async with editor(flights) as client:
            path = flights / AIRPORTS
            text = path.read_text()
            address = client.open(path)

            async def refused(place: lsp.Position, name: str) -> str:
                with pytest.raises(JsonRpcException) as found:
                    await client.text_document_rename_async(
                        lsp.RenameParams(text_document=document(address), position=place, new_name=name)
                    )
                return str(found.value)

            name = at(text, "name: weather", 1, 8)
            assert "is not a name" in await refused(name, "not a name")
            assert "there is a feature view 'airframe' already" in await refused(name, "airframe")
            assert "only objects are renamed" in await refused(at(text, "timestamp_field"), "x")
            client.type(address, text + "\n---\nkind: Entity\nname: [")
            assert "mend what cannot be read first" in await refused(name, "wx")

    asyncio.run(session())


def test_formatting_is_that_of_the_command(flights: Path) -> None:
    text = 'name:   "😋x"\nkind: Entity   # a comment\njoin_keys:\n    - {type: int64,    name: "k"}\n'
    (wanted,) = api_explore.formatted({"e.yaml": text.encode()})

    async def session() -> None:
        async with editor(flights) as client:
            address = client.open(flights / "e.yaml", text)
            params = lsp.DocumentFormattingParams(
                text_document=document(address), options=lsp.FormattingOptions(tab_size=2, insert_spaces=True)
            )
            edits = await client.text_document_formatting_async(params)
            assert applied(text, list(edits or ())) == wanted.after
            client.type(address, "kind: [")
            assert not await client.text_document_formatting_async(params)

    asyncio.run(session())


def test_actions_put_in_fixes_accept_findings_and_name_owners(flights: Path) -> None:
    async def session() -> None:
        async with editor(flights) as client:
            path = flights / "views" / "new.yaml"
            text = "kind: FeatureView\nname: new\ndescription: d\nentities: [airpot]\nsource: landings\n"
            text += "schema: [{name: dest, type: string}]\n"
            (flights / "asof.yaml").write_text(
                (flights / "asof.yaml").read_text().replace("owner: error", "owner: warn")
            )
            address = client.open(path, text)
            await client.until(lambda: {"AS302", "AS650"} <= set(client.codes(address)))

            async def offered(place: lsp.Position) -> dict[str, str]:
                found = await client.text_document_code_action_async(
                    lsp.CodeActionParams(
                        text_document=document(address),
                        range=lsp.Range(start=place, end=place),
                        context=lsp.CodeActionContext(diagnostics=[]),
                    )
                )
                made = {}
                for one in found or ():
                    assert isinstance(one, lsp.CodeAction)
                    assert one.edit is not None
                    assert one.edit.document_changes is not None
                    (change,) = one.edit.document_changes
                    assert isinstance(change, lsp.TextDocumentEdit)
                    made[one.title] = applied(text, list(change.edits))
                return made

            fixes = await offered(at(text, "airpot"))
            assert fixes["Write 'airport'"] == text.replace("airpot", "airport")
            owner = await offered(at(text, "name: new", 1, 7))
            assert owner["Add `owner: delay-prediction`"] == text.replace("new\n", "new\nowner: delay-prediction\n", 1)
            accepted = owner["Accept AS650 on new"]
            assert accepted == text.replace("new\n", "new\nallow: {AS650: say why}\n", 1)

    asyncio.run(session())


def test_files_that_are_deleted_or_belong_to_nobody(flights: Path, tmp_path: Path) -> None:
    async def session() -> None:
        async with editor(flights) as client:
            bad = flights / "views" / "bad.yaml"
            bad.write_text("kind: Nothing\nname: x\n")
            client.workspace_did_change_watched_files(
                lsp.DidChangeWatchedFilesParams(
                    changes=[lsp.FileEvent(uri=bad.as_uri(), type=lsp.FileChangeType.Created)]
                )
            )
            await client.until_codes(bad.as_uri(), "AS203")
            bad.unlink()
            client.workspace_did_change_watched_files(
                lsp.DidChangeWatchedFilesParams(
                    changes=[lsp.FileEvent(uri=bad.as_uri(), type=lsp.FileChangeType.Deleted)]
                )
            )
            await client.until_codes(bad.as_uri())
            stranger = client.open(tmp_path / "compose.yaml", "kind: Deployment\nmetadata:\n  name: x\n")
            await client.until(lambda: any("in no feature repo" in line for line in client.logged))
            assert stranger not in client.published
            assert await client.complete(stranger, f"kind: Deployment\n{MARK}") == []
            assert "name" in await client.complete(stranger, f"kind: Entity\n{MARK}"), "the language without a repo"
            assert "asof.yaml" in "".join(client.logged)
            gone = document((flights / "nothing.yaml").as_uri())
            params = lsp.HoverParams(text_document=gone, position=lsp.Position(line=3, character=99))
            assert await client.text_document_hover_async(params) is None
            untitled = document("untitled:Untitled-1")
            params = lsp.HoverParams(text_document=untitled, position=lsp.Position(line=0, character=0))
            assert await client.text_document_hover_async(params) is None
            assert registered(client)

    asyncio.run(session())


def registered(client: Editor) -> bool:
    return lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES in client.registered


def test_two_repos_do_not_know_each_other(flights: Path, tmp_path: Path) -> None:
    other = shutil.copytree(ROOT.parent / "repos" / "fraud_detection", tmp_path / "fraud")

    async def session() -> None:
        async with editor(flights, other) as client:
            service = client.open(flights / "services.yaml")
            text = (flights / "services.yaml").read_text()
            here = await client.complete(service, text.replace("- route_delays", f"- {MARK}", 1))
            features = client.open(other / "features.yaml")
            known = {d.name for d in api.check(other).repo.definitions.values()}  # type: ignore[union-attr]
            there = await client.complete(features, f"kind: FeatureService\nname: s\nfeatures:\n  - {MARK}")
            assert "weather" in here
            assert known.isdisjoint(here)
            assert set(there) <= known
            client.workspace_did_change_workspace_folders(
                lsp.DidChangeWorkspaceFoldersParams(
                    event=lsp.WorkspaceFoldersChangeEvent(
                        added=[], removed=[lsp.WorkspaceFolder(uri=other.as_uri(), name="fraud")]
                    )
                )
            )
            assert "weather" in await client.complete(service, text.replace("- route_delays", f"- {MARK}", 1))

    asyncio.run(session())


def test_a_folder_without_a_repo_and_one_that_loses_it(flights: Path, tmp_path: Path) -> None:
    async def session() -> None:
        async with editor(tmp_path / "nowhere", flights) as client:
            address = client.open(flights / AIRPORTS)
            client.type(address, "kind: Nothing\nname: x\n")
            await client.until(lambda: "AS203" in client.codes(address))
            (flights / "asof.yaml").unlink()
            client.type(address, "kind: Nothing\nname: y\n")
            client.workspace_did_change_watched_files(
                lsp.DidChangeWatchedFilesParams(
                    changes=[lsp.FileEvent(uri=(flights / "asof.yaml").as_uri(), type=lsp.FileChangeType.Deleted)]
                )
            )
            await client.until_codes(address)

    asyncio.run(session())


def test_messages_that_make_no_sense_are_answered_and_survived(flights: Path) -> None:
    lone = (flights / "lone.yaml").as_uri()
    item = {"uri": lone, "languageId": "yaml", "version": 1, "text": "kind: \ud800"}
    hover = {"textDocument": {"uri": lone}, "position": {"line": 9, "character": 9}}
    answers, ended, stderr = spoken(
        {
            "id": 1,
            "method": "initialize",
            "params": {"processId": None, "rootUri": flights.as_uri(), "capabilities": {}},
        },
        {"method": "initialized", "params": {}},
        b"{not json",
        {"method": "textDocument/didOpen", "params": {"textDocument": 3}},
        {"method": "textDocument/didChange", "params": {}},
        {"method": "no/such/thing", "params": {}},
        {"id": 2, "method": "textDocument/hover", "params": {"textDocument": 1, "position": "x"}},
        {"id": 3, "method": "no/such/request", "params": {}},
        {"method": "textDocument/didOpen", "params": {"textDocument": item}},
        {"id": 4, "method": "textDocument/hover", "params": hover},
        {"id": 5, "method": "shutdown"},
        {"method": "exit"},
    )
    by_id = {answer["id"]: answer for answer in answers if "id" in answer}
    assert by_id[2]["error"]["code"] == -32602
    assert by_id[3]["error"]["code"] == -32601
    assert by_id[4].get("error", {}).get("code") in (None, -32800), "answered, or cancelled by the shutdown behind it"
    assert by_id[5]["result"] is None
    assert ended == 0
    assert stderr == b""
    assert "Traceback" not in json.dumps(answers)


def spoken(*messages: dict[str, object] | bytes) -> tuple[list[dict[str, Any]], int, bytes]:
    """What the server answers to messages that no client library would send, its exit code and standard error."""
    bodies = [m if isinstance(m, bytes) else json.dumps({"jsonrpc": "2.0", **m}).encode() for m in messages]
    sent = b"".join(b"Content-Length: %d\r\n\r\n%b" % (len(body), body) for body in bodies)
    command = [sys.executable, "-c", ASOF, "lsp", "--stdio"]
    done = subprocess.run(command, input=sent, capture_output=True, timeout=PATIENCE, check=False)
    answers = []
    rest = done.stdout
    while rest:
        head, _, rest = rest.partition(b"\r\n\r\n")
        size = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
        answers.append(json.loads(rest[:size]))
        rest = rest[size:]
    return answers, done.returncode, done.stderr


def test_without_its_package_it_says_how_to_get_it() -> None:
    code = "import sys; sys.modules['pygls'] = None; from asof.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "lsp"], capture_output=True, timeout=PATIENCE, check=False, text=True
    )
    assert done.returncode == 64
    assert "pip install 'asof-compiler[lsp]'" in done.stderr
