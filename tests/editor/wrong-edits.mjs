// Mistakes that authors make. `#!` marks the lines that must be underlined, and no other line may be; `says` is what a
// message there must tell.

const edits = [];
const edit = (kind, name, says, text) => edits.push({ kind, name, says, text: text.replace(/^\n/, "") });
const rule = (name, says, text) => edit("rule", name, says, text);
/** A rule around lines that go wrong. */
const whole = (name, says, { when = "when: { hook: github }", lines = "", notify = "notify: [{ channel: releases }]" }) =>
  rule(name, says, [when, lines, notify].filter(Boolean).join("\n"));

// ---- a key that is misspelt, or another tool's ----
rule("`wen` for `when`", /Unknown key.*when/, `
wen: { hook: github } #!
notify: [{ channel: releases }]
`);
whole("`notfy` for `notify`", /Unknown key.*notify/, { notify: "notfy: [{ channel: releases }] #!", when: "when: { hook: github } #!" });
whole("`descripton`", /Unknown key/, { lines: "descripton: A deploy failed #!" });
whole("`iff` for `if`", /Unknown key/, { lines: "iff: { event.state: failure } #!" });
whole("`crad` for `card`", /Unknown key/, { lines: "crad: deploy-failed #!" });
whole("GitHub's `on`", /Herald's word for this is `when`/, { when: "on: { hook: github } #!" });
whole("`to` for `notify`", /Herald's word for this is `notify`/, { notify: "to: [{ channel: releases }] #!", when: "when: { hook: github } #!" });
whole("`condition` for `if`", /Herald's word for this is `if`/, { lines: "condition: { event.state: failure } #!" });
whole("`trigger` beside `when`", /Herald's word for this is `when`/, { lines: "trigger: { hook: github } #!" });
whole("`hok` for `hook`", /Unknown key.*hook/, { when: "when: { hok: github } #!" });
whole("`webhook` as a trigger", /Herald's word for this is `hook`/, { when: "when: { webhook: github } #!" });
whole("`schedule` for `cron`", /Herald's word for this is `cron`/, { when: "when: { schedule: '@daily' } #!" });
whole("`timezone` for `time_zone`", /Herald's word for this is `time_zone`/, { when: "when:\n  cron: '@daily'\n  timezone: UTC #!" });
whole("`event-type` for `event_type`", /Unknown key/, { when: "when:\n  hook: github\n  event-type: push #!" });
whole("`chanel` for `channel`", /Unknown key.*channel/, { notify: "notify:\n  - chanel: releases #!" });
whole("`persons` for `person`", /Unknown key.*person/, { notify: "notify:\n  - channel: releases\n  - persons: anna #!" });
whole("`mentions` for `mention`", /Unknown key.*mention/, { notify: "notify:\n  - channel: releases\n    mentions: anna #!" });
whole("`contain` for `contains`", /Unknown key.*contains/, { lines: "if:\n  event.title: { contain: urgent } #!" });
whole("`greater_than` for `more_than`", /Unknown key.*more_than/, { lines: "if:\n  event.count: { greater_than: 3 } #!" });
whole("`tilte` in a card", /Unknown key.*title/, { lines: "card:\n  tilte: Deploy failed #!" });
whole("`fact` for `facts`", /Unknown key.*facts/, { lines: "card:\n  title: Deploy failed\n  fact: { By: anna } #!" });
whole("capital letters", /Unknown key.*description/, { lines: "Description: A deploy failed #!" });
edit("settings", "`hook` for `hooks`", /Unknown key.*hooks/, "hook: #!\n  github: { signature: github, secret: A }\n");
edit("settings", "`timezone` in the settings", /Herald's word for this is `time_zone`/, "timezone: UTC #!\n");
edit("settings", "`secrets` of a hook", /Unknown key.*secret/, "hooks:\n  github:\n    signature: github\n    secrets: A #!\n");
edit("settings", "`rate_limit` of a hook", /Herald's word for this is `limit`/, "hooks:\n  github:\n    signature: github\n    secret: A\n    rate_limit: 100 per minute #!\n");
edit("settings", "`port` of the server", /Unknown key.*listen/, "server:\n  port: 3978 #!\n");
edit("directory", "`peoples`", /Unknown key.*people/, "peoples: #!\n  anna: anna@contoso.example\n");
edit("directory", "`mail` of a person", /Unknown key.*email/, "people:\n  anna:\n    mail: anna@contoso.example #!\n");
edit("directory", "`url` of a channel", /Unknown key.*link/, "channels:\n  releases:\n    url: https://teams.microsoft.com/l/channel/x #!\n");

whole("`once` for `once_per`", /Unknown key.*once_per/, { lines: "limit: #!\n  once: 10 minutes #!" });

// ---- a value of the wrong kind ----
whole("a limit that is a length of time", /limit/i, { lines: "limit: 10 minutes #!" });
whole("a length of time that is a number", /`once_per` wants a text/, { lines: "limit:\n  once_per: 10 #!" });
whole("a trigger that is a word", /`when` wants lines/, { when: "when: github #!" });
whole("a trigger without a value", /`when` wants lines/, { when: "when: #!" });
whole("targets without `- `", /`notify` wants a list/, { notify: "notify:\n  channel: releases #!" });
whole("a target that is a word", /item of `notify`|target wants/i, { notify: "notify:\n  - releases #!" });
whole("the channel sign of chats", /item of `notify`|target wants/i, { notify: "notify:\n  - #releases #!" });
whole("a condition that is a text", /condition wants lines/i, { lines: "if: event.state is failure #!" });
whole("conditions as a list", /condition wants lines/i, { lines: "if:\n  - event.state: failure #!" });
whole("`any` with lines instead of items", /`any` wants a list/, { lines: "if:\n  any:\n    event.state: failure #!" });
whole("a number as owner", /`owner` wants a text/, { lines: "owner: 42 #!" });
whole("a version as description", /`description` wants a text/, { lines: "description: 1.10 #!" });
whole("an owner without a value", /`owner` wants a text/, { lines: "owner: #!" });
whole("a hook that is a list", /`hook` wants a text/, { when: "when:\n  hook: [github, gitlab] #!" });
whole("a time zone that is a number", /`time_zone` wants a text/, { when: "when:\n  cron: '@daily'\n  time_zone: 1 #!" });
whole("`installed: person`", /`installed` wants a list/, { when: "when:\n  installed: person #!" });
whole("`first_time_only: often`", /`first_time_only` wants `true` or `false`/, { when: "when:\n  installed: [person]\n  first_time_only: often #!" });
whole("`here: anna`", /Only `true` has a meaning here/, { notify: "notify:\n  - here: anna #!" });
whole("`exists: maybe`", /`exists` wants `true` or `false`/, { lines: "if:\n  event.title: { exists: maybe } #!" });
whole("`matches` with a number", /`matches` wants a text/, { lines: "if:\n  event.title: { matches: 5 } #!" });
whole("a list as title", /`title` wants a text/, { lines: "card:\n  title: [a, b] #!" });
whole("a template's values as a text", /`with` wants lines/, { lines: "card:\n  template: deploy-failed\n  with: title #!" });
whole("a hole without quotes", /`title` wants a text/, { lines: "card:\n  title: {{event.title}} #!" });
whole("a number as button", /line of `buttons`/, { lines: "card:\n  title: Failed\n  buttons:\n    Open: 5 #!" });
rule("a list of rules", /A rule wants lines/, "- when: { hook: github } #!\n");
edit("settings", "a limit that is a word", /`messages_per_second` wants/, "limits:\n  messages_per_second: many #!\n");
edit("settings", "a hook's limit without its time", /`limit` wants a text/, "hooks:\n  github:\n    signature: github\n    secret: A\n    limit: 100 #!\n");
edit("settings", "a hook that is a word", /A hook wants lines/, "hooks:\n  github: github #!\n");
edit("directory", "a person who is a number", /line of `people`/, "people:\n  anna: 5 #!\n");
edit("directory", "a channel without a value", /line of `channels`/, "channels:\n  releases: #!\n");
edit("template", "a version without quotes", /`version` wants a text/, "type: AdaptiveCard\nversion: 1.5 #!\nbody: []\n");
edit("template", "a body that is a number", /`body` wants a list/, "type: AdaptiveCard\nversion: '1.5'\nbody: 5 #!\n");

// ---- a part that is missing ----
rule("a rule that tells nobody", /A rule needs `notify`/, "when: { hook: github } #!\n");
rule("a rule that waits for nothing", /A rule needs `when`/, "notify: [{ channel: releases }] #!\n");
whole("an empty trigger", /`when` has nothing in it/, { when: "when: {} #!" });
whole("nobody to notify", /`notify` is an empty list/, { notify: "notify: [] #!" });
whole("an empty condition", /condition has nothing in it/i, { lines: "if: {} #!" });
whole("one of no values", /empty list/, { lines: "if:\n  event.state: [] #!" });
whole("an event type without its hook", /`event_type` belongs to `hook`/, { when: "when: #!\n  event_type: push" });
whole("a time zone without a schedule", /`time_zone` belongs to `cron`/, { when: "when: #!\n  time_zone: UTC" });
whole("a mention nowhere", /`mention` belongs to/, { notify: "notify:\n  - mention: anna #!" });
whole("values without a template", /`with` belongs to `template`/, { lines: "card: #!\n  with: { a: b }" });
edit("settings", "a hook without a signature", /A hook needs `signature`/, "hooks:\n  github: #!\n    secret: GITHUB_WEBHOOK_SECRET\n");
edit("settings", "an issuer without its keys", /An issuer needs `openid`/, "bot:\n  endpoints:\n    issuers:\n      - issuer: https://emulator.example #!\n");

// ---- a place that is wrong ----
rule("a channel at the top", /Unknown key/, "when: { hook: github }\nnotify: [{ person: anna }]\nchannel: releases #!\n");
rule("`notify` under `when`", /Unknown key/, "when: #!\n  hook: github\n  notify: [{ channel: releases }] #!\n");
rule("the template at the top", /Unknown key/, "when: { hook: github }\nnotify: [{ channel: releases }]\ntemplate: deploy-failed #!\n");
rule("the schedule at the top", /Unknown key/, "cron: '@daily' #!\nnotify: [{ channel: releases }]\n");
whole("a hook and a schedule", /cannot stand beside `hook`.*list under `when`/, { when: "when:\n  hook: github #!\n  cron: '@daily' #!" });
whole("an event type of a schedule", /cannot stand beside `cron`/, { when: "when: #!\n  cron: '@daily'\n  event_type: push #!" });
whole("a person and a channel in one line", /cannot stand beside `person`/, { notify: "notify:\n  - person: anna #!\n    channel: releases #!" });
whole("a person who is mentioned to themselves", /cannot stand beside `person`/, { notify: "notify:\n  - person: anna #!\n    mention: omar #!" });
whole("a template with a title of a short card", /cannot stand beside `template`/, { lines: "card:\n  template: deploy-failed\n  title: Failed #!" });
whole("a comparison without its field", /Unknown key|list|lines|wants/, { lines: "if:\n  event.a:\n    event.b: 5 #!" });
edit("directory", "a channel by name and by link", /cannot stand beside/, "channels:\n  releases:\n    team: Platform #!\n    link: https://teams.microsoft.com/l/channel/x #!\n");
edit("settings", "a hook at the top", /Unknown key/, "github: #!\n  signature: github\n");

// ---- a word that is none of the choices ----
whole("`if_missed: later`", /Write one of: skip, run/, { when: "when:\n  cron: '@daily'\n  if_missed: later #!" });
whole("`installed: [persn]`", /Write one of: person, group, team/, { when: "when:\n  installed:\n    - persn #!" });
whole("`change: [renamed]`", /Write one of: created, modified, deleted/, { when: "when:\n  file: 'a/*.csv'\n  change:\n    - renamed #!" });
whole("`here: false`", /Only `true`/, { notify: "notify:\n  - here: false #!" });
edit("settings", "`signature: githb`", /Write one of: github/, "hooks:\n  github:\n    signature: githb #!\n");
edit("settings", "`cloud: azure`", /Write one of: public/, "bot:\n  cloud: azure #!\n");
edit("settings", "`algorithm: md5`", /Write one of: sha256/, "hooks:\n  a:\n    signature: hmac\n    algorithm: md5 #!\n");
edit("settings", "too many messages a second", /maximum of 100000/, "limits:\n  messages_per_second: 500000 #!\n");
edit("settings", "no messages at all", /minimum of 1/, "limits:\n  messages_per_second: 0 #!\n");
edit("template", "another type of document", /Only `AdaptiveCard`/, "type: Card #!\nversion: '1.5'\n");

// ---- tests of rules ----
const test = (name, says, lines) => edit("test", name, says, `tests:\n${lines}\n`);
test("a test without a name", /A test needs `name`/, "  - given: samples/announce/first.json #!");
test("`expected` for `expect`", /Unknown key.*expect/, "  - name: a\n    expected: { messages: 1 } #!");
test("`given` that is a number", /`given` wants/, "  - name: a\n    given: 5 #!");
test("`samples` of a given", /Unknown key.*sample/, "  - name: a\n    given:\n      samples: samples/announce/first.json #!");
test("a message instead of how many", /`messages` wants a whole number/, "  - name: a\n    expect:\n      messages: one #!");
test("`send_to`", /Unknown key.*sent_to/, "  - name: a\n    expect:\n      send_to: [general] #!");
test("one who is told, without a list", /`sent_to` wants a list/, "  - name: a\n    expect:\n      sent_to: general #!");
test("an empty step", /nothing in it/, "  - name: a\n    story:\n      - {} #!");
test("a wait that is a number", /`wait` wants a text/, "  - name: a\n    story:\n      - wait: 10 #!");
edit("test", "tests without a list", /`tests` wants a list/, "tests:\n  name: a #!\n");

// ---- YAML itself ----
whole("a tab", /tab/i, { when: "when: #!\n\thook: github #!" });
whole("the same key twice", /unique/i, { lines: "owner: anna\nowner: omar #!" });

export const wrongEdits = edits;
