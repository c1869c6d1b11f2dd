"""The life of a deployment: put together, loaded once, then answered for until it is deleted.

What is asked for is checked at once; what takes longer is an operation.  A deployment that cannot
be loaded stays to be looked at, and an update that cannot changes nothing.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from hermetic.access.deployment_tokens import DeploymentKeys, DeploymentToken, is_fit, sign
from hermetic.access.policy import may_change, may_publish, may_see_code
from hermetic.access.principals import Principal
from hermetic.certificates.credential import Credential
from hermetic.clock import Clock
from hermetic.errors import BadInput, Conflict, HermeticError, NotFound, NotPermitted
from hermetic.gateway.assembling import Assembly, Sources
from hermetic.gateway.frontends import FrontEnd, FrontEnds
from hermetic.gateway.operations import Operation, Operations, Tell, code_of
from hermetic.gateway.placing import Placing
from hermetic.log import logger
from hermetic.registry.deployments import Deployments as Registry
from hermetic.registry.deployments import Kept
from hermetic.serving.deployment import (
    Deployment,
    DeploymentKind,
    DeploymentState,
    check_name,
)
from hermetic.serving.frontend import Asked, TlsState

_KIND = "service"
_KEY_BYTES = 24
_OPEN = "Warning: it goes without TLS, and all that is sent can be read on the way."
_LEFT_OUT = "Warning: packages of conda are not installed here ({}): name them under pip."

log = logger(__name__)


@dataclass(frozen=True)
class Wish:
    """What somebody wants deployed, and with which keys and TLS.

    `sources` is `None` where what is deployed stays as it is.
    """

    deployment: Deployment
    sources: Sources | None
    asked: Asked = field(default_factory=Asked)
    keys: tuple[str | None, str | None] = field(default=(None, None), repr=False)


class Deployments:
    """The deployments of this installation."""

    def __init__(
        self,
        *,
        registry: Registry,
        operations: Operations,
        front_ends: FrontEnds,
        assembly: Assembly,
        placing: Placing,
        key: RSAPrivateKey,
        clock: Clock,
    ) -> None:
        """Know none yet; *key* signs the tokens of callers."""
        self._registry, self._operations = registry, operations
        self._front_ends, self._assembly, self._placing = front_ends, assembly, placing
        self._key, self._clock = key, clock
        self._known: dict[str, Kept] = {}
        self.sealed: Callable[[Deployment], bool] = lambda _one: True
        """Whether a deployment is called through TLS; raises `BadInput` if it cannot be called."""

    async def start(self) -> None:
        """Read what is kept, and answer for it."""
        for kept in await self._registry.all():
            name = kept.deployment.name
            self._known[name] = kept
            if kept.deployment.state is DeploymentState.TRANSITIONING:
                failed = _failed(kept.deployment, "NodeStopped", "The node stopped meanwhile.")
                await self._keep(replace(kept, deployment=failed))
            await self._answer(self._known[name])

    def all(self) -> list[Deployment]:
        """Return all deployments, by name."""
        return [self._known[name].deployment for name in sorted(self._known)]

    def find(self, name: str) -> Deployment:
        """Return one deployment, or raise `NotFound`."""
        return self._kept(name).deployment

    def on_compute(self, compute: str) -> Sequence[str]:
        """Return the names of what is deployed on *compute*."""
        return [one.name for one in self.all() if one.compute == compute]

    def uploads(self) -> set[str]:
        """Return the uploaded files that deployments refer to."""
        return {each for one in self.all() for each in one.uploads}

    def environments(self) -> set[tuple[str, ...]]:
        """Return what is installed for deployments: of each that needs something, all of it."""
        return {one.requirements for one in self.all() if one.requirements}

    def keys(self, principal: Principal, name: str) -> DeploymentKeys:
        """Return the keys that callers show; raises as `find`, and `NotPermitted`."""
        kept = self._kept(name)
        _refuse_reader_of(principal, kept.deployment)
        return kept.keys

    def token(self, principal: Principal, name: str) -> DeploymentToken:
        """Return a token for callers.

        Raises:
            BadInput: The deployment does not take any.
        """
        deployment = self.find(name)
        _refuse_reader_of(principal, deployment)
        if not deployment.token_auth:
            raise BadInput(
                f"The service {name!r} takes no tokens: deploy it on a compute with"
                " token_auth_enabled=True."
            )
        return sign(name, self._key, at=self._clock())

    async def check(self, principal: Principal, wish: Wish, *, overwrite: bool = False) -> Kept:
        """Return what would be kept of *wish*; raises as `create`, and changes nothing."""
        asked_for = wish.deployment
        name = asked_for.name
        check_name(name)
        _refuse_reader(principal)
        self._operations.refuse_busy(f"{_KIND}/{name}")
        known = self._known.get(name)
        if known is not None:
            if not overwrite:
                raise Conflict(
                    f"There is a service {name!r} already: choose another name, update it, or"
                    " deploy with overwrite=True."
                )
            _refuse_stranger(principal, known.deployment)
        self._refuse_taken(asked_for)
        before = Kept(replace(asked_for, owner=principal.name), _fresh_keys(), None, 0)
        if known is not None:
            if known.deployment.kind is not asked_for.kind:
                raise Conflict(
                    f"The service {name!r} is deployed to {known.deployment.kind}: delete it, then"
                    f" deploy it to {asked_for.kind}."
                )
            # Whoever calls it now goes on to, by the same name and with the same keys.
            now = known.deployment
            same = replace(
                before.deployment, tls=now.tls, owner=now.owner, created_at=now.created_at
            )
            before = replace(known, deployment=same)
        return await self._sealed(before, wish)

    async def create(
        self, principal: Principal, wish: Wish, *, overwrite: bool = False
    ) -> Operation:
        """Deploy what *wish* describes, or *overwrite* what has its name.

        Raises:
            BadInput: Something of it cannot be used.
            CertificateRejected: The certificate that was given cannot be presented.
            Conflict: There is a service of that name, or it is being changed.
            NotPermitted: The principal may only read, or it is somebody else's.
        """
        kept = _made_of(await self.check(principal, wish, overwrite=overwrite), wish.sources)
        before = self._known.get(kept.deployment.name)
        if (before.revision if before else 0) != kept.revision:
            raise Conflict(
                f"Somebody else deployed or changed {kept.deployment.name!r} meanwhile: look at it,"
                " then try again."
            )
        if before is None:
            kept = await self._keep(kept)
        return await self._begin("Create", kept, wish.sources, before)

    async def update(self, principal: Principal, name: str, wish: Wish) -> Operation:
        """Change a deployment to what *wish* describes; raises as `create`, and `NotFound`."""
        before = self._kept(name)
        _refuse_stranger(principal, before.deployment)
        self._operations.refuse_busy(f"{_KIND}/{name}")
        changed = replace(wish.deployment, changed_at=self._clock())
        kept = _made_of(await self._sealed(replace(before, deployment=changed), wish), wish.sources)
        return await self._begin("Update", kept, wish.sources, before)

    async def delete(self, principal: Principal, name: str) -> Operation:
        """Delete a deployment: calls under way end, no further one begins."""
        kept = self._kept(name)
        _refuse_stranger(principal, kept.deployment)

        async def work(tell: Tell) -> None:
            await self._registry.remove(name)
            del self._known[name]
            self._placing.withdraw(name)
            await self._front_ends.drop(_front_end(kept).name)
            log.info("deployment.deleted", deployment=name, account=principal.name)

        return await self._operations.begin("Delete", f"{_KIND}/{name}", work)

    async def regenerate(
        self, principal: Principal, name: str, *, primary: bool, key: str | None
    ) -> Operation:
        """Replace one of the keys of a deployment by *key*, or by a new one."""
        kept = self._kept(name)
        _refuse_stranger(principal, kept.deployment)
        fresh = _fit(key) if key else _fresh_key()
        keys = replace(kept.keys, primary=fresh) if primary else replace(kept.keys, secondary=fresh)

        async def work(tell: Tell) -> None:
            await self._answer(await self._keep(replace(kept, keys=keys)))
            log.info("deployment.key_replaced", deployment=name, account=principal.name)

        return await self._operations.begin("RegenerateKeys", f"{_KIND}/{name}", work)

    def _refuse_taken(self, one: Deployment) -> None:
        for other in self.all():
            if one.host and other.host == one.host and other.name != one.name:
                raise Conflict(
                    f"The service {other.name!r} has the DNS label that leads to {one.host}: choose"
                    " another dns_name_label."
                )

    async def _begin(
        self, kind: str, kept: Kept, sources: Sources | None, before: Kept | None
    ) -> Operation:
        name = kept.deployment.name

        async def work(tell: Tell) -> None:
            try:
                await self._bring_up(kept, sources, tell)
            except HermeticError as error:
                self._placing.note(name, error.text)
                if before is None:
                    failed = _failed(kept.deployment, code_of(error), error.text)
                    await self._keep(replace(kept, deployment=failed))
                raise

        return await self._operations.begin(kind, f"{_KIND}/{name}", work)

    async def _bring_up(self, kept: Kept, sources: Sources | None, tell: Tell) -> None:
        deployment, name = kept.deployment, kept.deployment.name
        if sources is not None:
            if sources.left_out:
                self._say(name, _LEFT_OUT.format(", ".join(sources.left_out[:20])), tell)
            tell("Putting the script, its files and its models together.")
            made = await self._assembly.assemble(sources)
            deployment = replace(
                deployment,
                bundle=made.bundle,
                script=made.script,
                variables=made.variables,
                requirements=sources.requirements,
            )
        deployment = replace(deployment, state=DeploymentState.HEALTHY, error=None)
        if deployment.requirements:
            tell(f"Installing {', '.join(deployment.requirements[:20])}, unless that was done.")
        tell("Loading it once.")
        await self._placing.check(deployment)
        await self._answer(await self._keep(replace(kept, deployment=deployment)))
        if not self.sealed(deployment):
            self._say(name, _OPEN, tell)
            log.warning("deployment.plain_http", deployment=name)
        if (shortage := self._placing.shortage(deployment)) is not None:
            self._say(name, shortage, tell)
        tell("It answers.")
        log.info("deployment.healthy", deployment=name, tls=deployment.tls.state)

    def _say(self, name: str, text: str, tell: Tell) -> None:
        tell(text)
        self._placing.note(name, text)

    async def _sealed(self, kept: Kept, wish: Wish) -> Kept:
        """Return *kept* with the TLS and keys that *wish* asks for."""
        primary, secondary = (_fit(key) if key else None for key in wish.keys)
        keys = DeploymentKeys(primary or kept.keys.primary, secondary or kept.keys.secondary)
        front_end = await self._front_ends.changed(_front_end(kept), wish.asked)
        deployment = replace(kept.deployment, tls=front_end.tls)
        self.sealed(deployment)
        return replace(kept, deployment=deployment, keys=keys, credential=front_end.credential)

    async def _keep(self, kept: Kept) -> Kept:
        known = self._known.get(kept.deployment.name)
        revision = 0 if known is None else known.revision
        done = await self._registry.keep(replace(kept, revision=revision))
        self._known[kept.deployment.name] = done
        return done

    async def _answer(self, kept: Kept) -> None:
        if kept.deployment.state is not DeploymentState.HEALTHY:
            return
        await self._placing.place(kept.deployment, kept.keys)
        if kept.deployment.kind is DeploymentKind.ACI:
            await self._front_ends.hold(_front_end(kept), self._renewed)

    async def _renewed(self, name: str, credential: Credential) -> None:
        kept = self._kept(name.partition("/")[2])
        await self._answer(await self._keep(replace(kept, credential=credential)))

    def _kept(self, name: str) -> Kept:
        if name not in self._known:
            raise NotFound(f"There is no service {name[:100]!r}.")
        return self._known[name]


def _made_of(kept: Kept, sources: Sources | None) -> Kept:
    if sources is None:
        return kept
    uploads = tuple(one.artifact for one in sources.files)
    return replace(kept, deployment=replace(kept.deployment, uploads=uploads))


def _front_end(kept: Kept) -> FrontEnd:
    return FrontEnd(f"{_KIND}/{kept.deployment.name}", kept.deployment.tls, kept.credential)


def is_sealed(deployment: Deployment, compute: TlsState) -> bool:
    """Whether *deployment* is called through TLS; *compute* is how its compute is sealed."""
    if deployment.kind is DeploymentKind.ACI:
        return deployment.tls.state is not TlsState.DISABLED
    return deployment.follows_compute and compute is not TlsState.DISABLED


def _failed(deployment: Deployment, code: str, text: str) -> Deployment:
    return replace(deployment, state=DeploymentState.FAILED, error=(code, text))


def _fresh_keys() -> DeploymentKeys:
    return DeploymentKeys(_fresh_key(), _fresh_key())


def _fresh_key() -> str:
    return secrets.token_urlsafe(_KEY_BYTES)


def _fit(key: str) -> str:
    if not is_fit(key):
        raise BadInput("A key has 8 to 512 letters, digits and signs, without spaces.")
    return key


def _refuse_reader(principal: Principal) -> None:
    if not may_publish(principal):
        raise NotPermitted(f"{principal.name!r} is a {principal.role} and may not deploy services.")


def _refuse_reader_of(principal: Principal, deployment: Deployment) -> None:
    # Keys are for whoever may hand them out; a Reader calls with what they were given.
    if not (may_publish(principal) or may_see_code(principal, deployment.owner)):
        raise NotPermitted(f"{principal.name!r} is a {principal.role} and may not see keys.")


def _refuse_stranger(principal: Principal, deployment: Deployment) -> None:
    if not may_change(principal, deployment.owner):
        raise NotPermitted(
            f"The service {deployment.name!r} was deployed by {deployment.owner!r}: only they or an"
            " Owner change it."
        )
