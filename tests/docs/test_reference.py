import re
from pathlib import Path

import pytest

from tools import reference

ROOT = Path(__file__).resolve().parents[2]
PAGES = reference.pages()
LINK = re.compile(r"\]\(([^)#:]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_generated_page_says_what_the_product_does(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == PAGES[page], "run `make docs`"


def test_every_exit_code_of_the_errors_is_explained() -> None:
    table = (ROOT / "docs/reference/README.md").read_text()
    codes = set(re.findall(r"^\| `[a-z-]+` \| \d+ \| (\d+) \|", reference.errors(), re.M))
    assert codes <= set(re.findall(r"^\| (\d+) \|", table, re.M))


@pytest.mark.parametrize(
    "page",
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [one for one in links if not (page.parent / one).exists()] == []


def test_the_first_screen_leads_to_a_command_that_works() -> None:
    before, _, after = (ROOT / "README.md").read_text().partition("```sh\n")
    assert after.startswith("make demo\n")
    assert len(before.splitlines()) <= 25
    assert len(before.split()) <= 80
