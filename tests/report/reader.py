"""A page as a browser reads it: tags that nest, nothing that runs, nothing that is loaded."""

from __future__ import annotations

from html.parser import HTMLParser

EVIL = "<script>alert('1')</script>&\"\x00\u202e"
PICTURE = "data:image/png;base64,iVBORw0KGgo="
VOID = {"meta", "link", "br", "hr", "img", "input"}
INSIDE = {"img": ["data:image/png;base64,"], "audio": ["data:audio/"]}


class Reader(HTMLParser):
    """Checks that tags nest, and gathers tags, attributes and text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.text += data


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    names = {tag for tag, _ in reader.tags}
    assert not names & {"script", "iframe", "object", "embed", "base", "form"}
    for tag, attributes in reader.tags:
        assert not any(name.startswith("on") for name in attributes), f"{tag} has an event handler"
        for name in ("src", "href", "action"):
            inside = ("#", "data:,", *INSIDE.get(tag, ()))
            assert (attributes.get(name) or "#").startswith(inside), f"{tag} loads {attributes[name]}"
    assert "http:" not in text and "https:" not in text and "url(" not in text and "@import" not in text
    return reader
