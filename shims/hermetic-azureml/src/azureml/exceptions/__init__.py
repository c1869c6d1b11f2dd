"""What goes wrong, by the names that code for Azure ML catches."""

import json


class AzureMLException(Exception):
    """Something went wrong; `message` says what."""

    def __init__(
        self, exception_message: str = "", inner_exception: BaseException | None = None
    ) -> None:
        super().__init__(exception_message)
        self._message, self._inner = exception_message, inner_exception

    @property
    def message(self) -> str:
        """What went wrong."""
        return self._message

    @property
    def inner_exception(self) -> BaseException | None:
        """What it came from."""
        return self._inner

    def __str__(self) -> str:
        error = json.dumps({"error": {"message": self._message}}, indent=4)
        return (
            f"{type(self).__name__}:\n\tMessage: {self._message}"
            f"\n\tInnerException {self._inner}\n\tErrorResponse \n{error}"
        )

    __repr__ = __str__


class UserErrorException(AzureMLException):
    """What was asked for makes no sense."""


class AuthenticationException(AzureMLException):
    """Nobody is logged in, or no longer."""


class ProjectSystemException(AzureMLException):
    """The node cannot be reached, or does not speak as one."""


class WorkspaceException(AzureMLException):
    """The workspace is not there."""


class ComputeTargetException(AzureMLException):
    """A compute cannot be as it was asked for."""


class ModelNotFoundException(AzureMLException):
    """There is no such model here."""


class WebserviceException(AzureMLException):
    """A service or a model cannot be as it was asked for."""

    def __init__(
        self,
        exception_message: str = "",
        status_code: int | None = None,
        inner_exception: BaseException | None = None,
    ) -> None:
        """Say what went wrong; *status_code* is that of the answer that told it, if one did."""
        super().__init__(exception_message, inner_exception)
        self.status_code = status_code
