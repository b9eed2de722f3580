// The conversation: ask, listen, stop, ask again; and the list of the conversations before.
import { $, growing, h, iconButton, label, show, toast } from "./dom.js";
import { chosen, house, modelNamed, onChange } from "./settings.js";
import { drop, keep, newTalk, opened, restore, setOpened, settings, talks } from "./store.js";
import { titled } from "./text.js";
import { atEnd, follow, turnView } from "./turn.js";
import { Fault, call } from "./wire.js";

let talk = newTalk();
let writing = null; // {stop: AbortController}, while an answer comes
let fill = () => {};
let editing = null;

/** Begin with the conversation this tab had open, else with a new one. */
export function drawChat() {
  fill = growing($("#question"), send);
  $("#composer").addEventListener("submit", (event) => (event.preventDefault(), send()));
  $("#stop").addEventListener("click", () => writing?.stop.abort());
  $("#edit-leave").addEventListener("click", leaveEdit);
  $("#new-talk").addEventListener("click", begin);
  $("#new-here").addEventListener("click", begin);
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || document.querySelector("dialog[open]") || !$("#reader").hidden) return;
    if (writing) writing.stop.abort();
    else if (editing) leaveEdit();
  });
  onChange(drawWelcome);
  open(talks().find(({ id }) => id === opened()) ?? newTalk());
  addEventListener("pagehide", () => writing?.stop.abort());
}

function begin() {
  open(newTalk());
  location.hash = "ask";
  $("#question").focus();
}

function open(other) {
  writing?.stop.abort();
  talk = other;
  editing = null;
  setOpened(talk.id);
  redraw();
  show($("#welcome"), !talk.turns.length);
  drawTalks();
  drawWelcome();
  follow();
}

function view(turn) {
  turn.several = house.models.length > 1;
  return turnView(turn, { retry: askAgain, edit });
}

function send() {
  const question = $("#question").value.trim();
  if (!question || writing) return;
  if (editing) talk.turns.splice(talk.turns.indexOf(editing));
  redraw();
  fill("");
  ask(question, 0);
}

/** The same question with the settings of now; the seed goes up, so that a drawn answer may be another one. */
function askAgain(turn) {
  if (writing) return;
  const last = talk.turns.at(-1) === turn;
  if (last) talk.turns.pop();
  redraw();
  ask(turn.question, last ? turn.tries + 1 : 0);
}

/** Put a question back into the box; sending it replaces it and all that came after. */
function edit(turn) {
  if (writing) return;
  editing = turn;
  redraw();
  fill(turn.question);
  $("#question").focus();
}

function leaveEdit() {
  editing = null;
  redraw();
  fill("");
}

function redraw() {
  if (!talk.turns.includes(editing)) editing = null;
  show($("#editing"), editing);
  $("#talk").replaceChildren(...talk.turns.map(view));
  if (editing) for (const old of [...$("#talk").children].slice(talk.turns.indexOf(editing))) old.dataset.old = "yes";
}

async function ask(question, tries) {
  const asked = chosen();
  const sampling = { ...asked.sampling, seed: asked.sampling.seed + tries };
  const turn = { question, ...asked, sampling, tries, state: "waiting", text: "", answer: null };
  talk.turns.push(turn);
  const here = talk; // the visitor may open another one meanwhile
  const element = view(turn);
  show($("#welcome"), false);
  $("#talk").append(element);
  follow();
  writing = { stop: new AbortController() };
  const mine = writing;
  busy(true);
  try {
    for await (const said of call("ask", { question, ...asked, sampling }, mine.stop.signal)) {
      Object.assign(turn, said);
      const listening = atEnd();
      element.update();
      if (listening) follow();
    }
  } catch (error) {
    if (error.name === "AbortError") turn.state = "stopped";
    else Object.assign(turn, { state: "failed" }, fault(error));
  }
  element.update();
  keep(here);
  if (writing === mine) {
    writing = null;
    busy(false);
  }
  drawTalks();
}

const fault = (error) => ({ code: "offline", words: "", ...(error instanceof Fault ? { code: error.code, words: error.words, fill: error.fill } : {}) });

function busy(yes) {
  show($("#send"), !yes);
  show($("#stop"), yes);
  $("#talk").setAttribute("aria-busy", String(yes));
}

/** The list of conversations; each has the name of its first question. */
function drawTalks() {
  const all = talks();
  const items = all.map((kept) =>
    h(
      "li",
      { "aria-current": kept.id === talk.id ? "page" : null },
      h("button", { type: "button", class: "talk", onclick: () => (open(kept), (location.hash = "ask"), closeRail()) }, kept.turns[0]?.question ?? "…"),
      iconButton("bin", "delete", () => forget(kept), { class: "icon bin" }),
    ),
  );
  $("#talks").replaceChildren(...(items.length ? items : [label("li", "no_talks", {}, { class: "none soft" })]));
}

function forget(kept) {
  drop(kept.id);
  if (kept.id === talk.id) open(newTalk());
  drawTalks();
  toast("deleted", { key: "undo", run: () => (restore(kept), drawTalks()) });
}

export const closeRail = () => {
  delete document.body.dataset.rail;
  $("#open-rail").setAttribute("aria-expanded", "false");
};

/** Before the first question: the books as they stand on a shelf, and questions to begin with. */
function drawWelcome() {
  const { titles, examples, modes } = modelNamed(settings.model);
  const covers = titles.slice(0, 6).map((title) => h("div", { class: "cover" }, h("span", { lang: "zh" }, title)));
  const more = titles.length > 6 ? [label("span", "more_books", { n: titles.length }, { class: "soft" })] : [];
  $("#covers").replaceChildren(...covers, ...more);
  $("#covers").setAttribute("title", titles.map(titled).join(" "));
  const said = $("#welcome .soft[data-t^=welcome]");
  said.replaceWith(label("p", modes.includes("open") ? "welcome_more" : "welcome_memory", {}, { class: "soft" }));
  $("#examples").replaceChildren(
    ...examples.map((question) => h("li", {}, h("button", { type: "button", class: "example", onclick: () => !writing && ask(question, 0) }, question))),
  );
}
