"""All addresses of the face, put together."""

from tests.compat.azureml.conftest import Desk


def test_no_address_hides_another(desk: Desk) -> None:
    control = desk.face.control()
    seen: list[tuple[str, str]] = []
    for one in control:
        example = one.path.replace(":path}", "}")
        hidden = [path for method, path in seen if method == one.method and _matches(path, example)]
        assert hidden == []
        seen.append((one.method, one.path))


def _matches(pattern: str, example: str) -> bool:
    """Whether an address of the form *pattern* is also one of the form *example*."""
    steps, others = pattern.split("/"), example.split("/")
    if len(steps) != len(others):
        return False
    pairs = zip(steps, others, strict=True)
    return all(one.startswith("{") or one.lower() == other.lower() for one, other in pairs)


def test_calls_are_answered_alike_with_tls_and_without(desk: Desk) -> None:
    def forms(*, sealed: bool) -> list[tuple[str, str]]:
        return [(one.method, one.path) for one in desk.face.scoring(sealed=sealed)]

    assert forms(sealed=True) == forms(sealed=False)
    assert desk.face.storage()
    assert "sss" not in repr(desk.face)
