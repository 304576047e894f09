// Where the cited words are. The API counts Unicode code points, strings here are UTF-16.

/** body[start:end] in code points. */
export function slice(text, start, end) {
  return Array.from(text).slice(start, end).join("");
}

/**
 * The span of the quote in the article as it is now: the cited offsets if they still hold the quote,
 * else where it moved to, else null (the article was changed).
 */
export function locate(body, { text, start, end }) {
  if (slice(body, start, end) === text) return { start, end };
  const at = body.indexOf(text);
  if (at < 0) return null;
  const moved = Array.from(body.slice(0, at)).length;
  return { start: moved, end: moved + Array.from(text).length };
}

/** A paragraph cut into [{text, cited}] at the borders of the spans, which are in order. */
export function parts(paragraph, spans) {
  const length = paragraph.end - paragraph.start;
  const clip = (offset) => Math.min(Math.max(offset - paragraph.start, 0), length);
  const borders = spans.flatMap(({ start, end }) => [clip(start), clip(end)]);
  return [0, ...borders].map((from, n) => [from, [...borders, length][n], n % 2 === 1])
    .filter(([first, last]) => first < last)
    .map(([first, last, cited]) => ({ text: slice(paragraph.text, first, last), cited }));
}

/** The cited words of an article: for each quote, its parts, of which those that answer are `cited`. */
export function marked({ quotes, start = 0, answer_spans: spans = [] }) {
  const answering = spans.map((span) => ({ start: start + span.start, end: start + span.end }));
  return quotes.map((words) => parts(words, answering));
}

/** A paragraph cut into its sentences, each {text, start, end} with the blanks behind it; whole where that can't be told. */
export function sentencesOf({ text, start }) {
  if (!Intl.Segmenter) return [{ text, start, end: start + Array.from(text).length }];
  let at = start;
  return [...new Intl.Segmenter("ko", { granularity: "sentence" }).segment(text)].map(({ segment }) => {
    const from = at;
    at += Array.from(segment).length;
    return { text: segment, start: from, end: at };
  });
}

/** What of the quotes, each {text, start, end}, lies outside spans that were read already: pieces of the same kind. */
export function unread(quotes, read) {
  return quotes.flatMap((quote) => {
    let free = [quote];
    for (const { start, end } of read) {
      free = free.flatMap((piece) => [
        { start: piece.start, end: Math.min(piece.end, start) }, { start: Math.max(piece.start, end), end: piece.end },
      ]).filter((piece) => piece.start < piece.end);
    }
    return free.map((piece) => ({ ...piece, text: slice(quote.text, piece.start - quote.start, piece.end - quote.start) }));
  }).filter(({ text }) => text.trim());
}
