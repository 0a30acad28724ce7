// Teams in a box: the conversations on the left, one of them on the right, live.

import { renderList } from "./list.js";
import { Conversation } from "./conversation.js";
import { welcome } from "./welcome.js";
import { icon, place as shape, remembered, remember } from "./place.js";
import { make } from "./text.js";

const state = {
  bot: "Herald",
  hint: null,
  /** id -> a conversation with its messages; see place.js */
  places: new Map(),
  teams: [],
  /** everybody, for whom to add to a team */
  people: [],
  /** id -> the newest message that was read */
  read: remembered("read", {}),
  current: null,
};
let conversation = null;

// ---- the world ----

/** What arrives while the world is being read: the answer may have been written before it. */
let meanwhile = [];
/** The reading that goes on, and whether the world has changed since it was asked for. */
let reading = null;
let outdated = false;

/** Reads the world. One reading at a time, so that an older answer never replaces a newer one. */
function load() {
  outdated = reading !== null;
  reading ??= (async () => {
    try {
      do {
        outdated = false;
        meanwhile = [];
        await read();
      } while (outdated);
    } finally {
      reading = null;
    }
  })();
  return reading;
}

async function read() {
  const response = await fetch("page/world");
  if (!response.ok) throw new Error(`the sandbox answered ${response.status}`);
  const world = await response.json();
  state.bot = world.bot;
  state.hint = world.hint;
  state.teams = world.teams;
  state.people = world.people;
  state.places = new Map();
  for (const one of [...world.personal, ...world.groups]) state.places.set(one.id, shape(one, null));
  for (const team of world.teams.filter((one) => !one.deleted)) {
    for (const channel of team.channels.filter((one) => !one.deleted)) state.places.set(channel.id, shape(channel, team));
  }
  show();
  for (const again of meanwhile.splice(0)) again();
}

function arrived(message) {
  if (reading) meanwhile.push(() => arrived(message));
  const place = state.places.get(message.conversation);
  if (!place) {
    load().catch(offline);
    return;
  }
  const known = place.messages.findIndex((one) => one.id === message.id);
  const fresh = known < 0;
  if (fresh) place.messages.push(message);
  else place.messages[known] = message;
  // Whoever has not chosen a conversation yet is waiting for just this.
  if (fresh && state.current === null && message.from.kind === "bot" && !document.body.classList.contains("reading")) {
    location.hash = `#/${encodeURIComponent(place.id)}`;
    return;
  }
  if (place.id === state.current) {
    conversation?.put(message, fresh);
    markRead(place);
  }
  list();
}

function deleted({ conversation: id, id: message }) {
  if (reading) meanwhile.push(() => deleted({ conversation: id, id: message }));
  const place = state.places.get(id);
  if (!place) return;
  place.messages = place.messages.filter((one) => one.id !== message);
  if (id === state.current) conversation?.remove(message);
  list();
}

function markRead(place) {
  if (document.visibilityState !== "visible") return;
  const newest = place.messages.at(-1);
  if (newest && Number(newest.id) > Number(state.read[place.id] ?? 0)) {
    state.read[place.id] = newest.id;
    remember("read", state.read);
  }
}

// ---- showing ----

function chosen() {
  const match = /^#\/(.+)$/.exec(location.hash);
  if (!match) return null;
  try {
    const id = decodeURIComponent(match[1]);
    return state.places.has(id) ? id : null;
  } catch {
    return null;
  }
}

function show() {
  state.current = chosen();
  const main = document.getElementById("main");
  const place = state.current === null ? null : state.places.get(state.current);
  document.body.classList.toggle("reading", place !== null);
  if (place === null) {
    conversation = null;
    main.replaceChildren(welcome(state));
  } else if (conversation && conversation.place.id === place.id) {
    conversation.refresh(place);
  } else {
    conversation = new Conversation(main, place, state, { act, toast });
  }
  if (place) markRead(place);
  list();
}

function list() {
  const unread = renderList(document.getElementById("list"), state, act);
  document.title = unread ? `(${unread}) Teams in a box` : "Teams in a box";
}

// ---- doing ----

/** Tells the sandbox what the visitor does; resolves with the bot's answer, or null after saying what went wrong. */
async function act(what) {
  try {
    const response = await fetch("page/act", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(what),
    });
    const answer = await response.json();
    if (response.ok) return answer;
    toast(answer.error ?? `The sandbox answered ${response.status}.`);
  } catch {
    toast("The sandbox does not answer. Is Herald still running?");
  }
  return null;
}

function toast(text) {
  const element = make("div", { className: "toast" }, text);
  document.getElementById("toasts").append(element);
  setTimeout(() => element.remove(), 7000);
}

// ---- live ----

function live() {
  const events = new EventSource("page/events");
  // Listening first and reading then: what arrives in between is in both and counts once.
  events.addEventListener("open", () => {
    load().then(() => status("Live", true)).catch(offline);
  });
  events.addEventListener("error", () => {
    offline();
    if (events.readyState === EventSource.CLOSED) setTimeout(live, 2000);
  });
  events.addEventListener("message", (event) => arrived(JSON.parse(event.data)));
  events.addEventListener("deleted", (event) => deleted(JSON.parse(event.data)));
  events.addEventListener("world", () => load().catch(offline));
}

function offline() {
  status("Not connected: is Herald running?", false);
}

function status(text, on) {
  const element = document.getElementById("live");
  element.textContent = text;
  element.classList.toggle("on", on);
}

// ---- light and dark ----

const dark = matchMedia("(prefers-color-scheme: dark)");
function theme() {
  const wanted = remembered("theme", null);
  document.documentElement.dataset.theme = wanted ?? (dark.matches ? "dark" : "light");
}
dark.addEventListener("change", theme);
document.getElementById("theme-button").addEventListener("click", () => {
  remember("theme", document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  theme();
});

theme();
addEventListener("hashchange", () => {
  show();
  if (state.current !== null) document.getElementById("main").focus({ preventScroll: true });
});
document.addEventListener("visibilitychange", () => {
  const place = state.places.get(state.current);
  if (place) markRead(place);
  list();
});
document.getElementById("main").append(make("div", { className: "silence" }, icon("herald")));
live();
