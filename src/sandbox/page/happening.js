// What a visitor can make happen in a conversation, besides writing: everything a rule can wait for in Teams.

import { ask } from "./menu.js";

/** The entries of the menu of a place: `[title, what to do]`. */
export function happenings(place, state, act) {
  const entries = [];
  const add = (title, run) => entries.push([title, run]);
  if (place.kind === "personal") {
    if (place.installed) {
      add(place.blocked ? "Stop blocking the bot" : "Block the bot", () => act({ do: "block", person: place.person, blocked: !place.blocked }));
    }
    return entries;
  }
  const somebody = async (question, choices, joined) => {
    const person = await ask(question, { choices });
    if (person) await act({ do: "members", conversation: place.id, people: [person], joined });
  };
  const inside = new Set(place.members.map((member) => member.id));
  const outside = state.people.filter((person) => !inside.has(person.id));
  if (outside.length) add("Add somebody…", () => somebody("Who joins?", outside, true));
  if (place.members.length) add("Remove somebody…", () => somebody("Who leaves?", place.members, false));
  if (place.kind === "channel") channels(place, add, act);
  return entries;
}

function channels(place, add, act) {
  const { team } = place;
  const change = (channel, what, name) => act({ do: "channel", conversation: channel.id, change: what, name: name ?? "" });
  const change_team = (what, name) => act({ do: "team", team: team.id, change: what, name: name ?? "" });
  const named = async (question, value, run) => {
    const name = await ask(question, { value });
    if (name && name !== value) await run(name);
  };
  add("New channel…", () => named("Name of the new channel", "", (name) => act({ do: "new_channel", team: team.id, name })));
  // General is the team itself: Teams does not let it be renamed or deleted.
  if (place.id !== team.id) {
    add("Rename this channel…", () => named("New name of the channel", place.name, (name) => change(place, "renamed", name)));
    add("Delete this channel", () => change(place, "deleted"));
  }
  for (const channel of team.channels.filter((one) => one.deleted)) {
    add(`Restore “${channel.name}”`, () => change(channel, "restored"));
  }
  add("Rename the team…", () => named("New name of the team", team.name, (name) => change_team("renamed", name)));
  add(team.archived ? "Unarchive the team" : "Archive the team", () => change_team(team.archived ? "unarchived" : "archived"));
  add("Delete the team", () => change_team("deleted"));
}
