"""Where everything is: the pages of a quarter by target group and topic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ennakointi.report import markup
from ennakointi.report.markup import Block, Column
from ennakointi.text import Catalogue


@dataclass(frozen=True)
class GroupLinks:
    """The pages of one target group: its name, and the address of its page by the title of the topic."""

    group: str
    pages: Mapping[str, str]


def contents(catalogue: Catalogue, groups: Sequence[GroupLinks], whole: Sequence[tuple[str, str]]) -> Block:
    """One table of target groups and topics with links, and under it the pages of the whole quarter.

    Parameters
    ----------
    groups : in the order of the report
    whole : ((title, address), …)
    """
    _ = catalogue.gettext
    files = markup.link(_("All numbers as files"), "downloads.html")
    return markup.section(
        _("All pages"),
        _matrix(catalogue, groups) if groups else None,
        markup.bullets(*(markup.link(title, href) for title, href in whole), files),
    )


def _matrix(catalogue: Catalogue, groups: Sequence[GroupLinks]) -> Block:
    _ = catalogue.gettext
    topics = list(dict.fromkeys(topic for one in groups for topic in one.pages))
    frame = pd.DataFrame(
        {"group": one.group, **{topic: _opener(catalogue, one, topic) for topic in topics}} for one in groups
    )
    columns = [Column("group", _("Target group")), *(Column(topic, topic) for topic in topics)]
    return markup.table(frame, columns, _("Pages by target group and topic"), catalogue, name="pages")


def _opener(catalogue: Catalogue, one: GroupLinks, topic: str) -> Block | None:
    """A link that a list of links names in full: `Open: Service debt, older people`."""
    if topic not in one.pages:
        return None
    return markup.link(catalogue.gettext("Open"), one.pages[topic], about=f"{topic}, {one.group}")
