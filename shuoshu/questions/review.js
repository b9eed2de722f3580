// Keys, the selected piece of the chapter, and what typing has not reached the disk yet.
window.picked = "";

// Requests may overtake one another: each tells which page sent it and when, so that no older one undoes a newer one.
const page = crypto.getRandomValues(new Uint32Array(2)).join("-");
let order = 0;
window.stamped = (seen, ...rest) => [{ ...seen, page, order: ++order }, ...rest];

const boxes = "textarea, input:not([type=radio]), select, [contenteditable]";
const keys = { a: "accept", r: "reject", u: "undo", ArrowRight: "forward", ArrowLeft: "back", j: "forward", k: "back" };

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.altKey) return;
  const typing = event.target.matches?.(boxes);
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") return press(event, "accept");
  if (event.ctrlKey || event.metaKey) return;
  if (event.key === "Escape" && typing) return event.target.blur();
  if (typing || event.repeat) return;
  const focus = { e: "#question textarea", "/": "#find input, #find textarea" }[event.key];
  if (focus) {
    event.preventDefault();
    return document.querySelector(focus)?.focus();
  }
  // The arrows choose among radio buttons, where one has the focus.
  if (event.target.matches?.("input[type=radio]") && event.key.startsWith("Arrow")) return;
  const name = keys[event.key] ?? keys[event.key.toLowerCase()];
  if (name) press(event, name);
});

function press(event, name) {
  event.preventDefault();
  document.getElementById(name)?.click();
}

document.addEventListener("selectionchange", () => {
  const chosen = document.getSelection();
  const text = document.querySelector("#passage .text");
  if (text && chosen.rangeCount && text.contains(chosen.getRangeAt(0).commonAncestorContainer)) {
    window.picked = chosen.toString().trim();
  }
});

// Whatever changes a box is saved at once: typed, pasted, deleted; of what an input method composes, the result.
function changed(event) {
  if (event.isComposing) return;
  const name = event.target.closest?.("#form") ? "store" : event.target.closest?.("#find") ? "search" : "";
  if (name === "store") tell();
  if (name) setTimeout(() => document.getElementById(name)?.click());
}

// "Saved" is said of the texts that were sent, and stands so long as the boxes hold these.
function tell() {
  const note = document.querySelector("#status .saved");
  const texts = [...document.querySelectorAll("#form textarea")].map((box) => box.value).join("␟");
  const saving = "… 正在保存 Saving";
  if (note && note.dataset.texts !== texts && note.textContent !== saving) note.textContent = saving;
}

document.addEventListener("input", changed);
document.addEventListener("compositionend", changed);

// A new pair: the evidence in sight, in its chapter.
let shown = "";
function turn() {
  const text = document.querySelector("#passage .text");
  const mark = text?.querySelector("mark");
  const now = text ? `${text.textContent}␟${mark?.textContent}` : "";
  if (now === shown) return;
  shown = now;
  if (text) text.scrollTop = mark ? mark.offsetTop - text.offsetTop - text.clientHeight / 3 : 0;
}

new MutationObserver(() => {
  turn();
  tell();
}).observe(document, { subtree: true, childList: true, characterData: true });
