# The words are those of scripts/setup.sh, which says what each does. More words for it: make demo ARGS="--no-serve --json"
.PHONY: setup demo test lint format clean constraints

setup demo test lint format clean:
	@sh scripts/setup.sh $@ $(ARGS)

constraints:
	@sh scripts/constraints.sh $(ARGS)
