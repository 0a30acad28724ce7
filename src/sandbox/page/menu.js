// A menu behind a button, and a question in a dialog.

import { make } from "./text.js";

/**
 * A button that opens a menu of `[title, what to do]`; usable with mouse, touch and keyboard. `closed` is called each
 * time it has closed.
 */
export function menuButton(title, items, closed) {
  const list = make("div", { className: "menu-list", role: "menu", hidden: true });
  const opener = make("button", { type: "button", className: "button quiet", "aria-haspopup": "menu", "aria-expanded": "false" }, title);
  const entries = items.map(([text, run]) => {
    const entry = make("button", { type: "button", role: "menuitem", tabIndex: -1 }, text);
    entry.addEventListener("click", () => {
      toggle(false);
      run();
    });
    return entry;
  });
  list.append(...entries);
  const box = make("div", { className: "menu" }, opener, list);
  const outside = (event) => {
    if (!box.contains(event.target)) toggle(false);
  };
  function toggle(open) {
    if (list.hidden === !open) return;
    list.hidden = !open;
    opener.setAttribute("aria-expanded", String(open));
    if (open) {
      entries[0]?.focus();
      document.addEventListener("pointerdown", outside);
    } else {
      document.removeEventListener("pointerdown", outside);
      closed();
    }
  }
  opener.addEventListener("click", () => toggle(list.hidden));
  box.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    const at = entries.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: entries.length - 1 }[event.key];
    if (event.key === "Escape") {
      toggle(false);
      opener.focus();
    } else if (next !== undefined) {
      entries[(next + entries.length) % entries.length].focus();
    } else {
      return;
    }
    event.preventDefault();
  });
  box.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !box.contains(event.relatedTarget)) toggle(false);
  });
  return box;
}

/** Asks for one text (or a choice, when there are `choices`); resolves with it, or null when nothing was given. */
export function ask(question, { value = "", choices = null, done = "OK" } = {}) {
  return new Promise((resolve) => {
    const field = choices
      ? make("select", {}, ...choices.map((choice) => make("option", { value: choice.id }, choice.name)))
      : make("input", { type: "text", value, maxLength: 120 });
    const cancel = make("button", { type: "button", className: "button" }, "Cancel");
    const form = make(
      "form",
      {},
      make("label", {}, make("span", {}, question), field),
      make("div", { className: "line" }, cancel, make("button", { type: "submit", className: "button main" }, done)),
    );
    const dialog = make("dialog", { "aria-label": question }, form);
    let given = null;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      given = field.value.trim() || null;
      dialog.close();
    });
    cancel.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(given);
    });
    document.body.append(dialog);
    dialog.showModal();
    field.focus();
  });
}
