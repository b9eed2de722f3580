// What this browser keeps: conversations, the one that is open, and how to answer. Nothing of it is on the server.
const TALKS = "shuoshu.talks";
const SETTINGS = "shuoshu.settings";
const MOST_TALKS = 60;
const MOST_TURNS = 60;

const memory = new Map(); // for a browser that keeps nothing

function read(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? otherwise;
  } catch {
    return memory.get(key) ?? otherwise;
  }
}

function write(key, value) {
  memory.set(key, value);
  try {
    localStorage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

/** All conversations, the newest first: `{id, at, turns: [{question, …}]}`. */
export function talks() {
  const kept = read(TALKS, []);
  return Array.isArray(kept) ? kept.filter((talk) => Array.isArray(talk?.turns)) : [];
}

/** Keep a conversation at the head of the list; where there is no room left, the oldest go. */
export function keep(talk) {
  const kept = { ...talk, at: Date.now(), turns: talk.turns.slice(-MOST_TURNS) };
  const all = [kept, ...talks().filter((other) => other.id !== talk.id)].slice(0, MOST_TALKS);
  while (!write(TALKS, all) && all.length > 1) all.pop();
}

/** Put a deleted conversation back where it was. */
export function restore(talk) {
  write(TALKS, [...talks(), talk].sort((one, other) => other.at - one.at));
}

/** Forget a conversation. */
export function drop(id) {
  write(TALKS, talks().filter((talk) => talk.id !== id));
}

export const newTalk = () => ({ id: crypto.randomUUID?.() ?? String(Math.random()), at: Date.now(), turns: [] });

/** The conversation open in this tab, so that a reload shows it again. */
export const opened = () => sessionStorage.getItem("shuoshu.open");
export const setOpened = (id) => sessionStorage.setItem("shuoshu.open", id);

export const settings = { model: "", mode: "", sampling: {}, ...read(SETTINGS, {}) };
export const keepSettings = () => write(SETTINGS, settings);
