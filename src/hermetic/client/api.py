"""What a person asks of a web node: the REST API, from Python.

Connections are sealed and the other side is verified; redirects are not followed, and proxies
named in the environment are not used.  What goes wrong comes back as the class the node raised.
Holds no state but the connection and the token.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar
from urllib.parse import quote

import httpx2
import msgspec

from hermetic.client.explaining import explained
from hermetic.client.reaching import address_of, trusting
from hermetic.errors import (
    DeadlineExceeded,
    Unreachable,
)
from hermetic.wire.authority import (
    AuthorityResponse,
    EnrolmentListing,
    ExpelResponse,
    RetireRequest,
    TokenRequest,
    TokenResponse,
)
from hermetic.wire.azureml import AzureMlEnvironment
from hermetic.wire.messages import (
    AccessTokenResponse,
    BundleResponse,
    CertificateListing,
    ComputeNodes,
    Entries,
    LoginRequest,
    Message,
    NodeListing,
    NodeRequest,
    PasswordRequest,
    PublishRequest,
    WebService,
)
from hermetic.wire.problems import from_problem

T = TypeVar("T")

_PIECE = 1 << 20
_CONNECT_S = 10.0
# Far above the longest answer of a worker; what never ends must not fill the memory.
_LONGEST = 256 << 20


class Answer(Message):
    """How a call ended; without `success`, `error_message` says what the service's code raised."""

    success: bool
    error_message: str = ""
    output_parameters: dict[str, Any] = msgspec.field(default_factory=dict)
    output_files: dict[str, str | None] = msgspec.field(default_factory=dict)
    console_output: str = ""
    changed_files: list[str] = msgspec.field(default_factory=list)


class Client:
    """A connection to one web node; close it, or use it in a `with` statement."""

    def __init__(
        self,
        url: str,
        *,
        ca: Path | None = None,
        token: str | None = None,
        timeout_s: float = 120.0,
        plain_http: bool = False,
        socket: str | None = None,
    ) -> None:
        """Prepare to speak to the node at *url*; nothing is sent yet.

        Args:
            url: Such as `https://localhost:12800`.
            ca: The PEM file of the authority to trust, and no other; the system's without it.
            token: An access token, if one is at hand; `login` fetches another.
            timeout_s: How long an answer may take.
            plain_http: Whether an `http://` address may be used, where anyone may listen.
            socket: The Unix socket at which the node is reached, whatever the address says.

        Raises:
            BadInput: The address cannot be used.
            BadConfiguration: The file in *ca* cannot.
        """
        self.url, self.token = address_of(url, plain_http=plain_http), token
        self._ca, self.request_id, self.operation = ca, "", ""
        self._http = httpx2.Client(
            base_url=self.url,
            transport=httpx2.HTTPTransport(verify=trusting(ca), trust_env=False, uds=socket),
            timeout=httpx2.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_S)),
            headers={
                "accept": "application/json",
                "accept-encoding": "identity",
                "user-agent": "hermetic",
            },
            trust_env=False,
        )

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def login(self, username: str, password: str) -> AccessTokenResponse:
        """Fetch a token and use it from now on.

        Raises:
            Unauthenticated: The name or the password is wrong.
            TooManyAttempts: After too many wrong ones.
        """
        body = LoginRequest(username=username, password=password)
        pair = self._ask(AccessTokenResponse, "POST", "/login", _json(body))
        self.token = pair.access_token
        return pair

    def change_password(self, current: str, password: str) -> None:
        """Give one's own account another password; all its logins end, this one too.

        Raises:
            Unauthenticated: The current one is wrong.
            TooManyAttempts: It was wrong too often.
            BadInput: The new one is too weak.
        """
        body = PasswordRequest(current_password=current, password=password)
        self._send("PUT", "/account/password", _json(body))

    def open_session(self, runtime: str) -> str:
        """Open a session and return its id."""
        made = self._ask(dict[str, Any], "POST", "/sessions", _json({"runtimeType": runtime}))
        return str(made["sessionId"])

    def execute(self, session: str, code: str) -> dict[str, Any]:
        """Run *code* in a session and return what came of it, as the API has it."""
        path = _path("sessions", session, "execute")
        return self._ask(dict[str, Any], "POST", path, _json({"code": code}))

    def close_session(self, session: str) -> None:
        """Close a session, whatever it runs."""
        self._send("DELETE", _path("sessions", session, "force"))

    def status(self) -> dict[str, Any]:
        """Return the state of the installation, as ML Server has it."""
        return self._ask(dict[str, Any], "GET", "/status")

    def services(self, name: str | None = None) -> list[WebService]:
        """Return all services, or the versions of *name*, in order of publication."""
        path = "/services" if name is None else _path("services", name)
        return self._ask(list[WebService], "GET", path)

    def service(self, name: str, version: str) -> WebService:
        """Return one service, or raise `ServiceNotFound`."""
        return self._ask(WebService, "GET", _path("services", name, version))

    def upload_bundle(self, archive: BinaryIO) -> str:
        """Upload a zip archive, and return the digest to publish it by.

        Raises:
            BundleRejected: It is no archive, or one that could do harm.
        """
        body = _Body(_pieces(archive), "application/zip")
        return self._ask(BundleResponse, "POST", "/bundles", body).digest

    def publish(self, name: str, version: str | None, request: PublishRequest) -> str:
        """Publish a service and return its version, which is a new one where none is given.

        Raises:
            ServiceExists: That name and version is published already.
            ServiceUnloadable: Its own code failed while it was loaded; nothing was changed.
        """
        steps = ("services", name) if version is None else ("services", name, version)
        return self._ask(str, "POST", _path(*steps), _json(request))

    def redeploy(self, name: str, version: str, request: PublishRequest) -> str:
        """Change a published service; what *request* leaves out stays. Raises as `publish` does."""
        path = _path("services", name, version)
        return self._ask(str, "PATCH", path, _json(request))

    def call(self, name: str, version: str, /, **inputs: object) -> Answer:
        """Call a service with its inputs by name.

        Raises:
            InputMismatch: They do not fit the service's schema.
            ServiceNotFound: Nothing of that name and version is published.
        """
        return self.call_with(name, version, inputs)

    def call_with(self, name: str, version: str, body: object) -> Answer:
        """Call a service with *body* as it stands; raises as `call` does."""
        return self._ask(Answer, "POST", _path("api", name, version), _json(body))

    def swagger(self, name: str, version: str) -> dict[str, Any]:
        """Return the Swagger 2.0 document of one service."""
        path = _path("api", name, version) + "/swagger.json"
        return self._ask(dict[str, Any], "GET", path)

    def delete(self, name: str, version: str) -> None:
        """Retire a service; calls under way still end."""
        self._send("DELETE", _path("services", name, version))

    def certificates(self) -> list[CertificateListing]:
        """Return the certificates the node shows and signs with."""
        return self._ask(list[CertificateListing], "GET", "/certificates")

    def renew(self, entry: str) -> CertificateListing:
        """Renew one of them now, and return the new one once it is served."""
        return self._ask(CertificateListing, "POST", _path("certificates", entry, "renew"))

    def give_token(self, names: Sequence[str], roles: Sequence[str], minutes: int) -> TokenResponse:
        """Return a token by which somebody comes to certificates for *names*."""
        body = TokenRequest(names=list(names), roles=list(roles), minutes=minutes)
        return self._ask(TokenResponse, "POST", "/enrolments", _json(body))

    def enrolments(self) -> list[EnrolmentListing]:
        """Return every token, and what became of it."""
        return self._ask(list[EnrolmentListing], "GET", "/enrolments")

    def expel(self, enrolment: str) -> int:
        """Take a token back or end its account, and return how many certificates were revoked."""
        return self._ask(ExpelResponse, "DELETE", _path("enrolments", enrolment)).revoked

    def authority(self) -> AuthorityResponse:
        """Return how the node's own authority stands."""
        return self._ask(AuthorityResponse, "GET", "/authority")

    def replace_root(self) -> AuthorityResponse:
        """Make the next root of the authority; it signs once all who verify trust it."""
        return self._ask(AuthorityResponse, "POST", "/authority/replace", _json({}))

    def retire_root(self, *, force: bool) -> AuthorityResponse:
        """End the former root; raises `Conflict` if it is needed, unless by *force*."""
        body = RetireRequest(force=force)
        return self._ask(AuthorityResponse, "POST", "/authority/retire", _json(body))

    def azureml_environment(self) -> AzureMlEnvironment:
        """Return what a client of Azure ML needs to act for whoever is logged in."""
        return self._ask(AzureMlEnvironment, "POST", "/azureml/environment")

    def azureml_workspace(self) -> dict[str, str]:
        """Return the names of the workspace that clients of Azure ML see, and its region."""
        return self._ask(dict[str, str], "GET", "/azureml/workspace")

    def control(self, method: str, path: str, body: object = None) -> tuple[dict[str, Any], str]:
        """Ask the control plane of Azure ML; return its answer, and where to ask for the operation.

        The second is a path on this node, and "" where no operation was begun.
        """
        content = self._send(method, path, None if body is None else _json(body))
        answer: dict[str, Any] = msgspec.json.decode(content or b"{}", type=dict[str, Any])
        operation = self.operation.removeprefix(self.url)
        return answer, operation if operation.startswith("/") else ""

    def send_file(self, path: str, host: str, content: BinaryIO) -> None:
        """Send a file to *path*, at the node by its name *host*; a signed address needs no token."""
        headers = {"host": host, "x-ms-blob-type": "BlockBlob"}
        with (
            self._explained(),
            self._http.stream("PUT", path, headers=headers, content=_pieces(content)) as answer,
        ):
            received = self._received(answer)
        if answer.is_error:
            raise from_problem(answer.status_code, received)

    def fetch_file(self, path: str, host: str, target: BinaryIO) -> None:
        """Write the file at *path* into *target*; the node and its name are as for `send_file`."""
        with self._explained(), self._http.stream("GET", path, headers={"host": host}) as answer:
            if answer.is_error:
                raise from_problem(answer.status_code, self._received(answer))
            for piece in answer.iter_bytes():
                target.write(piece)

    def nodes(self) -> list[NodeListing]:
        """Return the compute nodes as the web node sees them."""
        return self._ask(list[NodeListing], "GET", "/nodes")

    def compute_nodes(self) -> list[str]:
        """Return the entries that say which compute nodes there are."""
        return self._ask(ComputeNodes, "GET", "/computenodes").compute_nodes

    def add_nodes(self, entries: Sequence[str]) -> None:
        """Add entries: URIs of compute nodes, or ranges of them."""
        self._send("PUT", "/computenodes", _json(Entries(entries=list(entries))))

    def remove_nodes(self, entries: Sequence[str]) -> None:
        """Remove entries; what their nodes run is finished."""
        self._send("DELETE", "/computenodes", _json(Entries(entries=list(entries))))

    def tell_node(self, uri: str, what: str) -> None:
        """Let the compute node at *uri* `drain`, `undrain` or `restart`."""
        self._send("POST", _path("nodes", what), _json(NodeRequest(uri=uri)))

    def _ask(self, kind: type[T], method: str, path: str, body: "_Body | None" = None) -> T:
        content = self._send(method, path, body)
        try:
            return msgspec.json.decode(content, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Unreachable(
                f"What answers at {self.url} is no Hermetic node, or a newer one: {error}."
            ) from error

    def _send(self, method: str, path: str, body: "_Body | None" = None) -> bytes:
        headers = {} if body is None else {"content-type": body.media_type}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        content = None if body is None else body.content
        with (
            self._explained(),
            self._http.stream(method, path, headers=headers, content=content) as answer,
        ):
            received = self._received(answer)
        self.request_id = answer.headers.get("x-request-id", "")
        fields = ("azure-asyncoperation", "operation-location")
        self.operation = next((answer.headers[one] for one in fields if one in answer.headers), "")
        if answer.is_redirect:
            raise Unreachable(
                f"{self.url} sends on to {answer.headers.get('location', 'another place')},"
                " and redirects are not followed: use the address of the node itself."
            )
        if answer.is_error:
            raise from_problem(answer.status_code, received)
        return received

    def _received(self, answer: httpx2.Response) -> bytes:
        """Return the body as it came: not unpacked, and not without end."""
        body = bytearray()
        for piece in answer.iter_raw():
            body += piece
            if len(body) > _LONGEST:
                raise Unreachable(
                    f"{self.url} answers with more than {_LONGEST} bytes: is it a Hermetic node?"
                )
        return bytes(body)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn a failure of the connection into the error that says what to do."""
        try:
            yield
        except httpx2.ConnectTimeout as error:
            raise Unreachable(
                f"{self.url} did not answer in time: is it the right address?"
            ) from error
        except httpx2.TimeoutException as error:
            raise DeadlineExceeded(
                f"{self.url} took the request and did not answer in time."
            ) from error
        except httpx2.HTTPError as error:
            raise explained(self.url, self._ca, error) from error


def _path(*steps: str) -> str:
    return "".join("/" + quote(step, safe="") for step in steps)


@dataclass(frozen=True)
class _Body:
    """What a request carries, and what it is."""

    content: bytes | Iterator[bytes] = field(repr=False)
    media_type: str = "application/json"


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


def _json(value: object) -> _Body:
    return _Body(msgspec.json.encode(value))
