// A conversation as the part of an address after '#', which no server sees.

const NAMES = { q: "question", from: "from", to: "to", press: "press", section: "section", mode: "mode" };
const MODES = ["timeline", "answer"];

/** As many questions an address keeps, the last ones. */
export const MAX_TURNS = 6;

/** [{question, from, to, press, section, mode}, …] as "#q=…&q=…"; what is empty is left out. */
export function toHash(turns) {
  const given = turns.slice(-MAX_TURNS).flatMap((asked) =>
    Object.entries(NAMES).filter(([, field]) => asked[field]).map(([name, field]) => [name, asked[field]]));
  return `#${new URLSearchParams(given)}`;
}

/** The same back. Conditions belong to the question before them; blank questions are left out. */
export function fromHash(hash) {
  const turns = [blank()];
  for (const [name, value] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (name === "q" && turns.at(-1).question) turns.push(blank());
    if (NAMES[name]) turns.at(-1)[NAMES[name]] = value;
  }
  return turns.filter(({ question }) => question.trim()).map(known).slice(-MAX_TURNS);
}

function blank() {
  return Object.fromEntries(Object.values(NAMES).map((field) => [field, ""]));
}

function known(asked) {
  return { ...asked, mode: MODES.includes(asked.mode) ? asked.mode : "" };
}

/** A question as the body of POST /v1/ask; `conversation` is what was said before it. */
export function toRequest({ question, from, to, press, section, mode }, conversation = []) {
  const filters = {};
  if (from) filters.published_from = from;
  if (to) filters.published_to = to;
  if (press) filters.press = [press];
  if (section) filters.section = [section];
  const request = { question: question.trim(), filters };
  if (conversation.length) request.conversation = conversation;
  if (mode) request.mode = mode;
  return request;
}
