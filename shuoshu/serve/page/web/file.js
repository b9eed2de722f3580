// The question-file view: choose a file, have every question answered, save the answers.
import { $, h, label, relabel, show } from "./dom.js";
import { chosen } from "./settings.js";
import { onSheet, readSheet, sheet } from "./sheet.js";
import { t } from "./text.js";
import { slips } from "./turn.js";
import { call, tellIn } from "./wire.js";

const AT_ONCE = 16; // questions of one call: stopping waits for none, and others get their turn in between

let answers = [];
let stop = null;

export function drawFile() {
  const input = $("#sheet");
  const drop = $("#drop");
  input.addEventListener("change", () => take(input.files[0]));
  for (const kind of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.dataset.over = kind === "dragover" ? "yes" : "";
      if (kind === "drop" && event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
    });
  }
  onSheet(drawSheet);
  $("#to-arena").addEventListener("click", () => (location.hash = "arena"));
  $("#answer-all").addEventListener("click", answerAll);
  $("#file-stop").addEventListener("click", () => stop?.abort());
  $("#save-jsonl").addEventListener("click", () => save(`${stem()}.answers.jsonl`, "application/jsonl", jsonLines()));
  $("#save-csv").addEventListener("click", () => save(`${stem()}.answers.csv`, "text/csv", table()));
}

async function take(file) {
  if (!file) return;
  show($("#file-fault"), false);
  try {
    await readSheet(file);
  } catch (error) {
    tell(error);
  }
  $("#sheet").value = ""; // the same file can be chosen again after mending it
}

function tell(error) {
  tellIn($("#file-fault"), error);
  show($("#file-fault"), true);
}

function drawSheet() {
  stop?.abort();
  answers = [];
  show($("#sheet-card"), sheet);
  if (!sheet) return;
  const keys = sheet.questions.filter((question) => question.judged).length;
  $("#sheet-name").textContent = sheet.name;
  relabel($("#sheet-count"), keys ? "file_count_keys" : "file_count", { n: sheet.questions.length, keys });
  $("#answers tbody").replaceChildren(...sheet.questions.map(row));
  show($("#downloads"), false);
  show($("#file-progress"), false);
}

function row(question, place) {
  return h("tr", {}, h("td", { class: "verdict" }, String(place + 1)), h("td", {}, question.question), h("td", { class: "words" }), h("td", { class: "soft" }, question.answer ?? ""));
}

async function answerAll() {
  const { questions } = sheet;
  const how = chosen();
  answers = [];
  stop = new AbortController();
  const mine = stop;
  $("#answers tbody").replaceChildren(...questions.map(row));
  busy(true);
  show($("#file-fault"), false);
  show($("#file-progress"), true);
  figures();
  try {
    for (let from = 0; from < questions.length; from += AT_ONCE) {
      const some = questions.slice(from, from + AT_ONCE);
      for await (const said of call("answer_some", { ...how, questions: some }, mine.signal)) {
        for (const done of said.done) put(from + done.place, done, how.model);
        figures();
      }
    }
  } catch (error) {
    if (error.name !== "AbortError") tell(error);
  }
  if (stop === mine) busy(false);
}

function busy(yes) {
  show($("#answer-all"), !yes);
  show($("#file-stop"), yes);
  show($("#downloads"), !yes && answers.some(Boolean));
}

function put(place, { answer, right }, model) {
  answers[place] = { answer, right, model };
  const cells = $("#answers tbody").children[place].children;
  if (right !== null) cells[0].replaceChildren(verdict(right));
  const proof = slips(model, answer);
  cells[2].replaceChildren(
    h("div", {}, answer.answer || label("span", "was_empty", {}, { class: "soft" })),
    proof.length ? h("details", {}, h("summary", {}, answer.citations[0].title || t("chapter_n", { n: answer.citations[0].chapter })), ...proof) : "",
  );
}

function verdict(right) {
  const key = right ? "right_answer" : "wrong_answer";
  return h("span", { class: right ? "yes" : "no", role: "img", "aria-label": t(key), title: t(key), data: { tLabel: key } }, right ? "✓" : "✗");
}

function figures() {
  const done = answers.filter(Boolean);
  const judged = done.filter(({ right }) => right !== null);
  const fill = { done: done.length, all: sheet.questions.length, judged: judged.length, right: judged.filter(({ right }) => right).length };
  $("#file-progress progress").value = fill.done / fill.all;
  relabel($("#file-figures"), judged.length ? "figures_right" : "figures", fill);
}

const stem = () => sheet.name.replace(/\.[^.]*$/, "") || "questions";

/** Every answer as it stands in `shuoshu ask --out`, with what the file knew about the question. */
function jsonLines() {
  return answers.map((given, place) => JSON.stringify(record(given, sheet.questions[place])) + "\n").join("");
}

function record({ answer, right, model }, { id, answer: reference, key, level }) {
  const { passages: _, ...bare } = answer;
  return { ...(id ? { id } : {}), ...bare, model, ...(reference ? { reference } : {}), ...(key ? { key } : {}), ...(level ? { level } : {}), ...(right === null ? {} : { right }) };
}

/** A table that Excel opens: with a byte-order mark, and no cell it would take for a formula. */
function table() {
  const head = ["id", "question", "answer", "right", "reference", "book", "chapter", "quote", "start", "end", "mode", "model", "seconds"];
  const rows = answers.map((given, place) => {
    const { id, question, answer, right, reference, mode, model, seconds, citations } = record(given, sheet.questions[place]);
    const { book, title, chapter, quote, start, end } = citations[0] ?? {};
    return [id, question, answer, right === undefined ? "" : Number(right), reference, book, title || chapter, quote, start, end, mode, model, seconds];
  });
  return "\ufeff" + [head, ...rows].map((cells) => cells.map(cell).join(",") + "\r\n").join("");
}

function cell(value) {
  const text = String(value ?? "");
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function save(name, type, text) {
  const link = h("a", { href: URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
