// A question with its conditions as the part of an address after '#', which no server sees.

const NAMES = { q: "question", from: "from", to: "to", press: "press", section: "section" };

/** {question, from, to, press, section} as "#q=…"; what is empty is left out. */
export function toHash(asked) {
  const given = Object.entries(NAMES).filter(([, field]) => asked[field]);
  return `#${new URLSearchParams(given.map(([name, field]) => [name, asked[field]]))}`;
}

/** The same back; null if there is no question in it. */
export function fromHash(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const asked = {};
  for (const [name, field] of Object.entries(NAMES)) asked[field] = given.get(name) ?? "";
  return asked.question.trim() ? asked : null;
}

/** The same as the body of POST /v1/ask. */
export function toRequest({ question, from, to, press, section }) {
  const filters = {};
  if (from) filters.published_from = from;
  if (to) filters.published_to = to;
  if (press) filters.press = [press];
  if (section) filters.section = [section];
  return { question: question.trim(), filters };
}
