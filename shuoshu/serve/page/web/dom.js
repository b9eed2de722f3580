// Elements, made without a line of HTML: whatever a person, a model or a book says can only become text.
import { t } from "./text.js";

const SVG = "http://www.w3.org/2000/svg";

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/** An element with properties (`on…` listeners, `data` attributes) and children; strings become text nodes. */
export function h(tag, { data = {}, ...properties } = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  Object.assign(element.dataset, data);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

/** An element with one of the page's own labels, which follows the language. */
export function label(tag, key, fill = {}, properties = {}) {
  const data = { t: key, ...(Object.keys(fill).length ? { fill: JSON.stringify(fill) } : {}), ...properties.data };
  return h(tag, { ...properties, data }, t(key, fill));
}

/** Give an element one of the page's labels, or another one. */
export function relabel(element, key, fill = {}) {
  element.dataset.t = key;
  element.dataset.fill = JSON.stringify(fill);
  element.textContent = t(key, fill);
}

/** An icon of the sprite in index.html; it says nothing to a screen reader. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/** A button that is only an icon; its label is read aloud and shown on hover. */
export function iconButton(name, key, onclick, properties = {}) {
  const data = { tLabel: key };
  return h("button", { type: "button", class: "icon", "aria-label": t(key), title: t(key), onclick, data, ...properties }, icon(name));
}

export function show(element, yes) {
  element.hidden = !yes;
}

let fading = 0;

/** A word at the bottom of the page that goes away by itself, with an action where there is one. */
export function toast(key, action = null) {
  const place = $("#toast");
  place.replaceChildren(label("span", key));
  if (action) {
    place.append(label("button", action.key, {}, { type: "button", class: "plain", onclick: () => (action.run(), (place.dataset.on = "")) }));
  }
  place.dataset.on = "yes";
  clearTimeout(fading);
  fading = setTimeout(() => (place.dataset.on = ""), action ? 6000 : 1800);
}

/** Let a text box grow with its text, and send on Enter; Enter that ends an input method's word sends nothing. */
export function growing(box, submit) {
  const fit = () => {
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, 200)}px`;
  };
  box.addEventListener("input", fit);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
      event.preventDefault();
      submit();
    }
  });
  return (text) => {
    box.value = text;
    fit();
  };
}
