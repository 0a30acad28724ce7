// Asks for a bot's token the way Microsoft's library does, and sends every request to the server that the test watches.
//
// argv: the kind of credential. The environment says the rest; the key and the secret are made up by the test.
import { readFileSync } from "node:fs";
import { ConfidentialClientApplication, ManagedIdentityApplication } from "@azure/msal-node";

const [kind] = process.argv.slice(2);
const { JUDGE_SERVER, JUDGE_CLIENT_ID, JUDGE_TENANT, JUDGE_SCOPE, JUDGE_RESOURCE } = process.env;

/** Real HTTP, to the watched server whatever host was meant. */
const networkClient = {
  async sendGetRequestAsync(url, options) {
    return answer(await fetch(here(url), { headers: options?.headers }));
  },
  async sendPostRequestAsync(url, options) {
    return answer(await fetch(here(url), { method: "POST", headers: options?.headers, body: options?.body }));
  },
};

function here(url) {
  const { pathname, search } = new URL(url);
  return `${JUDGE_SERVER}${pathname}${search}`;
}

async function answer(response) {
  return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.json() };
}

function login(credential) {
  const host = "https://login.microsoftonline.com";
  const authority = `${host}/${JUDGE_TENANT}`;
  return new ConfidentialClientApplication({
    auth: {
      clientId: JUDGE_CLIENT_ID,
      authority,
      knownAuthorities: ["login.microsoftonline.com"],
      // Said here, so that nobody is asked for it.
      authorityMetadata: JSON.stringify({
        authorization_endpoint: `${authority}/oauth2/v2.0/authorize`,
        token_endpoint: `${JUDGE_SERVER}/${JUDGE_TENANT}/oauth2/v2.0/token`,
        issuer: `${authority}/v2.0`,
        jwks_uri: `${authority}/discovery/v2.0/keys`,
      }),
      ...credential,
    },
    system: { networkClient },
  }).acquireTokenByClientCredential({ scopes: [JUDGE_SCOPE] });
}

function identity() {
  return new ManagedIdentityApplication({
    managedIdentityIdParams: { userAssignedClientId: JUDGE_CLIENT_ID },
    system: { networkClient },
  }).acquireToken({ resource: JUDGE_RESOURCE });
}

const kinds = {
  secret: () => login({ clientSecret: process.env.JUDGE_SECRET }),
  certificate: () =>
    login({
      clientCertificate: {
        thumbprintSha256: process.env.JUDGE_THUMBPRINT,
        privateKey: readFileSync(process.env.JUDGE_KEY_FILE, "utf8"),
        x5c: process.env.JUDGE_CHAIN_FILE && readFileSync(process.env.JUDGE_CHAIN_FILE, "utf8"),
      },
    }),
  assertion: () => login({ clientAssertion: () => Promise.resolve(process.env.JUDGE_ASSERTION) }),
  identity,
};

const { accessToken } = await kinds[kind]();
console.log(accessToken);
