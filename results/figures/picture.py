"""A figure of the report, and its bytes in each file format."""

import io
import re
from dataclasses import dataclass
from typing import Literal

import matplotlib as mpl
from matplotlib.figure import Figure

ImageFormat = Literal["png", "svg", "pdf"]

# Without a date and without a program's version the same cells give the same bytes.
_METADATA: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


# A figure of 12.5 inches fills the page; narrower ones keep the same size of letters.
_PIXELS_PER_INCH = 94


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A figure of one unit.

    Attributes:
        slug: File name without ending.
        title: Its caption.
        alt: What it shows, for those who cannot see it.
        figure: What is drawn.
        table_slug: The table that it follows; empty: it comes before all tables.
        has_pixels: Whether it holds images, which a page must allow itself to show.
    """

    slug: str
    title: str
    alt: str
    figure: Figure
    table_slug: str
    has_pixels: bool = False

    def rendered(self, file_format: ImageFormat = "png") -> bytes:
        """Render the figure; the same figure always gives the same bytes."""
        if engine := self.figure.get_layout_engine():
            # Laid out again it would move a little, and the bytes would depend on what was rendered before.
            engine.execute(self.figure)
            self.figure.set_layout_engine("none")
        file = io.BytesIO()
        # Glyphs as outlines: the page looks the same wherever it opens, and a name in a figure is not text of the page.
        with mpl.rc_context({"svg.hashsalt": self.slug, "svg.fonttype": "path", "pdf.fonttype": 42}):
            self.figure.savefig(file, format=file_format, metadata=_METADATA[file_format])
        return file.getvalue()

    def inline_svg(self) -> str:
        """Render as an SVG element for an HTML page: no comments, no metadata, ids that begin with the slug.

        Places are cut to hundredths of a point. The element grows to the width of the page and its letters to one size.
        It is labelled by ``alt``, which the page shows beside it, escaped, under the id ``alt-SLUG``.
        """
        text = self.rendered("svg").decode()
        text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.DOTALL)
        text = text[text.index("<svg") :]
        text = _with_short_ids(text, self.slug).replace("xlink:href=", "href=")
        text = re.sub(r"(?<![\d.])([1-9]\d*\.\d\d)\d+", r"\1", text)
        head, _, body = text.partition(">")
        size = re.search(r'viewBox="[^"]*"', head)
        if size is None:
            raise ValueError("matplotlib wrote an SVG without a viewBox")
        width = round(_PIXELS_PER_INCH * self.figure.get_figwidth())
        return (
            f'<svg {size[0]} style="max-width: {width}px" role="img" aria-labelledby="alt-{self.slug}">{_compact(body)}'
        )


def _with_short_ids(svg: str, prefix: str) -> str:
    """Number the ids that something refers to, behind a prefix, and drop the others."""
    used = dict.fromkeys(re.findall(r'(?:href="|url\()#([^")]*)', svg))
    short = {name: f"{prefix}-{number:x}" for number, name in enumerate(used)}
    svg = re.sub(r'((?:href="|url\()#)([^")]*)', lambda found: found[1] + short[found[2]], svg)
    return re.sub(r' id="([^"]*)"', lambda found: f' id="{short[found[1]]}"' if found[1] in short else "", svg)


def _compact(svg: str) -> str:
    return "\n".join(line.strip() for line in svg.splitlines() if line.strip()) + "\n"
