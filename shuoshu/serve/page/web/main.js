// Where the page begins: the views and how to get from one to the other, day and night, the two languages.
import { drawArena, openArena } from "./arena.js";
import { closeRail, drawChat } from "./chat.js";
import { $, $$, h, show } from "./dom.js";
import { drawFile } from "./file.js";
import { closeReader, drawReader } from "./reader.js";
import { drawSettings, house } from "./settings.js";
import { putSheet } from "./sheet.js";
import { switchLanguage } from "./text.js";
import { Fault, once } from "./wire.js";

const VIEWS = ["ask", "arena", "file"];

function openView() {
  const wanted = location.hash.slice(1);
  const view = VIEWS.includes(wanted) ? wanted : "ask";
  for (const name of VIEWS) {
    show($(`#${name}`), name === view);
    $(`#tab-${name}`).setAttribute("aria-selected", String(name === view));
    $(`#tab-${name}`).tabIndex = name === view ? 0 : -1;
  }
  document.body.dataset.view = view;
  closeReader();
  if (view === "arena" && house.models.length) openArena();
}

function drawFrame() {
  for (const tab of $$("#tabs [role=tab]")) tab.addEventListener("click", () => (location.hash = tab.id.slice(4)));
  $("#tabs").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = VIEWS.indexOf(document.body.dataset.view);
    const next = VIEWS.at((at + step) % VIEWS.length);
    location.hash = next;
    $(`#tab-${next}`).focus();
  });
  addEventListener("hashchange", openView);
  $("#open-rail").addEventListener("click", () => {
    document.body.dataset.rail = "open";
    $("#open-rail").setAttribute("aria-expanded", "true");
    $("#close-rail").focus();
  });
  $("#close-rail").addEventListener("click", closeRail);
  $("#stage").addEventListener("click", (event) => !event.target.closest("#open-rail") && closeRail());
  $("#language").addEventListener("click", switchLanguage);
  $("#theme").addEventListener("click", () => {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    localStorage.setItem("shuoshu.theme", theme);
    dispatchEvent(new Event("shuoshu-theme"));
  });
}

async function begin() {
  drawFrame();
  openView();
  try {
    Object.assign(house, await once("about"));
  } catch (error) {
    const sentence = error instanceof Fault ? error.sentence : String(error);
    $("#talk").replaceChildren(h("p", { class: "fault", role: "alert" }, sentence));
    return;
  }
  drawSettings();
  drawReader();
  drawChat();
  drawArena();
  drawFile();
  if (house.review) putSheet(house.review);
  openView();
  document.body.dataset.ready = "yes";
}

begin();
