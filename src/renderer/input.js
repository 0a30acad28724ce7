// Inputs of a card. Each is an element with its label, and answers for itself: value(), or what is wrong with it.

import { make } from "./text.js";

let count = 0;

/** An input of a card: `{ element, id, value(), complaint(), show(text) }`; null for one that is none. */
export function input(definition) {
  const kind = Object.hasOwn(KINDS, definition.type) ? KINDS[definition.type] : null;
  if (!kind) return null;
  count += 1;
  const key = `input-${count}`;
  const field = kind(definition, key);
  const label = typeof definition.label === "string" && definition.label !== "" ? definition.label : null;
  const star = definition.isRequired === true ? make("span", { className: "required", "aria-hidden": "true" }, " *") : null;
  const problem = make("p", { className: "problem", id: `${key}-problem`, hidden: true });
  const caption = label ? make(field.group ? "span" : "label", { className: "label", id: `${key}-label` }, label, star) : null;
  if (caption && !field.group) caption.htmlFor = key;
  if (caption && field.group && !field.control) field.element.setAttribute("aria-labelledby", caption.id);
  const control = field.control ?? field.element;
  if (!caption && !field.control) {
    control.setAttribute("aria-label", text(definition.placeholder) || text(definition.id) || "Input");
  }
  control.setAttribute("aria-describedby", problem.id);
  if (definition.isRequired === true && !field.group) field.element.required = true;
  const element = make("div", { className: "input" }, caption, field.element, problem);
  return {
    element,
    id: typeof definition.id === "string" ? definition.id : "",
    value: field.value,
    complaint() {
      const value = field.value();
      const wrong = (definition.isRequired === true && (value === "" || field.empty?.())) || field.wrong?.(value);
      if (!wrong) return null;
      return definition.errorMessage || (value === "" ? "This field is required." : "This value is not allowed.");
    },
    show(text) {
      problem.hidden = text === null;
      problem.textContent = text ?? "";
      control.setAttribute("aria-invalid", String(text !== null));
    },
    focus() {
      (field.group ? field.element.querySelector("input") : field.element)?.focus();
    },
  };
}

function text(value) {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

const KINDS = {
  "Input.Text": (definition, key) => {
    const style = { email: "email", tel: "tel", url: "url", password: "password" }[String(definition.style).toLowerCase()];
    const properties = { id: key, placeholder: text(definition.placeholder), value: text(definition.value) };
    const element = definition.isMultiline === true && style !== "password"
      ? make("textarea", { ...properties, rows: 3 })
      : make("input", { ...properties, type: style ?? "text" });
    if (Number.isInteger(definition.maxLength) && definition.maxLength > 0) element.maxLength = definition.maxLength;
    const pattern = expression(definition.regex);
    return { element, value: () => element.value, wrong: (value) => value !== "" && pattern && !pattern.test(value) };
  },
  "Input.Number": (definition, key) => {
    const element = make("input", {
      id: key, type: "number", step: "any", placeholder: text(definition.placeholder), value: text(definition.value),
      min: text(definition.min), max: text(definition.max),
    });
    return { element, value: () => element.value, wrong: () => !element.checkValidity() && element.value !== "" };
  },
  "Input.Date": (definition, key) => {
    const element = make("input", {
      id: key, type: "date", value: text(definition.value), min: text(definition.min), max: text(definition.max),
    });
    return { element, value: () => element.value, wrong: () => !element.checkValidity() && element.value !== "" };
  },
  "Input.Time": (definition, key) => {
    const element = make("input", {
      id: key, type: "time", value: text(definition.value), min: text(definition.min), max: text(definition.max),
    });
    return { element, value: () => element.value, wrong: () => !element.checkValidity() && element.value !== "" };
  },
  "Input.Toggle": (definition, key) => {
    const on = text(definition.valueOn) || "true";
    const off = text(definition.valueOff) || "false";
    const box = make("input", { type: "checkbox", checked: text(definition.value) === on, id: `${key}-box` });
    const element = make("label", { className: "choice" }, box, make("span", {}, text(definition.title)));
    return { element, control: box, group: true, value: () => (box.checked ? on : off), empty: () => !box.checked };
  },
  "Input.ChoiceSet": (definition, key) => {
    const choices = (Array.isArray(definition.choices) ? definition.choices : []).filter((choice) => choice);
    const many = definition.isMultiSelect === true;
    const chosen = many ? text(definition.value).split(",") : [text(definition.value)];
    if (!many && String(definition.style ?? "compact").toLowerCase() !== "expanded") {
      const element = make("select", { id: key });
      element.append(make("option", { value: "" }, text(definition.placeholder) || "Choose…"));
      for (const choice of choices) {
        const value = text(choice.value);
        element.append(make("option", { value, selected: chosen.includes(value) }, text(choice.title) || value));
      }
      return { element, value: () => element.value };
    }
    const boxes = choices.map((choice) => {
      const value = text(choice.value);
      return make("input", { type: many ? "checkbox" : "radio", name: key, value, checked: chosen.includes(value) });
    });
    const rows = boxes.map((box, index) =>
      make("label", { className: "choice" }, box, make("span", {}, text(choices[index].title) || box.value)));
    const element = make("div", { className: "choices", role: many ? "group" : "radiogroup" }, ...rows);
    const value = () => boxes.filter((box) => box.checked).map((box) => box.value).join(",");
    return { element, group: true, value };
  },
};

function expression(source) {
  if (typeof source !== "string" || source === "") return null;
  try {
    return new RegExp(source, "u");
  } catch {
    return null;
  }
}
