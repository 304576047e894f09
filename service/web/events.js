// Reading the API's answers: server-sent events over fetch (EventSource can't POST), and problems.

/** An error reply (application/problem+json), or its like from a stream. */
export class Problem extends Error {
  constructor({ detail, code, status }, requestId = "") {
    super(detail);
    this.code = code;
    this.status = status;
    this.requestId = requestId;
  }
}

/** The events of a text/event-stream body as {name, data}, data parsed from JSON. */
export async function* serverSentEvents(body) {
  let pending = "";
  for await (const text of decoded(body)) {
    pending += text;
    const blocks = pending.split(/\r?\n\r?\n/); // a block ends with an empty line
    pending = blocks.pop();
    for (const block of blocks) {
      const event = parseBlock(block);
      if (event) yield event;
    }
  }
}

function parseBlock(block) {
  let name = "message";
  const data = [];
  for (const line of block.split(/\r?\n/)) {
    const [, field, value] = line.match(/^([^:]*):? ?(.*)$/);
    if (field === "event") name = value;
    if (field === "data") data.push(value);
  }
  return data.length ? { name, data: JSON.parse(data.join("\n")) } : null;
}

async function* decoded(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder(); // keeps the bytes of a character that a chunk cuts in two
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      yield decoder.decode(part.value, { stream: true });
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

const KEY = "gisa-key";
let lastKey = ""; // for browsers that keep nothing

/** The reader's API key, where the service asks for one. */
export const key = {
  get() {
    try {
      return localStorage.getItem(KEY) ?? "";
    } catch {
      return lastKey;
    }
  },
  set(value) {
    lastKey = value.trim();
    try {
      localStorage.setItem(KEY, lastKey);
    } catch { /* it lasts as long as the page */ }
  },
};

function headers(more) {
  return key.get() ? { ...more, Authorization: `Bearer ${key.get()}` } : more;
}

/** Ask; yields the events of the answer, the last of them `done`. Throws Problem. */
export async function* ask(question, signal) {
  const reply = await checked(fetch("v1/ask", {
    method: "POST",
    headers: headers({ "Content-Type": "application/json", Accept: "text/event-stream" }),
    body: JSON.stringify(question),
    signal,
  }));
  let last = null;
  try {
    for await (const event of serverSentEvents(reply.body)) {
      if (event.name === "error") throw new Problem(event.data, reply.headers.get("X-Request-ID"));
      yield event;
      last = event.name;
    }
  } catch (error) {
    if (error instanceof Problem || error.name === "AbortError") throw error;
    last = null; // the connection broke, or what came was no event
  }
  if (last !== "done") throw new Problem({ detail: "답이 도중에 끊겼습니다. 다시 물어 주세요." });
}

/** A JSON document of the API. Throws Problem. */
export async function get(path) {
  return parsed(await checked(fetch(path, { headers: headers({ Accept: "application/json" }) })));
}

/** The JSON reply to a JSON document; null if it is empty. Throws Problem. */
export async function post(path, document) {
  const reply = await checked(fetch(path, {
    method: "POST",
    headers: headers({ "Content-Type": "application/json", Accept: "application/json" }),
    body: JSON.stringify(document),
  }));
  return reply.status === 204 ? null : parsed(reply);
}

async function parsed(reply) {
  try {
    return await reply.json();
  } catch {
    throw new Problem({ detail: "서버의 답이 도중에 끊겼습니다. 다시 시도해 주세요." });
  }
}

/** What a reader is told of an error. Throws what is a fault of the page. */
export function explain(error) {
  if (error.name === "AbortError") return "멈추었습니다.";
  if (!(error instanceof Problem)) throw error;
  return error.status >= 500 ? `${error.message} (요청 번호 ${error.requestId})` : error.message;
}

async function checked(request) {
  let reply;
  try {
    reply = await request;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ detail: "서버에 연결하지 못했습니다. 잠시 뒤 다시 시도해 주세요." });
  }
  if (reply.ok) return reply;
  const told = await reply.json().catch(() => ({ detail: "서버가 요청을 처리하지 못했습니다." }));
  throw new Problem({ status: reply.status, ...told }, reply.headers.get("X-Request-ID"));
}
