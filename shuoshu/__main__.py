"""`python -m shuoshu VERB …` is the command `shuoshu VERB …`; `torchrun -m shuoshu pretrain …` comes in here too."""

import sys

from shuoshu.cli import main

if __name__ == "__main__":
    main()
    if "shuoshu.train.team" in sys.modules:
        from shuoshu.train.team import leave

        leave()
