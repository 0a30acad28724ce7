// The sandbox under test, spoken to as a bot would.

const { SANDBOX_URL, SANDBOX_SERVICE, SANDBOX_TOKEN, SANDBOX_APP, SANDBOX_SECRET, SANDBOX_BOT } = process.env;

export const url = SANDBOX_URL;
const CARD = "application/vnd.microsoft.card.adaptive";
let token = null;

async function authorization() {
  if (token === null) {
    const form = new URLSearchParams({
      grant_type: "client_credentials", client_id: SANDBOX_APP, client_secret: SANDBOX_SECRET,
      scope: "https://api.botframework.com/.default",
    });
    const response = await fetch(SANDBOX_TOKEN, { method: "POST", body: form });
    token = (await response.json()).access_token;
  }
  return `Bearer ${token}`;
}

async function call(method, path, body) {
  const response = await fetch(`${SANDBOX_SERVICE}v3/${path}`, {
    method,
    headers: { authorization: await authorization(), "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
  return text === "" ? null : JSON.parse(text);
}

const segment = (id) => encodeURIComponent(id);

/** Posts an activity; resolves with its id. */
export const post = async (conversation, activity) =>
  (await call("POST", `conversations/${segment(conversation)}/activities`, activity)).id;
export const replace = (conversation, id, activity) =>
  call("PUT", `conversations/${segment(conversation)}/activities/${id}`, activity);
export const remove = (conversation, id) => call("DELETE", `conversations/${segment(conversation)}/activities/${id}`);

/** A message that is this card. */
export const card = (content, summary) => ({
  type: "message", summary, attachments: [{ contentType: CARD, content: { type: "AdaptiveCard", version: "1.5", ...content } }],
});
export const text = (words) => ({ type: "message", text: words });

/** What the page reads at its beginning. */
export const world = async () => (await fetch(`${url}/page/world`)).json();

/** A conversation's id by name: a person, a group chat, `Team / Channel`. */
export async function place(name) {
  const { personal, groups, teams } = await world();
  const [team, channel] = name.split(" / ");
  const found = channel
    ? teams.find((one) => one.name === team)?.channels.find((one) => one.name === channel)
    : [...personal, ...groups].find((one) => one.name === name);
  if (!found) throw new Error(`the sandbox has no ${name}`);
  return found.id;
}

/** Every activity the bot heard. */
export const heard = async () => (await fetch(`${SANDBOX_BOT}/heard`)).json();
/** Makes the sandbox unreachable for a moment. */
export const blink = () => fetch(`${SANDBOX_BOT}/blink`, { method: "POST" });
