// What Microsoft's newest library, the Teams SDK, sends for the calls that Herald makes: to a server that remembers them.
//
// The address of the server comes in JUDGE_URL, what to send in JUDGE_SAMPLE as JSON.

import { ConversationClient } from "@microsoft/teams.api";

const { JUDGE_URL, JUDGE_SAMPLE } = process.env;
const { conversation, channel, root, message, tenant, bot, member, activity } = JSON.parse(JUDGE_SAMPLE);

const client = new ConversationClient(JUDGE_URL);
/** The library writes into what it is given. */
const said = () => structuredClone(activity);

await client.createActivity(conversation, said());
await client.createActivity(`${channel};messageid=${root}`, said());
await client.replyToActivity(conversation, message, said());
await client.updateActivity(conversation, message, said());
await client.deleteActivity(conversation, message);
await client.create({
  isGroup: true, channelData: { channel: { id: channel } }, activity: said(), tenantId: tenant, bot: { id: bot },
});
await client.create({
  isGroup: false, members: [{ id: member }], tenantId: tenant, channelData: { tenant: { id: tenant } }, bot: { id: bot },
});
await client.getPagedMembers(channel, 500);
await client.getPagedMembers(channel, 500, "next");
