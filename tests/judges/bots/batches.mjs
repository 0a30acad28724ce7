// What Microsoft's library for bots sends for a batch and all that follows it: to a server that remembers it.
//
// The address of the server comes in JUDGE_URL, what to send in JUDGE_SAMPLE as JSON.

import { MicrosoftAppCredentials, TeamsConnectorClient } from "botframework-connector";

const { JUDGE_URL, JUDGE_SAMPLE } = process.env;
const { tenant, members, activity } = JSON.parse(JUDGE_SAMPLE);

/** Without credentials nobody is asked for a token. */
class Nobody extends MicrosoftAppCredentials {
  async signRequest(request) {
    return request;
  }
}

const { teams } = new TeamsConnectorClient(new Nobody("", ""), { baseUri: JUDGE_URL });

const { operationId } = await teams.sendMessageToListOfUsers(activity, tenant, members);
await teams.getOperationState(operationId);
await teams.getOperationFailedEntries(operationId);
await teams.cancelOperation(operationId);
