//! `herald init`: what it makes works at once, says what to do next, and takes nothing away from anybody.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use herald::load;
use herald::workspace::{self, sample::Sample};
use serde_json::{Value, json};

use crate::support::cli::{Said, command, run, said};

/// A folder to work in.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    fn herald(&self, args: &[&str]) -> Said {
        run(self.root(), args)
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("it is below the desk")).expect("the folder can be made");
        fs::write(path, text).expect("the file can be written");
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn payload(&self, payload: &Value) -> Said {
        self.write("payload.json", payload.to_string());
        self.herald(&["init", "--from", "payload.json"])
    }

    /// Every file, as seen from the desk.
    fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.root().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("it can be listed") {
                let path = entry.expect("it can be listed").path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => found.push(path.strip_prefix(self.root()).expect("below").display().to_string()),
                }
            }
        }
        found.sort();
        found
    }

    /// Nothing to complain about, warnings included; and each rule really takes the sample that was written with it.
    fn is_right(&self, place: &str) {
        self.passes_check(place);
        let tested = self.herald(&["test"]);
        assert_eq!(tested.code, 0, "{place}: {}{}", tested.out, tested.err);
    }

    fn passes_check(&self, place: &str) {
        let said = self.herald(&["check"]);
        assert_eq!(said.code, 0, "{place}: {}{}", said.out, said.err);
        assert!(said.out.contains("nothing is wrong"), "{place}: {}", said.out);
        let sources = load::read_with_samples(self.root());
        let compiled = workspace::compile(&sources, None);
        for rule in &compiled.workspace.ruleset.rules {
            let meets = sources
                .files
                .iter()
                .filter(|file| file.path.starts_with("samples/"))
                .any(|file| {
                    let bytes = file.bytes.as_ref().expect("a sample can be read");
                    let data = serde_json::from_slice(bytes).expect("a sample is JSON");
                    Sample::new(&file.path, data).event_for(rule).is_some()
                });
            assert!(meets, "{place}: no sample meets the rule {}", rule.name);
        }
        self.modelines_lead_to_schemas(place);
    }

    fn modelines_lead_to_schemas(&self, place: &str) {
        for file in self.files().iter().filter(|file| file.ends_with(".yaml")) {
            let text = self.read(file);
            let first = text.lines().next().unwrap_or_default();
            let Some(schema) = first.strip_prefix("# yaml-language-server: $schema=") else {
                panic!("{place}: {file} names no schema: {first}");
            };
            let folder: PathBuf = self.root().join(file).parent().expect("it is in a folder").to_owned();
            assert!(
                folder.join(schema).is_file(),
                "{place}: {file} names {schema}, which is not there"
            );
        }
    }
}

#[test]
fn a_new_workspace_passes_its_own_check_and_says_what_to_do_next() {
    let desk = Desk::new();
    let said = desk.herald(&["init", "news"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    for told in [
        "herald.yaml",
        "rules/announcement.yaml",
        "cd news",
        "herald check",
        "herald serve --sandbox",
    ] {
        assert!(said.out.contains(told), "{told} is not told:\n{}", said.out);
    }
    let checked = desk.herald(&["check", "--config", "news"]);
    assert_eq!(
        (checked.code, checked.out.trim()),
        (0, "1 rule, 1 template: nothing is wrong")
    );
    desk.modelines_lead_to_schemas("news");
    let tested = desk.herald(&["test", "--config", "news"]);
    assert_eq!(tested.code, 0, "{}{}", tested.out, tested.err);
    for file in ["settings", "extensions", "tasks"] {
        let text = desk.read(&format!("news/.vscode/{file}.json"));
        serde_json::from_str::<Value>(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
    }
    assert_eq!(desk.read("news/.gitignore"), "/data/\n");
    // The editor's schemas know this workspace already, and stay so.
    let current = desk.herald(&["schema", "--workspace", "--check", "--config", "news"]);
    assert_eq!(current.code, 0, "{}", current.out);
    assert!(desk.read("news/schema/rule.schema.json").contains("event.title"));
}

#[test]
fn nothing_that_exists_is_overwritten() {
    let desk = Desk::new();
    desk.write("herald.yaml", "time_zone: UTC\n");
    let said = desk.herald(&["init"]);
    assert_eq!(said.code, 1);
    assert!(
        said.err.contains("herald.yaml is there already; nothing was changed"),
        "{}",
        said.err
    );
    assert!(said.err.contains("init --from"), "{}", said.err);
    assert_eq!(desk.files(), ["herald.yaml"]);

    let desk = Desk::new();
    desk.write(".gitignore", "/target/\n");
    let said = desk.herald(&["init"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.out.contains(".gitignore                         is there already"),
        "{}",
        said.out
    );
    assert_eq!(desk.read(".gitignore"), "/target/\n");
}

/// Payloads as their senders shape them, with what the rule should say.
fn payloads() -> Vec<(&'static str, Value, &'static [&'static str])> {
    vec![
        (
            "GitHub",
            json!({
                "ref": "refs/heads/main", "compare": "https://github.contoso.example/compare/a...b",
                "repository": { "name": "webshop", "full_name": "contoso/webshop", "html_url": "https://github.contoso.example/contoso/webshop" },
                "pusher": { "name": "aberg", "email": "anna.berg@contoso.example" }, "sender": { "login": "aberg" },
                "commits": [{ "id": "b", "message": "Fix the lift" }], "head_commit": { "message": "Fix the lift", "timestamp": "2026-03-06T14:21:09Z" },
            }),
            &[
                "event_type: push",
                "# if:\n#   event.ref: refs/heads/main",
                "{{event.head_commit.message}}",
                "Open: \"{{event.compare}}\"",
                "# - person: \"{{event.pusher.email}}\"",
            ],
        ),
        (
            "GitLab",
            json!({
                "object_kind": "pipeline", "user": { "name": "Anna", "email": "anna.berg@contoso.example" },
                "object_attributes": { "id": 31, "ref": "main", "status": "failed", "url": "https://gitlab.contoso.example/web/-/pipelines/31" },
                "project": { "name": "Web", "web_url": "https://gitlab.contoso.example/web", "path_with_namespace": "contoso/web" },
            }),
            &[
                "event.object_attributes.status: failed",
                "Open: \"{{event.object_attributes.url}}\"",
            ],
        ),
        (
            "Stripe",
            json!({
                "id": "evt_1", "object": "event", "livemode": false, "type": "invoice.payment_failed",
                "data": { "object": { "amount_due": 4200, "currency": "eur", "customer_email": "eve@contoso.example", "hosted_invoice_url": "https://invoice.example/i/1" } },
            }),
            &[
                "event.type: invoice.payment_failed",
                "Amount due: \"{{event.data.object.amount_due}}\"",
            ],
        ),
        (
            "Slack",
            json!({ "team_id": "T1", "type": "event_callback", "event": { "type": "app_mention", "user": "U1", "text": "Is it up?", "channel": "C1" } }),
            &["event_type: app_mention", "{{truncate event.event.text 500}}"],
        ),
        (
            "Azure DevOps",
            json!({
                "eventType": "build.complete", "publisherId": "tfs", "message": { "text": "Build 7 failed" },
                "detailedMessage": { "text": "Build 7 failed after 4 minutes" }, "createdDate": "2026-03-06T14:21:09Z",
                "resource": { "result": "failed", "url": "https://dev.azure.example/_apis/build/2", "requestedFor": { "uniqueName": "anna.berg@contoso.example" } },
            }),
            &[
                "signature",
                "event.resource.result: failed",
                "title: \"{{event.message.text}}\"",
            ],
        ),
        (
            "Jira",
            json!({
                "timestamp": 1_772_807_000_000_u64, "webhookEvent": "jira:issue_updated", "user": { "displayName": "Anna" },
                "issue": { "key": "WEB-7", "fields": { "summary": "Login fails", "status": { "name": "In Progress" }, "priority": { "name": "High" } } },
            }),
            &[
                "title: \"{{event.issue.key}}: {{event.issue.fields.summary}}\"",
                "event.issue.fields.status.name: In Progress",
            ],
        ),
        (
            "PagerDuty",
            json!({ "event": {
                "event_type": "incident.triggered", "resource_type": "incident", "occurred_at": "2026-03-06T14:21:09Z",
                "data": { "html_url": "https://pager.example/incidents/Q1", "number": 2, "title": "Shop is slow", "urgency": "high" },
            } }),
            &[
                "title: \"{{event.event.data.title}}\"",
                "At: \"{{date event.event.occurred_at}}\"",
                "Urgency: \"{{event.event.data.urgency}}\"",
            ],
        ),
        (
            "Sentry",
            json!({
                "action": "created", "installation": { "uuid": "u" },
                "data": { "issue": { "title": "TypeError: x is not a function", "level": "error", "web_url": "https://sentry.example/issues/1" } },
            }),
            &[
                "title: \"{{event.data.issue.title}}\"",
                "Open: \"{{event.data.issue.web_url}}\"",
            ],
        ),
        (
            "Bitbucket",
            json!({ "repository": { "full_name": "contoso/web", "name": "web" }, "actor": { "display_name": "Anna" }, "push": { "changes": [{ "new": { "name": "main" } }] } }),
            &["{{event.actor.display_name}}"],
        ),
        (
            "Grafana",
            json!({
                "receiver": "teams", "status": "firing", "orgId": 1, "groupLabels": {}, "externalURL": "https://grafana.contoso.example/",
                "commonLabels": { "alertname": "Disk full" }, "commonAnnotations": { "summary": "Disk is 97 % full" },
                "alerts": [{ "status": "firing", "startsAt": "2026-03-06T14:21:09Z", "labels": {} }],
            }),
            &[
                "event.status: firing",
                "title: \"{{event.status}}: {{event.commonLabels.alertname}}\"",
                "Open: \"{{event.externalURL}}\"",
            ],
        ),
    ]
}

#[test]
fn the_payload_of_a_known_sender_becomes_a_rule_that_is_right_at_once() {
    for (sender, payload, wanted) in payloads() {
        let desk = Desk::new();
        let said = desk.payload(&payload);
        assert_eq!(said.code, 0, "{sender}: {}{}", said.out, said.err);
        assert!(
            said.out.contains(&format!("This looks like {sender}.")),
            "{sender}: {}",
            said.out
        );
        let rule = desk
            .files()
            .into_iter()
            .find(|file| file.starts_with("rules/") && !file.ends_with(".test.yaml"))
            .expect("a rule");
        let text = desk.read(&rule).replace(
            "{{truncate event.head_commit.message 500}}",
            "{{event.head_commit.message}}",
        );
        for wanted in wanted.iter().filter(|wanted| **wanted != "signature") {
            assert!(text.contains(wanted), "{sender}: {wanted} is not in\n{text}");
        }
        desk.is_right(sender);
        switched_on(&desk, &rule, sender);
    }
}

/// The condition that is switched off is right, too.
fn switched_on(desk: &Desk, rule: &str, place: &str) {
    let text = desk.read(rule);
    let on = text
        .replace("# if:\n#   ", "if:\n  ")
        .replace("  # - person", "  - person");
    if on != text {
        desk.write(rule, on);
        desk.passes_check(&format!("{place}, switched on"));
    }
}

#[test]
fn the_events_of_the_gallery_become_rules_too() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let mut tried = 0;
    for folder in [
        "github",
        "alertmanager",
        "grafana",
        "incident",
        "announce",
        "office-365",
    ] {
        for entry in fs::read_dir(samples.join(folder)).expect("samples") {
            let path = entry.expect("a sample").path();
            let place = path.display().to_string();
            let desk = Desk::new();
            let said = desk.herald(&["init", "--from", &place]);
            assert_eq!(said.code, 0, "{place}: {}{}", said.out, said.err);
            desk.is_right(&place);
            if folder == "github" {
                let name = path.file_name().expect("a name").to_string_lossy().into_owned();
                let event_type = name.split('.').next().expect("a type").to_owned();
                let rule = desk
                    .files()
                    .into_iter()
                    .find(|file| file.starts_with("rules/") && !file.ends_with(".test.yaml"))
                    .expect("a rule");
                assert!(
                    desk.read(&rule).contains(&format!("event_type: {event_type}\n")),
                    "{place}"
                );
            }
            tried += 1;
        }
    }
    assert!(tried > 10, "{tried}");
}

#[test]
fn what_was_written_for_an_office_365_connector_is_sent_on_as_it_is() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/connector");
    for (sample, kind) in [
        ("message_card.azure-devops.json", "message_card"),
        ("adaptive_card.alerts.json", "adaptive_card"),
    ] {
        let desk = Desk::new();
        let said = desk.herald(&["init", "--from", &samples.join(sample).display().to_string()]);
        assert_eq!(said.code, 0, "{sample}: {}{}", said.out, said.err);
        let rule = desk.read(&format!("rules/office-365/{}.yaml", kind.replace('_', "-")));
        for wanted in [format!("event_type: {kind}\n"), "card: as_sent\n".to_owned()] {
            assert!(rule.contains(&wanted), "{sample}: {wanted} is not in\n{rule}");
        }
        let settings = desk.read("herald.yaml");
        for wanted in ["signature: url", "formats: [teams_message]", "secret: OFFICE_365_KEY"] {
            assert!(settings.contains(wanted), "{sample}: {wanted} is not in\n{settings}");
        }
        desk.is_right(sample);
    }
}

#[test]
fn an_unknown_payload_is_judged_by_its_fields() {
    let desk = Desk::new();
    desk.write(
        "order.json",
        json!({
            "order": {
                "id": "A-17", "state": "paid", "total": 129.5, "currency": "EUR", "placed_at": "2026-03-06T14:21:09Z",
                "summary": "Two lamps and a chair", "customer": { "name": "Eve", "email": "eve@contoso.example" },
            },
            "links": { "self": "https://api.shop.contoso.example/orders/A-17" }, "url": "https://shop.contoso.example/admin/orders/A-17",
        })
        .to_string(),
    );
    let said = desk.herald(&["init", "--from", "order.json", "--hook", "shop"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let rule = desk.read("rules/shop.yaml");
    for wanted in [
        "  hook: shop\n",
        "# if:\n#   event.order.state: paid\n",
        "  - channel: general",
        "  # - person: \"{{event.order.customer.email}}\"\n",
        "  title: \"{{event.order.summary}}\"\n",
        "    Total: \"{{event.order.total}}\"\n",
        "    Open: \"{{event.url}}\"\n",
    ] {
        assert!(rule.contains(wanted), "{wanted} is not in\n{rule}");
    }
    assert!(
        desk.read("herald.yaml")
            .contains("  shop:\n    path: shop\n    signature: bearer")
    );
    assert!(said.out.contains("SHOP_TOKEN"), "{}", said.out);
    assert_eq!(
        serde_json::from_str::<Value>(&desk.read("samples/shop/first.json")).expect("JSON")["order"]["id"],
        "A-17"
    );
    desk.is_right("an order");
}

#[test]
fn names_and_values_that_yaml_and_templates_find_hard_stay_data() {
    for payload in [
        json!({ "1st": "one", "weird {{x}}": "{{evil}}", "yes": "no", "quotes\"": "a", "Größe": "groß", "a.b": "c d", "#": "x", "due date": "x" }),
        json!({ "state": "no", "title": "{{event.title}} # {{#if}} <at>x</at> \"quoted\" \\ back: slash" }),
        json!({ "status": "2026-03-06", "level": "007", "kind": "null", "message": "a: b\n- c" }),
        json!([{ "title": "First", "status": "open" }, { "title": "Second" }]),
        json!({ "a": true, "b": [], "c": null }),
        json!({ "deep": { "er": { "and": { "deeper": { "still": { "more": { "status": "lost" } } } } } } }),
        json!({ "status": "x".repeat(5000), "title": "y".repeat(90_000) }),
        json!({ "this": { "title": "This one" }, "else": "x", "@": "y", "status": "on" }),
    ] {
        let desk = Desk::new();
        let said = desk.payload(&payload);
        assert_eq!(said.code, 0, "{payload}: {}{}", said.out, said.err);
        desk.is_right(&payload.to_string().chars().take(200).collect::<String>());
        let rule = desk
            .files()
            .into_iter()
            .find(|file| file.starts_with("rules/") && !file.ends_with(".test.yaml"))
            .expect("a rule");
        switched_on(&desk, &rule, &payload.to_string().chars().take(200).collect::<String>());
    }
}

#[test]
fn a_second_rule_goes_into_the_workspace_without_touching_what_is_there() {
    let desk = Desk::new();
    let settings = "# Ours.\nhooks:\n  github: # the big one\n    signature: github\n    secret: GITHUB_WEBHOOK_SECRET\n\n# The end.\nstore: data/\n";
    desk.write("herald.yaml", settings);
    desk.write("directory.yaml", "people: { omar: omar.haddad@contoso.example }\n");
    desk.write("shop.json", r#"{ "title": "Sold out", "state": "urgent" }"#);
    let said = desk.herald(&["init", "--from", "shop.json"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert_eq!(
        desk.read("herald.yaml"),
        settings.replace(
            "    secret: GITHUB_WEBHOOK_SECRET\n",
            "    secret: GITHUB_WEBHOOK_SECRET\n  shop:\n    path: shop\n    signature: bearer # or api-key, basic, hmac: whatever the sender can do\n    secret: SHOP_TOKEN # the NAME of the variable that holds it\n",
        )
    );
    assert!(desk.read("rules/shop.yaml").contains("- person: \"omar\""));
    assert_eq!(
        desk.herald(&["check"]).out.trim(),
        "1 rule, 0 templates: nothing is wrong"
    );

    // A hook that is there is used as it is.
    let before = desk.read("herald.yaml");
    desk.write("pr.json", json!({ "pull_request": { "title": "Faster" }, "action": "opened", "sender": { "login": "a" }, "repository": { "full_name": "c/w" } }).to_string());
    let said = desk.herald(&["init", "--from", "pr.json"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert_eq!(desk.read("herald.yaml"), before);
    assert!(
        desk.read("rules/github/pull-request.yaml")
            .starts_with("# yaml-language-server: $schema=../../schema/rule.schema.json\n")
    );

    // Twice the same is refused: it would tell everybody twice.
    let files = desk.files();
    let said = desk.herald(&["init", "--from", "pr.json"]);
    assert_eq!(said.code, 1);
    assert!(
        said.err.contains("rules/github/pull-request.yaml") && said.err.contains("--hook NAME"),
        "{}",
        said.err
    );
    assert_eq!(desk.files(), files);
}

#[test]
fn settings_that_cannot_be_added_to_safely_are_left_alone_with_the_way_out() {
    let desk = Desk::new();
    let settings = "hooks: { ci: { signature: none, anyone_can_post: true } } # on one line\n";
    desk.write("herald.yaml", settings);
    desk.write("shop.json", r#"{ "title": "Sold out" }"#);
    let said = desk.herald(&["init", "--from", "shop.json"]);
    assert_eq!(said.code, 1, "{}", said.out);
    for wanted in [
        "nothing was changed",
        "by hand",
        "  shop:\n    path: shop\n",
        "SHOP_TOKEN",
    ] {
        assert!(said.err.contains(wanted), "{wanted} is not told: {}", said.err);
    }
    assert_eq!(desk.files(), ["herald.yaml", "shop.json"]);
    assert_eq!(desk.read("herald.yaml"), settings);
}

#[test]
fn a_payload_that_is_none_is_told_in_a_sentence() {
    let desk = Desk::new();
    desk.write("empty.json", "  \n");
    desk.write("broken.json", "{ \"title\": oops }");
    desk.write("cut.json", "{ \"title\": ");
    desk.write("nothing.json", "{}");
    desk.write("text.json", "\"hello\"");
    desk.write("bytes.json", [0xff, 0xfe, 0x00, 0x01]);
    desk.write("large.json", format!("{{ \"title\": \"{}\" }}", "x".repeat(2 << 20)));
    let before = desk.files();
    for (file, wanted) in [
        (
            "empty.json",
            "empty.json is empty: it should hold what the sender posts, as JSON",
        ),
        (
            "broken.json",
            "broken.json is not JSON: expected value in line 1, column 12",
        ),
        ("cut.json", "cut.json is not whole: the JSON in it ends too early"),
        ("nothing.json", "the payload has no fields"),
        ("text.json", "the payload has no fields"),
        ("bytes.json", "bytes.json is not JSON"),
        ("large.json", "large.json is larger than 1048576 bytes"),
        ("missing.json", "cannot read missing.json"),
    ] {
        let said = desk.herald(&["init", "--from", file]);
        assert_eq!(said.code, 3, "{file}: {}{}", said.out, said.err);
        assert!(said.err.contains(wanted), "{file}: {}", said.err);
        assert_eq!(desk.files(), before, "{file}");
    }
    desk.write("fine.json", r#"{ "title": "x" }"#);
    let said = desk.herald(&["init", "--from", "fine.json", "--hook", "a b"]);
    assert!(said.err.contains("`a b` cannot be the name of a hook"), "{}", said.err);
    assert_eq!(
        desk.herald(&["init", "--hook", "x"]).code,
        2,
        "a hook without a payload is wrong usage"
    );
}

#[test]
fn a_payload_can_come_through_a_pipe() {
    let desk = Desk::new();
    let mut child = command(
        desk.root(),
        &["init", "--from", "-", "--hook", "piped"],
        &BTreeMap::new(),
    )
    .stdin(std::process::Stdio::piped())
    .spawn()
    .expect("it runs");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(br#"{ "title": "Through a pipe" }"#).expect("it reads");
    drop(stdin);
    let said = said(child.wait_with_output().expect("it ends"));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    desk.is_right("a pipe");
}
