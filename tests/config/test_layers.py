import pytest

from hermetic.config.compute import ComputeSettings
from hermetic.config.layers import Resolved, Source, from_environment, from_file, resolve
from hermetic.config.settings import Settings
from hermetic.config.web import WebSettings
from hermetic.errors import BadConfiguration


def origin(resolved: Resolved[Settings], key: str) -> str:
    return next(one.origin for one in resolved.explained if one.key == key)


def test_without_any_layer_everything_is_the_default() -> None:
    resolved = resolve(Settings)
    assert resolved.settings == Settings()
    assert {one.origin for one in resolved.explained} == {"default"}


def test_flags_win_over_the_environment_and_that_over_the_file() -> None:
    file = from_file(
        '{"Kestrel": {"Port": 1, "Host": "::1"}, "Pool": {"MaxSize": 9}}', file="app.json"
    )
    environment = from_environment({"HERMETIC__Kestrel__Port": "2", "HERMETIC__POOL__MAXSIZE": "8"})
    resolved = resolve(Settings, file, environment, [Source("Kestrel.Port", 3, "flag --port")])
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
    kestrel = resolve(Settings, from_file(text, file="f")).settings.kestrel
    assert (kestrel.port, kestrel.https_enabled) == (8080, True)


def test_descriptive_members_are_ignored_wherever_they_stand() -> None:
    text = """{"configured": "configured", "Description": ["free", {"text": 1}],
        "Logging": {"LogLevel": {"Default": "error", "AllowedLogLevels": "Verbose, …"}}}"""
    assert (
        resolve(Settings, from_file(text, file="f")).settings.logging.log_level.default == "Error"
    )


def test_a_list_may_come_from_the_file_or_with_commas_from_the_environment() -> None:
    file = from_file('{"Certificates": {"Names": ["a.example", "b.example"]}}', file="f")
    assert resolve(Settings, file).settings.certificates.names == ("a.example", "b.example")
    environment = from_environment({"HERMETIC__Certificates__Names": "c.example, 10.0.0.1,"})
    names = resolve(Settings, file, environment).settings.certificates.names
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
        resolve(Settings, from_file(text, file="f"))
    assert message in caught.value.text


def test_a_misspelt_variable_is_refused_too() -> None:
    with pytest.raises(BadConfiguration, match=r"HERMETIC__Kestrel__Prot.*Kestrel\.Port\?"):
        resolve(Settings, from_environment({"HERMETIC__Kestrel__Prot": "1"}))


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
        resolve(Settings, from_file(text, file="app.json"))
    assert caught.value.text.startswith("app.json:1:")
    assert message in caught.value.text


def web(text: str) -> WebSettings:
    return resolve(WebSettings, from_file(text, file="f")).settings


def test_a_section_has_one_meaning_by_either_of_its_names() -> None:
    for name in ("BackEndConfiguration", "ComputeNodesConfiguration", "computenodesconfiguration"):
        settings = web(f'{{"{name}": {{"Uris": {{"Values": ["https://c"]}}}}}}')
        assert settings.back_end_configuration.uris.values == ("https://c",)
    client = '{"ClientCertificate": {"Issuer": "CN=i", "Subject": "CN=s"}}'
    for text in (client, f'{{"BackEndConfiguration": {client}}}'):
        found = resolve(ComputeSettings, from_file(text, file="f")).settings
        assert found.client_certificate.subject == "CN=s"


BOTH = """{"BackEndConfiguration": {"ConnectionTimeout": "00:10:00"},
 "ComputeNodesConfiguration": {"ConnectionTimeout": "%s", "Uris": {"Values": ["https://c"]}}}"""


def test_both_names_may_stand_in_one_file_if_they_agree() -> None:
    back_end = web(BOTH % "0:10:0").back_end_configuration
    assert back_end.uris.values == ("https://c",)


def test_both_names_that_differ_are_refused_with_both_places() -> None:
    with pytest.raises(BadConfiguration) as caught:
        web(BOTH % "01:00:00")
    assert caught.value.text == (
        "f:1:27 and f:2:32 both set BackEndConfiguration.ConnectionTimeout, and differ:"
        " remove one of them."
    )


def test_a_stronger_layer_may_say_it_by_the_other_name() -> None:
    file = from_file('{"AdminPassword": "weak"}', file="f")
    environment = from_environment({"HERMETIC__Authentication__AdminPassword": "strong"})
    resolved = resolve(WebSettings, file, environment)
    assert resolved.settings.authentication.admin_password == "strong"


def test_two_passwords_that_differ_are_not_repeated() -> None:
    text = '{"AdminPassword": "s3cret", "Authentication": {"AdminPassword": "other"}}'
    with pytest.raises(BadConfiguration, match=r"f:1:2 and f:1:48 both set") as caught:
        web(text)
    assert "s3cret" not in caught.value.text


@pytest.mark.parametrize(
    "text",
    [
        '{"AdminPassword": 314159}',
        '{"ConnectionStrings": {"postgresql": {"Connection": [314159]}}}',
    ],
)
def test_a_secret_of_the_wrong_type_is_not_repeated(text: str) -> None:
    with pytest.raises(BadConfiguration, match=r"takes a text\.$") as caught:
        web(text)
    assert "314159" not in caught.value.text
    assert "314159" not in repr(from_file(text, file="f"))


def test_null_leaves_a_setting_or_a_section_as_it_is() -> None:
    assert web('{"Kestrel": {"Port": null}, "Authentication": null}') == WebSettings()


@pytest.mark.parametrize("text", ['{"Kestrel": {"Port": {}}}', '{"Kestrl": null}', '{"Prt": null}'])
def test_what_is_neither_is_unknown_even_without_a_value(text: str) -> None:
    with pytest.raises(BadConfiguration, match="there is no setting"):
        web(text)


def test_a_list_of_one_section_is_the_section_and_one_of_two_is_refused() -> None:
    one = '{"Authentication": {"LDAP": {"Enabled": false, "Values": [{"Host": "h"}%s]}}}'
    assert web(one % "").authentication.ldap.host == "h"
    with pytest.raises(BadConfiguration, match="f:1:48: Values holds 2 sections"):
        web(one % ', {"Host": "i"}')
    with pytest.raises(BadConfiguration, match="a list of settings holds texts or numbers"):
        web(one % ', "i"')


def test_a_rule_that_is_broken_is_told_with_the_place_of_the_setting_at_fault() -> None:
    with pytest.raises(BadConfiguration, match=r"^f:1:43: Kestrel\.HttpsEnabled is true, and"):
        web('{"Kestrel": {       "HttpsCertificate": { "Enabled": false}}}')
    variables = {"HERMETIC__Pool__InitialSize": "81"}
    with pytest.raises(BadConfiguration, match=r"^variable HERMETIC__Pool__InitialSize: Pool\."):
        resolve(Settings, from_environment(variables))
    with pytest.raises(BadConfiguration, match=r"^Pool\.InitialSize is 5 and Pool\.MaxSize 4:"):
        resolve(Settings, from_environment({"HERMETIC__Pool__MaxSize": "4"}))


def test_a_setting_of_another_role_is_told_as_one() -> None:
    with pytest.raises(BadConfiguration) as caught:
        resolve(WebSettings, from_environment({"HERMETIC__ClientCertificate__Issuer": "CN=i"}))
    assert caught.value.text == (
        "variable HERMETIC__ClientCertificate__Issuer: a web node has no setting"
        " ClientCertificate.Issuer, but a compute node has: this looks like a compute node's"
        " setting."
    )
    with pytest.raises(BadConfiguration, match="one box has no setting CORS, but a web node has"):
        resolve(Settings, from_file('{"CORS": {}}', file="f"))


def test_a_note_says_where_its_setting_was_set() -> None:
    text = '{"Kestrel": {"Host": "localhost"}, "Logging": {"LogsPath": "/var/log", "LogLevel": {}}}'
    notes = resolve(WebSettings, from_file(text, file="f")).notes
    assert [(one.key, one.origin) for one in notes] == [
        ("Logging.LogsPath", "f:1:48"),
        ("Kestrel.Host", "f:1:14"),
    ]
    assert notes[0].text.startswith("Logging.LogsPath changes nothing: logs go to standard error")
