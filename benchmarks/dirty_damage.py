"""Steps that damage a book: chapters lost, doubled and misnumbered, characters replaced, a site's marks around all."""

from dirty_copies import Draft, Step, chinese


def head_and_tail(draft: Draft) -> None:
    """What a download site puts at both ends of a file."""
    name = draft.rng.choice(("书包天下", "快阅小说网", "零点书屋", "墨香阁"))
    site_name = draft.rng.choice(("txt", "shu", "kan"))
    address = f"www.{site_name}{draft.rng.randint(10, 99)}.{draft.rng.choice(('com', 'net', 'cc'))}"
    head = [
        f"☆☆☆本书由{name}（{address}）整理，更多好书请访问{address}☆☆☆",
        "声明：本站所有电子书均由网友上传，版权归作者所有，请于下载后24小时内删除。",
    ]
    tail = [f"更多精彩，更多好书，尽在{name} http://{address}", f"【{name}】{address} 手机访问：m.{address[4:]}"]
    draft.head += [*head, f"《{draft.title}》", f"作者：{draft.author}"]
    draft.tail += ["（全书完）", *tail]
    draft.planted += [*head, *tail]


def times(draft: Draft) -> None:
    """Update times and counts of words under each heading."""
    for part in draft.parts:
        line = draft.rng.choice(
            ("更新时间:2010-{m}-{d} 12:0{x}:33 本章字数:{w}", "本章字数：{w}  更新时间：2011/{m}/{d}", "字数：{w}字")
        ).format(m=draft.rng.randint(1, 12), d=draft.rng.randint(1, 28), x=draft.rng.randint(0, 9), w=len(part.text))
        part.dirty.insert(0, line)
        draft.planted.append(line)


def stand_ins(letters: str, share: float = 0.0008) -> Step:
    """Rare characters shown as letters of other scripts, each always as the same one, as fonts made them."""

    def step(draft: Draft) -> None:
        counts: dict[str, int] = {}
        for part in draft.parts:
            for c in part.text:
                if "\u4e00" <= c <= "\u9fff":
                    counts[c] = counts.get(c, 0) + 1
        rare = sorted(counts, key=counts.__getitem__)
        allowance = share * sum(counts.values())
        table: dict[int, str] = {}
        while rare and allowance > 0:
            c = rare.pop(0)
            table[ord(c)] = letters[len(table) % len(letters)]
            allowance -= counts[c]
            draft.destroyed += counts[c]
            draft.foreign += counts[c]
        for part in draft.each:
            part.dirty = [line.translate(table) for line in part.dirty]

    return step


def missing_numbers(draft: Draft) -> None:
    """A tenth of the headings carry a wrong number: one used twice, or a slip."""
    for part in draft.parts[2:-2]:
        if draft.rng.random() < 0.1:
            wrong = chinese(draft.rng.choice((part.number - 1, max(1, part.number - 10), part.number + 10)))
            part.heading = [f"第{wrong}{draft.unit} {part.title}"]


def chapters_missing(draft: Draft) -> None:
    """Some chapters are not there."""
    gone = set(draft.rng.sample(range(3, len(draft.parts) - 3), max(1, len(draft.parts) // 20)))
    draft.parts = [part for i, part in enumerate(draft.parts) if i not in gone]
    draft.truth = list(draft.parts)


def chapters_twice(draft: Draft) -> None:
    """Some chapters stand there twice in a row, some once more at the end of the file."""
    for i in sorted(draft.rng.sample(range(2, len(draft.parts)), max(2, len(draft.parts) // 20)), reverse=True):
        draft.parts.insert(i + 1, draft.parts[i])


def out_of_order(draft: Draft) -> None:
    """Some neighbours have changed places."""
    for i in draft.rng.sample(range(2, len(draft.parts) - 2, 3), max(1, len(draft.parts) // 25)):
        draft.parts[i], draft.parts[i + 1] = draft.parts[i + 1], draft.parts[i]
    draft.truth = list(draft.parts)


def paragraphs_twice(draft: Draft) -> None:
    """A site pasted some pages twice."""
    for part in draft.parts[::4]:
        if len(part.dirty) > 12:
            i = draft.rng.randrange(len(part.dirty) - 8)
            part.dirty[i + 4 : i + 4] = part.dirty[i : i + 4]
