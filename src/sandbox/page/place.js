// Conversations as the page knows them, and small things that several parts show.

import { inline, make } from "./text.js";

const STORED = "teams-in-a-box:";

/** A conversation with what depends on its team. */
export function place(one, team) {
  return {
    id: one.id,
    kind: one.kind,
    name: one.name,
    team,
    about: one.about ?? null,
    person: one.person ?? null,
    blocked: one.blocked === true,
    installed: team ? team.installed : one.installed,
    archived: team ? team.archived : false,
    members: team ? team.members : one.members,
    people: team ? team.people : one.members.length,
    messages: one.messages,
  };
}

/** What the page remembers in this browser. */
export function remembered(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(STORED + name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Remembers it, where the browser allows that. */
export function remember(name, value) {
  try {
    localStorage.setItem(STORED + name, JSON.stringify(value));
  } catch {
    // Private windows forget; nothing depends on it.
  }
}

/** An icon of the page's sprite. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#${name}`);
  svg.append(use);
  return svg;
}

/** A coloured disc with initials; the bot has its sign. */
export function avatar(name, kind = "person") {
  const element = make("span", { className: `avatar ${kind}`, "aria-hidden": "true" });
  if (kind === "bot") {
    element.append(icon("herald"));
    return element;
  }
  let hue = 7;
  for (const letter of name) hue = (hue * 31 + letter.codePointAt(0)) % 360;
  element.style.setProperty("--hue", String(hue));
  const words = name.replace(/\(.*?\)/g, "").trim().split(/\s+/).filter((word) => word);
  const initials = words.length > 1 ? [words[0], words.at(-1)] : words;
  element.textContent = initials.map((word) => [...word][0]).join("").toUpperCase();
  return element;
}

/** The hour of today, else the day. */
export function moment(at) {
  const date = new Date(at);
  const today = new Date().toDateString() === date.toDateString();
  const text = today
    ? date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })
    : date.toLocaleDateString([], { day: "numeric", month: "short" });
  return make("time", { dateTime: date.toISOString(), title: date.toLocaleString() }, text);
}

/** A message in a few plain words. */
export function gist(message) {
  const activity = message.activity;
  const card = activity.attachments?.[0]?.content;
  const source = activity.summary || activity.text || firstText(card, 0) || "Card";
  const plain = String(source).replace(/<at>(.*?)<\/at>/g, "@$1").slice(0, 160);
  const text = make("span", {}, ...inline(plain)).textContent;
  return text.replace(/\s+/g, " ").trim();
}

function firstText(value, depth) {
  if (!value || typeof value !== "object" || depth > 12) return "";
  if (value.type === "TextBlock" && typeof value.text === "string" && value.text.trim()) return value.text;
  for (const child of Array.isArray(value) ? value : [value.body, value.items, value.columns]) {
    const found = firstText(child, depth + 1);
    if (found) return found;
  }
  return "";
}
