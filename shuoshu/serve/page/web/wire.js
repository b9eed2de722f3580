// Calls to the server: a Gradio event is posted, then listened to. Leaving the stream ends the work there.
import { relabel } from "./dom.js";
import { hasLabel, t } from "./text.js";

const CALLS = new URL("gradio/gradio_api/call/", document.baseURI);

/** Why something could not be done: a code with a label of ours, or a sentence of the server. */
export class Fault extends Error {
  constructor(code, words = "", fill = {}) {
    super(words || code);
    Object.assign(this, { code, words, fill });
  }

  /** The sentence in the language of the page. */
  get sentence() {
    return told(this);
  }
}

/** The sentence of a fault, or of what was kept of one. */
export function told({ code, words, fill }) {
  const key = `fault_${code}`;
  return hasLabel(key) ? t(key, fill) : words || t("fault_crash");
}

/** Put the sentence of a fault, or of any other error, into an element, where it follows the language. */
export function tellIn(element, error) {
  const { code, words, fill = {} } = "code" in error && !(error instanceof DOMException) ? error : new Fault("offline");
  const key = `fault_${code}`;
  if (hasLabel(key)) return relabel(element, key, fill);
  delete element.dataset.t;
  element.textContent = words || t("fault_crash");
}

/** Yield what the server says to `name(request)`, piece by piece; throws Fault. Aborting `signal` ends it. */
export async function* call(name, request = {}, signal = undefined) {
  const posted = await send(new URL(name, CALLS), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ data: [request] }),
  });
  const { event_id: id } = await posted.json();
  const stream = await send(new URL(`${name}/${id}`, CALLS), { signal });
  for await (const { event, data } of events(stream.body)) {
    if (event === "error") throw new Fault("crash");
    if (event !== "generating" && event !== "complete") continue;
    const [said] = JSON.parse(data);
    if (said?.state === "failed") throw new Fault(said.code, said.fault, said.fill);
    if (said) yield said;
    if (event === "complete") return;
  }
  throw new Fault("offline"); // the stream broke off: the server has gone
}

/** The one thing the server says to `name(request)`. */
export async function once(name, request = {}) {
  let last = null;
  for await (const said of call(name, request)) last = said;
  return last;
}

async function send(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    throw error.name === "AbortError" ? error : new Fault("offline");
  }
  if (response.ok) return response;
  if (response.status === 401) location.reload(); // the server shows its form for the key
  throw new Fault(response.status === 429 || response.status === 503 ? "busy" : "crash");
}

/** The server-sent events of a stream: `event:` and `data:` lines, an empty line between two of them. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read().catch((error) => {
        throw error.name === "AbortError" ? error : new Fault("offline");
      });
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s).slice(0, 2)));
        if (fields.event) yield fields;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
