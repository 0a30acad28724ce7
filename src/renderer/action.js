// Buttons of a card, and what they do.

import { link, make, safeLink, safePicture } from "./text.js";

// Teams puts what is more behind "...".
const SHOWN = 6;

/** The row of buttons, with the cards that its ShowCard buttons unfold; null when there is none. */
export function actionRow(actions, card) {
  const known = (Array.isArray(actions) ? actions : []).map((action) => supported(action)).filter((action) => action);
  if (!known.length) return null;
  const row = make("div", { className: "actions" });
  const unfolded = make("div", { className: "unfolded" });
  const primary = known.filter((action) => action.mode !== "secondary");
  const buttons = primary.slice(0, SHOWN);
  const others = known.filter((action) => !buttons.includes(action));
  for (const action of buttons) row.append(button(action, card, unfolded));
  if (others.length) row.append(overflow(others, card, unfolded));
  return make("div", { className: "action-set" }, row, unfolded);
}

/** The action, or its fallback, or null. */
function supported(action) {
  if (!action || typeof action !== "object") return null;
  if (Object.hasOwn(ACTIONS, action.type)) return action;
  if (action.fallback && action.fallback !== "drop") return supported(action.fallback);
  return null;
}

function title(action) {
  return typeof action.title === "string" ? action.title : "";
}

function face(action) {
  const picture = safePicture(action.iconUrl);
  const icon = picture ? make("img", { src: picture, alt: "", className: "action-icon" }) : null;
  const text = title(action) || (icon ? "" : action.type.replace("Action.", ""));
  return [icon, text ? make("span", {}, text) : null];
}

function button(action, card, unfolded) {
  const style = { positive: " positive", destructive: " destructive" }[String(action.style).toLowerCase()] ?? "";
  const properties = { className: `action${style}`, title: typeof action.tooltip === "string" ? action.tooltip : "" };
  const label = title(action) || properties.title || action.type;
  if (action.type === "Action.OpenUrl") {
    const off = action.isEnabled === false;
    const element = off ? make("span", { role: "link", "aria-disabled": "true" }, ...face(action)) : link(action.url, ...face(action));
    element.className = !off && safeLink(action.url) ? properties.className : `${properties.className} disabled`;
    element.title = properties.title || String(action.url ?? "");
    element.setAttribute("aria-label", label);
    return element;
  }
  const element = make("button", { ...properties, type: "button", "aria-label": label }, ...face(action));
  element.disabled = action.isEnabled === false;
  element.addEventListener("click", () => ACTIONS[action.type](action, card, element, unfolded));
  if (action.type === "Action.ShowCard") element.setAttribute("aria-expanded", "false");
  return element;
}

/** The button of a field, or null. With a picture it has no words. */
export function inlineButton(action, card) {
  const known = supported(action);
  if (!known || known.type === "Action.ShowCard") return null;
  const words = title(known) || "Send";
  const element = button({ ...known, title: safePicture(known.iconUrl) ? "" : words, tooltip: words }, card, null);
  element.classList.add("inline");
  return element;
}

function overflow(actions, card, unfolded) {
  const menu = make("div", { className: "overflow-menu", hidden: true });
  const more = make("button", { type: "button", className: "action more", "aria-label": "More actions", "aria-expanded": "false" }, "•••");
  const toggle = (open) => {
    menu.hidden = !open;
    more.setAttribute("aria-expanded", String(open));
  };
  more.addEventListener("click", () => toggle(menu.hidden));
  const box = make("div", { className: "overflow" }, more, menu);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !menu.hidden) {
      toggle(false);
      more.focus();
    }
  });
  for (const action of actions) {
    const item = button(action, card, unfolded);
    item.addEventListener("click", () => toggle(false));
    menu.append(item);
  }
  return box;
}

/** Makes an element do an action when it is clicked (`selectAction`). */
export function selectable(element, action, card) {
  const known = supported(action);
  if (!known || known.type === "Action.ShowCard") return element;
  element.classList.add("selectable");
  element.tabIndex = 0;
  element.setAttribute("role", known.type === "Action.OpenUrl" ? "link" : "button");
  if (title(known)) element.setAttribute("aria-label", title(known));
  const run = (event) => {
    // A link, field or button inside acts for itself.
    if (event.target.closest("a, button, input, select, textarea, label, .selectable") !== element) return;
    event.preventDefault();
    if (known.type === "Action.OpenUrl") {
      const address = safeLink(known.url);
      if (address) window.open(address, "_blank", "noopener,noreferrer");
    } else {
      ACTIONS[known.type](known, card, element, null);
    }
  };
  element.addEventListener("click", run);
  element.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") run(event);
  });
  return element;
}

const ACTIONS = {
  "Action.OpenUrl": () => {},
  "Action.Submit": submit,
  "Action.Execute": submit,
  "Action.ShowCard": (action, card, element, unfolded) => {
    const open = element.getAttribute("aria-expanded") === "true";
    for (const other of element.closest(".actions").querySelectorAll("[aria-expanded=true]")) {
      other.setAttribute("aria-expanded", "false");
    }
    unfolded.replaceChildren();
    if (open) return;
    element.setAttribute("aria-expanded", "true");
    unfolded.append(card.inner(action.card));
  },
  "Action.ToggleVisibility": (action, card) => {
    for (const target of Array.isArray(action.targetElements) ? action.targetElements : []) {
      const id = typeof target === "string" ? target : target?.elementId;
      const element = card.find(id);
      if (element) element.hidden = typeof target?.isVisible === "boolean" ? !target.isVisible : !element.hidden;
    }
  },
};

function submit(action, card, element) {
  const inputs = action.associatedInputs === "none" ? {} : card.inputs(element);
  if (inputs === null) return;
  card.press(action, inputs, element);
}
