"""Coming in: `POST /login`, the life of the tokens it gives, and one's own password."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from hermetic.errors import Unauthenticated
from hermetic.gateway.access import Access, TokenPair
from hermetic.gateway.accounts import Accounts
from hermetic.http.endpoint import Endpoint, json, principal_of, read
from hermetic.http.limits import WireLimits
from hermetic.wire.messages import (
    AccessTokenResponse,
    LoginRequest,
    PasswordRequest,
    RenewTokenRequest,
)
from hermetic.wire.openapi import Operation


class LoginApi:
    """Answers what is asked without a token yet, and what is asked about one's own account."""

    def __init__(self, access: Access, accounts: Accounts, limits: WireLimits) -> None:
        self._access, self._accounts, self._most = access, accounts, limits.json_bytes

    def endpoints(self) -> list[Endpoint]:
        """Return what can be asked."""
        refresh = "/login/refreshToken"
        logging_in = _open("POST", "/login", "login", "Logs in.", LoginRequest, AccessTokenResponse)
        renewing = _open(
            "POST",
            refresh,
            "renewToken",
            "Gives a new pair of tokens for the old one.",
            RenewTokenRequest,
            AccessTokenResponse,
        )
        ending = "Ends a login: its tokens die at once."
        revoking = replace(
            _open("DELETE", refresh, "revokeRefreshToken", ending), query=("refreshToken",)
        )
        # How 9.0.1 spelled it.
        revoking_in_path = _open("DELETE", refresh + "/{token}", "revokeRefreshTokenInPath", ending)
        changing = Operation(
            "PUT",
            "/account/password",
            "changePassword",
            "Gives one's account another password; all its logins end.",
            "Login",
            takes=PasswordRequest,
            gives=dict,
        )
        return [
            Endpoint(changing, self._change_password),
            Endpoint(logging_in, self._login),
            Endpoint(renewing, self._refresh),
            Endpoint(revoking, self._revoke),
            Endpoint(revoking_in_path, self._revoke),
        ]

    async def _login(self, request: Request) -> Response:
        body = await read(request, LoginRequest, most=self._most)
        peer = request.client.host if request.client else ""
        return _tokens(await self._access.login(body.username, body.password, peer))

    async def _change_password(self, request: Request) -> Response:
        body = await read(request, PasswordRequest, most=self._most)
        peer = request.client.host if request.client else ""
        await self._accounts.change_password(
            principal_of(request), body.current_password, body.password, peer
        )
        return json({})

    async def _refresh(self, request: Request) -> Response:
        body = await read(request, RenewTokenRequest, most=self._most)
        return _tokens(await self._access.refresh(body.refresh_token))

    async def _revoke(self, request: Request) -> Response:
        token = request.path_params.get("token") or request.query_params.get("refreshToken")
        if not token:
            raise Unauthenticated("Name the refresh token to revoke.")
        await self._access.revoke(token)
        return json({})


def _open(
    method: str,
    path: str,
    name: str,
    summary: str,
    takes: type | None = None,
    gives: type = dict,
) -> Operation:
    return Operation(method, path, name, summary, "Login", takes, gives, open=True)


def _tokens(pair: TokenPair) -> Response:
    return json(
        AccessTokenResponse(
            token_type="Bearer",  # noqa: S106 - the scheme's name (RFC 6750)
            access_token=pair.access_token,
            expires_in=pair.expires_in_s,
            expires_on=int(pair.expires_on.timestamp()),
            refresh_token=pair.refresh_token,
        )
    )
