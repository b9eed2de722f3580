"""The per-file function of the stage under Hugging Face `datasets`: for corpora too large for one `shuoshu books`.

    pip install datasets
    python benchmarks/books_datasets.py FOLDER OUT.parquet [--workers 2]

Every worker reads whole files and gives back one row a chapter; a file that holds no text becomes a row with its
reason. `datasets` rather than Ray Data: it needs no cluster of its own, reads and writes Parquet shards on local disks
and object stores alike, keeps finished shards in its cache when killed, and weighs a tenth. On many machines, run it on
each with its share of the files (`find_sources(paths)[0][rank::world]`): files do not depend on one another.
"""

import argparse

from shuoshu.books.batch import read_files
from shuoshu.books.sources import find_sources


def main() -> None:
    """Read a folder with some workers and write one Parquet file."""
    parser = argparse.ArgumentParser(description="Read books with Hugging Face datasets.")
    parser.add_argument("folder")
    parser.add_argument("out")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    from datasets import Dataset

    sources = find_sources([options.folder])[0]
    files = Dataset.from_dict(
        {
            "path": [str(source.path) for source in sources],
            "format": [source.format for source in sources],
            "member": [source.member or "" for source in sources],
        }
    )
    chapters = files.map(
        read_files, batched=True, batch_size=1, num_proc=options.workers, remove_columns=files.column_names
    )
    chapters.to_parquet(options.out)
    read = [number for number in chapters["number"] if number >= 0]
    print(f"{len(sources)} files, {len(read)} chapters, {chapters.num_rows - len(read)} files left aside")


if __name__ == "__main__":
    main()
