"""Which passwords are good enough, and how they are kept.

Kept as Argon2id (RFC 9106), hashed in a few threads of their own: a hash takes 64 MiB and a
core for a tenth of a second, and a flood of logins must not get more of either than that.
"""

import asyncio
import secrets
import string
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from hermetic.errors import BadInput, Busy, Unavailable

T = TypeVar("T")

SHORTEST, LONGEST = 8, 16
SYMBOLS = "~!@#$%^&()-_+=|<>\\/;:,."
"""The symbols one of which a password must hold, as ML Server's manual lists them."""

AT_ONCE = 2  # as many cores as the smallest machine we are for has
WAITING = 32  # a core clears these in about four seconds; whoever comes after them is told so

# RFC 9106, 4, second choice, but on one lane: four would take all cores for one login.
_STRONG = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)

_GENERATED_SYMBOLS = "~!@#^()-_+=:,."  # the others have to be quoted in a shell or in XML


def refuse_weak(password: str) -> None:
    """Raise `BadInput`, saying what is missing, unless *password* is good enough."""
    missing = []
    if not SHORTEST <= len(password) <= LONGEST:
        missing.append(f"{SHORTEST} to {LONGEST} characters")
    if not any(char in string.ascii_uppercase for char in password):
        missing.append("an upper-case letter")
    if not any(char in string.ascii_lowercase for char in password):
        missing.append("a lower-case letter")
    if not any(char in string.digits for char in password):
        missing.append("a digit")
    if not any(char in SYMBOLS for char in password):
        missing.append(f"one of {' '.join(SYMBOLS)}")
    if missing:
        raise BadInput(f"This password is too weak: it needs {', '.join(missing)}.")


def generate() -> str:
    """Return a password of the greatest length, from the system's source of chance."""
    kinds = (string.ascii_uppercase, string.ascii_lowercase, string.digits, _GENERATED_SYMBOLS)
    chance = secrets.SystemRandom()
    chars = [chance.choice(kind) for kind in kinds]
    chars += [chance.choice("".join(kinds)) for _ in range(LONGEST - len(chars))]
    chance.shuffle(chars)
    # A leading dash would be taken for an option by the command it is pasted into.
    while chars[0] not in string.ascii_letters:
        chance.shuffle(chars)
    return "".join(chars)


class Passwords:
    """Hashes and compares passwords, away from the event loop and a few at a time."""

    def __init__(self, *, hasher: PasswordHasher = _STRONG, waiting: int = WAITING) -> None:
        self._hasher = hasher
        self._waiting = waiting
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="password")
        self._under_way = 0
        self._decoy: str | None = None

    async def close(self) -> None:
        """End the threads once what they do is done."""
        await asyncio.to_thread(self._threads.shutdown, wait=True)

    async def hash(self, password: str) -> str:
        """Return what is kept of *password*."""
        return await self._in_thread(lambda: self._hasher.hash(_bytes(password)))

    async def fits(self, password: str, password_hash: str | None) -> bool:
        """Whether *password* made *password_hash*; takes as long where there is none to fit.

        Raises:
            Busy: Too many others are waiting already.
        """
        return await self._in_thread(lambda: self._fits(password, password_hash))

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    def _fits(self, password: str, password_hash: str | None) -> bool:
        if self._decoy is None:
            self._decoy = self._hasher.hash(secrets.token_urlsafe())
        try:
            return self._hasher.verify(password_hash or self._decoy, _bytes(password))
        except (Argon2Error, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._under_way >= self._waiting:
            raise Busy("Too many logins are being checked: try again in a few seconds.", 5)
        try:
            done = asyncio.get_running_loop().run_in_executor(self._threads, work)
        except RuntimeError as error:  # the executor's word for having been shut down
            raise Unavailable("Logins have ended: the node is stopping.") from error
        self._under_way += 1
        # Counted until the thread is free, even if the caller has gone away meanwhile.
        done.add_done_callback(self._count_down)
        return await done

    def _count_down(self, _done: object) -> None:
        self._under_way -= 1


def _bytes(password: str) -> bytes:
    # JSON can carry half of a surrogate pair, which plain UTF-8 cannot; it is then just wrong.
    return password.encode("utf-8", "surrogatepass")
