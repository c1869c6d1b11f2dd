import pytest

from hermetic.config.jsonc import Value, decoded, parse
from hermetic.errors import BadConfiguration


def plain(value: Value) -> object:
    content = value.content
    if isinstance(content, dict):
        return {name: plain(member.value) for name, member in content.items()}
    return [plain(one) for one in content] if isinstance(content, tuple) else content


def test_comments_a_byte_order_mark_and_a_last_comma_are_read_over() -> None:
    text = '\ufeff{ // where\n "Kestrel": { /* the\nport */ "Port": 443, }, "On": [true, null,] }'
    assert plain(parse(text, file="f")) == {"Kestrel": {"Port": 443}, "On": [True, None]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-12", -12),
        ("1.5e3", 1500.0),
        ('"a\\"b\\\\c\\u00e9\\n"', 'a"b\\cé\n'),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ("false", False),
        ("[]", []),
        ("{}", {}),
        ('"// no comment"', "// no comment"),
    ],
)
def test_every_kind_of_value_is_read(text: str, value: object) -> None:
    assert plain(parse(text, file="f")) == value


def test_a_value_knows_its_file_line_and_column() -> None:
    content = parse('{\n  "A": {\n    "B": 1\n  }\n}', file="app.json").content
    assert isinstance(content, dict)
    inner = content["A"].value.content
    assert isinstance(inner, dict)
    assert inner["B"].place == "app.json:3:5"
    assert inner["B"].value.place == "app.json:3:10"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n  "A": 1\n  "B": 2\n}', "f:2:9: a comma is missing after A: write , here."),
        ('{"A": {"B": 1}\n "C": 2}', "f:1:15: a comma is missing after A: write , here."),
        ('["a" "b"]', "f:1:5: a comma is missing after this element: write , here."),
        ('{"A": [1}', "f:1:9: ] is missing after this element: write ] here."),
        ('{"A": {"B": 1], "C": 2}', "f:1:14: } is missing after B: write } here."),
        ('{"A": 1,', "f:1:9: the file ends too early: write } here."),
        ('{"A": 1,, "B": 2}', "f:1:9: , stands too much here: remove it."),
        ('{"A": <https-port-number>}', "f:1:7: a placeholder stands here: put the value itself"),
        ('"A": {"B": 1}', "f:1:1: settings are an object: write { before this, and } at the end."),
        ('\ufeff{"A": 1 "B": 2}', "f:1:8: a comma is missing after A: write , here."),
        ('{"A": 1', "f:1:8: the file ends too early: write } here."),
        ('{"A" 1}', "f:1:6: no value follows this name: write : and the value."),
        ("{A: 1}", 'f:1:2: a setting\'s name should stand here: write it as "Name".'),
        (
            '{"A": localhost}',
            'f:1:7: a text stands without quotes: put it between double quotes, ".',
        ),
        ("{\"A\": 'x'}", 'f:1:7: a text stands in single quotes: use double quotes, ".'),
        ('{"A": ?}', "f:1:7: no value begins here: write a text, a number, true or false."),
        ('{"A":', "f:1:6: the file ends where a value should stand: write the value, and }."),
        ('{"A": "x}\n', "f:1:7: this text does not end on its line, or holds a lone backslash"),
        ('{"A": "C:\\x"}', "f:1:7: this text does not end on its line, or holds a lone backslash"),
        ('{"A": 1, "a": 2}', "f:1:10: a stands here twice: remove this or the one at f:1:2."),
        ("{} {}", "f:1:4: nothing may follow the settings' last }: remove what follows."),
        ("{ /* open", "f:1:3: this comment is never closed: write */ where it ends."),
        ("[" * 40, "f:1:34: this is nested too deeply: settings nest four deep."),
        ("01", "f:1:1: no value begins here: write a text, a number, true or false."),
        ("9" * 5000, "f:1:1: no value begins here: write a text, a number, true or false."),
    ],
)
def test_a_fault_is_named_with_its_place_and_what_to_write(text: str, message: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        parse(text, file="f")
    assert caught.value.text.startswith(message)


API_CERTIFICATE = """{
    "Kestrel": {
        "Port": 443,
        "HttpsEnabled": true,
        "HttpsCertificate": {
            "Enabled": false,
            "StoreName": "My",
            "StoreLocation": "LocalMachine",
            "SubjectName": "CN=models.example.com"
            "Thumbprint": ""
        }
    }
}
"""
AUTHENTICATION_CERTIFICATE = """{"ClientCertificate": {
    "Enabled": false,
    "StoreName": "My",
    "StoreLocation": "LocalMachine",
    "SubjectName": "CN=web.example.com"
    "Thumbprint": ""
}}
"""


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (API_CERTIFICATE, "f:9:51: a comma is missing after SubjectName: write , here."),
        (API_CERTIFICATE.replace("\n", "\r\n"), "f:9:51: a comma is missing after SubjectName"),
        (AUTHENTICATION_CERTIFICATE, "f:5:40: a comma is missing after SubjectName: write , here."),
        ('{"LDAP": {"Port": "389"\n "UseLDAPS": "True"}}', "f:1:24: a comma is missing after Port"),
        ('{"LDAP": {"SearchFilter": "cn={0}"  \n "X": 1}}', "f:1:35: a comma is missing after"),
        ('{"Authentication": {"A": 1}\n\n"Authorization": {}}', "f:1:28: a comma is missing after"),
        ('{"Owner": [ "A" ] \n "Values": [] }', "f:1:18: a comma is missing after Owner"),
    ],
)
@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_the_old_articles_print_is_mended_with_one_sentence(
    text: str, place: str, coding: str
) -> None:
    with pytest.raises(BadConfiguration) as caught:
        parse(decoded(text.encode(coding)), file="f")
    assert caught.value.text.startswith(place)


def test_the_same_snippet_with_its_comma_is_read() -> None:
    mended = API_CERTIFICATE.replace('com"\n', 'com",\n')
    assert plain(parse(decoded(mended.encode("utf-16")), file="f"))


@pytest.mark.parametrize(
    "text", ['{"P": s3cret}', '{"P": "a", "s3cret"}', '{"P": "s3cret" "Q": 1}', "{\"P\": 's3cret'}"]
)
def test_no_value_is_repeated_in_an_error(text: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        parse(text, file="f")
    assert "s3cret" not in caught.value.text
