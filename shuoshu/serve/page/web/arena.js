// The arena: one question, two answers without names, a vote; then the names, and the table of wins.
import { $, $$, growing, h, label, relabel, show } from "./dom.js";
import { house, nameOf } from "./settings.js";
import { onSheet, putSheet, readSheet, sheet } from "./sheet.js";
import { settings, keepSettings } from "./store.js";
import { t } from "./text.js";
import { slips } from "./turn.js";
import { drawStandings } from "./wins.js";
import { Fault, call, once, tellIn } from "./wire.js";

let duel = null; // the id of what is to be voted on
let place = 0; // in the question file
let stop = null;
let fill = () => {};

export function drawArena() {
  fill = growing($("#arena-question"), fight);
  $("#challenge").addEventListener("submit", (event) => (event.preventDefault(), fight()));
  $("#arena-stop").addEventListener("click", () => stop?.abort());
  $("#arena-example").addEventListener("click", drawExample);
  $("#next-duel").addEventListener("click", next);
  $("#arena-sheet").addEventListener("change", takeSheet);
  $("#sheet-before").addEventListener("click", () => goTo(place - 1));
  $("#sheet-after").addEventListener("click", () => goTo(place + 1));
  $("#sheet-leave").addEventListener("click", () => putSheet(null));
  for (const button of $$("#ballot button")) button.addEventListener("click", () => vote(button.dataset.vote));
  addEventListener("keydown", (event) => {
    const typing = event.target.closest("textarea, input, select, dialog");
    const button = $$("#ballot button")["1234".indexOf(event.key)];
    if (!typing && !$("#arena").hidden && event.key.length === 1 && button && !button.disabled) button.click();
  });
  onSheet(() => ((place = 0), drawSheetBar()));
  drawContenders();
  drawSheetBar();
}

/** The table is fetched when the arena is opened, as others vote too. */
export async function openArena() {
  try {
    drawStandings(await once("standings"));
  } catch (error) {
    tell(error);
  }
}

const contenders = () => house.models.flatMap(({ name, modes }) => modes.map((mode) => ({ model: name, mode })));
const called = ({ model, mode }) => `${mode} ${model}`;

function drawContenders() {
  const all = contenders();
  const out = new Set(settings.out ?? []);
  const chips = all.map((contender) => {
    const box = h("input", { type: "checkbox" });
    box.checked = !out.has(called(contender));
    box.addEventListener("change", () => {
      out[box.checked ? "delete" : "add"](called(contender));
      settings.out = [...out];
      keepSettings();
    });
    return h("label", { class: "chip" }, box, nameOf(contender));
  });
  $("#contenders .chips").replaceChildren(...chips);
  show($("#challenge"), all.length > 1);
  show($("#contenders"), all.length > 2);
  if (all.length < 2) tell(new Fault("", t("need_two")));
}

function drawExample() {
  const examples = house.models.flatMap((model) => model.examples).filter((question) => question !== $("#arena-question").value);
  if (examples.length) fill(examples[Math.floor(Math.random() * examples.length)]);
  $("#arena-question").focus();
}

async function takeSheet() {
  try {
    await readSheet($("#arena-sheet").files[0]);
    show($("#arena-fault"), false);
  } catch (error) {
    tell(error);
  }
  $("#arena-sheet").value = "";
}

function drawSheetBar() {
  show($("#sheet-bar"), sheet);
  if (sheet) goTo(place);
}

function goTo(wanted) {
  place = Math.min(Math.max(wanted, 0), sheet.questions.length - 1);
  relabel($("#sheet-place"), "place_of", { n: place + 1, all: sheet.questions.length });
  $("#sheet-before").disabled = place === 0;
  $("#sheet-after").disabled = place === sheet.questions.length - 1;
  fill(sheet.questions[place].question);
}

function next() {
  show($("#duel"), false);
  if (sheet && place < sheet.questions.length - 1) goTo(place + 1);
  else fill("");
  if (sheet) fight();
  else $("#arena-question").focus();
}

async function fight() {
  const question = $("#arena-question").value.trim();
  const out = new Set(settings.out ?? []);
  const picked = contenders().filter((contender) => !out.has(called(contender)));
  if (!question || stop) return;
  if (picked.length < 2) return tell(new Fault("", t("pick_two")));
  show($("#arena-fault"), false);
  const fromFile = sheet?.questions[place]?.question === question ? sheet.questions[place] : null;
  lay(question);
  stop = new AbortController();
  busy(true);
  const request = { question, id: fromFile?.id ?? "", contenders: picked, sampling: settings.sampling };
  try {
    for await (const said of call("duel", request, stop.signal)) if (said.state === "done") reveal(said, fromFile);
  } catch (error) {
    show($("#duel"), false);
    if (error.name !== "AbortError") tell(error);
  }
  stop = null;
  busy(false);
}

function busy(yes) {
  show($("#fight"), !yes);
  show($("#arena-stop"), yes);
}

function tell(error) {
  tellIn($("#arena-fault"), error);
  show($("#arena-fault"), true);
}

/** Two empty sheets, before anybody has written. */
function lay(question) {
  duel = null;
  show($("#duel"), true);
  $("#duel-question").textContent = question;
  for (const side of $$(".side")) {
    side.dataset.won = "";
    $(".who", side).replaceChildren();
    $(".more", side).replaceChildren();
    $(".words", side).replaceChildren(label("span", "writing_both", {}, { class: "waiting" }));
  }
  for (const id of ["ballot", "after-vote", "reference", "same"]) show($(`#${id}`), false);
}

function reveal({ id, left, right }, fromFile) {
  duel = { id, fromFile };
  for (const [name, words] of Object.entries({ left, right })) {
    $(`#${name} .words`).replaceChildren(words || label("span", "was_empty", {}, { class: "soft" }));
  }
  show($("#same"), left === right);
  for (const button of $$("#ballot button")) button.disabled = false;
  show($("#ballot"), true);
  $("#ballot").scrollIntoView({ block: "nearest", behavior: "smooth" });
}

async function vote(choice) {
  const voted = duel;
  for (const button of $$("#ballot button")) button.disabled = true;
  try {
    const said = await once("vote", { id: voted.id, choice });
    unmask(said, choice, voted.fromFile);
    drawStandings(said.standings);
  } catch (error) {
    tell(error);
  }
}

/** After the vote: who wrote what, with the proof, and what the file says. */
function unmask(said, choice, fromFile) {
  for (const name of ["left", "right"]) {
    const side = $(`#${name}`);
    side.dataset.won = choice === name ? "yes" : "";
    $(".who", side).replaceChildren(nameOf(said[name]));
    $(".more", side).replaceChildren(...slips(said[name].model, said[name].answer));
  }
  const reference = fromFile?.answer;
  show($("#reference"), reference);
  if (reference) $("#reference").replaceChildren(label("span", "reference", {}, { class: "soft" }), " ", reference);
  show($("#ballot"), false);
  show($("#after-vote"), true);
  $("#next-duel").focus();
}
