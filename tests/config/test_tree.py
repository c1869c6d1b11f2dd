from datetime import timedelta

from hermetic.config.compute import ComputeSettings
from hermetic.config.sections import Pool
from hermetic.config.settings import Settings
from hermetic.config.tree import built, is_section, places
from hermetic.config.web import WebSettings


def test_a_tree_is_walked_in_its_order_with_the_names_of_the_file() -> None:
    keys = [one.key for one in places(WebSettings)]
    assert keys[:2] == ["Kestrel.Host", "Kestrel.Port"]
    assert "Authentication.LDAP.UseLDAPS" in keys
    assert "ConnectionStrings.defaultDb.Enabled" in keys
    assert "CORS.Origins" in keys


def test_one_section_has_the_defaults_of_the_tree_it_stands_in() -> None:
    ports = [
        one.default
        for tree in (Settings, WebSettings, ComputeSettings)
        for one in places(tree)
        if one.key == "Kestrel.Port"
    ]
    assert ports == [12800, 12800, 12805]


def test_a_tree_made_from_its_places_is_the_default_but_for_what_differs() -> None:
    values = {one.key: one.default for one in places(WebSettings)}
    assert built(WebSettings, values) == WebSettings()
    values["BackEndConfiguration.ConnectionTimeout"] = timedelta(hours=1)
    changed = built(WebSettings, values)
    assert changed.back_end_configuration.connection_timeout == timedelta(hours=1)


def test_sections_are_told_from_settings() -> None:
    assert is_section(Pool())
    assert not is_section(5)
