// A card as recipients see it, and what its author should know about it.

import { renderCard } from "./card.js";
import { make, markdown } from "./text.js";

/** How cards can be looked at: `[name, choices]`, each choice `[value, label]`. The first is the usual one. */
const LOOKS = [
  ["width", [["both", "Side by side"], ["desktop", "Desktop"], ["phone", "Phone"]]],
  ["theme", [["light", "Light"], ["dark", "Dark"], ["both", "Both"]]],
];
// More than this is no help to look at.
const LONGEST_JSON = 40_000;

/** Where the page keeps how cards are looked at. `changed(looks)` is called when the visitor chooses. */
export function lookSwitch(looks, changed) {
  return LOOKS.map(([name, choices]) => {
    const group = make("div", { className: "switch", role: "radiogroup", "aria-label": name === "theme" ? "Light or dark" : "Width" });
    for (const [value, label] of choices) {
      const input = make("input", { type: "radio", name, value, checked: looks[name] === value });
      input.addEventListener("change", () => {
        looks[name] = value;
        changed(looks);
      });
      group.append(make("label", {}, input, make("span", {}, label)));
    }
    return group;
  });
}

export function usualLooks() {
  return Object.fromEntries(LOOKS.map(([name, choices]) => [name, choices[0][0]]));
}

/** The message in each of the chosen widths and themes. */
export function frames(shown, looks) {
  const themes = looks.theme === "both" ? ["light", "dark"] : [looks.theme];
  const widths = looks.width === "both" ? ["desktop", "phone"] : [looks.width];
  return themes.flatMap((theme) => widths.map((width) => frame(shown, theme, width)));
}

function frame(shown, theme, width) {
  const element = make("section", {
    className: `frame ${width}`, "data-theme": theme, "aria-label": `${width === "phone" ? "Phone" : "Desktop"}, ${theme}`,
  });
  const outcome = make("p", { className: "outcome", role: "status", hidden: true });
  const press = (action, inputs) => {
    outcome.hidden = false;
    outcome.textContent = `Here nothing is sent. In Teams this button would send ${JSON.stringify({ ...object(action.data), ...inputs })}.`;
  };
  const content = shown.card ? renderCard(shown.card, press) : make("div", { className: "bubble" }, ...markdown(shown.text ?? ""));
  element.append(
    make("span", { className: "avatar", "aria-hidden": "true" }, "H"),
    make("p", { className: "by" }, make("strong", {}, "Herald"), " now"),
    make("div", { className: "content" }, content, outcome),
  );
  return element;
}

function object(value) {
  return value && typeof value === "object" && !Array.isArray(value) ? value : {};
}

/** What is wrong in the files, as `herald check` draws it; `sentence` says what cannot be shown because of it. */
export function problems(found, sentence) {
  const parts = [];
  if (found?.drawn || sentence) {
    const broken = sentence || found.errors > 0;
    const title = sentence ?? (broken ? "This cannot be used as it is. The card below is the last one that worked." : "Worth a look:");
    parts.push(make("section", { className: broken ? "problems broken" : "problems", role: "status" },
      make("h2", {}, title), found?.drawn ? make("pre", { tabIndex: 0 }, found.drawn.trimEnd()) : null));
  }
  if (found?.errors_elsewhere) {
    const many = found.errors_elsewhere > 1;
    parts.push(make("details", { className: "problems elsewhere" },
      make("summary", {}, `${found.errors_elsewhere} error${many ? "s" : ""} in other files of this workspace`),
      make("pre", { tabIndex: 0 }, found.drawn_elsewhere.trimEnd())));
  }
  return parts;
}

/** Beside the card: its size, what is missing, why it would be sent, and to whom. */
export function details(shown) {
  const parts = [];
  if (shown.note) parts.push(make("p", { className: "note" }, shown.note));
  parts.push(verdict(shown), notice(shown), size(shown), warnings(shown), told(shown));
  if (shown.used_by.length) {
    parts.push(part("Used by", list(shown.used_by.map((name) => make("a", { href: address({ rule: name }) }, name)))));
  }
  parts.push(json("The event", shown.event), json(shown.card ? "The card's JSON" : "The message", shown.card ?? shown.text));
  return make("aside", { className: "details" }, ...parts.filter((one) => one));
}

/** Where the page shows this. */
export function address(choice) {
  return `#${new URLSearchParams(Object.entries(choice).filter(([, value]) => value))}`;
}

function part(title, ...content) {
  return make("section", {}, make("h3", {}, title), ...content);
}

function list(items) {
  return make("ul", {}, ...items.map((item) => make("li", {}, item)));
}

function verdict(shown) {
  if (shown.subject.kind === "template") return null;
  const sent = shown.holds && shown.told.some((one) => !one.nobody);
  const sentence = !shown.holds ? "This event would not be sent: a line does not hold."
    : sent ? "This event would be sent." : "This event would reach nobody.";
  const badge = make("p", { className: sent ? "verdict yes" : "verdict no" }, sentence);
  return part("If", badge, shown.lines.length ? lines(shown.lines) : make("p", { className: "quiet" }, "There is no condition."));
}

function lines(all) {
  return make("ul", { className: "lines" }, ...all.map((line) => {
    const facts = line.holds ? null : make("span", { className: "why" }, `found ${line.actual}${line.note ? `; ${line.note}` : ""}`);
    return make("li", { className: line.holds ? "yes" : "no" },
      make("span", { className: "mark", "aria-label": line.holds ? "holds" : "does not hold" }, line.holds ? "✓" : "✗"),
      make("code", {}, line.written), facts, line.lines?.length ? lines(line.lines) : null);
  }));
}

/** What a phone shows before anybody opens the message. */
function notice(shown) {
  const marks = [shown.importance ? `importance ${shown.importance}` : null, shown.alert ? "also in the activity feed" : null].filter((one) => one);
  return part("Notification", make("p", {}, shown.summary), marks.length ? make("p", { className: "quiet" }, marks.join(", ")) : null);
}

function size(shown) {
  const kilo = (bytes) => (bytes / 1000).toFixed(1);
  const over = shown.size > shown.portable;
  const text = over
    ? `${kilo(shown.size)} KB: more than the ${kilo(shown.portable)} KB that every way into Teams takes. A bot may send up to ${kilo(shown.most)} KB.`
    : `${kilo(shown.size)} of ${kilo(shown.portable)} KB`;
  const meter = make("meter", { min: 0, max: shown.portable, high: shown.portable * 0.8, value: shown.size, "aria-label": "Size" });
  return part("Size", meter, make("p", { className: over ? "size over" : "size" }, text));
}

function warnings(shown) {
  if (!shown.warnings.length) return null;
  const element = part("Not as meant", list(shown.warnings.map((text) => words(text))));
  element.classList.add("warnings");
  return element;
}

/** A sentence with its `names` set as code. */
function words(text) {
  const parts = text.split("`").map((one, index) => (index % 2 ? make("code", {}, one) : one));
  return make("span", {}, ...parts);
}

function told(shown) {
  if (shown.subject.kind === "template") return null;
  const row = (one) => {
    const means = one.written.endsWith(one.means) ? null : make("span", { className: "quiet" }, one.means);
    const mentions = one.mentions.length ? make("span", { className: "quiet" }, `mentions ${one.mentions.join(", ")}`) : null;
    return make("span", { className: one.nobody ? "nobody" : "somebody" }, make("strong", {}, one.written), means, mentions);
  };
  const rows = shown.told.length ? list(shown.told.map(row)) : make("p", { className: "quiet" }, "Nobody.");
  const spared = shown.except.length ? [make("p", { className: "quiet" }, "But not"), list(shown.except.map(row))] : [];
  const limit = shown.limit ? [make("p", { className: "quiet" }, shown.limit)] : [];
  return part("Who is told", rows, ...spared, ...limit);
}

function json(title, value) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  const cut = text.length > LONGEST_JSON ? `${text.slice(0, LONGEST_JSON)}\n…` : text;
  return make("details", {}, make("summary", {}, title), make("pre", { tabIndex: 0 }, cut));
}
