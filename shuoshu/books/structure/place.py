"""A heading and where it stands."""

from dataclasses import dataclass

from shuoshu.books.structure.headings import Heading


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A heading and the line it stands on."""

    line: int
    heading: Heading
