// A chapter of the book, opened where a citation stands, the quoted words marked and in sight.
import { $, h, show } from "./dom.js";
import { t, titled } from "./text.js";
import { once, tellIn } from "./wire.js";

let quote = null; // {model, book, chapter, start, end} of the citation
let before = null; // what had the focus

/** Open the chapter of a citation, scrolled to it. */
export function openReader(model, citation) {
  if ($("#reader").hidden) before = document.activeElement;
  quote = { model, book: citation.book, chapter: citation.chapter, start: citation.start, end: citation.end };
  show($("#reader"), true);
  return turnTo(quote.chapter);
}

export function closeReader() {
  const focused = $("#reader").contains(document.activeElement);
  show($("#reader"), false);
  if (focused) before?.focus();
}

export function drawReader() {
  $("#reader-close").addEventListener("click", closeReader);
  $("#reader-quote").addEventListener("click", () => turnTo(quote.chapter));
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) closeReader();
  });
}

async function turnTo(number) {
  const here = number === quote.chapter;
  const wanted = here ? quote : { model: quote.model, book: quote.book, chapter: number, start: 0, end: 0 };
  $("#reader").dataset.state = "waiting";
  try {
    drawChapter(await once("chapter", wanted), here);
  } catch (error) {
    $("#reader-text").replaceChildren(h("p", { class: "fault" }));
    tellIn($("#reader-text p"), error);
  }
  $("#reader").dataset.state = "";
}

function drawChapter({ book, number, title, pieces, previous, next }, here) {
  $("#reader-book").textContent = titled(book);
  $("#reader-title").textContent = title || t("chapter_n", { n: number });
  const text = $("#reader-text");
  text.replaceChildren(...paragraphs(pieces, title));
  neighbour($("#reader-before"), previous);
  neighbour($("#reader-after"), next);
  show($("#reader-quote"), !here);
  const mark = $("mark", text);
  if (mark) {
    mark.scrollIntoView({ block: "center" });
    $("#reader").focus({ preventScroll: true });
  } else text.scrollTop = 0;
}

function neighbour(button, number) {
  button.disabled = number === null;
  button.onclick = () => turnTo(number);
}

/** The lines of a chapter, which came as the text before, in and after the mark. */
function* paragraphs(pieces, title) {
  let line = [];
  const end = () => {
    const whole = line.map((part) => part.textContent).join("").trim();
    const paragraph = whole && h("p", { class: whole === title.trim() ? "heading" : null }, ...line);
    line = [];
    return paragraph;
  };
  for (const [place, piece] of pieces.entries()) {
    const [first, ...rest] = piece.split("\n");
    line.push(part(place, first));
    for (const words of rest) {
      const done = end();
      if (done) yield done;
      line.push(part(place, words));
    }
  }
  const done = end();
  if (done) yield done;
}

function part(place, words) {
  return place === 1 && words ? h("mark", {}, words) : new Text(words);
}
