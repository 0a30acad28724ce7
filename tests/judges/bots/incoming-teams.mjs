// Gives the activities in the folder named by ACTIVITIES to Microsoft's Teams SDK and writes, as one JSON object by file name,
// which of its routes each takes, and for an invoke the status and body that it answers. No Teams is asked for anything. Where
// an activity has a route of its own, the one for all changes of conversations is left out.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { App } from "@microsoft/teams.apps";

const folder = process.env.ACTIVITIES;
const thanks = process.env.THANKS ?? "Thank you.";

/** The routes of this SDK that something in a chat, channel or team can take; each is told once. */
const ROUTES = [
  "message", "messageReaction", "editMessage", "undeleteMessage", "softDeleteMessage", "install.add", "install.remove",
  "channelCreated", "channelRenamed", "channelDeleted", "channelRestored", "channelShared", "channelUnshared",
  "channelMemberAdded", "channelMemberRemoved", "teamMemberAdded", "teamMemberRemoved", "teamRenamed", "teamDeleted",
  "teamHardDeleted", "teamRestored", "teamArchived", "teamUnarchived", "typing", "conversationUpdate",
];

/** Keeps the route to which Teams would post. */
class Door {
  async start() {}
  async stop() {}
  serveStatic() {}
  registerRoute(method, path, handler) {
    if (method === "POST") this.post ??= handler;
  }
}

const quiet = { debug() {}, info() {}, warn() {}, error() {}, trace() {}, child: () => quiet };
const door = new Door();
const app = new App({ httpServerAdapter: door, dangerouslyAllowUnauthenticatedRequests: true, logger: quiet });
let told;
for (const route of ROUTES) {
  app.on(route, async ({ next }) => {
    told.routes.push(route);
    await next();
  });
}
app.on("card.action", async ({ activity }) => {
  told.routes.push("card.action");
  told.press = { verb: activity.value.action.verb, data: activity.value.action.data };
  return { statusCode: 200, type: "application/vnd.microsoft.activity.message", value: thanks };
});
await app.initialize();

const verdicts = {};
for (const file of readdirSync(folder).filter((name) => name.endsWith(".json")).sort()) {
  told = { routes: [], press: null, invoke: null };
  const activity = JSON.parse(readFileSync(join(folder, file), "utf8"));
  const answer = await door.post({ body: activity, headers: {} });
  if (activity.type === "invoke") told.invoke = answer;
  else if (answer.status !== 200) throw new Error(`${file}: ${answer.status}`);
  // It hears of every change of a conversation twice: by its name, if it has one, and as such.
  if (told.routes.length > 1) told.routes = told.routes.filter((route) => route !== "conversationUpdate");
  verdicts[file.slice(0, -".json".length)] = told;
}
process.stdout.write(JSON.stringify(verdicts, null, 1));
process.exit(0);
