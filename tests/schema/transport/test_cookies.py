"""Cookie sessions: opened by the log-in, used only with a header that no form can send (G13)."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest

from app.schema.transport.session import PREFLIGHT_HEADERS
from tests.factories import LOGIN, PASSWORD
from tests.schema.transport.server import PARTNER_EMAIL, PATH

ME = "{ me { email } }"


def log_in(http: httpx.Client, **fields: Any) -> httpx.Response:
    credentials = {"email": PARTNER_EMAIL, "password": PASSWORD, **fields}
    return http.post(PATH, json={"query": LOGIN, "variables": {"input": credentials}})


def signed_in(http: httpx.Client) -> str:
    """The session cookie of a new session, as a browser sends it back."""
    cookie = log_in(http, cookie=True).headers["set-cookie"].partition(";")[0]
    http.cookies.clear()
    return str(cookie)


def who(http: httpx.Client, query: str = ME, **headers: str) -> Any:
    """The data of an answer, and the codes of its errors."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = http.post(PATH, json={"query": query}, headers=named).json()
    return body["data"], [error["extensions"]["code"] for error in body.get("errors", [])]


SIGNED_IN: tuple[Any, list[str]] = ({"me": {"email": PARTNER_EMAIL}}, [])
ANONYMOUS: tuple[Any, list[str]] = (None, ["UNAUTHENTICATED"])


def test_a_cookie_without_the_preflight_header_is_ignored_g13(http: httpx.Client) -> None:
    assert who(http, Cookie=signed_in(http)) == ANONYMOUS


@pytest.mark.parametrize("header", PREFLIGHT_HEADERS)
def test_a_cookie_with_a_preflight_header_opens_the_session_g13(
    http: httpx.Client, header: str
) -> None:
    assert who(http, Cookie=signed_in(http), **{header: "1"}) == SIGNED_IN


def test_a_cookie_by_get_needs_the_header_too_g13(http: httpx.Client) -> None:
    response = http.get(PATH, params={"query": ME}, headers={"Cookie": signed_in(http)})

    assert response.json()["data"] is None


@pytest.mark.parametrize(
    "neighbour", ["a=b", "[]=1; x", '"=;;', "a b=c", "tributary_session_2=x", "é=ü"]
)
def test_other_cookies_do_not_hide_the_session_g13(http: httpx.Client, neighbour: str) -> None:
    cookies = f"{neighbour}; {signed_in(http)}"
    headers = [(b"Cookie", cookies.encode()), (b"X-Requested-With", b"fetch")]

    body = http.post(PATH, json={"query": ME}, headers=headers).json()

    assert body["data"] == SIGNED_IN[0]


def test_the_authorization_header_wins_over_the_cookie_g13(http: httpx.Client) -> None:
    found = who(
        http, Cookie=signed_in(http), Authorization="Bearer wrong", GraphQL_Require_Preflight="1"
    )

    assert found == ANONYMOUS


def test_a_login_sets_no_cookie_unless_it_is_asked_to_g13(http: httpx.Client) -> None:
    assert "set-cookie" not in log_in(http).headers


def test_a_refused_login_sets_no_cookie_g13(http: httpx.Client) -> None:
    assert "set-cookie" not in log_in(http, cookie=True, password="wrong").headers


def flags(set_cookie: str) -> dict[str, Any]:
    (morsel,) = SimpleCookie(set_cookie).values()
    return {name: value for name, value in morsel.items() if value}


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites_g13(
    http: httpx.Client,
) -> None:
    assert flags(log_in(http, cookie=True).headers["set-cookie"]) == {
        "path": "/",
        "httponly": True,
        "samesite": "Lax",
        "max-age": str(14 * 86_400),
    }


def test_logout_removes_the_cookie_g13(http: httpx.Client) -> None:
    headers = {"Cookie": signed_in(http), "X-Requested-With": "fetch"}

    response = http.post(PATH, json={"query": "mutation { logout { ended } }"}, headers=headers)

    assert response.json()["data"] == {"logout": {"ended": True}}
    assert "tributary_session=; " in response.headers["set-cookie"]
    assert "Max-Age=0" in response.headers["set-cookie"]


def test_logout_ends_the_session_of_the_cookie_g13(http: httpx.Client) -> None:
    cookie = signed_in(http)
    who(http, "mutation { logout { ended } }", Cookie=cookie, X_Requested_With="fetch")

    assert who(http, Cookie=cookie, X_Requested_With="fetch") == ANONYMOUS


def test_a_form_of_another_site_cannot_run_a_mutation_g13(http: httpx.Client) -> None:
    # What a form can send without asking: these types, and the cookie when the browser adds it.
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        headers = {"Cookie": signed_in(http), "Content-Type": media_type}
        body = b'{"query": "mutation { logout { ended } }"}'
        assert http.post(PATH, content=body, headers=headers).status_code == 415
