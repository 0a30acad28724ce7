// What a first-time visitor sees: what this is, and what to do.

import { icon } from "./place.js";
import { make } from "./text.js";

/** The page before a conversation is chosen. */
export function welcome(state) {
  const hint = state.hint
    ? command(state.hint)
    : make("p", {}, `Trigger one of ${state.bot}'s rules: POST to a hook, touch a file, wait for a schedule.`);
  return make(
    "section",
    { className: "welcome" },
    make("span", { className: "logo" }, icon("herald")),
    make("h1", {}, "This is Teams in a box"),
    make("p", { className: "lead" }, `${state.bot} talks to this page as it would to Microsoft Teams. The people are made up, ` +
      "the protocol is real, and nothing leaves this machine."),
    make(
      "ol",
      {},
      step("Make something happen", state.hint ? "Paste this into a terminal:" : "", hint),
      step("See the card arrive", "It opens here by itself, and whoever else gets one has a dot on the left."),
      step("Be the people", `Press the buttons of a card, write to ${state.bot}, install or remove it in a chat.`),
    ),
  );
}

function step(title, text, more) {
  return make("li", {}, make("div", {}, make("h2", {}, title), text ? make("p", {}, text) : null, more));
}

function command(text) {
  const copy = make("button", { type: "button", className: "icon", title: "Copy", "aria-label": "Copy the command" }, icon("copy"));
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      copy.title = "Copied";
      copy.setAttribute("aria-label", "Copied");
    } catch {
      getSelection().selectAllChildren(copy.previousSibling);
    }
  });
  return make("div", { className: "command" }, make("pre", { tabIndex: 0 }, text), copy);
}
