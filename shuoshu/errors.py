"""The one exception for what a person did and a person can mend."""


class UserError(Exception):
    """Bad input, told in one sentence that names the place and the mend.

    The door (`cli.main`) prints it on stderr and exits with code 2; nothing else catches it.
    Whoever raises it has left nothing half-written behind (`files.write_aside`).
    """
