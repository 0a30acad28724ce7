// What Microsoft's library for bots sends for the calls that Herald makes: to a server that remembers them.
//
// The address of the server comes in JUDGE_URL, what to send in JUDGE_SAMPLE as JSON.

import { ConnectorClient, MicrosoftAppCredentials } from "botframework-connector";

const { JUDGE_URL, JUDGE_SAMPLE } = process.env;
const { conversation, channel, root, message, tenant, bot, member, activity } = JSON.parse(JUDGE_SAMPLE);

/** Without credentials nobody is asked for a token. */
class Nobody extends MicrosoftAppCredentials {
  async signRequest(request) {
    return request;
  }
}

const client = new ConnectorClient(new Nobody("", ""), { baseUri: JUDGE_URL });
const { conversations } = client;

await conversations.sendToConversation(conversation, activity);
await conversations.sendToConversation(`${channel};messageid=${root}`, activity);
await conversations.replyToActivity(conversation, message, { ...activity, replyToId: message });
await conversations.updateActivity(conversation, message, activity);
await conversations.deleteActivity(conversation, message);
await conversations.createConversation({
  isGroup: true, channelData: { channel: { id: channel } }, activity, tenantId: tenant, bot: { id: bot },
});
await conversations.createConversation({
  isGroup: false, members: [{ id: member }], tenantId: tenant, channelData: { tenant: { id: tenant } }, bot: { id: bot },
});
