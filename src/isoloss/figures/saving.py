"""How does a figure reach a file, a notebook or a page? By the ending of its name."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

from isoloss.atomic import write_bytes, write_text
from isoloss.errors import InputError, Where
from isoloss.figures.parts import Figure
from isoloss.figures.style import FONTS, theme_of

ENDINGS = (".pdf", ".svg", ".png", ".html", ".json")
_TAG = re.compile(r"<[^>]+>")
_NUMBER = re.compile(r"(?<![\w.])-?\d+\.\d{3,}")
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")


def save(figure: Figure, path: str | Path, *, theme: str = "light") -> None:
    """Write a figure; the ending says how.

    Raises:
        InputError: another ending, or the file cannot be written.
    """
    ending = Path(path).suffix.lower()
    theme_of(theme)
    if ending not in ENDINGS:
        raise InputError(
            f'found the ending "{ending}" where one of {", ".join(ENDINGS)} is expected.',
            code="unknown_format",
            where=Where(file=str(path)),
            hint="Choose .pdf or .svg for print, .png for slides, .html for the screen.",
        )
    if ending == ".svg":
        write_text(path, svg(figure, theme))
    elif ending == ".json":
        from isoloss.figures.render_plotly import render

        write_text(path, json.dumps(render(figure, theme), allow_nan=False) + "\n")
    elif ending == ".html":
        write_text(path, page(figure, theme))
    else:
        from isoloss.figures.render_mpl import draw

        write_bytes(path, draw(figure, theme, ending[1:]))


def svg(figure: Figure, theme: str = "light") -> str:
    """The figure as SVG, words kept as words in a sans serif that the reader has."""
    from isoloss.figures.render_mpl import draw

    text = draw(figure, theme, "svg").decode()
    fonts = ", ".join(f"'{name}'" for name in FONTS)
    text = re.sub(r"(font: [^;\"]*?px )[^;\"]+", rf"\g<1>{fonts}, sans-serif", text)
    text = _TAG.sub(lambda tag: _NUMBER.sub(_rounded, tag[0]), text)
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    about = f"<title>{html.escape(figure.title)}</title><desc>{html.escape(figure.caption)}</desc>"
    return re.sub(r"(<svg [^>]*>)", rf"\g<1>{_literal(about)}", text, count=1)


def inline_svg(figure: Figure) -> str:
    """The figure as an element of a page, in the colours of the reader's scheme.

    The two drawings differ in nothing but colours, so that one drawing with variables holds both.
    """
    light, dark = (_element(svg(figure, theme), figure) for theme in ("light", "dark"))
    pairs: dict[tuple[str, str], str] = {}
    others = iter(_COLOUR.findall(dark))

    def variable(match: re.Match[str]) -> str:
        pair = match[0], next(others)
        if pair[0] == pair[1]:
            return pair[0]
        name = pairs.setdefault(pair, f"--{figure.key}-{len(pairs)}")
        return f"var({name})"

    element = _COLOUR.sub(variable, light)
    bright = "".join(f"{name}:{pair[0]};" for pair, name in pairs.items())
    deep = "".join(f"{name}:{pair[1]};" for pair, name in pairs.items())
    ident = f"figure-{figure.key}"
    styles = (
        f"#{ident}{{{bright}}}@media screen and (prefers-color-scheme: dark){{#{ident}{{{deep}}}}}"
    )
    return element.replace(">", f"><style>{styles}</style>", 1)


def _element(text: str, figure: Figure) -> str:
    """An SVG file as an element: no prolog, no fixed size, names that no other figure has."""
    text = text[text.index("<svg ") :].strip()
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
    prefix = f"{figure.key}-"

    def named(match: re.Match[str]) -> str:
        return f' id="{prefix}{match[1]}"' if match[1] in used else ""

    head, body = text.split(">", 1)
    view = re.search(r'viewBox="[^"]*"', head)
    body = re.sub(r' id="([^"]*)"', named, body)
    body = re.sub(r"url\(#", f"url(#{prefix}", body)
    body = re.sub(r'xlink:href="#', f'href="#{prefix}', body)
    body = re.sub(r"<title>.*?</title><desc>.*?</desc>", "", body, count=1, flags=re.DOTALL)
    label = html.escape(figure.alt or figure.title, quote=True)
    frame = view[0] if view else ""
    name = f'id="figure-{figure.key}" class="figure" role="img" aria-label="{label}"'
    return f"<svg {name} {frame}>{body}"


def as_html(figure: Figure) -> str:
    """The figure with its caption, for notebooks."""
    return (
        f'<figure style="max-width:820px;margin:0">{inline_svg(figure)}'
        f"<figcaption><small>{html.escape(figure.caption)}</small></figcaption></figure>"
    )


def plotly_bundle() -> str:
    """The text of plotly.min.js, from the installed package.

    Raises:
        InputError: the package is not there.
    """
    from importlib.resources import files

    try:
        return (files("plotly") / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError):
        raise InputError(
            "the package plotly, which draws on the screen, is not installed.",
            code="no_plotly",
            hint="pip install plotly, or choose .svg.",
        ) from None


def page(figure: Figure, theme: str = "light") -> str:
    """The figure as one page that needs nothing else, to zoom and to hover."""
    from isoloss.figures.render_plotly import render

    # "</" would end the script that it stands in.
    drawn = json.dumps(render(figure, theme), allow_nan=False).replace("</", "<\\/")
    colours = theme_of(theme)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(figure.title)}</title>"
        '<link rel="icon" href="data:,">'
        f"<style>body{{margin:1rem auto;max-width:1100px;padding:0 1rem;background:{colours.paper};"
        f"color:{colours.ink};font:14px/1.5 Inter,system-ui,sans-serif}}"
        f"figure{{margin:0}}figcaption{{color:{colours.muted}}}</style></head><body>"
        f'<figure><div id="figure"></div><figcaption>{html.escape(figure.caption)}</figcaption>'
        f"</figure><script>{plotly_bundle()}</script><script>"
        f"const drawn={drawn};"
        'Plotly.newPlot("figure",drawn.data,drawn.layout,{responsive:true,displaylogo:false});'
        "</script></body></html>\n"
    )


def _rounded(number: re.Match[str]) -> str:
    """A place to a hundredth of a point: no eye sees more, and the file is half as long."""
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


def _literal(text: str) -> str:
    """Text that stands for itself in a replacement."""
    return text.replace("\\", "\\\\")
