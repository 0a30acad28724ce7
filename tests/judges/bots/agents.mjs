// What Microsoft's newer library, the Agents SDK, sends for the calls that Herald makes: to a server that remembers them.
//
// The address of the server comes in JUDGE_URL, what to send in JUDGE_SAMPLE as JSON.

import { Activity } from "@microsoft/agents-activity";
import { ConnectorClient } from "@microsoft/agents-hosting";

const { JUDGE_URL, JUDGE_SAMPLE } = process.env;
const { conversation, channel, root, message, tenant, bot, member, activity } = JSON.parse(JUDGE_SAMPLE);

const said = (fields = {}) => Activity.fromObject({ ...activity, ...fields });
const client = ConnectorClient.createClientWithToken(JUDGE_URL, "");

await client.sendToConversation(conversation, said());
await client.sendToConversation(`${channel};messageid=${root}`, said());
await client.replyToActivity(conversation, message, said({ replyToId: message }));
await client.updateActivity(conversation, message, said());
await client.deleteActivity(conversation, message);
await client.createConversation({
  isGroup: true, channelData: { channel: { id: channel } }, activity: said(), tenantId: tenant, agent: { id: bot },
});
await client.createConversation({
  isGroup: false, members: [{ id: member }], tenantId: tenant, channelData: { tenant: { id: tenant } }, agent: { id: bot },
});
