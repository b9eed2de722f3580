// One question with its answer, as far as it has come: drawn once, then changed in place, so that a selection lasts.
import { $, h, icon, iconButton, label, toast } from "./dom.js";
import { openReader } from "./reader.js";
import { t, titled } from "./text.js";
import { tellIn } from "./wire.js";

/** The element of a turn; `element.update()` after the turn has changed. */
export function turnView(turn, { retry, edit }) {
  const words = h("div", { class: "words", lang: "zh" });
  const more = h("div", { class: "more" });
  const question = h("div", { class: "words" }, turn.question);
  const element = h(
    "article",
    { class: "turn" },
    h("div", { class: "asked" }, label("span", "asked", {}, { class: "who" }), question, iconButton("edit", "edit", () => edit(turn), { class: "icon edit" })),
    h("div", { class: "answered" }, label("span", "answered", {}, { class: "who" }), h("div", { class: "body" }, words, more)),
  );
  element.update = () => drawAnswer(element, words, more, turn, retry);
  element.update();
  return element;
}

function drawAnswer(element, words, more, turn, retry) {
  element.dataset.state = turn.state;
  element.dataset.mode = turn.mode;
  if (turn.state === "waiting") {
    words.replaceChildren(label("span", turn.mode === "open" ? "waiting" : "thinking", {}, { class: "waiting" }));
  } else if (turn.state === "failed") {
    words.replaceChildren(h("span", { class: "fault", role: "alert" }));
    tellIn(words.firstChild, turn);
  } else if (words.textContent !== turn.text) {
    words.textContent = turn.text;
  }
  if (turn.state === "waiting" || turn.state === "writing") {
    more.replaceChildren();
    return;
  }
  more.replaceChildren(
    ...slips(turn.model, turn.answer),
    h("footer", { class: "notes" }, h("span", { class: "note" }, ...notes(turn)), copyButton(turn), iconButton("retry", "retry", () => retry(turn))),
  );
}

function copyButton(turn) {
  if (!turn.text || !navigator.clipboard) return null;
  return iconButton("copy", "copy", async () => {
    await navigator.clipboard.writeText(turn.text);
    toast("copied");
  });
}

/** The citations of an answer, each a slip of paper with its passage. */
export function slips(model, answer) {
  return (answer?.citations ?? []).map((citation, place) => slip(model, citation, answer.passages?.[place] ?? {}));
}

function slip(model, citation, { before = "", after = "" }) {
  const open = () => openReader(model, citation);
  return h(
    "section",
    { class: "slip", onclick: (event) => !event.target.closest("button") && !String(getSelection()) && open() },
    h("header", {}, h("b", { class: "book" }, titled(citation.book)), " ", h("span", { class: "chapter" }, citation.title || t("chapter_n", { n: citation.chapter }))),
    h("blockquote", { lang: "zh" }, before.trimStart(), h("mark", {}, citation.quote), after.trimEnd()),
    h(
      "footer",
      {},
      label("span", "characters", { start: citation.start, end: citation.end }, { class: "offsets" }),
      h("button", { type: "button", class: "plain open", onclick: open }, icon("book"), label("span", "open_book")),
    ),
  );
}

/** What to know about an answer: whose it is, where from, how long it took, whether it is whole. */
function notes({ model, mode, answer, state, sampling, several }) {
  const notes = several ? [h("span", {}, model)] : [];
  notes.push(h("span", {}, label("span", mode), mode === "closed" ? ["，", label("span", "may_be_wrong")] : null));
  if (answer) {
    if (answer.tokens) notes.push(label("span", "tokens", { n: answer.tokens }));
    notes.push(label("span", "seconds", { n: answer.seconds.toFixed(2) }));
    if (answer.citations.length && answer.confidence != null) notes.push(label("span", "sure", { n: Math.round(100 * answer.confidence) }));
    for (const [before, after] of answer.tips ?? []) notes.push(label("span", "asked_as", { before, after }));
    if (mode === "closed" && sampling.temperature > 0) notes.push(label("span", "seed_was", { n: sampling.seed }));
    if (answer.truncated) notes.push(label("span", "was_cut"));
    if (!answer.answer) notes.push(label("span", "was_empty"));
  }
  if (state === "stopped") notes.push(label("span", "was_stopped"));
  return notes;
}

/** Whether the end of the conversation is in sight: who has scrolled away is left in peace. */
export function atEnd() {
  const place = $("#scroll");
  return place.scrollHeight - place.scrollTop - place.clientHeight < 60;
}

/** Scroll to the end of the last turn, or to its question where it is longer than the page. */
export function follow() {
  const place = $("#scroll");
  const last = $("#talk").lastElementChild;
  place.scrollTop = last ? Math.min(place.scrollHeight, last.offsetTop - place.offsetTop - 16) : 0;
}
