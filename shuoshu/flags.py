"""Options that many commands share: how they look on the command line."""

from typing import Annotated, Literal

from cyclopts import Parameter

from shuoshu.errors import UserError

Json = Annotated[bool, Parameter(name="--json", negative="")]
Flat = Parameter(name="*")
"""A dataclass whose fields are options of their own."""
Open = Annotated[bool, Parameter(name="--open", negative="")]
Closed = Annotated[bool, Parameter(negative="")]
NoTips = Annotated[bool, Parameter(negative="")]


def mode_of(open_: bool, closed: bool) -> Literal["open", "closed"] | None:
    """What --open and --closed ask for. Raises UserError where both are given."""
    if open_ and closed:
        raise UserError("--open and --closed exclude each other; give one of them.")
    return "open" if open_ else "closed" if closed else None
