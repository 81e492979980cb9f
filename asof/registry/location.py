"""Where a registry is: ``s3://bucket/prefix?option=value``, taken apart. A location never holds a secret."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from asof.compiler.diagnostics import DiagnosticError, nearest
from asof.compiler.source import NOWHERE
from asof.registry.base import BAD_LOCATION_OPTION, UNKNOWN_LOCATION

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_SWITCH = {"true": True, "false": False}
_SECRETS = ("key", "secret", "token", "password", "sas", "sig", "credential", "connection_string")


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A bucket (Azure: a container, with its account), the start of every key in it, and options."""

    scheme: str
    bucket: str
    account: str
    prefix: str
    options: Mapping[str, str]

    @property
    def place(self) -> str:
        """How messages name it."""
        account = f"@{self.account}" if self.account else ""
        return f"{self.scheme}://{self.bucket}{account}/{self.prefix}".rstrip("/")

    def under(self, start: str) -> Location:
        """The keys in this place that start with ``start``, as a place of their own."""
        return replace(self, prefix=self.prefix + start)

    def option(self, name: str) -> str | None:
        """The option called ``name``, or None where it is not given."""
        return self.options.get(name) or None

    def switch(self, name: str, *, default: bool = False) -> bool:
        """An option that is true or false. Raises DiagnosticError AS787 for anything else."""
        given = self.options.get(name)
        if given is None:
            return default
        if given not in _SWITCH:
            raise bad_option(self, f"{name}: write true or false")
        return _SWITCH[given]

    def allow(self, known: Collection[str]) -> None:
        """Raises DiagnosticError AS787 for an option that is not among ``known``."""
        for name in sorted(self.options.keys() - set(known)):
            if any(secret in name.lower() for secret in _SECRETS):
                message = f"{name} does not belong into a location: a client finds its credentials by itself"
                raise bad_option(self, message)
            hint = nearest(name, known) or f"known are {', '.join(sorted(known))}"
            raise bad_option(self, f"{self.scheme}:// has no option {name!r}; {hint}")


def parse_location(text: str) -> Location:
    """``text`` as a Location. Raises DiagnosticError AS704 where it names no bucket."""
    try:
        parts = urlsplit(text)
        given = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise _malformed(text.partition("?")[0], "it is not a URL") from None
    bucket, _, account = parts.netloc.partition("@")
    place = f"{parts.scheme}://{parts.netloc}{parts.path}"
    if ":" in bucket or ":" in account:
        raise _malformed(f"{parts.scheme}://...", "a location holds neither user, password nor port")
    if not bucket:
        raise _malformed(place, "it names no bucket")
    folders = [folder for folder in parts.path.split("/") if folder]
    if any(folder in (".", "..") for folder in folders) or parts.fragment:
        raise _malformed(place, "its path is not plain")
    prefix = "".join(f"{folder}/" for folder in folders)
    made = Location(scheme=parts.scheme, bucket=bucket, account=account, prefix=prefix, options=dict(given))
    if "@" in (made.option("endpoint") or "") or "?" in (made.option("endpoint") or ""):
        raise bad_option(made, "endpoint: it holds neither user, password nor a signature")
    return made


def bad_option(location: Location, message: str) -> DiagnosticError:
    """The error for an option that makes no sense."""
    return DiagnosticError(BAD_LOCATION_OPTION.at(NOWHERE, f"{location.place}: {message}"))


def _malformed(place: str, why: str) -> DiagnosticError:
    return DiagnosticError(UNKNOWN_LOCATION.at(NOWHERE, f"{place}: {why}"))
