// A question file: read by the server, kept here, taken by the question-file view and by the arena.
import { house } from "./settings.js";
import { Fault, once } from "./wire.js";

/** The file at hand: `{name, questions: [{question, answer?, key?, …}]}`, or null. */
export let sheet = null;

const listeners = new Set();

export const onSheet = (listener) => listeners.add(listener);

export function putSheet(other) {
  sheet = other;
  for (const listener of listeners) listener();
}

/** Let the server read a file of any known format. Throws Fault for one that holds no questions. */
export async function readSheet(file) {
  if (file.size > house.most_bytes) throw new Fault("file_too_big", "", { n: `${house.most_bytes / 1000} kB` });
  const bytes = new Uint8Array(await file.arrayBuffer());
  let binary = "";
  for (let at = 0; at < bytes.length; at += 32768) binary += String.fromCharCode(...bytes.subarray(at, at + 32768));
  const read = await once("read_file", { name: file.name, data: btoa(binary) });
  putSheet({ name: file.name, questions: read.questions });
}
