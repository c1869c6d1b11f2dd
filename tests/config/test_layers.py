import pytest

from hermetic.config.layers import Resolved, Source, from_environment, from_file, resolve
from hermetic.config.settings import Settings
from hermetic.errors import BadConfiguration


def origin(resolved: Resolved, key: str) -> str:
    return next(one.origin for one in resolved.explained if one.key == key)


def test_without_any_layer_everything_is_the_default() -> None:
    resolved = resolve()
    assert resolved.settings == Settings()
    assert {one.origin for one in resolved.explained} == {"default"}


def test_flags_win_over_the_environment_and_that_over_the_file() -> None:
    file = from_file(
        '{"Kestrel": {"Port": 1, "Host": "::1"}, "Pool": {"MaxSize": 9}}', file="app.json"
    )
    environment = from_environment({"HERMETIC__Kestrel__Port": "2", "HERMETIC__POOL__MAXSIZE": "8"})
    resolved = resolve(file, environment, [Source("Kestrel.Port", 3, "flag --port")])
    settings = resolved.settings
    assert (settings.kestrel.port, settings.pool.max_size, settings.kestrel.host) == (3, 8, "::1")
    assert origin(resolved, "Kestrel.Port") == "flag --port"
    assert origin(resolved, "Pool.MaxSize") == "variable HERMETIC__POOL__MAXSIZE"
    assert origin(resolved, "Kestrel.Host") == "app.json:1:25"
    assert origin(resolved, "Tls.Profile") == "default"


def test_other_variables_are_left_alone() -> None:
    assert from_environment({"HERMETIC_HOME": "/h", "PATH": "/bin", "HERMETIC_URL": "u"}) == []


def test_names_are_known_in_any_case_as_in_the_original() -> None:
    text = '{"kestrel": {"PORT": "8080", "httpsenabled": "True"}}'
    kestrel = resolve(from_file(text, file="f")).settings.kestrel
    assert (kestrel.port, kestrel.https_enabled) == (8080, True)


def test_descriptive_members_are_ignored_wherever_they_stand() -> None:
    text = """{"configured": "configured", "Description": ["free", {"text": 1}],
        "Logging": {"LogLevel": {"Default": "error", "AllowedLogLevels": "Verbose, …"}}}"""
    assert resolve(from_file(text, file="f")).settings.logging.log_level.default == "Error"


def test_a_list_may_come_from_the_file_or_with_commas_from_the_environment() -> None:
    file = from_file('{"Certificates": {"Names": ["a.example", "b.example"]}}', file="f")
    assert resolve(file).settings.certificates.names == ("a.example", "b.example")
    environment = from_environment({"HERMETIC__Certificates__Names": "c.example, 10.0.0.1,"})
    names = resolve(file, environment).settings.certificates.names
    assert names == ("c.example", "10.0.0.1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"Kestrel": {"Prt": 1}}', "f:1:14: there is no setting Kestrel.Prt; did you mean"),
        ('{"Kestrl": {"Port": 1}}', "f:1:13: there is no setting Kestrl.Port; did you mean"),
        ('{"Port": 1}', "f:1:2: there is no setting Port; did you mean Kestrel.Port?"),
        ('{"Kestrell": {}}', "f:1:2: there is no setting Kestrell"),
        ('{"Zebra": 1}', "there is no setting Zebra; `hermetic settings explain` lists"),
        ("[]", "f:1:1: settings are an object: begin with {."),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_name(text: str, message: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        resolve(from_file(text, file="f"))
    assert message in caught.value.text


def test_a_misspelt_variable_is_refused_too() -> None:
    with pytest.raises(BadConfiguration, match=r"HERMETIC__Kestrel__Prot.*Kestrel\.Port\?"):
        resolve(from_environment({"HERMETIC__Kestrel__Prot": "1"}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"Kestrel": {"Port": 65536}}', "takes a whole number from 0 to 65535, not 65536."),
        ('{"Kestrel": {"Port": 1.5}}', "takes a whole number from 0 to 65535, not 1.5."),
        ('{"Kestrel": {"Port": true}}', "takes a whole number from 0 to 65535, not True."),
        ('{"Kestrel": {"Host": 1}}', "takes a text, not 1."),
        ('{"Kestrel": {"HttpsEnabled": "maybe"}}', "takes true or false, not 'maybe'."),
        ('{"Limits": {"CallSeconds": 0}}', "takes a number of at least 0.1, not 0."),
        ('{"Limits": {"CallSeconds": "nan"}}', "takes a number of at least 0.1, not 'nan'."),
        ('{"Tls": {"Profile": "old"}}', "takes one of intermediate, modern, not 'old'."),
        ('{"Certificates": {"Names": [1]}}', "takes a list of texts, not (1,)."),
        ('{"Certificates": {"Names": [{}]}}', "a list of settings holds texts or numbers."),
        ('{"Kestrel": 1}', "there is no setting Kestrel"),
    ],
)
def test_a_value_its_setting_does_not_take_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        resolve(from_file(text, file="app.json"))
    assert caught.value.text.startswith("app.json:1:")
    assert message in caught.value.text
