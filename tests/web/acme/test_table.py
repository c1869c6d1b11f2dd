from hermetic.web.acme.table import open_operation, signed_operation


def test_a_signature_stands_for_a_token() -> None:
    signed, unsigned = signed_operation("a", "b", "c"), open_operation("a", "b", "c")
    assert (signed.method, signed.path, signed.open) == ("POST", "/acme/a", True)
    assert (signed.takes, unsigned.takes) == ("application/jose+json", None)
    assert (unsigned.method, unsigned.open) == ("GET", True)
