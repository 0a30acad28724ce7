// The left side: who and where, what was said last, what is unread.

import { avatar, gist, moment } from "./place.js";
import { make } from "./text.js";

/** Draws the list and returns how many messages are unread. */
export function renderList(element, state, act) {
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset.id : null;
  const scrolled = element.scrollTop;
  const places = [...state.places.values()];
  const personal = places.filter((place) => place.kind === "personal").sort(byNews);
  const lively = personal.filter((place) => place.installed || place.messages.length);
  const others = personal.filter((place) => !lively.includes(place));
  const groups = places.filter((place) => place.kind === "group").sort(byNews);
  element.replaceChildren(
    heading("Chats"),
    make("ul", {}, ...lively.map((place) => item(place, state))),
    heading("Group chats"),
    make("ul", {}, ...groups.map((place) => item(place, state))),
    heading("Teams"),
    ...state.teams.flatMap((team) => group(team, state, act)),
    rest(others, state),
  );
  element.scrollTop = scrolled;
  if (focused) [...element.querySelectorAll("button")].find((button) => button.dataset.id === focused)?.focus();
  return places.reduce((sum, place) => sum + unread(place, state), 0);
}

function group(team, state, act) {
  const title = make("div", { className: "team-name" }, avatar(team.name, "team"), make("span", {}, team.name));
  if (team.deleted) {
    const restore = make("button", { type: "button", className: "button quiet" }, "Restore");
    restore.addEventListener("click", () => act({ do: "team", team: team.id, change: "restored", name: "" }));
    title.classList.add("deleted");
    title.append(restore);
    return [title];
  }
  const channels = team.channels.map((channel) => state.places.get(channel.id)).filter((place) => place);
  return [title, make("ul", { "aria-label": team.name }, ...channels.map((place) => item(place, state)))];
}

let unfolded = false;

/** People who do not have the bot: out of the way until somebody wants to install it for one of them. */
function rest(places, state) {
  if (!places.length) return "";
  const title = make("summary", {}, `${places.length} more without ${state.bot}`);
  const open = unfolded || places.some((place) => place.id === state.current);
  const details = make("details", { open }, title, make("ul", {}, ...places.map((place) => item(place, state))));
  details.addEventListener("toggle", () => {
    unfolded = details.open;
  });
  return details;
}

function heading(text) {
  return make("h2", {}, text);
}

function spoken(place) {
  return place.messages.filter((message) => message.from.kind !== "teams");
}

function byNews(one, other) {
  const newest = (place) => Number(spoken(place).at(-1)?.id ?? 0);
  return newest(other) - newest(one) || Number(other.installed) - Number(one.installed);
}

function unread(place, state) {
  const read = Number(state.read[place.id] ?? 0);
  return place.messages.filter((message) => message.from.kind === "bot" && Number(message.id) > read).length;
}

function item(place, state) {
  const count = unread(place, state);
  const last = spoken(place).at(-1);
  const classes = ["place", place.kind];
  if (count) classes.push("unread");
  if (!place.installed) classes.push("absent");
  const button = make("button", {
    type: "button",
    className: classes.join(" "),
    "data-id": place.id,
    "aria-current": place.id === state.current ? "true" : null,
  });
  const name = make("span", { className: "name" }, place.name);
  const dot = count ? make("span", { className: "dot", "aria-label": `${count} unread` }, count > 99 ? "99+" : String(count)) : null;
  if (place.kind === "channel") {
    button.append(name);
    if (dot) button.append(dot);
  } else {
    const text = last ? gist(last) : place.installed ? "Nothing yet" : `${state.bot} is not installed`;
    button.append(avatar(place.name, place.kind), name);
    if (last) button.append(moment(last.at));
    else button.append(make("span"));
    button.append(make("span", { className: "preview" }, text));
    if (dot) button.append(dot);
  }
  button.addEventListener("click", () => {
    location.hash = `#/${encodeURIComponent(place.id)}`;
  });
  return make("li", {}, button);
}
