//! Editors and `check` read the same schemas.

use std::fs;
use std::path::{Path, PathBuf};

use herald::schema::{FileKind, text};

use crate::support::cli::{command, run};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schema")
}

/// `UPDATE_GOLDEN=1` writes them; without it they must be as they would be written.
#[test]
fn the_committed_schemas_are_those_of_the_code() {
    for kind in FileKind::ALL {
        let path = folder().join(kind.file_name());
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::create_dir_all(folder()).expect("the folder can be made");
            fs::write(&path, text(kind)).expect("the schema can be written");
        }
        let committed = fs::read_to_string(&path)
            .expect("the schema is committed")
            .replace("\r\n", "\n");
        assert!(
            committed == text(kind),
            "{} is out of date: run `herald schema --out schema`",
            path.display()
        );
    }
}

#[test]
fn the_command_writes_the_schemas_and_notices_when_they_differ() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let check = || run(folder.path(), &["schema", "--check"]).code;
    assert_eq!(check(), 1, "nothing is there yet");
    assert_eq!(run(folder.path(), &["schema"]).code, 0);
    assert_eq!(check(), 0);
    let one = folder.path().join("schema").join(FileKind::Rule.file_name());
    let written = fs::read_to_string(&one).expect("the schema is there");
    fs::write(&one, written.replace('\n', "\r\n")).expect("the schema can be written");
    assert_eq!(check(), 0, "line ends of another system are no difference");
    fs::write(&one, written.replace("Rule", "Ruel")).expect("the schema can be written");
    assert_eq!(check(), 1);
}

#[test]
fn the_schema_of_a_workspace_follows_its_files() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it is below the folder")).expect("the folder can be made");
        fs::write(path, text).expect("the file can be written");
    };
    write("directory.yaml", "people: { anna: anna.berg@contoso.example }\n");
    write(
        "herald.yaml",
        "queues: { shop: { kind: kafka, brokers: k, topic: sales, user: me, secret: pasted/one= } }\ntopics: { sales-news: {} }\n",
    );
    write(
        "samples/shop/order.paid.json",
        r#"{ "state": "paid", "api_token": "abc", "customer": { "email": "eve@contoso.example" }, "lines": [{ "sku": "A-1" }] }"#,
    );
    let mut watching = command(
        folder.path(),
        &["schema", "--workspace", "--watch"],
        &std::collections::BTreeMap::new(),
    )
    .spawn()
    .expect("the binary runs");
    let until = |wanted: &str| {
        let path = folder.path().join("schema/rule.schema.json");
        for _ in 0..600 {
            let there = fs::read_to_string(&path).unwrap_or_default();
            if there.contains(wanted) {
                return there;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("{wanted} never came into the schema");
    };
    let first = until("\"anna\"");
    for known in [
        "event.state",
        "event.lines[0].sku",
        "event.customer.email",
        "event.api_token",
        "kafka / sales",
        "\"sales-news\"",
    ] {
        assert!(first.contains(known), "{known}");
    }
    let schema: serde_json::Value = serde_json::from_str(&first).expect("JSON");
    let when = &schema["definitions"]["TriggerFile"]["properties"]["queue"];
    assert_eq!(when["anyOf"][0]["enum"], serde_json::json!(["shop"]), "{when}");
    for private in ["eve@contoso.example", "abc", "pasted/one"] {
        assert!(!first.contains(private), "{private} has left its sample");
    }
    write(
        "directory.yaml",
        "people: { anna: anna.berg@contoso.example, omar: omar.haddad@contoso.example }\n",
    );
    until("\"omar\"");
    // The other files come a moment later.
    let current = || run(folder.path(), &["schema", "--workspace", "--check"]).code == 0;
    assert!((0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        current()
    }));
    watching.kill().expect("it was running");
    watching.wait().expect("it has ended");
    assert_eq!(
        run(folder.path(), &["schema", "--check"]).code,
        1,
        "the plain one says less"
    );
}
