"""How the addresses of our ACME server stand in the table of the API."""

from hermetic.wire.openapi import Operation

TAG = "ACME"
JOSE, JSON = "application/jose+json", "application/json"


def signed_operation(path: str, name: str, summary: str, gives: str = JSON) -> Operation:
    """Return an operation that takes a signed request, which stands for a token."""
    return Operation(
        "POST", f"/acme/{path}", name, summary, TAG, takes=JOSE, gives=gives, open=True
    )


def open_operation(path: str, name: str, summary: str, gives: str = JSON) -> Operation:
    """Return an operation for everybody."""
    return Operation("GET", f"/acme/{path}", name, summary, TAG, gives=gives, open=True)
