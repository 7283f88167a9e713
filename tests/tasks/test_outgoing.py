"""Calls to addresses that partners chose: where they may lead, and how much they may cost."""

from __future__ import annotations

import ssl
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from tempfile import NamedTemporaryFile
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from app.infra.database import OutgoingCallInTransaction, transaction
from app.infra.outgoing import KEPT_BODY, OutgoingClient
from app.infra.redis import RedisClient
from app.settings import Settings
from app.tasks.broker import configure_broker
from app.tasks.postbacks import DELIVER
from app.tasks.worker import declare_actors, send_wake_up
from tests.processes.instance import free_port
from tests.tasks.tracker import Tracker, answering, tracker

_connecting: list[Any] | None = None


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and _connecting is not None:
        _connecting.append(arguments[1])
        # The test has failed by now, and must not knock at a door of this network.
        raise ConnectionAbortedError("a connection was begun")


# An audit hook stays for the life of the process; it does nothing outside `no_connection`.
sys.addaudithook(_watch)


@pytest.fixture
def no_connection() -> Iterator[list[Any]]:
    """The addresses to which Python itself has begun a connection, which fails."""
    global _connecting
    _connecting = []
    yield _connecting
    _connecting = None


@pytest.fixture
async def public_only() -> AsyncIterator[OutgoingClient]:
    """A client as production has it."""
    client = OutgoingClient(timeout=30, connections=5, allow_private=False)
    yield client
    await client.close()


@pytest.fixture
async def client() -> AsyncIterator[OutgoingClient]:
    """A client that may call this machine."""
    client = OutgoingClient(timeout=30, connections=5, allow_private=True)
    yield client
    await client.close()


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.8.9.10", "localhost", "[::1]", "0.0.0.0", "[::]"),  # noqa: S104
        *("10.1.2.3", "172.16.5.4", "192.168.1.1", "100.64.0.1", "[fd00::1]"),
        *("169.254.169.254", "[fe80::1]"),
        *("[::ffff:127.0.0.1]", "[::ffff:10.1.2.3]", "[::ffff:169.254.169.254]"),
        *("2130706433", "0x7f000001", "127.1"),
        *("224.0.0.1", "[ff02::1]", "255.255.255.255", "240.0.0.1", "192.0.2.1"),
    ],
)
async def test_a_target_that_is_not_public_is_refused_before_a_connection_is_made_a16(
    public_only: OutgoingClient, no_connection: list[Any], host: str
) -> None:
    answer = await public_only.get(f"http://{host}:8000/postback", {})

    assert no_connection == []
    assert (answer.code, answer.body) == (None, None)
    assert "not a public address" in (answer.error or "")


@pytest.mark.parametrize("host", ["169.254.169.254", "[::ffff:169.254.169.254]", "[fe80::1]"])
async def test_a_link_local_target_is_refused_even_where_private_ones_are_allowed(
    client: OutgoingClient, no_connection: list[Any], host: str
) -> None:
    answer = await client.get(f"http://{host}/latest/meta-data", {})

    assert no_connection == []
    assert "not a public address" in (answer.error or "")


async def test_the_host_is_named_to_the_server_as_in_the_url(
    client: OutgoingClient, listener: Tracker
) -> None:
    port = listener.port

    answer = await client.get(f"http://localhost:{port}/postback?a=b%20c", {"User-Agent": "us"})

    (call,) = listener.received
    assert answer.code == 200
    assert call.query == {"a": "b c"}
    assert (call.headers["host"], call.headers["user-agent"]) == (f"localhost:{port}", "us")


async def test_a_redirect_is_not_followed_a19(client: OutgoingClient, listener: Tracker) -> None:
    listener.answer = answering(302, Location=f"{listener.url}/elsewhere")

    answer = await client.get(f"{listener.url}/postback", {})

    assert answer.code == 302
    assert [call.path for call in listener.received] == ["/postback"]


async def test_only_the_first_part_of_a_body_is_read_and_kept_a20(
    client: OutgoingClient, listener: Tracker
) -> None:
    cut_off = threading.Event()

    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        try:
            while True:
                request.wfile.write(b"x" * 65_536)
        except OSError:
            cut_off.set()

    listener.answer = endless

    answer = await client.get(f"{listener.url}/postback", {})

    assert (answer.code, answer.body, answer.error) == (200, "x" * KEPT_BODY, None)
    assert cut_off.wait(60)


async def test_no_compressed_body_is_asked_for_because_it_is_kept_as_it_comes_a20(
    client: OutgoingClient, listener: Tracker
) -> None:
    await client.get(f"{listener.url}/postback", {})

    assert "accept-encoding" not in listener.received[0].headers


async def test_bytes_that_are_no_text_are_kept_as_replacements_a20(
    client: OutgoingClient, listener: Tracker
) -> None:
    listener.answer = answering(200, b"\x00ok\xff")

    answer = await client.get(f"{listener.url}/postback", {})

    assert answer.body == "ok\ufffd"


async def test_a_tracker_that_does_not_answer_is_given_up_a19(listener: Tracker) -> None:
    client = OutgoingClient(timeout=0.2, connections=5, allow_private=True)
    open_up = threading.Event()

    def hold(_request: BaseHTTPRequestHandler) -> None:
        open_up.wait(60)

    listener.answer = hold

    answer = await client.get(f"{listener.url}/postback", {})

    open_up.set()
    await client.close()
    assert (answer.code, answer.error) == (None, "no answer within 0.2 s")


async def test_an_answer_that_comes_drop_by_drop_is_cut_off_and_its_code_decides_a19(
    listener: Tracker,
) -> None:
    client, gone = OutgoingClient(timeout=0.5, connections=5, allow_private=True), threading.Event()

    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        deadline = time.monotonic() + 60
        try:
            while time.monotonic() < deadline:
                request.wfile.write(b".")
                time.sleep(0.05)
        except OSError:
            gone.set()

    listener.answer = drip

    answer = await client.get(f"{listener.url}/postback", {})

    await client.close()
    assert (answer.code, answer.error) == (200, "the answer had no end within 0.5 s")
    assert (answer.body or "").startswith("..")
    assert gone.wait(60)


@pytest.mark.parametrize("code", [200, 404, 410, 503])
async def test_a_code_decides_although_the_connection_stays_open_behind_the_body_a19(
    listener: Tracker, code: int
) -> None:
    client, open_up = (
        OutgoingClient(timeout=0.5, connections=5, allow_private=True),
        threading.Event(),
    )

    def stay(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        request.end_headers()
        request.wfile.write(b"OK")
        open_up.wait(60)

    listener.answer = stay

    answer = await client.get(f"{listener.url}/postback", {})

    open_up.set()
    await client.close()
    assert (answer.code, answer.body) == (code, "OK")
    assert answer.error == "the answer had no end within 0.5 s"


async def test_a_cookie_is_not_brought_back(client: OutgoingClient, listener: Tracker) -> None:
    listener.answer = answering(200, Set_Cookie="partner=1; Path=/")

    await client.get(f"{listener.url}/postback", {})
    await client.get(f"{listener.url}/postback", {})

    assert ["cookie" in call.headers for call in listener.received] == [False, False]


@pytest.mark.parametrize(
    "url", ["http://", "http://exa mple/", "http://[::1", "ftp://127.0.0.1/", "http://0177.0.0.1/"]
)
async def test_what_is_no_http_url_is_answered_with_the_reason(
    client: OutgoingClient, no_connection: list[Any], url: str
) -> None:
    answer = await client.get(url, {})

    assert no_connection == []
    assert answer.code is None
    assert answer.error


async def test_a_refused_connection_is_answered_with_the_reason(client: OutgoingClient) -> None:
    answer = await client.get(f"http://127.0.0.1:{free_port()}/postback", {})

    assert answer.code is None
    assert "ConnectError" in (answer.error or "")


@pytest.fixture(scope="module")
def certificate() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's context for a certificate of `localhost`, which the client believes."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with NamedTemporaryFile(suffix=".pem") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + made)
        file.flush()
        server.load_cert_chain(file.name)
    return server, ssl.create_default_context(cadata=made.decode())


@pytest.fixture
def secure(certificate: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[Tracker]:
    """A tracker that speaks TLS, with a certificate of `localhost`."""
    with tracker(certificate[0]) as running:
        yield running


@pytest.fixture
async def believing(
    certificate: tuple[ssl.SSLContext, ssl.SSLContext],
) -> AsyncIterator[OutgoingClient]:
    """A client that believes the secure tracker's certificate."""
    client = OutgoingClient(timeout=30, connections=5, allow_private=True, tls=certificate[1])
    yield client
    await client.close()


async def test_a_certificate_of_the_urls_host_is_accepted(
    believing: OutgoingClient, secure: Tracker
) -> None:
    answer = await believing.get(f"https://localhost:{secure.port}/postback", {})

    assert (answer.code, answer.error) == (200, None)


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    client: OutgoingClient, secure: Tracker
) -> None:
    answer = await client.get(f"https://localhost:{secure.port}/postback", {})

    assert answer.code is None
    assert "CERTIFICATE_VERIFY_FAILED" in (answer.error or "")


async def test_an_open_connection_is_not_used_for_another_host_behind_the_same_address(
    believing: OutgoingClient, secure: Tracker
) -> None:
    assert (await believing.get(f"https://localhost:{secure.port}/postback", {})).code == 200

    answer = await believing.get(f"https://127.0.0.1:{secure.port}/postback", {})

    assert answer.code is None
    assert "CERTIFICATE_VERIFY_FAILED" in (answer.error or "")
    assert len(secure.received) == 1


async def test_connections_are_used_again_for_the_same_host(
    client: OutgoingClient, listener: Tracker
) -> None:
    ports: set[int] = set()

    def note(request: BaseHTTPRequestHandler) -> None:
        ports.add(request.client_address[1])
        answering(200)(request)

    listener.answer = note

    for _ in range(3):
        await client.get(f"{listener.url}/postback", {})

    assert len(ports) == 1


async def test_no_http_request_is_made_inside_a_transaction(
    database: Settings, client: OutgoingClient, listener: Tracker
) -> None:
    async with transaction():
        with pytest.raises(OutgoingCallInTransaction):
            await client.get(f"{listener.url}/postback", {})

    assert listener.received == []


async def test_no_queue_message_is_sent_inside_a_transaction_decision_6(database: Settings) -> None:
    broker = configure_broker(database)
    declare_actors(broker)

    async with transaction():
        with pytest.raises(OutgoingCallInTransaction):
            send_wake_up(broker, DELIVER)

    assert broker.do_qsize("postbacks") == 0


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("ping", ()),
        ("beat", ("worker", "1")),
        ("stop_beating", ("worker", "1")),
        ("is_beating", ("worker",)),
        ("run_script", ("return {}", "key")),
        ("get", ("key",)),
        ("keep", ("key", "value", 1)),
    ],
)
async def test_redis_is_not_called_inside_a_transaction(
    database: Settings, method: str, arguments: tuple[Any, ...]
) -> None:
    redis = RedisClient(database)

    async with transaction():
        with pytest.raises(OutgoingCallInTransaction):
            await getattr(redis, method)(*arguments)

    await redis.close()


async def test_after_the_transaction_everything_may_be_called(
    database: Settings, client: OutgoingClient, listener: Tracker
) -> None:
    async with transaction():
        pass

    assert (await client.get(f"{listener.url}/postback", {})).code == 200
