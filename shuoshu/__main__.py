"""`python -m shuoshu VERB …` is the command `shuoshu VERB …`; `torchrun -m shuoshu pretrain …` comes in here too."""

from shuoshu.cli import main

if __name__ == "__main__":
    main()
