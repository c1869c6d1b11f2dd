"""Accounts: made of a token, changed, ended (RFC 8555, 7.3)."""

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from hermetic.gateway.certifying import Certifying, refused
from hermetic.http.endpoint import Endpoint
from hermetic.registry.enrolments import Enrolment
from hermetic.web.acme.door import ROOT, Door, Posted, said
from hermetic.web.acme.signed import Signed, canonical, parsed
from hermetic.web.acme.table import signed_operation

_MOST_CONTACTS, _LONGEST_CONTACT = 10, 254


class AccountsApi:
    """Answers what is asked about accounts."""

    def __init__(self, certifying: Certifying, door: Door) -> None:
        self._certifying, self._door = certifying, door

    def endpoints(self) -> list[Endpoint]:
        """Return what can be asked."""
        table = (
            ("new-account", "newAcmeAccount", "Makes an account of a token.", self._open),
            ("account/{account}", "acmeAccount", "Shows, changes, ends one.", self._change),
            ("account/{account}/orders", "acmeOrders", "Lists its orders.", self._orders),
            ("key-change", "changeAcmeKey", "Gives an account another key.", self._change_key),
        )
        return [
            Endpoint(signed_operation(path, name, summary), self._door.answering(handler))
            for path, name, summary, handler in table
        ]

    async def _open(self, request: Request) -> Response:
        posted = await self._door.posted(request)
        if not posted.own_key:
            raise refused("malformed", "Send the key of the new account as `jwk`.", 400)
        wanted = posted.signed.members()
        known = await self._certifying.account_with(posted.own_key)
        if known is not None:
            return self._shown(posted, known)
        if wanted.get("onlyReturnExisting"):
            raise refused("accountDoesNotExist", "No account has that key.", 400)
        contact = _contact(wanted)
        token = self._bound(posted, wanted)
        await self._door.spend(posted)
        made = await self._certifying.open_account(token, posted.own_key, contact)
        return self._shown(posted, made, 201)

    def _bound(self, posted: Posted, wanted: dict[str, Any]) -> str:
        """Return the token that the account is bound to, whose secret was known to the sender."""
        binding = wanted.get("externalAccountBinding")
        if not isinstance(binding, dict):
            raise refused(
                "externalAccountRequired",
                "Send a token of `hermetic node token` as external account (EAB).",
            )
        inner = parsed(binding)
        token = inner.text("kid")
        if "nonce" in inner.header or inner.text("url") != posted.signed.text("url"):
            raise refused("malformed", "The binding is for another address.", 400)
        inner.verify_binding(self._certifying.mac_key(token))
        if _form(inner.members(), posted.signed) != posted.own_key:
            raise refused("malformed", "The binding is of another key.", 400)
        return token

    async def _change(self, request: Request) -> Response:
        posted = await self._door.posted(request)
        account = _own(posted, request)
        if posted.signed.payload:
            wanted = posted.signed.members()
            if wanted.get("status") == "deactivated":
                account = await self._certifying.close_account(account)
            elif "contact" in wanted:
                account = await self._certifying.change_contact(account, _contact(wanted))
        return self._shown(posted, account)

    async def _orders(self, request: Request) -> Response:
        posted = await self._door.posted(request)
        orders = await self._certifying.orders(_own(posted, request))
        return said({"orders": [f"{posted.base}{ROOT}/order/{one.id}" for one in orders]})

    async def _change_key(self, request: Request) -> Response:
        posted = await self._door.posted(request)
        account, inner = posted.holder, parsed(posted.signed.payload)
        new_key = inner.own_key()
        wanted = inner.members()
        same = inner.text("url") == posted.signed.text("url") and "nonce" not in inner.header
        if not same or wanted.get("account") != _url(posted, account):
            raise refused("malformed", "The inner request is for another account.", 400)
        old = wanted.get("oldKey")
        if not isinstance(old, dict) or _form(old, posted.signed) != account.account_key:
            raise refused("malformed", "`oldKey` is not the key of the account.", 400)
        await self._certifying.change_key(account, new_key)
        return self._shown(posted, account)

    def _shown(self, posted: Posted, account: Enrolment, status: int = 200) -> Response:
        told = {
            "status": "valid" if account.ended_at is None else "deactivated",
            "contact": account.contact,
            "termsOfServiceAgreed": True,
            "orders": f"{_url(posted, account)}/orders",
        }
        return said(told, status, {"location": _url(posted, account)})


def _own(posted: Posted, request: Request) -> Enrolment:
    if request.path_params["account"] != posted.holder.id:
        raise refused("unauthorized", "That is another account.", 401)
    return posted.holder


def _url(posted: Posted, account: Enrolment) -> str:
    return f"{posted.base}{ROOT}/account/{account.id}"


def _form(shown: dict[str, Any], signed: Signed) -> str:
    return canonical(shown, signed.algorithm)


def _contact(wanted: dict[str, Any]) -> Sequence[str]:
    try:
        found = msgspec.convert(wanted.get("contact") or [], list[str])
    except msgspec.ValidationError as error:
        raise refused("malformed", "`contact` is a list of addresses.", 400) from error
    if len(found) > _MOST_CONTACTS or any(len(one) > _LONGEST_CONTACT for one in found):
        raise refused("invalidContact", "These are too many addresses, or too long.", 400)
    if not all(one.startswith("mailto:") for one in found):
        raise refused("unsupportedContact", "Contacts are mailto: addresses.", 400)
    return found
