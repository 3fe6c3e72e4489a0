"""The documentation: it builds, its links lead somewhere, and it leaves nothing out."""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from answers import CHOICES, MANIFEST, PROMPTS
from conftest import succeeds

TEMPLATE = Path(__file__).resolve().parent.parent
DOCS = TEMPLATE / "docs"
SOURCES = sorted(DOCS.rglob("*.md"))

# What troubleshooting.md quotes of the libraries; all else stands in the template.
OF_LIBRARIES = {
    "BlockingError: Blocking call to",
    "Environment variable not set.",
    "FieldFetchBlocked",
    "RuntimeError: Event loop is closed",
    "SynchronousOnlyOperation: You cannot call this from an async context",
}


class Page(HTMLParser):
    """A page of the site: the anchors in it, and where its links lead."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if value and name == "id":
                self.anchors.add(value)
            elif value and name in {"href", "src"} and not urlsplit(value).scheme:
                self.links.append(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    options = ["--builder", "html", "--fail-on-warning", "--keep-going", "--quiet"]
    succeeds(sys.executable, "-m", "sphinx", *options, DOCS, folder)
    return folder


def test_every_link_leads_to_a_page_and_an_anchor_that_exist(site: Path) -> None:
    pages = {path: Page(path) for path in site.rglob("*.html")}

    def leads_somewhere(start: Path, link: str) -> bool:
        url = urlsplit(link)
        target = (start.parent / unquote(url.path)).resolve() if url.path else start
        known = target not in pages or unquote(url.fragment) in {"", *pages[target].anchors}
        return target.is_file() and known

    assert len(pages) > len(SOURCES)
    assert not [
        f"{path.relative_to(site)}: {link}"
        for path, page in pages.items()
        for link in page.links
        if not leads_somewhere(path, link)
    ]


def test_every_page_is_in_the_navigation(site: Path) -> None:
    links = Page(site / "index.html").links

    for source in SOURCES:
        page = source.relative_to(DOCS).with_suffix(".html").as_posix()
        assert page == "index.html" or page in links


def sections(page: str) -> dict[str, str]:
    """Return what stands below each heading of the second level."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(found[::2], found[1::2], strict=True))


@pytest.mark.parametrize("key", PROMPTS)
def test_every_prompt_is_explained_with_its_choices_and_what_they_add(key: str) -> None:
    section = sections("prompts.md")[f"`{key}`"]

    assert "**Later:**" in section
    for choice in CHOICES.get(key, []):
        name = str(choice).lower() if isinstance(choice, bool) else choice
        rows = re.findall(rf"^\| `{re.escape(name)}` \|.*", section, re.MULTILINE)
        assert len(rows) == 1, f"docs/prompts.md needs a row for {name}."
        for path in MANIFEST.get(key, {}).get(name, []):
            assert f"`{path}`" in (section if "the same files" in rows[0] else rows[0])


@pytest.fixture(scope="module")
def code() -> str:
    """The template's code, each text that goes over several lines in one piece."""
    folders = [TEMPLATE / "hooks", TEMPLATE / "{{cookiecutter.project_slug}}"]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    files.append(folders[1] / "Dockerfile")
    told = [path for path in files if path.parent.name != "tests" or path.name == "guards.py"]
    texts = [path.read_text(encoding="utf-8") for path in told]
    return re.sub(r'"\n\s*f?"', "", "\n".join(texts))


@pytest.fixture(scope="module")
def messages() -> set[str]:
    """What troubleshooting.md quotes in its columns of messages."""
    found: set[str] = set()
    column = None
    for line in (DOCS / "troubleshooting.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if not line.startswith("|"):
            column = None
        elif column is None:
            column = cells.index("message") if "message" in cells else len(cells)
        elif column < len(cells):
            found |= {quoted for _, quoted in re.findall(r"(`+)(.+?)\1", cells[column])}
    return found


def test_every_message_that_is_explained_exists(code: str, messages: set[str]) -> None:
    assert len(messages) > 50
    assert not [text for text in messages - OF_LIBRARIES if text not in code]


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(r'logger\.(?:warning|error|exception)\(\s*"(.+?)"', id="log"),
        pytest.param(r'yield \(?\s*f?"(.+?)"(?:\n|$)', id="refusals"),
        pytest.param(r'error="(.+?\.)"', id="settings"),
        pytest.param(r'raise InvalidEventError\(\s*f?"(.+?)"', id="events"),
    ],
)
def test_every_message_of_a_kind_is_explained(code: str, messages: set[str], kind: str) -> None:
    said = re.findall(kind, code)

    assert said
    assert not [text for text in said if not any(message in text for message in messages)]


def test_every_check_and_every_reason_is_explained(code: str) -> None:
    page = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    checks = set(re.findall(r'id="([a-z]+\.[EW][0-9]{3})"', code))
    [reasons] = re.findall(r"class Reason\(StrEnum\):(.+?)\n\n\n", code, re.DOTALL)

    assert len(checks) > 5
    for word in checks | set(re.findall(r' = "(\w+)"', reasons)):
        assert f"`{word}`" in page


def test_the_code_that_the_async_guide_quotes_is_that_of_the_template() -> None:
    guide = (DOCS / "async.md").read_text(encoding="utf-8")
    quotes = re.findall(r"`([\w./-]+\.py)`[^`\n]*:\n\n```python\n(.*?)^```$", guide, re.M | re.S)

    assert len(quotes) > 10
    for path, quote in quotes:
        code = (TEMPLATE / "{{cookiecutter.project_slug}}" / path).read_text(encoding="utf-8")
        # However far in it stands: one is an example in a docstring.
        assert " ".join(quote.split()) in " ".join(code.split()), path


def test_every_variable_of_the_environment_is_in_the_checklist_of_deploying() -> None:
    page = (DOCS / "deploying.md").read_text(encoding="utf-8")
    config = TEMPLATE / "{{cookiecutter.project_slug}}" / "config"
    code = "".join(path.read_text(encoding="utf-8") for path in config.rglob("*.py"))
    names = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', code))

    assert len(names) > 20
    assert not [name for name in names if f"`{name}`" not in page]
