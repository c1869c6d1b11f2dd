"""Who asks: by the variables of `hermetic azureml env`, as who logged in, or by a token."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import requests

from azureml.exceptions import AuthenticationException
from hermetic.config.home import Home, default_home, read_record

_EARLY_S = 300
_TIMEOUT_S = (10, 30)


class AbstractAuthentication(ABC):
    """Vouches for somebody."""

    @abstractmethod
    def get_authentication_header(self) -> dict[str, str]:
        """Return the header by which requests show it."""

    def get_token(self, *_scopes: str, **_more: object) -> str:
        """Return the token alone."""
        return self.get_authentication_header()["Authorization"].removeprefix("Bearer ")


class MsiAuthentication(AbstractAuthentication):
    """Vouches by the secret among the variables of `hermetic azureml env`."""

    def __init__(self, cloud: str | None = None) -> None:
        """Read the variables; raises `AuthenticationException` if they are not there."""
        del cloud
        self._endpoint = os.environ.get("MSI_ENDPOINT", "")
        self._secret = os.environ.get("MSI_SECRET", "")
        self._token, self._until = "", 0.0
        if not (self._endpoint and self._secret):
            raise AuthenticationException(
                'The variables of the node are not set: eval "$(hermetic azureml env)".'
            )

    def get_authentication_header(self) -> dict[str, str]:
        """Return the header, with a token that is good for some minutes yet."""
        now = datetime.now(UTC).timestamp()
        if now > self._until - _EARLY_S:
            told = self._asked()
            self._token, self._until = str(told["access_token"]), float(str(told["expires_on"]))
        return _bearer(self._token)

    def _asked(self) -> Mapping[str, object]:
        try:
            answer = requests.get(
                self._endpoint,
                params={"resource": "hermetic"},
                headers={"secret": self._secret},
                timeout=_TIMEOUT_S,
                allow_redirects=False,  # the secret is for the node alone
            )
            if answer.status_code == 200:
                told: dict[str, object] = answer.json()
                return told
        except requests.RequestException as error:
            raise AuthenticationException(
                f"The node at {self._endpoint} does not answer.", error
            ) from error
        raise AuthenticationException(
            f'The secret is not taken ({answer.status_code}): eval "$(hermetic azureml env)" again.'
        )


class AzureCliAuthentication(AbstractAuthentication):
    """Vouches as who logged in with `hermetic login`."""

    def __init__(self, cloud: str | None = None) -> None:
        """Read who logged in; raises `AuthenticationException` if nobody did."""
        del cloud
        record = read_record(Home(default_home(os.environ)).client) or {}
        self._token = os.environ.get("HERMETIC_TOKEN") or str(record.get("token") or "")
        if not self._token:
            raise AuthenticationException("Nobody is logged in: run `hermetic login`.")

    def get_authentication_header(self) -> dict[str, str]:
        """Return the header."""
        return _bearer(self._token)


class InteractiveLoginAuthentication(AbstractAuthentication):
    """Vouches by the variables if they are set, else as who logged in; nobody is asked."""

    def __init__(
        self, force: bool = False, tenant_id: str | None = None, cloud: str | None = None
    ) -> None:
        """Find out who it is; raises `AuthenticationException` if it is nobody."""
        del force, tenant_id, cloud
        chosen = MsiAuthentication if os.environ.get("MSI_SECRET") else AzureCliAuthentication
        self._of: AbstractAuthentication = chosen()

    def get_authentication_header(self) -> dict[str, str]:
        """Return the header."""
        return self._of.get_authentication_header()


class ArmTokenAuthentication(AbstractAuthentication):
    """Vouches by a token that somebody else renews."""

    def __init__(self, arm_access_token: str, cloud: str | None = None) -> None:
        """Take the token; raises `AuthenticationException` if there is none."""
        del cloud
        self.update_arm_access_token(arm_access_token)

    def update_arm_access_token(self, new_arm_access_token: str) -> None:
        """Take the next token; raises `AuthenticationException` if there is none."""
        if not new_arm_access_token:
            raise AuthenticationException("There is no token.")
        self._token = new_arm_access_token

    def get_authentication_header(self) -> dict[str, str]:
        """Return the header."""
        return _bearer(self._token)


class TokenAuthentication(AbstractAuthentication):
    """Vouches by what a function returns."""

    def __init__(
        self, get_token_for_audience: Callable[[str], str], cloud: str | None = None
    ) -> None:
        """Ask *get_token_for_audience* for a token before each request."""
        del cloud
        self._ask = get_token_for_audience

    def get_authentication_header(self) -> dict[str, str]:
        """Return the header."""
        return _bearer(self._ask("hermetic"))


class AzureMLTokenAuthentication(ArmTokenAuthentication):
    """Vouches by a token, under a name of its own."""


class ServicePrincipalAuthentication(AbstractAuthentication):
    """Not for here: there are no service principals."""

    def __init__(self, *_told: object, **_more: object) -> None:
        """Raise `AuthenticationException`, which says what there is instead."""
        raise AuthenticationException(
            "There are no service principals here: give a program the variables of"
            " `hermetic azureml env`, and MsiAuthentication."
        )

    def get_authentication_header(self) -> dict[str, str]:
        """Return nothing: there is no object of this class."""
        raise NotImplementedError


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
