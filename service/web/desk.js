// The desk's page: what readers rated down and what could not be answered, by topic.

import { get, key } from "./events.js";

const $ = (selector) => document.querySelector(selector);
const STATUS = {
  related: "가까운 기사만 있음",
  no_evidence: "기사에 없음",
  out_of_coverage: "그 기간의 기사 없음",
  no_match: "조건에 맞는 기사 없음",
};
const ASKS_FOR_KEY = new Set(["key_unknown", "not_allowed"]);
let latest = 0; // of several requests under way only the last is shown

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

const count = (number) => number.toLocaleString("ko");

function missed({ question, status, rated_down, times, comment, nearest }) {
  const row = element("li", "", question);
  const facts = [rated_down ? "독자가 낮게 평가함" : STATUS[status], times > 1 && `${count(times)}번`];
  row.append(element("p", "note", facts.filter(Boolean).join(" · ")));
  if (comment) row.append(element("p", "note", `독자의 말: ${comment}`));
  for (const { title, press } of nearest) {
    row.append(element("p", "note", `가까운 기사: ${[press, title].filter(Boolean).join(", ")}`));
  }
  return row;
}

function topic({ label, times, questions }) {
  const row = element("li", "topic");
  const title = element("h3", "", `${label} `);
  title.append(element("span", "note", `${count(times)}번`));
  const list = element("ul", "");
  list.append(...questions.map(missed));
  row.append(title, list);
  return row;
}

async function show() {
  const mine = ++latest;
  $("#status").textContent = "불러오는 중입니다.";
  try {
    const desk = await get(`v1/desk?days=${$("#period").elements.days.value}`);
    if (mine !== latest) return;
    $("#status").textContent = desk.topics.length
      ? `낮게 평가된 답 ${count(desk.rated_down)}건, 답하지 못한 질문 ${count(desk.unanswered)}건`
      : "이 기간에는 아무것도 없습니다.";
    $("#hint").hidden = desk.keeps_unanswered;
    $("#topics").replaceChildren(...desk.topics.map(topic));
  } catch (error) {
    if (mine !== latest) return;
    $("#status").textContent = error.code ? error.message : "연결하지 못했습니다. 잠시 뒤 다시 시도해 주세요.";
    $("#topics").replaceChildren();
    if (ASKS_FOR_KEY.has(error.code)) $("#key").showModal();
  }
}

$("#period").addEventListener("change", show);
$("#period").addEventListener("submit", (event) => event.preventDefault());
$("#key form").addEventListener("submit", () => {
  key.set($("#key-value").value);
  $("#key-value").value = "";
  show();
});
show();
