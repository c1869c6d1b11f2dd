"""The node: where it is, whom to believe, and how it is asked."""

import os
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from azureml.core.authentication import AbstractAuthentication
from azureml.exceptions import AuthenticationException, AzureMLException, ProjectSystemException
from hermetic.config.home import Home, default_home, read_record

Json = dict[str, Any]

_TIMEOUT_S = (10, 120)  # to connect, and between two pieces
_SCORING_S = (10, 330)
_PIECE = 1 << 20
_AGAIN = (429, 503)  # nothing was done then
_SCORED_AGAIN = (408, 429, 500, 502, 503, 504, 530)  # as the original asks again


@dataclass(frozen=True)
class Answer:
    """What the node says: a body, and the path of the operation that was begun, if one was."""

    body: Json
    operation: str


class Refused(Exception):
    """The node refuses; whoever asked says it in an exception of its own."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


class Node:
    """Speaks to a node for whomever *auth* vouches."""

    def __init__(self, auth: AbstractAuthentication) -> None:
        """Find the node: by the variables of `hermetic azureml env`, else as who logged in.

        Raises:
            AuthenticationException: Neither says where it is.
        """
        self.url, ca = _where()
        self._auth = auth
        # The node is whom the login believed; services may present what others certified.
        self._believed: bool | str = str(ca) if ca else True
        self._http = _session(Retry(3, read=0, status_forcelist=_AGAIN, **_PAUSES))
        self._callers = _session(Retry(3, status_forcelist=_SCORED_AGAIN, **_PAUSES), ca)

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        """Ask for *path*, a path on the node.

        Raises:
            Refused: It says no.
            AuthenticationException: It does not know who asks.
            ProjectSystemException: It does not answer.
        """
        answer = self._send(method, path, json=body, auth=self._signed)
        begun = answer.headers.get("azure-asyncoperation") or answer.headers.get(
            "operation-location", ""
        )
        where = urlsplit(begun)  # of which nothing but the path: the token is for this node alone
        operation = f"{where.path}?{where.query}" if where.query else where.path
        try:
            return Answer(answer.json() if answer.content else {}, operation)
        except ValueError as error:
            raise ProjectSystemException(
                f"What answers at {self.url} is no node of Hermetic: it does not speak JSON.", error
            ) from error

    def send_file(self, address: str, content: BinaryIO) -> None:
        """Send *content* to a signed address of the storage; raises as `ask`."""
        # The storage is the node, by another name, which need not resolve here.
        where = urlsplit(address)
        headers = {"host": where.netloc, "x-ms-blob-type": "BlockBlob"}
        path = f"{where.path}?{where.query}"
        self._send("PUT", path, data=content, headers=headers, auth=_unsigned)

    def fetch_file(self, address: str, target: Path) -> None:
        """Fetch a signed address of the storage into the file *target*; raises as `ask`."""
        where = urlsplit(address)
        path, headers = f"{where.path}?{where.query}", {"host": where.netloc}
        with (
            self._send("GET", path, headers=headers, auth=_unsigned, stream=True) as answer,
            target.open("wb") as file,
        ):
            file.writelines(answer.iter_content(_PIECE))

    def call(self, uri: str, data: bytes, headers: dict[str, str]) -> requests.Response:
        """Call a service, again where that may help; raises what `requests` raises."""
        return self._callers.post(
            uri,
            data=data,
            headers=headers,
            auth=_unsigned,
            timeout=_SCORING_S,
            allow_redirects=False,  # what is sent and the key are for this service alone
        )

    def _signed(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._auth.get_authentication_header())
        return request

    def _send(self, method: str, path: str, **more: Any) -> requests.Response:
        try:
            answer = self._http.request(
                method,
                self.url + path,
                timeout=_TIMEOUT_S,
                allow_redirects=False,
                verify=self._believed,
                **more,
            )
        except requests.RequestException as error:
            raise ProjectSystemException(
                f"{self.url} does not answer: {_cause(error)}.", error
            ) from error
        if answer.status_code == 401:
            raise AuthenticationException(
                f"{self.url} does not know who asks: {_told(answer)} Log in with `hermetic login`,"
                ' or eval "$(hermetic azureml env)" again.'
            )
        if not 200 <= answer.status_code < 300:
            raise Refused(answer.status_code, _told(answer))
        return answer


_PAUSES: Json = {"backoff_factor": 0.5, "allowed_methods": None, "raise_on_status": False}


def refusal(error: Refused, kind: type[AzureMLException], what: str) -> AzureMLException:
    """Return *error* as an exception of *kind*, which says that *what* said it."""
    text = f"Received bad response from {what}:\nResponse Code: {error.status}\n{error.text}"
    made = kind(text, inner_exception=error)
    if hasattr(made, "status_code"):
        made.status_code = error.status
    return made


def _where() -> tuple[str, Path | None]:
    """Return the address of the node, and whom it was believed by; `None` where variables say."""
    for name in ("MSI_ENDPOINT", "ARM_CLOUD_METADATA_URL"):
        if told := os.environ.get(name):
            parts = urlsplit(told)
            return f"{parts.scheme}://{parts.netloc}", None
    record = read_record(Home(default_home(os.environ)).client) or {}
    url = os.environ.get("HERMETIC_URL") or record.get("url")
    if not url:
        raise AuthenticationException(
            'Nobody is logged in: run `hermetic login`, or eval "$(hermetic azureml env)".'
        )
    ca = os.environ.get("HERMETIC_CA") or record.get("ca")
    return str(url).rstrip("/"), Path(str(ca)) if ca else None


class _Believing(HTTPAdapter):
    """Believes an authority besides those that the system believes."""

    def __init__(self, ca: Path, retries: Retry) -> None:
        self._ca = ca
        super().__init__(max_retries=retries)

    def init_poolmanager(self, *arguments: Any, **more: Any) -> None:
        """Make connections with a context that believes it."""
        context = ssl.create_default_context()
        context.load_verify_locations(self._ca)
        super().init_poolmanager(*arguments, ssl_context=context, **more)


def _session(retries: Retry, ca: Path | None = None) -> requests.Session:
    made = requests.Session()
    plain = HTTPAdapter(max_retries=retries)
    made.mount("https://", plain if ca is None else _Believing(ca, retries))
    made.mount("http://", plain)
    return made


def _unsigned(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave a request as it is, whatever a file of passwords (.netrc) says."""
    return request


def _told(answer: requests.Response) -> str:
    try:
        body = answer.json()
        error = body.get("error", body)
        code, message = error.get("code"), error["message"]
    except (ValueError, KeyError, AttributeError):
        return answer.text[:1000]
    details = "".join(f"\n{one['message']}" for one in _listed(error.get("details")))
    return f"{code}: {message}{details}"


def _listed(details: Iterable[Json] | None) -> list[Json]:
    return [one for one in details or () if isinstance(one, dict) and one.get("message")]


def _cause(error: BaseException) -> BaseException:
    """Return what lies below, without the addresses that the libraries wrap around it."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return reason or error
