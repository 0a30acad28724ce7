// Reads the activities in the folder named by ACTIVITIES and writes, as one JSON object by file name, what Microsoft's
// botbuilder makes of each: which of its handlers it calls, the text without the mention of the bot, whom else it mentions,
// and for an invoke the status and body that its adapter would answer. The bot behind it answers every button with THANKS.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import botbuilder from "botbuilder";

const { ActivityTypes, TeamsActivityHandler, TurnContext } = botbuilder;
const folder = process.env.ACTIVITIES;
const thanks = process.env.THANKS ?? "Thank you.";

/** The handlers by which a bot of this SDK hears of something; each is told once. */
const REGISTRARS = [
  "onMessage", "onReactionsAdded", "onReactionsRemoved", "onInstallationUpdateAdd", "onInstallationUpdateRemove",
  "onTeamsMembersAddedEvent", "onTeamsMembersRemovedEvent", "onTeamsChannelCreatedEvent", "onTeamsChannelRenamedEvent",
  "onTeamsChannelDeletedEvent", "onTeamsChannelRestoredEvent", "onTeamsTeamRenamedEvent", "onTeamsTeamDeletedEvent",
  "onTeamsTeamHardDeletedEvent", "onTeamsTeamRestoredEvent", "onTeamsTeamArchivedEvent", "onTeamsTeamUnarchivedEvent",
  "onTeamsMessageEditEvent", "onTeamsMessageUndeleteEvent", "onTeamsMessageSoftDeleteEvent", "onTyping",
  "onUnrecognizedActivityType",
];

class Bot extends TeamsActivityHandler {
  constructor(told) {
    super();
    this.told = told;
    for (const name of REGISTRARS) {
      if (typeof this[name] !== "function") throw new Error(`this botbuilder has no ${name}`);
      this[name](async (...values) => {
        const context = values.find((value) => value instanceof TurnContext);
        this.told.handlers.push(name);
        for (const value of values) {
          if (Array.isArray(value)) this.told.members.push(...value.map((member) => member.id));
        }
        await values.at(-1)(context);
      });
    }
  }

  async onAdaptiveCardInvoke(context, value) {
    this.told.handlers.push("onAdaptiveCardInvoke");
    this.told.press = { verb: value.action.verb, data: value.action.data, trigger: value.trigger ?? null };
    return { statusCode: 200, type: "application/vnd.microsoft.activity.message", value: thanks };
  }
}

/** Keeps what a turn sends; there is no Teams to send it to. */
class Adapter extends botbuilder.BotAdapter {
  sent = [];
  async sendActivities(_context, activities) {
    this.sent.push(...activities);
    return activities.map((_, index) => ({ id: String(index) }));
  }
  async updateActivity() {}
  async deleteActivity() {}
  async continueConversation() {}
}

/** Asked for people by the SDK where an activity does not describe them: it gets what the activity says. */
botbuilder.TeamsInfo.getMember = async (_context, id) => ({ id });

async function judge(activity) {
  const told = { handlers: [], members: [], text: null, mentions: [], press: null, invoke: null };
  const stripped = structuredClone(activity);
  if (typeof stripped.text === "string") {
    TurnContext.removeRecipientMention(stripped);
    told.text = stripped.text;
  }
  told.mentions = TurnContext.getMentions(activity)
    .map((mention) => mention.mentioned.id)
    .filter((id) => id !== activity.recipient?.id);
  const adapter = new Adapter();
  const context = new TurnContext(adapter, activity);
  await new Bot(told).run(context);
  const answer = adapter.sent.find((one) => one.type === ActivityTypes.InvokeResponse);
  // What CloudAdapter and BotFrameworkAdapter answer to an invoke that nobody answered.
  if (activity.type === "invoke") told.invoke = answer ? answer.value : { status: 501 };
  return told;
}

const verdicts = {};
for (const file of readdirSync(folder).filter((name) => name.endsWith(".json")).sort()) {
  const name = file.slice(0, -".json".length);
  const activity = JSON.parse(readFileSync(join(folder, file), "utf8"));
  if (typeof activity.timestamp === "string") activity.timestamp = new Date(activity.timestamp);
  try {
    verdicts[name] = await judge(activity);
  } catch (error) {
    verdicts[name] = { error: String(error) };
  }
}
process.stdout.write(JSON.stringify(verdicts, null, 1));
