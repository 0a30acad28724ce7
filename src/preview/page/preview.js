// The live page: what is chosen stands in the address, and is asked for again whenever a file has changed.

import { address, details, frames, lookSwitch, problems, usualLooks } from "./face.js";
import { tile } from "./gallery.js";
import { make } from "./text.js";

const STORED = "herald-preview:looks";
const main = document.getElementById("main");
const form = document.getElementById("choice");
const looks = remembered();
let index = null;
/** What the page shows now, as text: what has not changed is left alone. */
let drawn = new Map();
let shown = null;
let asked = 0;

function remembered() {
  try {
    return { ...usualLooks(), ...JSON.parse(localStorage.getItem(STORED)) };
  } catch {
    return usualLooks();
  }
}

function remember() {
  try {
    localStorage.setItem(STORED, JSON.stringify(looks));
  } catch {
    // Private windows forget; nothing depends on it.
  }
}

function chosen() {
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}

function choose(change) {
  location.hash = address({ ...chosen(), ...change });
}

async function told(path) {
  const response = await fetch(path);
  return response.json();
}

// ---- one card ----

async function refresh() {
  const choice = chosen();
  asked += 1;
  const turn = asked;
  try {
    index = await told("preview/index");
    if (!choice.rule && !choice.template) {
      if (turn === asked) gallery();
      return;
    }
    const query = new URLSearchParams(choice);
    const answer = await told(`preview/card?${query}`);
    if (turn === asked) show(choice, answer);
  } catch (error) {
    console.warn(error);
    status("Not connected: is `herald preview` still running?", false);
  }
}

function show(choice, answer) {
  form.hidden = false;
  let sheet = main.querySelector(".sheet");
  if (!sheet) {
    drawn = new Map();
    sheet = make("div", { className: "sheet" }, make("div", { className: "frames" }), make("div", { className: "beside" }));
    main.replaceChildren(make("div", { className: "wrong" }), sheet);
  }
  // Nothing can be shown of this now: whatever was there stays, unless it is of something else.
  const same = shown && shown.subject.name === (choice.rule ?? choice.template);
  if (answer.error) {
    const words = same ? `${sentence(answer.error)} The card below is the last one that worked.` : sentence(answer.error);
    put(main.querySelector(".wrong"), "wrong", [words, answer.problems], () => problems(answer.problems, words));
    if (!same) {
      shown = null;
      put(sheet.querySelector(".frames"), "frames", null, () => []);
      put(sheet.querySelector(".beside"), "beside", null, () => []);
    }
    selects(choice, same ? shown : null);
    return;
  }
  shown = answer;
  document.title = `${shown.subject.name} – Herald preview`;
  selects(choice, shown);
  put(main.querySelector(".wrong"), "wrong", shown.problems, () => problems(shown.problems));
  put(sheet.querySelector(".frames"), "frames", [shown.card, shown.text, looks], () => frames(shown, looks));
  const { card, version, problems: _, ...rest } = shown;
  put(sheet.querySelector(".beside"), "beside", [rest, card], () => {
    const open = [...sheet.querySelectorAll(".beside details")].map((one) => one.open);
    const element = details(shown);
    element.querySelectorAll("details").forEach((one, place) => {
      one.open = open[place] === true;
    });
    return [element];
  });
}

/** Draws a part of the page anew if what it shows has changed. */
function put(element, name, what, draw) {
  const text = JSON.stringify(what);
  if (drawn.get(name) === text) return;
  drawn.set(name, text);
  element.replaceChildren(...draw().filter((one) => one));
}

function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? "" : "."}`;
}

// ---- choosing ----

function selects(choice, now) {
  const current = choice.rule ? `rule:${choice.rule}` : `template:${choice.template}`;
  const named = (kind) => (name) => [`${kind}:${name}`, name];
  const known = [...index.rules.map((rule) => `rule:${rule.name}`), ...index.templates.map((name) => `template:${name}`)];
  fill("subject", current, [
    ["", known.includes(current) ? [] : [[current, choice.rule ?? choice.template]]],
    ["Rules", index.rules.map((rule) => rule.name).map(named("rule"))],
    ["Templates", index.templates.map(named("template"))],
  ]);
  const same = (name) => [name, name.replace(/^samples\//, "")];
  const fitting = now?.fitting ?? [];
  fill("sample", now?.sample ?? "", [
    ["", fitting.length ? [] : [["", "none"]]],
    ["Of this rule", fitting.map(same)],
    ["Others", index.samples.filter((name) => !fitting.includes(name)).map(same)],
  ]);
  const seats = now?.seats ?? [];
  const seat = (one) => [one.key, one.label];
  fill("recipient", now?.recipient ?? "", [
    ["Told", seats.filter((one) => one.told).map(seat)],
    ["Others", seats.filter((one) => !one.told).map(seat)],
  ]);
  const zone = document.getElementById("zone");
  if (document.activeElement !== zone) zone.value = choice.zone ?? "";
  zone.placeholder = now ? now.time_zone : "the recipient's";
}

function fill(id, value, groups) {
  const select = document.getElementById(id);
  const text = JSON.stringify(groups);
  if (drawn.get(id) !== text || select.options.length === 0) {
    drawn.set(id, text);
    const option = ([key, label]) => make("option", { value: key }, label);
    select.replaceChildren(...groups.filter(([, options]) => options.length).flatMap(([label, options]) =>
      label ? [make("optgroup", { label }, ...options.map(option))] : options.map(option)));
  }
  select.value = value;
}

document.getElementById("subject").addEventListener("change", (event) => {
  const [kind, ...name] = event.target.value.split(":");
  location.hash = address({ [kind]: name.join(":"), zone: chosen().zone });
});
for (const id of ["sample", "recipient", "zone"]) {
  document.getElementById(id).addEventListener("change", (event) => choose({ [id]: event.target.value.trim() }));
}
form.addEventListener("submit", (event) => event.preventDefault());
document.getElementById("zones").append(...(Intl.supportedValuesOf?.("timeZone") ?? []).map((zone) => make("option", { value: zone })));

// ---- all of them ----

const near = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((one) => one.isIntersecting)) {
    near.unobserve(entry.target);
    load(entry.target);
  }
}, { rootMargin: "400px" });

/** What is known of the rules that were near enough to be asked for. */
const answers = new WeakMap();

function drawTile(element) {
  const answer = answers.get(element);
  if (!answer) return;
  put(element, element, [{ ...answer, version: 0 }, looks], () => answer.error
    ? [make("h2", {}, element.dataset.rule), make("p", { className: "note" }, sentence(answer.error))]
    : tile(answer, looks, true));
}

async function load(element) {
  try {
    const answer = await told(`preview/card?rule=${encodeURIComponent(element.dataset.rule)}`);
    answers.set(element, answer);
    drawTile(element);
  } catch (error) {
    console.warn(error);
  }
}

function gallery() {
  form.hidden = true;
  document.title = "Herald preview";
  shown = null;
  if (!main.querySelector(".tiles")) {
    drawn = new Map();
    const filter = make("input", { type: "search", placeholder: "Find a rule", "aria-label": "Find a rule", className: "filter" });
    filter.addEventListener("input", tiles);
    main.replaceChildren(make("div", { className: "wrong" }), filter, make("div", { className: "tiles" }));
  }
  put(main.querySelector(".wrong"), "wrong", index.problems, () => problems(index.problems));
  tiles();
}

function tiles() {
  const box = main.querySelector(".tiles");
  const words = main.querySelector(".filter").value.toLowerCase().split(/\s+/);
  const wanted = index.rules.filter((rule) => words.every((word) => `${rule.name} ${rule.description ?? ""}`.toLowerCase().includes(word)));
  const there = new Map([...box.querySelectorAll("article")].map((one) => [one.dataset.rule, one]));
  const items = wanted.map(({ name }) => there.get(name) ?? make("article", { className: "tile", "data-rule": name }, make("h2", {}, name)));
  const broken = index.broken.map((file) => make("article", { className: "tile" }, make("h2", {}, file), make("p", { className: "note" }, "This file is broken; see above.")));
  const none = items.length + broken.length ? [] : [make("p", { className: "note" }, index.rules.length
    ? "No rule is called so."
    : "There are no rules in this workspace yet. Save one as rules/NAME.yaml and it appears here.")];
  box.replaceChildren(...items, ...broken, ...none);
  near.disconnect();
  for (const item of items) {
    drawTile(item);
    near.observe(item);
  }
}

// ---- live ----

function live() {
  const events = new EventSource("preview/events");
  events.addEventListener("open", () => status("Live", true));
  events.addEventListener("changed", refresh);
  events.addEventListener("error", () => {
    status("Not connected: is `herald preview` still running?", false);
    if (events.readyState === EventSource.CLOSED) setTimeout(live, 2000);
  });
}

function status(text, on) {
  const element = document.getElementById("live");
  element.textContent = text;
  element.classList.toggle("on", on);
}

function relook() {
  remember();
  document.documentElement.dataset.theme = looks.theme === "dark" ? "dark" : "light";
  if (shown) put(main.querySelector(".frames"), "frames", [shown.card, shown.text, looks], () => frames(shown, looks));
  else if (main.querySelector(".tiles")) tiles();
}

document.getElementById("looks").append(...lookSwitch(looks, relook));
document.documentElement.dataset.theme = looks.theme === "dark" ? "dark" : "light";
addEventListener("hashchange", refresh);
document.getElementById("home").addEventListener("click", (event) => {
  event.preventDefault();
  location.hash = "";
});
live();
