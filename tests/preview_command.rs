//! `herald preview`: the real binary, real HTTP, a real browser.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::cli::{self, run};

const PATIENCE: Duration = Duration::from_secs(260);
const SKIP: &str = "install it (tests/browser/README.md), or set HERALD_SKIP_BROWSER=1 to go without";

fn write(root: &Path, path: &str, text: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

const ORDER: &str = r#"description: A large order came in
when: { hook: shop }
if:
  event.order.total: { at_least: 100 }
notify:
  - person: omar
  - channel: Sales / Orders
    mention: anna
card:
  title: "Order {{event.order.number}}"
  text: "{{event.order.note}}"
  facts:
    At: "{{date event.order.at \"time\"}}"
"#;

fn order(number: u32, total: u32, note: &str) -> String {
    json!({ "order": { "number": number, "total": total, "note": note, "at": "2026-03-06T14:21:09Z" } }).to_string()
}

/// A shop with rules, samples of all sorts, and two people in two zones.
fn shop() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(
        root,
        "herald.yaml",
        "time_zone: Europe/Berlin\nhooks:\n  shop: { path: shop, signature: bearer, secret: SHOP }\n  \
         lonely: { path: lonely, signature: bearer, secret: LONELY }\n",
    );
    write(
        root,
        "directory.yaml",
        "people:\n  anna: anna.berg@contoso.example\n  \
         omar: { email: omar.haddad@contoso.example, time_zone: Asia/Dubai }\n",
    );
    write(root, "rules/shop/order.yaml", ORDER);
    write(
        root,
        "rules/shop/note.yaml",
        "description: Thanks\nwhen: { hook: shop }\nnotify:\n  - person: anna\ncard: note\n",
    );
    write(
        root,
        "rules/shop/nosample.yaml",
        "description: Nobody ever posted to it\nwhen: { hook: lonely }\nnotify:\n  - person: anna\ncard:\n  \
         title: Lonely\n  text: \"{{event.text}}\"\n",
    );
    write(
        root,
        "templates/note.yaml",
        "type: AdaptiveCard\nversion: \"1.5\"\nbody:\n  - { type: TextBlock, text: \"Thank you\", wrap: true }\n  \
         - { type: Image, url: \"https://pictures.example/logo.png\", altText: Logo }\n",
    );
    write(
        root,
        "templates/form.yaml",
        "type: AdaptiveCard\nversion: \"1.5\"\nbody:\n  - { type: Input.Text, id: words, label: Your words }\n\
         actions:\n  - { type: Action.Submit, title: Send, data: { form: feedback } }\n",
    );
    write(root, "samples/shop/order.json", order(4711, 250, "With ribbon"));
    write(root, "samples/shop/small.json", order(12, 5, "No ribbon"));
    write(
        root,
        "samples/shop/without-time.json",
        r#"{ "order": { "number": 1, "total": 100, "note": "x" } }"#,
    );
    let evil = "<script>window.pwned=1</script><img src=x onerror=\"window.pwned=1\"> [click](javascript:window.pwned=1) \
                \u{202e}reversed </script> ";
    write(
        root,
        "samples/shop/wicked.json",
        order(666, 1_000, &format!("{evil}{}", "wide".repeat(30_000))),
    );
    folder
}

/// A preview that runs until it is dropped.
struct Running {
    child: Child,
    url: String,
    /// What it prints goes somewhere for as long as it runs.
    _out: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Running {
    fn start(root: &Path, args: &[&str]) -> Running {
        let mut command = cli::command(root, args, &BTreeMap::new());
        let mut child = command.stderr(Stdio::inherit()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().expect("the address is printed").unwrap();
        let url = first
            .strip_prefix("Preview")
            .expect("the line begins so")
            .trim()
            .to_owned();
        Running {
            child,
            url,
            _out: lines,
        }
    }

    /// `http://127.0.0.1:4711`, without what is chosen.
    fn base(&self) -> &str {
        self.url.split("/#").next().unwrap().trim_end_matches('/')
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn without_browser(what: &str) -> bool {
    let skip = std::env::var_os("HERALD_SKIP_BROWSER").is_some_and(|skip| skip == "1");
    if skip {
        eprintln!("HERALD_SKIP_BROWSER=1: {what}");
    }
    skip
}

fn in_browser(script: &str, variables: &[(&str, &str)]) {
    let mut node = Command::new("node")
        .arg(script)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser"))
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("the browser checks need `node` ({error}); {SKIP}"));
    let began = Instant::now();
    let status = loop {
        if let Some(status) = node.try_wait().unwrap() {
            break status;
        }
        if began.elapsed() > PATIENCE {
            node.kill().unwrap();
            panic!("{script} does not end");
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    match status.code() {
        Some(0) => {}
        Some(3) => panic!("{script} could not run: the line above says what is missing; {SKIP}"),
        code => panic!("{script} failed ({code:?}): the lines above say which"),
    }
}

#[test]
fn a_card_is_seen_in_a_browser_and_follows_the_files() {
    if without_browser("the preview was not looked at") {
        return;
    }
    let folder = shop();
    let root = folder.path();
    // The browser's checks change this word; the page that was written before must not know.
    let note = fs::read_to_string(root.join("templates/note.yaml")).unwrap();
    write(root, "templates/note.yaml", note.replace("Thank you", "Many thanks"));
    let page = root.join("all.html");
    let said = run(root, &["preview", "--out", page.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{said:?}");
    write(root, "templates/note.yaml", note);

    let running = Running::start(root, &["preview", "order", "--no-open", "--listen", "127.0.0.1:0"]);
    assert!(running.url.ends_with("/#rule=shop%2Forder"), "{}", running.url);
    in_browser(
        "preview.mjs",
        &[
            ("PREVIEW_URL", running.base()),
            ("WORKSPACE", root.to_str().unwrap()),
            ("PAGE", page.to_str().unwrap()),
        ],
    );
}

#[test]
fn cards_look_as_microsofts_own_library_draws_them_but_for_what_is_told() {
    if without_browser("cards were not compared with Microsoft's library") {
        return;
    }
    let cards = tempfile::tempdir().unwrap();
    let gallery = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut written = 0;
    for folder in fs::read_dir(gallery.join("rules")).unwrap() {
        for rule in fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = rule.unwrap().path();
            let below = path.strip_prefix(gallery).unwrap().to_str().unwrap().to_owned();
            if !below.ends_with(".yaml") || below.ends_with(".test.yaml") {
                continue;
            }
            let out = cards.path().join(format!("{}.json", below.replace('/', "-")));
            let said = run(gallery, &["preview", &below, "--out", out.to_str().unwrap()]);
            assert_eq!(said.code, 0, "{below}: {said:?}");
            written += 1;
        }
    }
    assert!(written >= 10, "the gallery has {written} rules");
    // Messages as well-known senders wrote them to connectors.
    let folders =
        ["samples/office-365", "tests/fixtures/connector"].map(|folder| fs::read_dir(gallery.join(folder)).unwrap());
    for sample in folders.into_iter().flatten() {
        let sample = sample.unwrap().path();
        let name = sample.file_name().unwrap().to_str().unwrap().to_owned();
        let out = cards.path().join(format!("connector-{name}"));
        let sample = sample.to_str().unwrap().to_owned();
        let args = [
            "preview",
            "connector",
            "--sample",
            &sample,
            "--out",
            out.to_str().unwrap(),
        ];
        let said = run(gallery, &args);
        assert_eq!(said.code, 0, "{name}: {said:?}");
        let card = fs::read_to_string(&out).unwrap();
        for nothing in ["HttpPOST", "Action.Submit", "Input.Text", "<br", "</b>"] {
            assert!(!card.contains(nothing), "{name}: {nothing}");
        }
    }
    in_browser("compare.mjs", &[("CARDS", cards.path().to_str().unwrap())]);
}

#[test]
fn a_misspelt_rule_is_answered_with_the_one_that_was_meant() {
    let folder = shop();
    let said = run(folder.path(), &["preview", "shop/ordr", "--no-open"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("did you mean `shop/order`?"), "{}", said.err);
    let said = run(folder.path(), &["preview", "something-else", "--no-open"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.err.contains("there are shop/nosample, shop/note, shop/order"),
        "{}",
        said.err
    );
}

#[test]
fn a_rule_is_found_by_its_last_word_or_its_file() {
    let folder = shop();
    for name in [
        "order",
        "shop/order",
        "rules/shop/order.yaml",
        "./rules/shop/order.yaml",
    ] {
        let said = run(folder.path(), &["preview", name, "--out", "card.json"]);
        assert_eq!(said.code, 0, "{name}: {said:?}");
    }
    let card: Value = serde_json::from_str(&fs::read_to_string(folder.path().join("card.json")).unwrap()).unwrap();
    assert_eq!(card["type"], "AdaptiveCard");
    assert!(card.to_string().contains("Order 4711"), "{card}");
    let said = run(folder.path(), &["preview", "templates/note.yaml", "--out", "card.json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let card = fs::read_to_string(folder.path().join("card.json")).unwrap();
    assert!(card.contains("Thank you"), "{card}");
}

#[test]
fn the_sample_the_reader_and_the_zone_can_be_named() {
    let folder = shop();
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "mine.json", order(99, 500, "From elsewhere"));
    let mine = outside.path().join("mine.json");
    let card = |args: &[&str]| {
        let all: Vec<&str> = ["preview", "order", "--out", "card.json"]
            .iter()
            .chain(args)
            .copied()
            .collect();
        let said = run(folder.path(), &all);
        assert_eq!(said.code, 0, "{args:?}: {said:?}");
        fs::read_to_string(folder.path().join("card.json")).unwrap()
    };
    assert!(card(&["--sample", mine.to_str().unwrap()]).contains("Order 99"));
    assert!(card(&["--sample", "samples/shop/small.json"]).contains("Order 12"));
    assert!(card(&["--sample", "shop/small.json"]).contains("Order 12"));
    assert!(card(&[]).contains("18:21"), "Omar is told first, and lives in Dubai");
    assert!(card(&["--to", "anna"]).contains("15:21"));
    assert!(card(&["--to", "anna.berg@contoso.example"]).contains("15:21"));
    assert!(card(&["--time-zone", "America/New_York"]).contains("09:21"));

    let said = run(
        folder.path(),
        &["preview", "order", "--to", "ana", "--out", "card.json"],
    );
    assert_eq!(said.code, 3);
    assert!(said.err.contains("did you mean `anna`?"), "{}", said.err);
    let said = run(
        folder.path(),
        &["preview", "order", "--time-zone", "Berlin", "--out", "card.json"],
    );
    assert_eq!(said.code, 3);
    assert!(said.err.contains("did you mean `Europe/Berlin`?"), "{}", said.err);
}

#[test]
fn a_sample_that_is_no_json_is_shown_with_its_place() {
    let folder = shop();
    write(folder.path(), "broken.json", "{\n  \"order\": oops\n}\n");
    let said = run(
        folder.path(),
        &["preview", "order", "--sample", "broken.json", "--no-open"],
    );
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("--> broken.json:2:12"), "{}", said.err);
    assert!(said.err.contains("this sample is not JSON"), "{}", said.err);
    let said = run(
        folder.path(),
        &["preview", "order", "--sample", "nowhere.json", "--no-open"],
    );
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("there is no sample nowhere.json"), "{}", said.err);
}

#[test]
fn a_file_says_what_did_not_come_out_as_meant() {
    let folder = shop();
    let said = run(folder.path(), &["preview", "nosample", "--out", "card.html"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.err.contains("Save a real one as samples/lonely/NAME.json"),
        "{}",
        said.err
    );
    let said = run(
        folder.path(),
        &[
            "preview",
            "order",
            "--sample",
            "shop/without-time.json",
            "--out",
            "card.html",
        ],
    );
    assert!(said.err.contains("event.order.at"), "{}", said.err);
}

#[test]
fn a_broken_rule_is_not_written_to_a_file_but_can_be_watched() {
    let folder = shop();
    write(
        folder.path(),
        "rules/shop/order.yaml",
        ORDER.replace("notify:", "notfy:"),
    );
    let said = run(folder.path(), &["preview", "shop/order", "--out", "card.html"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("--> rules/shop/order.yaml:5:1"), "{}", said.err);
    assert!(!folder.path().join("card.html").exists());
    // In a browser its author sees it become whole.
    let running = Running::start(
        folder.path(),
        &["preview", "shop/order", "--no-open", "--listen", "127.0.0.1:0"],
    );
    assert!(running.url.ends_with("/#rule=shop%2Forder"), "{}", running.url);
}

#[test]
fn a_file_must_be_a_page_or_a_card() {
    let folder = shop();
    for (args, sentence) in [
        (
            ["preview", "order", "--out", "card.pdf"],
            "neither in .html nor in .json",
        ),
        (
            ["preview", "--out", "card.json", "--config=."],
            "name the rule or template",
        ),
    ] {
        let said = run(folder.path(), &args);
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.err.contains(sentence), "{}", said.err);
    }
}

#[test]
fn a_port_that_is_taken_is_told_and_the_usual_one_is_not_insisted_on() {
    let folder = shop();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = run(folder.path(), &["preview", "--no-open", "--listen", &address]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("is taken by another program"), "{}", said.err);
    let one = Running::start(folder.path(), &["preview", "--no-open"]);
    let other = Running::start(folder.path(), &["preview", "--no-open"]);
    assert_ne!(one.url, other.url);
}

#[tokio::test]
async fn the_page_answers_on_this_machines_own_name_alone_and_trusts_no_script_but_its_own() {
    let folder = shop();
    let running = Running::start(folder.path(), &["preview", "--no-open", "--listen", "127.0.0.1:0"]);
    let client = reqwest::Client::new();
    let page = client.get(running.base()).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(
        policy.contains("script-src 'self'") && policy.contains("default-src 'none'"),
        "{policy}"
    );
    let elsewhere = client
        .get(format!("{}/preview/index", running.base()))
        .header("host", "rebound.example")
        .send()
        .await
        .unwrap();
    assert_eq!(elsewhere.status(), 421);
    let none = client
        .get(format!("{}/preview/card?rule=shop/none", running.base()))
        .send()
        .await
        .unwrap();
    assert_eq!(none.status(), 404);
}
