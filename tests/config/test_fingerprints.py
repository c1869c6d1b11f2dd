import pytest

from hermetic.config.fingerprints import fingerprint

SHA1 = "A909502DD82AE41433E6F83886B00D4277A32A7B"


@pytest.mark.parametrize(
    "text",
    [
        SHA1,
        SHA1.lower(),
        "\u200ea9 09 50 2d d8 2a e4 14 33 e6 f8 38 86 b0 0d 42 77 a3 2a 7b",
        ":".join(SHA1[at : at + 2] for at in range(0, 40, 2)),
    ],
)
def test_a_fingerprint_is_read_as_windows_and_openssl_show_it(text: str) -> None:
    assert fingerprint(text) == SHA1


def test_a_sha256_is_one_too() -> None:
    assert fingerprint("ab" * 32) == "AB" * 32


@pytest.mark.parametrize("text", ["", "\u200e", SHA1[1:], SHA1 + "00", "g" * 40, "<thumbprint>"])
def test_what_is_none_is_none(text: str) -> None:
    assert fingerprint(text) is None
