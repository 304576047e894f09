// Answers and their sources in words: what is shown, and what is copied.

/** "해담일보 · 2026년 3월 2일 · 여운찬 기자 · 3쪽 · 일부만 수록" */
export function facts({ press, published_at: published, reporters = [], page, excerpt }) {
  const names = reporters.map((name) => `${name} 기자`);
  const extent = [page && `${page}쪽`, excerpt && "일부만 수록"].filter(Boolean);
  return [press ?? "언론사 모름", day(published) || "날짜 모름", ...names, ...extent].join(" · ");
}

/** "2026년 3월 2일" of an ISO date or moment; offsets are those of Seoul already. */
export function day(moment) {
  const [, year, month, date] = /^(\d{4})-(\d{2})-(\d{2})/.exec(moment ?? "") ?? [];
  return year ? `${year}년 ${Number(month)}월 ${Number(date)}일` : "";
}

/** "2026년 3월 2일부터 8일까지": what both ends share is said once. */
export function period({ from, to }) {
  if (!from || !to) return [from && `${day(from)}부터`, to && `${day(to)}까지`].filter(Boolean).join(" ");
  if (from === to) return day(from);
  const parts = (iso) => iso.split("-").map(Number);
  const [[y1, m1], [y2, m2, d2]] = [parts(from), parts(to)];
  const end = y1 !== y2 ? day(to) : m1 !== m2 ? `${m2}월 ${d2}일` : `${d2}일`;
  return `${day(from)}부터 ${end}까지`;
}

const SEARCHED = { preference: "우선해 찾았습니다", demand: "이 안에서 찾았습니다" };

/** How the question was understood, as a list of short phrases. */
export function understanding({ time_range: range, filters }) {
  const { press = [], section = [], reporters = [] } = filters ?? {};
  const names = [...press, ...section, ...reporters].join(", ");
  return [
    range && `‘${range.expression}’ → ${period(range)} · ${SEARCHED[range.role]}`,
    names && `${names} · ${SEARCHED[filters.role]}`,
  ].filter(Boolean);
}

/** The grade of a sentence in short: how it agrees with the words that it cites. */
export const GRADES = {
  quoted: "기사 그대로",
  supported: "기사와 일치",
  reworded: "표현이 다름",
  pending: "확인 중",
  withdrawn: "뺀 문장",
};
export const REWORDED = "기사와 표현이 다름";
export const SEE_THE_ARTICLE = "기사와 표현이 다릅니다. 원문을 보세요.";

/** What stands above the article's words below a sentence, by its grade. */
export const ORIGINALS = {
  quoted: "기사의 글",
  supported: "기사의 글",
  reworded: SEE_THE_ARTICLE,
  pending: "기사의 글과 같은지 확인하고 있습니다.",
  withdrawn: "기사의 글",
};

/** A sentence as text: the date of an event, its markers, and a mark where its wording was not judged. */
export function sentenceText({ text, citations, support, label }) {
  const mark = support === "reworded" ? ` (${REWORDED})` : "";
  const before = label ? `- ${label}: ` : "";
  return before + text + citations.map((number) => `[${number}]`).join("") + mark;
}

/** Sentences as text: the events of a course of events a line each. */
export function sentencesText(sentences) {
  return sentences.map((sentence) => (sentence.label ? "\n" : " ") + sentenceText(sentence)).join("").slice(1);
}

export const LEADS_TITLE = "가까운 기사";
export const NO_ANSWER = "답이 아니라, 찾아보실 만한 기사와 그 한 대목입니다.";

/** What a reader should know beside the answer itself. */
export function remarks({ dropped_sentences: dropped, fallback_from: failed, incomplete }) {
  return [
    dropped && `기사에서 근거를 찾지 못한 문장 ${dropped}개를 뺐습니다.`,
    failed && `${failed} 모델이 답하지 못해 기사 문장으로 답했습니다.`,
    incomplete && "답변 모델이 도중에 끊겨 답이 다 나오지 않았을 수 있습니다.",
  ].filter(Boolean);
}

/** The answer with its sources, or what stands in its place, as plain text to be pasted elsewhere. */
export function plainText(answer, link) {
  const answered = answer.status === "answered";
  const articles = answer.citations.map((citation) =>
    [`${answered ? `[${citation.number}]` : "-"} ${citation.title} (${facts(citation)})`,
      ...citation.quotes.map(({ text }) => `“${text}”`), citation.url]
      .filter(Boolean).join("\n    "));
  const heading = answered ? "출처" : `${LEADS_TITLE}: ${NO_ANSWER}`;
  const text = answered ? sentencesText(answer.sentences) : answer.text;
  const parts = [`${answer.question}\n\n${text}`];
  if (articles.length) parts.push(`${heading}\n${articles.join("\n")}`);
  return [...parts, link].join("\n\n");
}
