"""Stores of feature_store.yaml as stores of a target: options by name, secrets as references to the environment."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from asof.compiler.secret_patterns import SECRET_IN_DSN, SECRET_IN_URL
from asof.feast.documents import Note

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_REFERENCE = re.compile(r"\$\{env:[A-Za-z_][A-Za-z0-9_]*\}")
_SECRET = re.compile(r"(?i)password|passwd|pwd|secret|token|credential|(^|[._-])key$|passphrase")


@dataclass(frozen=True, slots=True)
class Kind:
    """A store of asof: Feast's option -> asof's, and what asof asks for beyond what Feast may have been told."""

    type: str
    options: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    fixed: Mapping[str, object] = field(default_factory=dict)


_SNOWFLAKE = Kind(
    "snowflake",
    {name: name for name in ("account", "user", "password", "role", "warehouse", "database", "schema")}
    | {"schema_": "schema", "private_key": "private_key_path"},
    ("account", "database"),
)

OFFLINE = {
    **dict.fromkeys(("dask", "file", "duckdb"), Kind("duckdb", fixed={"path": ".asof/offline.duckdb"})),
    "bigquery": Kind(
        "bigquery",
        {
            "project_id": "project",
            "dataset": "dataset",
            "location": "location",
            "billing_project_id": "billing_project",
        },
        ("project", "dataset"),
    ),
    "snowflake.offline": _SNOWFLAKE,
    "redshift": Kind(
        "redshift",
        {name: name for name in ("cluster_id", "workgroup", "region", "database", "user", "iam_role")}
        | {"s3_staging_location": "s3_staging"},
        ("database",),
    ),
    "spark": Kind("spark", {"spark_conf": "conf"}),
    "postgres": Kind("postgres", {"db_schema": "schema"}, ("url",)),
    "trino": Kind(
        "trino",
        {name: name for name in ("host", "port", "user", "catalog", "http_scheme")}
        | {"http-scheme": "http_scheme", "dataset": "schema"},
        ("host", "catalog"),
    ),
    "athena": Kind(
        "athena",
        {name: name for name in ("region", "workgroup", "data_source", "database")}
        | {"s3_staging_location": "s3_staging"},
        ("region", "database", "s3_staging"),
    ),
    "clickhouse": Kind("clickhouse", {name: name for name in ("user", "password", "database")}, ("url",)),
    "mssql": Kind("synapse", {}, ("server", "database")),
}
"""Feast's offline stores that asof has as well."""

ONLINE = {
    "sqlite": Kind("sqlite", fixed={"path": ".asof/online.db"}),
    "redis": Kind("redis", {}, ("url",)),
    "postgres": Kind("postgres", {"db_schema": "schema"}, ("url",)),
    "dynamodb": Kind("dynamodb", {name: name for name in ("region", "endpoint_url", "consistent_reads")}, ("region",)),
    "datastore": Kind(
        "datastore", {"project_id": "project", "database": "database", "namespace": "namespace"}, ("project",)
    ),
    "cassandra": Kind(
        "cassandra",
        {"hosts": "hosts", "port": "port", "keyspace": "keyspace", "username": "user", "password": "password"},
        ("hosts", "keyspace"),
    ),
    "snowflake.online": _SNOWFLAKE,
}
"""Feast's online stores that asof has as well."""

_IGNORED = frozenset({"type", "path"})
_OF_URL = frozenset({"host", "port", "database", "user", "password", "sslmode", "connection_string", "redis_type"})
_INTEGERS = frozenset({"port"})
_BOOLEANS = frozenset({"consistent_reads"})


class Environment:
    """The variables that settings now come from: each stands for one value, which is kept to tell them apart only."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def variable(self, name: str, value: str, role: str) -> str:
        """A reference to a variable for ``value``; another value under the same name gets the role in front."""
        if self._known.setdefault(name, value) != value:
            name = f"{role.upper()}_{name}"
            self._known[name] = value
        return f"${{env:{name}}}"


def store(
    role: str, given: Mapping[str, Any], kinds: Mapping[str, Kind], environment: Environment
) -> tuple[dict[str, Any] | None, list[Note]]:
    """A store of ``given`` and notes; None where asof has no such store. No note repeats a value."""
    name = str(given.get("type") or "")
    about = f"{role} store"
    kind = kinds.get(name)
    if kind is None:
        said = name if re.fullmatch(r"[\w.-]{1,80}", name) else "of that class"
        return None, [Note(about=about, text=f"asof has no {role} store {said}. Known are {', '.join(sorted(kinds))}.")]
    made: dict[str, Any] = {"type": kind.type, **kind.fixed}
    notes: list[Note] = []
    secrets: list[str] = []

    def secret(option: str, value: object) -> str:
        text = expanded(str(value))
        if _REFERENCE.fullmatch(text):
            return text
        reference = environment.variable(f"{kind.type}_{option}".upper(), text, role)
        secrets.append(f"{option} is {reference}")
        return reference

    address = _ADDRESSES.get(name)
    if address is not None:
        made |= address(given, secret)
    for option, target in kind.options.items():
        value = given.get(option)
        if value is not None and value != "" and (target == "conf" or not isinstance(value, dict)):
            made[target] = _option(option, value, secret)
    if name == "spark" and isinstance(made.get("conf"), dict) and (master := made["conf"].pop("spark.master", None)):
        made["master"] = master
    if name == "cassandra" and isinstance(balance := given.get("load_balancing"), dict) and balance.get("local_dc"):
        made["local_dc"] = expanded(str(balance["local_dc"]))
    missing = [option for option in kind.required if option not in made]
    for option in missing:
        reference = f"${{env:{kind.type.upper()}_{option.upper()}}}"
        made[option] = [reference] if option == "hosts" else reference
    if missing:
        text = f"feature_store.yaml does not say {', '.join(missing)}: write it here, or set the variable."
        notes.append(Note(about=about, text=text))
    if secrets:
        text = f"secrets are not copied: {', '.join(secrets)}. Set the variable where asof runs."
        notes.append(Note(about=about, text=text))
    known = kind.options.keys() | _IGNORED | (_OF_URL if address else set()) | {"load_balancing"}
    left = sorted(str(key) for key in given if key not in known)
    if left:
        text = f"without a counterpart here: {', '.join(left)}."
        notes.append(Note(about=about, text=text, by_hand=False))
    return made, notes


def expanded(text: str) -> str:
    """``$NAME`` and ``${NAME}``, which Feast fills in, as references of asof."""
    made = _VARIABLE.sub(lambda match: f"${{env:{match[1] or match[2]}}}", text)
    # What is no variable stays as it is in Feast; asof would take "${" for one.
    return (
        made
        if made.count("${") == len(_REFERENCE.findall(made))
        else made.replace("${", "$ {").replace("$ {env:", "${env:")
    )


def _option(option: str, value: object, secret: Callable[[str, object], str]) -> Any:
    if isinstance(value, dict):
        return {str(key): _option(str(key), inner, secret) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [expanded(str(item)) for item in value]
    if _SECRET.search(option) and option != "private_key":
        return secret(re.sub(r"\W+", "_", option), value)
    if option in _INTEGERS and str(value).isdigit():
        return int(str(value))
    if option in _BOOLEANS and isinstance(value, bool):
        return value
    text = expanded("true" if value is True else "false" if value is False else str(value))
    if SECRET_IN_URL.search(text) or SECRET_IN_DSN.search(text):
        return secret(re.sub(r"\W+", "_", option), value)
    return text


def _postgres(given: Mapping[str, Any], secret: Callable[[str, object], str]) -> dict[str, Any]:
    if not given.get("host"):
        return {}
    host, port = expanded(str(given["host"])), expanded(str(given.get("port") or 5432))
    user, database = expanded(str(given.get("user") or "")), expanded(str(given.get("database") or ""))
    words = f":{secret('password', given['password'])}" if given.get("password") else ""
    mode = expanded(str(given.get("sslmode") or ""))
    login = f"{user}{words}@" if user else ""
    return {"url": f"postgresql://{login}{host}:{port}/{database}" + (f"?sslmode={mode}" if mode else "")}


def _clickhouse(given: Mapping[str, Any], _secret: Callable[[str, object], str]) -> dict[str, Any]:
    if not given.get("host"):
        return {}
    return {"url": f"http://{expanded(str(given['host']))}:{expanded(str(given.get('port') or 8123))}"}


def _redis(given: Mapping[str, Any], secret: Callable[[str, object], str]) -> dict[str, Any]:
    """``host:port,db=0,ssl=true,password=...`` as a URL."""
    text = str(given.get("connection_string") or "localhost:6379")
    parts = [part.strip() for part in text.split(",") if part.strip()]
    nodes = [part for part in parts if "=" not in part]
    options = dict(part.split("=", 1) for part in parts if "=" in part)
    if not nodes or "@" in nodes[0] or "://" in nodes[0] or "$" in text:
        return {"url": secret("url", text)}
    words = (
        f"{options.get('username', '')}:{secret('password', options['password'])}@" if options.get("password") else ""
    )
    scheme = "rediss" if options.get("ssl", "").lower() == "true" else "redis"
    made: dict[str, Any] = {"url": f"{scheme}://{words}{nodes[0]}" + (f"/{options['db']}" if "db" in options else "")}
    if given.get("redis_type") == "redis_cluster":
        made["cluster"] = True
    if isinstance(seconds := given.get("key_ttl_seconds"), int) and seconds > 0:
        made["key_ttl"] = f"{seconds}s"
    return made


_ADDRESSES: dict[str, Callable[[Mapping[str, Any], Callable[[str, object], str]], dict[str, Any]]] = {
    "postgres": _postgres,
    "clickhouse": _clickhouse,
    "redis": _redis,
}
"""Stores whose connection asof writes as one URL."""
