from dataclasses import dataclass, field, fields

from hermetic.config.declaration import Range, declaration_of, named, secret, setting, written


@dataclass(frozen=True)
class Inner:
    use_tls: bool = setting(False, "whether TLS is used", written="UseTLS")
    max_size: int = setting(1, "how large it may be", takes=Range(0, 9))
    password: str = secret("the password", sealed_by="use_tls")


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    other: Inner = field(default_factory=Inner, metadata=named("OTHER"))


def test_a_field_is_written_in_capitals_or_as_declared() -> None:
    assert [written(one) for one in fields(Inner)] == ["UseTLS", "MaxSize", "Password"]
    assert [written(one) for one in fields(Outer)] == ["Inner", "OTHER"]


def test_a_declaration_is_found_again_and_a_section_needs_none() -> None:
    size, password = map(declaration_of, fields(Inner)[1:])
    assert (size.meaning, size.takes, size.is_secret) == ("how large it may be", Range(0, 9), False)
    assert (password.is_secret, password.sealed_by) == (True, "use_tls")
    assert declaration_of(fields(Outer)[0]).meaning == ""


def test_a_secret_stands_in_no_repr() -> None:
    outer = Outer(inner=Inner(password="s3cret"))
    assert "s3cret" not in repr(outer)
    assert "max_size=1" in repr(outer)
