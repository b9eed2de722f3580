// How to answer: the model, from the books or from memory, and how words are drawn. Shared by all views.
import { $, $$, h, icon, label, show } from "./dom.js";
import { keepSettings, settings } from "./store.js";

/** What the server offers, as `about` told it. */
export const house = { models: [], controls: [], review: null, most_characters: 2000, most_bytes: 0 };

export const modelNamed = (name) => house.models.find((model) => model.name === name) ?? house.models[0];

/** What goes along with a question. */
export function chosen() {
  return { model: settings.model, mode: settings.mode, sampling: settings.sampling };
}

/** A contender's name: the way it answers, and the model where there are several. */
export function nameOf({ model, mode }) {
  return h("span", { class: "contender" }, house.models.length > 1 ? h("b", {}, model) : "", label("span", mode));
}

const changed = new Set();

/** Call back when the model or the way of answering changes. */
export const onChange = (listener) => changed.add(listener);

function choose(change) {
  Object.assign(settings, change);
  const model = modelNamed(settings.model);
  settings.model = model.name;
  if (!model.modes.includes(settings.mode)) settings.mode = model.modes[0];
  keepSettings();
  for (const draw of changed) draw();
}

/** Fill every `.how` with its switches, and the dialog with its controls. */
export function drawSettings() {
  choose(Object.hasOwn(settings.sampling, "seed") ? {} : { sampling: defaults() });
  for (const place of $$(".how")) drawHow(place);
  drawControls();
  $("#tuning-reset").addEventListener("click", () => {
    choose({ sampling: defaults() });
    drawControls();
  });
  for (const button of $$("[data-tune]")) button.addEventListener("click", openTuning);
  $("#tuning").addEventListener("click", (event) => event.target === $("#tuning") && $("#tuning").close());
}

const defaults = () => Object.fromEntries(house.controls.map(({ name, value }) => [name, value]));
const openTuning = () => $("#tuning").showModal();

function drawHow(place) {
  const modes = h("div", { class: "switch", role: "radiogroup", data: { tLabel: "how" } });
  const picker = h("select", { data: { tLabel: "model" }, onchange: () => choose({ model: picker.value }) });
  picker.append(...house.models.map(({ name }) => h("option", { value: name }, name)));
  const tune = h("button", { type: "button", class: "quiet tune", onclick: openTuning }, icon("tune"), label("span", "sampling"));
  place.replaceChildren(modes, picker, tune);
  const draw = () => {
    const { modes: possible } = modelNamed(settings.model);
    modes.replaceChildren(...possible.map((mode) => modeButton(place.dataset.how, mode)));
    picker.value = settings.model;
    show(picker, house.models.length > 1);
    show(tune, settings.mode === "closed");
  };
  onChange(draw);
  draw();
}

function modeButton(view, mode) {
  const input = h("input", { type: "radio", name: `mode-${view}`, value: mode, onchange: () => choose({ mode }) });
  input.checked = settings.mode === mode;
  return h("label", {}, input, label("span", mode));
}

function drawControls() {
  $("#controls").replaceChildren(...house.controls.map(control));
}

function control({ name, least, most, step }) {
  const value = settings.sampling[name];
  const number = h("input", { type: "number", min: least, max: most, step, value, id: `c-${name}`, "aria-describedby": `d-${name}` });
  const slider = name === "seed" ? null : h("input", { type: "range", min: least, max: most, step, value, tabindex: -1, "aria-hidden": "true" });
  const set = (text) => {
    const within = Math.min(Math.max(Number(text) || 0, least), most);
    choose({ sampling: { ...settings.sampling, [name]: within } });
    return within;
  };
  number.addEventListener("change", () => {
    number.value = set(number.value);
    if (slider) slider.value = number.value;
  });
  slider?.addEventListener("input", () => (number.value = set(slider.value)));
  return h(
    "div",
    { class: "control" },
    label("label", name, {}, { for: `c-${name}` }),
    number,
    slider,
    label("small", `${name}_more`, {}, { id: `d-${name}` }),
  );
}
