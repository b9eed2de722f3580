// The table of wins: how often each contender was preferred, with the interval that so few votes allow.
import { $, h, label } from "./dom.js";
import { nameOf } from "./settings.js";

const percent = (share) => `${Math.round(100 * share)} %`;

export function drawStandings({ votes, file, contenders, pairs }) {
  const place = $("#wins");
  if (!votes) return place.replaceChildren(label("p", "no_votes", {}, { class: "soft" }));
  place.replaceChildren(
    h("div", { class: "table" }, h("table", { class: "wins" }, head(), h("tbody", {}, ...contenders.map(line)))),
    ...(pairs.length > 1 ? [label("h3", "pairs"), ...pairs.map(pair)] : pairs.map(pair)),
    label("p", "votes_are_in", { n: votes, file }, { class: "soft fine" }),
    label("p", "share_more", {}, { class: "soft fine" }),
  );
}

function head() {
  const names = ["contender", "won", "lost", "both_good", "both_bad", "share"];
  return h("thead", {}, h("tr", {}, ...names.map((name) => label("th", name, {}, { scope: "col" }))));
}

function line({ model, mode, won, lost, good, bad, share, low, high }) {
  const cells = [won, lost, good, bad].map((count) => h("td", { class: "count" }, String(count)));
  return h("tr", {}, h("th", { scope: "row" }, nameOf({ model, mode })), ...cells, h("td", { class: "share" }, ...shareOf(share, low, high)));
}

/** A share on a line from 0 to 1, its interval drawn under it. */
function shareOf(share, low, high) {
  if (share === null) return ["—"];
  const range = h("i", { class: "range" });
  const dot = h("i", { class: "dot" });
  Object.assign(range.style, { left: `${100 * low}%`, width: `${100 * (high - low)}%` });
  dot.style.left = `${100 * share}%`;
  return [h("span", { class: "figure" }, percent(share), h("small", {}, ` ${Math.round(100 * low)}–${Math.round(100 * high)}`)), h("span", { class: "scale", "aria-hidden": "true" }, range, dot)];
}

const both = (key, count) => (count ? [label("span", key), ` ${count} `] : []);

/** Two contenders against each other, as a bar of all votes on the pair. */
function pair({ one, other, one_won, other_won, good, bad }) {
  const bar = (kind, count) => {
    const part = h("i", { class: kind });
    part.style.flexGrow = count;
    return count ? part : "";
  };
  return h(
    "div",
    { class: "pair" },
    h("div", { class: "names" }, h("span", {}, nameOf(one), " ", h("b", {}, String(one_won))), h("span", { class: "soft" }, ...both("both_good", good), ...both("both_bad", bad)), h("span", {}, h("b", {}, String(other_won)), " ", nameOf(other))),
    h("div", { class: "bar", "aria-hidden": "true" }, bar("one", one_won), bar("good", good), bar("bad", bad), bar("other", other_won)),
  );
}
