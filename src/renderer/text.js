// Text as Teams shows it in cards: bold, italic, links, lists and mentions. Everything becomes nodes made by
// createElement and text nodes: nothing that a message says is ever read as HTML.

const LINKS = new Set(["https:", "http:", "mailto:", "tel:", "msteams:"]);
const PICTURES = new Set(["https:", "http:"]);
// How far the end of a bold, italic or link is looked for: texts of hostile size must not cost quadratic time.
const REACH = 2000;
const DEPTH = 6;
const PUNCTUATION = /[!-/:-@[-`{-~]/;

/** An element with properties, attributes (`aria-*`, `data-*`, `role`) and children. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** The address if a click may go there, else null. */
export function safeLink(address) {
  return withScheme(address, LINKS);
}

let picturesFromElsewhere = true;

/** From now on nobody is asked for a picture: only those that stand in a card as data are shown. */
export function onlyOwnPictures() {
  picturesFromElsewhere = false;
}

/** The address if a picture may come from there, else null. */
export function safePicture(address) {
  if (typeof address === "string" && /^data:image\/(png|jpeg|gif|svg\+xml|webp)[;,]/i.test(address)) return address;
  return picturesFromElsewhere ? withScheme(address, PICTURES) : null;
}

function withScheme(address, schemes) {
  if (typeof address !== "string") return null;
  try {
    const url = new URL(address.trim());
    return schemes.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** A link that leaves the page, or plain text when its address is not allowed. */
export function link(address, ...children) {
  const href = safeLink(address);
  if (!href) return make("span", { className: "unsafe", title: "This address is not opened" }, ...children);
  return make("a", { href, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

const DATES = {
  SHORT: { weekday: "short", year: "numeric", month: "short", day: "numeric" },
  LONG: { weekday: "long", year: "numeric", month: "long", day: "numeric" },
};
const MOMENT = /\{\{(DATE|TIME)\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d))(?:, ?(COMPACT|SHORT|LONG))?\)\}\}/g;

/**
 * A text with its `{{DATE(...)}}` and `{{TIME(...)}}` in the card's language, else the reader's, and the reader's zone.
 * A date in figures is the reader's own in any case.
 */
export function dated(text, language) {
  return text.replace(MOMENT, (written, kind, instant, form) => {
    const date = new Date(instant);
    if (Number.isNaN(date.getTime())) return written;
    if (kind === "TIME") return date.toLocaleTimeString(language, { hour: "numeric", minute: "2-digit" });
    return Object.hasOwn(DATES, form ?? "") ? date.toLocaleDateString(language, DATES[form]) : date.toLocaleDateString();
  });
}

/** Markdown as Teams knows it, as block nodes. `mentions` are the texts (`<at>..</at>`) that entities announce. */
export function markdown(source, mentions = new Map()) {
  const blocks = [];
  let paragraph = [];
  let list = null;
  const endParagraph = () => {
    if (paragraph.length) blocks.push(make("p", {}, ...lines(paragraph, mentions)));
    paragraph = [];
  };
  for (const line of String(source).replace(/\r\n?/g, "\n").split("\n")) {
    const bullet = /^\s{0,8}[-*+]\s+(.+)$/.exec(line);
    const numbered = /^\s{0,8}(\d{1,9})[.)]\s+(.+)$/.exec(line);
    // Within a paragraph only a 1 begins a list: "in\n2026. Then" is a sentence.
    const number = numbered && paragraph.length && Number(numbered[1]) !== 1 ? null : numbered;
    if (bullet || number) {
      endParagraph();
      const tag = bullet ? "ul" : "ol";
      if (!list || list.localName !== tag) {
        list = make(tag, number ? { start: Number(number[1]) } : {});
        blocks.push(list);
      }
      list.append(make("li", {}, ...inline(bullet ? bullet[1] : number[2], mentions)));
      continue;
    }
    if (line.trim() === "") {
      endParagraph();
      list = null;
      continue;
    }
    list = null;
    paragraph.push(line);
  }
  endParagraph();
  return blocks;
}

function lines(texts, mentions) {
  const nodes = [];
  texts.forEach((text, index) => {
    if (index) nodes.push(make("br"));
    nodes.push(...inline(text, mentions));
  });
  return nodes;
}

/** One line of Markdown, as inline nodes. */
export function inline(source, mentions = new Map(), depth = 0) {
  const nodes = [];
  let plain = "";
  const flush = () => {
    if (plain) nodes.push(document.createTextNode(plain));
    plain = "";
  };
  let at = 0;
  while (at < source.length) {
    const found = depth < DEPTH && special(source, at, mentions, depth);
    if (found) {
      flush();
      nodes.push(found.node);
      at = found.end;
    } else if (source[at] === "\\" && PUNCTUATION.test(source[at + 1] ?? "")) {
      plain += source[at + 1];
      at += 2;
    } else {
      plain += source[at];
      at += 1;
    }
  }
  flush();
  return nodes;
}

function special(source, at, mentions, depth) {
  switch (source[at]) {
    case "&":
      return entityAt(source, at);
    case "*":
    case "_":
      return emphasis(source, at, mentions, depth);
    case "[":
      return linkAt(source, at, mentions, depth);
    case "<":
      return mentionAt(source, at, mentions);
    default:
      return null;
  }
}

const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0", ensp: "\u2002", emsp: "\u2003" };

function entityAt(source, at) {
  const match = /^&(?:(amp|lt|gt|quot|apos|nbsp|ensp|emsp)|#(\d{1,7})|#x([0-9a-f]{1,6}));/i.exec(source.slice(at, at + 12));
  if (!match) return null;
  const code = match[2] ? Number(match[2]) : Number.parseInt(match[3], 16);
  const text = match[1] ? ENTITIES[match[1].toLowerCase()] : code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : "\ufffd";
  return { node: document.createTextNode(text), end: at + match[0].length };
}

function emphasis(source, at, mentions, depth) {
  const mark = source[at];
  // snake_case is a word, not an emphasis.
  if (mark === "_" && /[\p{L}\p{N}]/u.test(source[at - 1] ?? "")) return null;
  for (const [marks, tag] of [[mark + mark, "strong"], [mark, "em"]]) {
    if (!source.startsWith(marks, at) || /\s/.test(source[at + marks.length] ?? " ")) continue;
    const end = closing(source, at + marks.length, marks);
    if (end > at + marks.length) {
      const inside = inline(source.slice(at + marks.length, end), mentions, depth + 1);
      return { node: make(tag, {}, ...inside), end: end + marks.length };
    }
  }
  return null;
}

function closing(source, from, marks) {
  const last = Math.min(source.length, from + REACH);
  for (let at = from; at < last; at += 1) {
    if (source[at] === "\\") {
      at += 1;
      continue;
    }
    if (!source.startsWith(marks, at)) continue;
    if (marks.length === 1 && source[at + 1] === marks) {
      // A doubled mark inside belongs to something bold.
      at += 1;
      continue;
    }
    if (/\s/.test(source[at - 1])) continue;
    if (marks[0] === "_" && /[\p{L}\p{N}]/u.test(source[at + marks.length] ?? "")) continue;
    return at;
  }
  return -1;
}

function linkAt(source, at, mentions, depth) {
  let open = 0;
  const last = Math.min(source.length, at + REACH);
  for (let close = at; close < last; close += 1) {
    if (source[close] === "\\") {
      close += 1;
    } else if (source[close] === "[") {
      open += 1;
    } else if (source[close] === "]") {
      open -= 1;
      if (open > 0) continue;
      if (source[close + 1] !== "(") return null;
      const end = addressEnd(source, close + 2);
      if (end < 0) return null;
      const address = source.slice(close + 2, end).replace(/\\([!-/:-@[-`{-~])/g, "$1").replace(/\s+"[^"]*"$/, "");
      const label = inline(source.slice(at + 1, close), mentions, depth + 1);
      return { node: link(address, ...label), end: end + 1 };
    }
  }
  return null;
}

function addressEnd(source, from) {
  let open = 0;
  const last = Math.min(source.length, from + REACH);
  for (let at = from; at < last; at += 1) {
    if (source[at] === "\\") at += 1;
    else if (source[at] === "(") open += 1;
    else if (source[at] === ")") {
      if (open === 0) return at;
      open -= 1;
    }
  }
  return -1;
}

function mentionAt(source, at, mentions) {
  if (!source.startsWith("<at>", at)) return null;
  const end = source.slice(at, at + REACH).indexOf("</at>");
  if (end < 0) return null;
  const text = source.slice(at, at + end + "</at>".length);
  const mentioned = mentions.get(text);
  if (!mentioned) return null;
  return { node: mention(mentioned, text), end: at + text.length };
}

/** `@Somebody`, as an entity tells it. */
export function mention(mentioned, text) {
  const name = mentioned.name || text.replace(/^<at>|<\/at>$/g, "");
  return make("span", { className: "mention", title: mentioned.id }, `@${unescapeXml(name)}`);
}

function unescapeXml(text) {
  const known = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'" };
  return text.replace(/&(amp|lt|gt|quot|apos);/g, (entity) => known[entity]);
}

/** Mention entities by their text. */
export function mentionsOf(entities) {
  const mentions = new Map();
  for (const entity of Array.isArray(entities) ? entities : []) {
    if (entity?.type === "mention" && typeof entity.text === "string") {
      mentions.set(entity.text, { id: String(entity.mentioned?.id ?? ""), name: String(entity.mentioned?.name ?? "") });
    }
  }
  return mentions;
}
