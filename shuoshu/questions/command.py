"""What `shuoshu questions` does at the terminal."""

from pathlib import Path
from typing import Any

from shuoshu.questions.check import check_leak
from shuoshu.questions.formats import read_questions


def report_leaks(train: Path, test: Path) -> dict[str, Any]:
    """Print every test question that asks for a trained fact; returns {"leaks", "declared", "test"} as counts.

    Declared ones (level L1 or near, which say of which trained fact they are) are counted, but are no leaks.
    """
    asked = read_questions(test)
    found = check_leak(read_questions(train), asked)
    leaks = [leak for leak in found if not leak.declared]
    for leak in leaks:
        print(leak)
    declared = len({leak.test.id or leak.test.question for leak in found if leak.declared})
    print(f"{len(leaks)} leaks among {len(asked)} test questions; {declared} more ask a trained fact on purpose.")
    return {"leaks": len(leaks), "declared": declared, "test": len(asked)}
