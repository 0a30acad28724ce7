// Adaptive Cards as Teams shows them: version 1.5, Teams' Markdown, mentions, full width.

import { actionRow, inlineButton, selectable } from "./action.js";
import { input } from "./input.js";
import { dated, make, markdown, mentionsOf, safePicture } from "./text.js";

const NEWEST = [1, 5];
const DEPTH = 24;

/**
 * A card as an element. `press(action, inputs, button)` is called for Action.Submit and Action.Execute with the values
 * of all inputs, once they are what the card asks for.
 */
export function renderCard(definition, press) {
  const root = make("div", { className: "card" });
  if (definition?.type !== "AdaptiveCard") {
    root.append(notice("This is no Adaptive Card."));
    return root;
  }
  if (tooNew(definition.version)) {
    const text = word(definition.fallbackText) || `This card is of version ${word(definition.version)}; Teams shows at most 1.5.`;
    root.append(notice(text));
    return root;
  }
  const card = new Card(root, mentionsOf(definition.msteams?.entities), press);
  root.classList.toggle("full", String(definition.msteams?.width).toLowerCase() === "full");
  if (/^[a-z]{2,3}$/i.test(definition.lang ?? "")) card.language = definition.lang;
  try {
    root.append(card.face(definition));
  } catch (error) {
    // Whatever shape a card has, the conversation around it stays readable.
    console.error(error);
    root.replaceChildren(notice("This card has a shape that cannot be drawn."));
  }
  return root;
}

function tooNew(version) {
  const [major, minor] = word(version).split(".").map(Number);
  return major > NEWEST[0] || (major === NEWEST[0] && minor > NEWEST[1]);
}

/** Can Teams do what the element asks for? Nothing but cards of a version is asked for under a name that it knows. */
function meets(requires) {
  return Object.entries(requires && typeof requires === "object" ? requires : {})
    .every(([name, version]) => name === "adaptiveCards" && (version === "*" || !tooNew(version)));
}

/** Thrown for an element that nobody knows, up to the nearest one around it that names something to show instead. */
class Unknown extends Error {}

class Card {
  constructor(root, mentions, press) {
    this.root = root;
    this.mentions = mentions;
    this.press = press;
    this.fields = [];
    this.named = new Map();
    this.depth = 0;
    /** How many of the elements around have something to show instead. */
    this.safe = 0;
    /** Two or three letters. */
    this.language = undefined;
  }

  /** Body and buttons of this card or of one that unfolds from it. */
  face(definition) {
    const element = make("div", { className: "card-face" });
    if (typeof definition.lang === "string") element.lang = definition.lang;
    if (typeof definition.rtl === "boolean") element.dir = definition.rtl ? "rtl" : "ltr";
    const body = make("div", { className: `card-body ${alignment("v", definition.verticalContentAlignment)}` });
    pixels(body, "minHeight", definition.minHeight);
    backdrop(element, definition.backgroundImage);
    body.append(...this.elements(definition.body));
    element.append(body);
    const actions = actionRow(definition.actions, this);
    if (actions) element.append(actions);
    return definition.selectAction ? selectable(element, definition.selectAction, this) : element;
  }

  inner(definition) {
    if (!definition || typeof definition !== "object") return notice("There is no card behind this button.");
    const element = this.face(definition);
    element.classList.add("inner");
    return element;
  }

  /**
   * The values of the inputs that a button sends, by id: those of its own card and of the cards it unfolded from.
   * Null when one of them is not as it should be; it then says so.
   */
  inputs(button) {
    const faces = [];
    for (let face = button.closest(".card-face"); face; face = face.parentElement.closest(".card-face")) faces.push(face);
    const fields = this.fields.filter((field) => faces.includes(field.element.closest(".card-face")));
    let first = null;
    for (const field of fields) {
      const complaint = field.complaint();
      field.show(complaint);
      if (complaint && !first) first = field;
    }
    if (first) {
      first.focus();
      return null;
    }
    return Object.fromEntries(fields.filter((field) => field.id).map((field) => [field.id, field.value()]));
  }

  find(id) {
    const element = typeof id === "string" ? this.named.get(id) : undefined;
    return element && this.root.contains(element) ? element : null;
  }

  elements(definitions) {
    const list = Array.isArray(definitions) ? definitions : [];
    return list.map((definition) => this.element(definition)).filter((element) => element);
  }

  element(definition) {
    if (!definition || typeof definition !== "object") return null;
    this.depth += 1;
    const element = this.depth > DEPTH ? notice("This card is nested too deeply.") : this.orInstead(definition);
    this.depth -= 1;
    return element;
  }

  /** The element, or what it names for a reader that cannot show it or anything in it. */
  orInstead(definition) {
    const instead = definition.fallback;
    if (instead === undefined || instead === null) return this.draw(definition);
    const [fields, depth] = [this.fields.length, this.depth];
    this.safe += 1;
    try {
      if (meets(definition.requires)) return this.draw(definition);
    } catch (error) {
      if (!(error instanceof Unknown)) throw error;
      this.fields.length = fields;
      this.depth = depth;
    } finally {
      this.safe -= 1;
    }
    return instead === "drop" ? null : this.element(instead);
  }

  draw(definition) {
    const kind = Object.hasOwn(ELEMENTS, definition.type) ? ELEMENTS[definition.type] : null;
    if (kind) {
      const element = kind(definition, this);
      return element ? this.finish(element, definition) : null;
    }
    const field = input(definition);
    if (field) {
      this.fields.push(field);
      const send = inlineButton(definition.inlineAction, this);
      if (send) field.element.append(send);
      return this.finish(field.element, definition);
    }
    if (this.safe > 0) throw new Unknown();
    return notice(`Teams does not show “${word(definition.type) || "an element without a type"}”.`);
  }

  /** What every element can have: a name, space above, a line above, invisibility. */
  finish(element, definition) {
    element.classList.add("element", `space-${choice(definition.spacing, SPACES, "default")}`);
    if (definition.separator === true) element.classList.add("separator");
    if (String(definition.height).toLowerCase() === "stretch") element.classList.add("stretch");
    if (definition.isVisible === false) element.hidden = true;
    if (typeof definition.id === "string") this.named.set(definition.id, element);
    return element;
  }

  box(element, definition) {
    const style = choice(definition.style, STYLES, "");
    if (style && style !== "default") element.classList.add("boxed", `style-${style}`);
    if (definition.bleed === true) element.classList.add("bleed");
    const vertical = alignment("v", definition.verticalContentAlignment);
    if (vertical) element.classList.add(vertical);
    pixels(element, "minHeight", definition.minHeight);
    backdrop(element, definition.backgroundImage);
    if (typeof definition.rtl === "boolean") element.dir = definition.rtl ? "rtl" : "ltr";
    return definition.selectAction ? selectable(element, definition.selectAction, this) : element;
  }
}

const SPACES = ["none", "small", "default", "medium", "large", "extralarge", "padding"];
const STYLES = ["default", "emphasis", "good", "attention", "warning", "accent"];
const COLORS = ["default", "dark", "light", "accent", "good", "warning", "attention"];
const SIZES = ["small", "default", "medium", "large", "extralarge"];
const WEIGHTS = ["lighter", "default", "bolder"];

const ELEMENTS = {
  TextBlock: (definition, card) => {
    const element = make("div", { className: `text ${textClasses(definition)} ${alignment("h", definition.horizontalAlignment)}` });
    element.append(...markdown(dated(word(definition.text), card.language), card.mentions));
    if (definition.wrap !== true) element.classList.add("clipped");
    if (Number.isInteger(definition.maxLines) && definition.maxLines > 0 && definition.wrap === true) {
      element.classList.add("clamped");
      element.style.setProperty("-webkit-line-clamp", String(definition.maxLines));
    }
    if (String(definition.style).toLowerCase() === "heading") {
      element.setAttribute("role", "heading");
      element.setAttribute("aria-level", "3");
    }
    return element;
  },
  RichTextBlock: (definition, card) => {
    const element = make("div", { className: `text rich ${alignment("h", definition.horizontalAlignment)}` });
    for (const run of Array.isArray(definition.inlines) ? definition.inlines : []) {
      if (typeof run === "string") {
        element.append(dated(run, card.language));
        continue;
      }
      if (!run || typeof run !== "object") continue;
      const marks = ["italic", "underline", "strikethrough", "highlight"].filter((mark) => run[mark] === true);
      const span = make("span", { className: `${textClasses(run)} ${marks.join(" ")}` }, dated(word(run.text), card.language));
      element.append(run.selectAction ? selectable(span, run.selectAction, card) : span);
    }
    return element;
  },
  FactSet: (definition, card) => {
    const element = make("dl", { className: "facts" });
    for (const fact of Array.isArray(definition.facts) ? definition.facts : []) {
      element.append(
        make("dt", {}, ...markdown(dated(word(fact?.title), card.language), card.mentions)),
        make("dd", {}, ...markdown(dated(word(fact?.value), card.language), card.mentions)),
      );
    }
    return element;
  },
  Image: (definition, card) => {
    const person = String(definition.style).toLowerCase() === "person" ? " person" : "";
    const size = choice(definition.size, ["auto", "stretch", "small", "medium", "large"], "auto");
    const element = make("div", { className: `image image-${size}${person} ${alignment("h", definition.horizontalAlignment)}` });
    const alternative = word(definition.altText);
    const missing = () => element.replaceChildren(make("span", { className: "no-image" }, alternative || "picture"));
    const source = safePicture(definition.url);
    if (source) {
      const picture = make("img", { src: source, alt: alternative, loading: "lazy", decoding: "async" });
      pixels(picture, "width", definition.width);
      pixels(picture, "height", definition.height);
      if (/^(#[0-9a-f]{3,8}|[a-z]{3,20})$/i.test(definition.backgroundColor ?? "")) {
        picture.style.backgroundColor = definition.backgroundColor;
      }
      picture.addEventListener("error", missing, { once: true });
      element.append(picture);
    } else {
      missing();
    }
    return definition.selectAction ? selectable(element, definition.selectAction, card) : element;
  },
  ImageSet: (definition, card) => {
    const size = choice(definition.imageSize, ["small", "medium", "large"], "medium");
    const images = Array.isArray(definition.images) ? definition.images : [];
    return make("div", { className: "images" }, ...card.elements(images.map((image) => ({ ...image, type: "Image", size }))));
  },
  Container: (definition, card) => {
    const element = make("div", { className: "container" });
    element.append(...card.elements(definition.items));
    return card.box(element, definition);
  },
  ColumnSet: (definition, card) => {
    const element = make("div", { className: `columns ${alignment("h", definition.horizontalAlignment)}` });
    const columns = Array.isArray(definition.columns) ? definition.columns : [];
    element.append(...card.elements(columns.map((column) => column && typeof column === "object" ? { type: "Column", ...column } : null)));
    return card.box(element, definition);
  },
  Column: (definition, card) => {
    const element = make("div", { className: "column" });
    element.append(...card.elements(definition.items));
    flex(element, definition.width);
    return card.box(element, definition);
  },
  ActionSet: (definition, card) => {
    const row = actionRow(definition.actions, card);
    row?.classList.add(alignment("h", definition.horizontalAlignment) || "h-left");
    return row;
  },
  Table: (definition, card) => {
    const rows = (Array.isArray(definition.rows) ? definition.rows : []).filter((row) => row && typeof row === "object");
    const headed = definition.firstRowAsHeaders !== false && definition.firstRowAsHeader !== false;
    const table = make("table", { className: definition.showGridLines === false ? "table" : "table lined" });
    const style = choice(definition.gridStyle, STYLES, "default");
    table.classList.add(`grid-${style}`);
    const columns = Array.isArray(definition.columns) ? definition.columns : [];
    table.append(widths(columns));
    rows.forEach((row, index) => {
      const line = make("tr", { className: stylePart(row.style) });
      const cells = Array.isArray(row.cells) ? row.cells : [];
      // Cells beside the last column are not shown.
      cells.slice(0, columns.length || cells.length).forEach((cell, place) => {
        const header = headed && index === 0;
        const element = make(header ? "th" : "td", { className: stylePart(cell?.style) });
        if (header) element.scope = "col";
        const column = columns[place] ?? {};
        for (const [axis, name] of [["h", "horizontalCellContentAlignment"], ["v", "verticalCellContentAlignment"]]) {
          const own = axis === "v" ? cell?.verticalContentAlignment : undefined;
          const aligned = alignment(axis, own ?? row[name] ?? column[name] ?? definition[name]);
          if (aligned) element.classList.add(aligned);
        }
        element.append(...card.elements(cell?.items));
        line.append(cell?.selectAction ? selectable(element, cell.selectAction, card) : element);
      });
      table.append(line);
    });
    return make("div", { className: "table-frame" }, table);
  },
};

function widths(columns) {
  const group = make("colgroup");
  const weights = columns.map((column) => (typeof column?.width === "number" ? column.width : 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0) || 1;
  columns.forEach((column, index) => {
    const element = make("col");
    const exact = /^(\d{1,4})px$/.exec(column?.width ?? "");
    element.style.width = exact ? `${exact[1]}px` : `${(100 * weights[index]) / total}%`;
    group.append(element);
  });
  return group;
}

function flex(element, width) {
  const weight = typeof width === "number" ? width : Number.parseFloat(width);
  if (width === undefined || width === "stretch") element.style.flex = "1 1 50px";
  else if (/^\d{1,4}px$/.test(width)) element.style.flex = `0 0 ${width}`;
  else if (Number.isFinite(weight) && weight > 0) element.style.flex = `${weight} 1 0`;
  else element.style.flex = "0 1 auto";
}

function textClasses(definition) {
  const size = choice(definition.size, SIZES, String(definition.style).toLowerCase() === "heading" ? "large" : "default");
  const weight = choice(definition.weight, WEIGHTS, String(definition.style).toLowerCase() === "heading" ? "bolder" : "default");
  const classes = [`size-${size}`, `weight-${weight}`, `color-${choice(definition.color, COLORS, "default")}`];
  if (definition.isSubtle === true) classes.push("subtle");
  if (String(definition.fontType).toLowerCase() === "monospace") classes.push("mono");
  return classes.join(" ");
}

function stylePart(style) {
  const known = choice(style, STYLES, "");
  return known && known !== "default" ? `style-${known}` : "";
}

function alignment(axis, value) {
  const names = axis === "h" ? ["left", "center", "right"] : ["top", "center", "bottom"];
  const known = choice(value, names, "");
  return known ? `${axis}-${known}` : "";
}

function choice(value, known, otherwise) {
  const text = String(value ?? "").toLowerCase();
  return known.includes(text) ? text : otherwise;
}

function pixels(element, property, value) {
  if (/^\d{1,4}px$/.test(value ?? "")) element.style[property] = value;
}

function backdrop(element, definition) {
  const source = safePicture(typeof definition === "string" ? definition : definition?.url);
  if (!source) return;
  element.classList.add("backdrop");
  element.style.backgroundImage = `url("${source.replace(/["\\\n]/g, "")}")`;
  if (String(definition.fillMode).toLowerCase().startsWith("repeat")) element.classList.add("repeated");
}

function word(value) {
  return ["string", "number", "boolean"].includes(typeof value) ? String(value) : "";
}

function notice(text) {
  return make("p", { className: "card-notice" }, text);
}
