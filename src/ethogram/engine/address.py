"""Addresses: what a `base_url` says, what of it is secret, and the proxy on the way to it.

A user and a password in an address are sent as basic authentication, and are no part of the
address that is kept, printed or logged. Knows nothing of services or of the study file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

from ethogram.errors import EndpointError

Pairs = tuple[tuple[str, str], ...]

_USER = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/?#\s\"]*@")
_TAIL = re.compile(r"(/chat)?/completions/*$")
_REFERENCE = re.compile(r"(?:(\S+) )?env:(.*)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET_NAME = re.compile(r"(?i)auth|key|token|secret|password|cookie|^(sig|signature|code)$")


class Address(NamedTuple):
    """A `base_url` in its parts.

    Attributes
    ----------
    url : str
        Without user, password, query and the verb at its end; safe to keep and to print.
    user, password : str
    query : pairs of str
    """

    url: str
    user: str = ""
    password: str = ""
    query: Pairs = ()

    @property
    def userinfo(self) -> str:
        """The user and password, as a URL spells them; "" where there are none."""
        return f"{self.user}:{self.password}" if self.user or self.password else ""


def read_address(url: str) -> Address:
    """Take a `base_url` apart.

    Raises
    ------
    ValueError
        No host or no port can be read in it; the text leaves out what may be a password.
    """
    plain = without_user(url)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError("base_url has no host and port that can be read") from error
    if not host:
        raise ValueError("base_url names no host, expected https://HOST/v1")
    query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    kept = _TAIL.sub("", plain.partition("#")[0].partition("?")[0])
    return Address(kept, unquote(parts.username or ""), unquote(parts.password or ""), query)


def without_user(text: str) -> str:
    """Return a text with the user and password taken out of every URL in it."""
    return _USER.sub(r"\1", text) if "@" in text else text


def with_query(url: str, query: Iterable[tuple[str, str]]) -> str:
    """Return a URL with query parameters."""
    pairs = list(query)
    return f"{url}?{urlencode(pairs, quote_via=quote)}" if pairs else url


# -- values that name an environment variable -----------------------------------------------


def names_variable(value: str) -> str | None:
    """Return the variable that `env:NAME` (or `Bearer env:NAME`) names; None for a plain value.

    Raises
    ------
    ValueError
        What follows `env:` cannot be a variable's name.
    """
    match = _REFERENCE.fullmatch(value)
    if match is None:
        return None
    if not _NAME.fullmatch(match[2]):
        raise ValueError(f"{value!r}: expected env:NAME, the name of an environment variable")
    return match[2]


def fill_variable(value: str, environment: Mapping[str, str]) -> str:
    """Return a value with the variable that it names filled in."""
    name = names_variable(value)
    if name is None:
        return value
    return f"{value.removesuffix(f'env:{name}')}{environment.get(name, '').strip()}"


def names_secret(name: str) -> bool:
    """Whether a header or query parameter of this name holds a secret by custom."""
    return _SECRET_NAME.search(name) is not None


def cannot_be_sent(value: str) -> str:
    """Say what a header's value holds that HTTP cannot carry, never the value; "" for nothing."""
    if any((ch < " " and ch != "\t") or ch == "\x7f" for ch in value):
        return "a line break or another control character"
    if any(ch > "\xff" for ch in value):
        return "a character outside Latin-1"
    return ""


# -- proxies --------------------------------------------------------------------------------


def proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for an address (https_proxy, no_proxy)."""
    found = _proxy(url)
    return found[1] if found else None


def check_proxy(name: str, url: str) -> None:
    """Refuse a proxy of a kind that cannot be used, naming the variable and not the value.

    Raises
    ------
    EndpointError
    """
    variable, proxy = _proxy(url) or ("", "")
    kind, mark, _ = proxy.partition("://")
    if proxy and (not mark or kind.lower() not in ("http", "https")):
        what = f"a {kind.lower()}:// proxy" if mark else "a proxy without http://"
        raise EndpointError(
            f"{name}: the environment variable {variable} names {what}, and only http:// and "
            "https:// proxies can be used; name one, or put the host into no_proxy"
        )


def _proxy(url: str) -> tuple[str, str] | None:
    """Return the variable and the proxy that it names for an address; None where there is none."""
    parts = urlsplit(url)
    if proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    named = getproxies()
    for scheme in (parts.scheme, "all"):
        if named.get(scheme):
            name = f"{scheme}_proxy"
            spelt = next((key for key in os.environ if key.lower() == name), name)
            return spelt, named[scheme]
    return None
