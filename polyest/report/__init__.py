"""A page on a log of rollouts: one file, which loads nothing from anywhere (extra ``report``).

`content` gathers what is on it from `polyest.rollouts.measures`, `curves` those that `figures` draws, `prompts` the
table of prompts with their answers; `page/` holds the template, its style and its script.
"""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import datetime
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from polyest.errors import ArgumentError, MissingDependencyError

try:
    import matplotlib  # noqa: F401
    from jinja2 import Environment, PackageLoader, StrictUndefined
except ImportError as error:
    raise MissingDependencyError.for_extra(error.name or "jinja2", "report", "polyest report") from error

from polyest.report.content import Report, report_of
from polyest.storage.files import replacing

__all__ = ["Report", "html", "report_of", "write_report"]


def write_report(report: Report, path: Path, reload: int | None = None) -> None:
    """Write the page whole, or not at all.

    Args:
        report: what it holds, by `report_of`.
        path: of the file.
        reload: seconds after which a browser loads it anew; None: never.

    Raises:
        ArgumentError: the file cannot be written.
    """
    text = html(report, reload)
    try:
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise ArgumentError(
            f"{path} cannot be written: {error.strerror or error}; make room, or name another"
        ) from None


def html(report: Report, reload: int | None = None) -> str:
    """The page; everything that came from the log is escaped, and no script but the page's own may run."""
    script = files("polyest.report").joinpath("page/script.js").read_text(encoding="utf-8")
    style = files("polyest.report").joinpath("page/style.css").read_text(encoding="utf-8")
    environment = Environment(
        loader=PackageLoader("polyest.report", "page"), autoescape=True, undefined=StrictUndefined
    )
    digest = b64encode(sha256(script.encode()).digest()).decode()
    page = environment.get_template("report.html.j2")
    shown = {"script": script, "style": style, "digest": digest, "data": _embedded(report.data)}
    text = page.render(report=report, reload=reload, now=f"{datetime.now():%H:%M:%S}", **shown)
    return text.replace("\0", "\ufffd")


def _embedded(data: object) -> str:
    """JSON in ASCII that cannot end the element that it stands in."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
