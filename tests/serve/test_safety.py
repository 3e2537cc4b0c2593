"""Safe as it comes: who may ask, from where, how much and how slowly, and what errors give away.

Each check of the promise is one case here, or in ``test_cells`` and ``test_plain``, where files and limits are.
"""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pytest

from lamina.errors import SettingError, UsageError
from lamina.serve import App, Loaded, Models, ServeSettings, Source
from lamina.serve.metrics import Metrics
from lamina.serve.models import named
from lamina.serve.page import PAGE, POLICY
from lamina.serve.server import HEAD
from lamina.serve.sockets import listen
from serve.fakes import TOKEN, Fruit, Photo, app_of, once, rows_of, served

PREDICT = "/v1/models/fruit:predict"


# --- where it listens, and to whom -----------------------------------------------------------------------------------


def test_it_listens_to_this_machine_alone() -> None:
    assert ServeSettings().host == "127.0.0.1"
    with listen(ServeSettings(port=0)) as sock:
        assert sock.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_others_need_a_token(host: str) -> None:
    with pytest.raises(SettingError, match="who can reach this machine could ask the model"):
        ServeSettings(host=host)
    assert not ServeSettings(host=host, token=TOKEN).is_alone


@pytest.mark.parametrize(
    "token", ["", "short", "with a blank in the middle", "größer als sechzehn", "a" * 15, "a" * 20 + "\n"]
)
def test_a_weak_token_is_refused(token: str) -> None:
    with pytest.raises(SettingError, match="the token is not valid") as caught:
        ServeSettings(token=token)
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        TOKEN,
        f"Basic {TOKEN}",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN} {TOKEN}",
        "Bearer größe",
    ],
)
@pytest.mark.parametrize(
    "path", [PREDICT, "/v2/models/fruit/infer", "/invocations", "/v1/models", "/metrics", "/nowhere"]
)
def test_without_the_token_there_is_no_answer(path: str, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given}
    got = once(app_of(token=TOKEN), path, rows_of(1) if "models/" in path else None, headers=headers)
    assert (got.status, got.headers["www-authenticate"]) == (401, "Bearer")
    assert TOKEN not in got.body.decode() and "fruit" not in got.body.decode()


def test_with_the_token_there_is() -> None:
    for bearer in (f"Bearer {TOKEN}", f"bearer {TOKEN}"):
        assert once(app_of(token=TOKEN), PREDICT, rows_of(1), headers={"Authorization": bearer}).status == 200


@pytest.mark.parametrize("path", ["/", "/docs", "/ping", "/v2/health/live", "/v2/health/ready"])
def test_signs_of_life_need_no_token_and_say_nothing_of_the_models(path: str) -> None:
    got = once(app_of(token=TOKEN), path)
    assert got.status == 200 and b"fruit" not in got.body and b"colour" not in got.body


# --- browsers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "evil.org",
        "evil.org:8000",
        "127.0.0.1.evil.org",
        "localhost.evil.org",
        "192.168.0.1",
        "",
        "0.0.0.0",
        "[::2]:80",
        "169.254.169.254",
        "127.0.0.1@evil.org",
        "[::1",
        "lócalhost",
    ],
)
def test_a_name_that_was_turned_to_this_machine_is_refused(host: str) -> None:
    got = once(app_of(), PREDICT, rows_of(1), headers={"Host": host})
    assert (got.status, "asked by another name" in got.json["error"]) == (421, True)


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "127.0.0.1:1", "127.9.9.9", "[::1]:8000", "LOCALHOST", "localhost."]
)
def test_this_machine_by_its_names(host: str) -> None:
    assert once(app_of(), PREDICT, rows_of(1), headers={"Host": host}).status == 200


def test_a_service_for_others_goes_by_any_name_and_its_token() -> None:
    headers = {"Host": "models.example.org", "Authorization": f"Bearer {TOKEN}"}
    assert once(app_of(host="0.0.0.0", token=TOKEN), PREDICT, rows_of(1), headers=headers).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.org"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
        {"Origin": "http://localhost:8000.evil.org"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
        {"Origin": "https://evil.org", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
)
def test_pages_of_others_are_refused(headers: dict[str, str]) -> None:
    got = once(app_of(), PREDICT, rows_of(1), headers=headers)
    assert (got.status, "a page of another origin asks" in got.json["error"]) == (403, True)
    assert not any(name.startswith("access-control") for name in got.headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost:8000"},
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_its_own_page_may_ask(headers: dict[str, str]) -> None:
    assert once(app_of(), PREDICT, rows_of(1), headers=headers).status == 200


def test_a_link_from_elsewhere_opens_the_page() -> None:
    assert once(app_of(), "/", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}).status == 200


def test_the_page_needs_nothing_from_elsewhere_and_may_do_nothing_else() -> None:
    got = once(app_of(), "/")
    assert got.headers["content-security-policy"] == POLICY
    assert "default-src 'none'" in POLICY and "unsafe" not in POLICY and "frame-ancestors 'none'" in POLICY
    text = PAGE.decode()
    assert (
        "http://" not in text
        and "https://" not in text
        and " src=" not in text
        and '<link rel="icon" href="data:,">' in text
    )
    # What a model's columns are called is set as text: there is no way from a string to markup.
    assert not any(
        word in text
        for word in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "on" + "click=")
    )
    assert once(app_of(), "/docs").body == PAGE


def test_every_answer_says_what_it_is_and_stays_nowhere() -> None:
    for got in (once(app_of(), "/"), once(app_of(), PREDICT, rows_of(1)), once(app_of(), "/nowhere")):
        assert (got.headers["x-content-type-options"], got.headers["cache-control"]) == ("nosniff", "no-store")
        assert "server" not in got.headers and "set-cookie" not in got.headers


# --- names and paths --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../etc", "a/b", "", "<script>", "a b", "a\nb", ".", "-x", "a:predict", "a" * 101, 'a"b', "a{b}", "größe"]
)
def test_names_of_models_are_plain(name: str) -> None:
    with pytest.raises(UsageError, match="a model's name stands in addresses"):
        named(name)


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/v1/models/../../etc/passwd",
        "/v1/models/%2e%2e%2fetc",
        "/v1/models/..%5c..",
        "//etc/passwd",
        "/v1/models/fruit/../../x",
        "/v1/models/fruit\x00",
        "/v1/models/<script>alert(1)</script>",
        "/docs/../page.html",
        "/v1/models/fruit/versions/../1",
        "/page.html",
        "/serve/page.py",
        "/v1/models/fruit\r\nX-Evil: 1",
        "/.env",
        "/v1/models/fruit/versions/1%00:predict",
        "/v1/models/..\\..\\windows",
        "/static/../../x",
        "/v2/models/\ud83d",
    ],
)
def test_paths_lead_nowhere(path: str) -> None:
    got = once(app_of(), path)
    assert got.status in (404, 405) and got.headers["content-type"] == "application/json"
    assert "root:" not in got.body.decode() and "x-evil" not in got.headers
    assert list(json.loads(got.body)) == ["error"]


def test_paths_with_percent_signs_are_what_they_stand_for() -> None:
    with served(app_of()) as server:
        for path in (
            "/v1/models/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
            "/%2e%2e/%2e%2e/etc/passwd",
            "/..%c0%af..%c0%afetc",
            "/%",
        ):
            assert server.ask(path).status == 404, path
        assert server.ask("/v1/models/%66ruit").status == 200


def test_columns_with_markup_in_their_names_are_text() -> None:
    class Evil(Fruit):
        def __init__(self) -> None:
            super().__init__()
            self.examples = {"rows": [], "answers": []}
            self.schema["input"]["properties"] = {"<img src=x onerror=alert(1)>": {"type": "number"}}
            self.schema["input"]["required"] = ["<img src=x onerror=alert(1)>"]

        def predict(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return [{"ripe": "yes", "ripe_probability": 1.0, "whole": 1, "large": True} for _ in rows]

    app = app_of(Evil())
    assert b"onerror" not in once(app, "/").body
    got = once(app, PREDICT, {"instances": [{"</script><script>": 1}]})
    assert got.status == 400 and got.headers["content-type"] == "application/json"


# --- what errors give away --------------------------------------------------------------------------------------------


def test_errors_name_no_file_and_no_line() -> None:
    class Leaky(Fruit):
        def predict(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
            if rows[0]["colour"] == "leak":
                open(f"/nowhere/{rows[0]['size']}/secret").close()
            return super().predict(rows)

    got = once(app_of(Leaky()), PREDICT, {"instances": [{"size": 1, "colour": "leak"}]})
    assert got.status == 500
    assert not any(word in got.body.decode() for word in ("nowhere", "secret", "Traceback", ".py", "Errno"))


def test_nothing_is_fetched_for_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_of(Photo())

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the service asked somebody")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr("builtins.open", refuse)
    for cell in (
        "http://169.254.169.254/latest/meta-data",
        "https://example.org/a.png",
        "ftp://a/b",
        "/etc/passwd",
        "file:///a",
    ):
        assert once(app, "/v1/models/photo:predict", {"instances": [{"picture": cell}]}).status == 400


# --- on the wire ------------------------------------------------------------------------------------------------------


def spoken(port: int, *pieces: bytes, pause: float = 0.0, wait: float = 10.0) -> bytes:
    """What a server says to bytes; all of it, until it closes the connection or falls silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as sock:
        got = b""
        try:
            for piece in pieces:
                sock.sendall(piece)
                time.sleep(pause)
            while part := sock.recv(65536):
                got += part
        except (TimeoutError, ConnectionResetError, BrokenPipeError):
            return got
        return got


def test_slow_and_silent_clients_are_let_go() -> None:
    with served(app_of(patience=0.4)) as server:
        began = time.monotonic()
        assert spoken(server.port).startswith(b"HTTP/1.1 408")
        assert spoken(server.port, b"GET / HT").startswith(b"HTTP/1.1 408")
        head = b"POST " + PREDICT.encode() + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
        assert spoken(server.port, head).startswith(b"HTTP/1.1 408")
        assert time.monotonic() - began < 6
        drops = [b"GET / HTTP/1.1\r\n", *([b"X-A: b\r\n"] * 30)]
        began = time.monotonic()
        assert b"408" in spoken(server.port, *drops, pause=0.05)[:20] or time.monotonic() - began < 3
        assert server.ask(PREDICT, rows_of(1)).status == 200


def test_a_client_that_thinks_between_questions_is_no_slow_one() -> None:
    with (
        served(app_of(patience=0.3)) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock,
    ):
        for _ in range(2):
            sock.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert sock.recv(65536).startswith(b"HTTP/1.1 200")
            time.sleep(0.8)


@pytest.mark.parametrize(
    "said",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"POST /ping HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"POST /ping HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        b"POST /ping HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused(said: bytes) -> None:
    with served(app_of()) as server:
        assert spoken(server.port, said, wait=2)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 404", b"HTTP/1.1 405", b"")
        assert server.ask("/ping").status == 200


def test_headers_without_end_are_refused() -> None:
    with served(app_of()) as server:
        head = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
        assert spoken(server.port, head, *[b"X-A: " + b"b" * 8000 + b"\r\n"] * (HEAD // 8000 + 3), pause=0.01)[:12] in (
            b"HTTP/1.1 431",
            b"",
        )
        assert server.ask("/ping").status == 200


def test_connections_have_an_end() -> None:
    with served(app_of(connections=3)) as server:
        held = [socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(3)]
        time.sleep(0.2)
        assert spoken(server.port, b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n").startswith(b"HTTP/1.1 503")
        for sock in held:
            sock.close()
        time.sleep(0.2)
        assert server.ask("/ping").status == 200


def test_a_body_that_never_ends_is_cut_off() -> None:
    with served(app_of(body=10_000)) as server:
        head = b"POST " + PREDICT.encode() + b" HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        got = spoken(server.port, head, *[b"1000\r\n" + b" " * 4096 + b"\r\n"] * 20, pause=0.01)
        assert got.startswith(b"HTTP/1.1 413") or got == b""
        assert server.ask("/ping").status == 200


def test_a_protocol_is_not_changed_on_the_way() -> None:
    with served(app_of()) as server:
        head = b"GET /ping HTTP/1.1\r\nHost: localhost\r\n"
        said = head + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: a\r\n\r\n"
        assert b" 101 " not in spoken(server.port, said, wait=1)
        assert server.ask("/ping").status == 200


# --- more than one model ----------------------------------------------------------------------------------------------


def test_models_of_two_names_and_versions() -> None:
    sources = [Source("a", 1, Fruit), Source("a", 2, lambda: Fruit(bound=100)), Source("b", 1, Photo)]
    settings = ServeSettings()
    metrics = Metrics(["a", "b"])
    app = App(Models(sources, settings, metrics), settings, metrics)

    def ripe(path: str) -> str:
        return once(app, f"/v1/models/a{path}:predict", rows_of(1)).json["predictions"][0]["ripe"]

    assert (ripe(""), ripe("/versions/1"), ripe("/versions/2")) == ("no", "yes", "no")
    assert once(app, "/v2/models/a").json["versions"] == ["1", "2"]
    with pytest.raises(UsageError, match="version 1 of a stands there twice"):
        Models([Source("a", 1, Fruit)] * 2, settings, metrics)
    assert Loaded(Fruit()).name == "fruit"
