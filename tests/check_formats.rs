//! `herald check` for code hosts: SARIF as its schema wants it, annotations of GitHub Actions, and the explanation of a code.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::cli::run;

/// A workspace in a folder of a repository, with an error, a warning and a second place in one of them.
fn repository() -> TempDir {
    let root = tempfile::tempdir().expect("a temporary folder");
    let write = |path: &str, text: &str| {
        let path = root.path().join("policies").join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        fs::write(path, text).expect("a file can be written");
    };
    write(
        "herald.yaml",
        "hooks: { github: { signature: github, secret: GITHUB_WEBHOOK_SECRET } }\n",
    );
    write(
        "rules/a, b: 100%.yaml",
        "when: { hook: githb }\nnotify: [{ channel: Platform / Releases }]\nwhen: {}\n",
    );
    write(
        "rules/é.yaml",
        "when: { hook: github }\nnotify: [{ channel: Platform / Releases }]\nif: { event.a: \"\u{1f600}\", event.version: 1.10 }\n",
    );
    write("rules/latin.yaml", "");
    fs::write(root.path().join("policies/rules/latin.yaml"), b"a: \xfc\n").expect("a file can be written");
    root
}

/// The schema of SARIF 2.1.0, from an npm package that ships it.
fn schema() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/sarif/node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; run `npm ci --prefix tests/sarif`, or ./test",
            path.display()
        )
    });
    let mut schema: Value = serde_json::from_str(&text).expect("a schema is JSON");
    // One pattern of this edition, in two places, is no regular expression (a bracket too many): no validator can take it.
    for holder in ["run", "toolComponent"] {
        let language = schema["definitions"][holder]["properties"]["language"].as_object_mut();
        language.expect("it has a language").shift_remove("pattern");
    }
    schema
}

#[test]
fn sarif_is_valid_against_the_schema_of_its_standard() {
    let root = repository();
    let said = run(root.path(), &["--config", "policies", "check", "--format", "sarif"]);
    assert_eq!(said.code, 1, "{}", said.err);
    let log: Value = serde_json::from_str(&said.out).expect("SARIF is JSON");
    let schema = schema();
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .expect("the schema of SARIF is a schema");
    let faults: Vec<String> = validator
        .iter_errors(&log)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
    // The validator would notice.
    let mut broken = log.clone();
    broken["runs"][0]["results"][0]["level"] = Value::from("fatal");
    assert!(!validator.is_valid(&broken));

    let results = log["runs"][0]["results"].as_array().expect("results");
    assert!(results.len() >= 4, "{results:#?}");
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().expect("rules");
    for result in results {
        let rule = usize::try_from(result["ruleIndex"].as_u64().expect("every code has a rule")).unwrap();
        assert_eq!(rules[rule]["id"], result["ruleId"]);
        let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            .as_str()
            .unwrap();
        assert!(uri.starts_with("policies/rules/") && !uri.contains([' ', ':']), "{uri}");
    }
    let wrong_hook = results
        .iter()
        .find(|result| result["ruleId"] == "reference::hook")
        .expect("a wrong hook");
    assert_eq!(wrong_hook["level"], "error");
    assert_eq!(
        wrong_hook["locations"][0]["physicalLocation"]["region"]["startColumn"],
        15
    );
    let doubled = results
        .iter()
        .find(|result| result["ruleId"] == "yaml::doubled_key")
        .expect("a doubled key");
    assert_eq!(
        doubled["relatedLocations"][0]["physicalLocation"]["region"]["startLine"],
        1
    );
}

#[test]
fn a_flawless_workspace_is_valid_sarif_without_results() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let said = run(root.path(), &["check", "--format", "sarif"]);
    assert_eq!(said.code, 0);
    let log: Value = serde_json::from_str(&said.out).expect("SARIF is JSON");
    assert!(jsonschema::is_valid(&schema(), &log));
    assert_eq!(log["runs"][0]["results"], serde_json::json!([]));
}

#[test]
fn github_gets_one_line_for_each_diagnostic_with_errors_first() {
    let root = repository();
    let said = run(root.path(), &["--config", "policies", "check", "--format", "github"]);
    assert_eq!(said.code, 1, "{}", said.err);
    let lines: Vec<&str> = said.out.lines().collect();
    let (last, annotations) = lines.split_last().expect("lines");
    assert!(last.ends_with(" in 3 files"), "{last}");
    assert!(
        annotations.len() >= 4 && annotations.iter().all(|line| line.starts_with("::")),
        "{lines:#?}"
    );
    let first_warning = annotations
        .iter()
        .position(|line| line.starts_with("::warning "))
        .expect("a warning");
    assert!(
        annotations[first_warning..]
            .iter()
            .all(|line| line.starts_with("::warning "))
    );
    let hook = annotations
        .iter()
        .find(|line| line.contains("there is no hook"))
        .expect("a wrong hook");
    assert!(
        hook.starts_with(
            "::error file=policies/rules/a%2C b%3A 100%25.yaml,line=1,endLine=1,col=15,endColumn=20,title=reference%3A%3Ahook::"
        ),
        "{hook}"
    );
    assert!(hook.contains("%0Ahelp: did you mean `github`?"), "{hook}");
    let clean = run(
        tempfile::tempdir().expect("a folder").path(),
        &["check", "--format", "github"],
    );
    assert_eq!((clean.code, clean.out.as_str()), (0, ""));
}

#[test]
fn a_code_is_explained_in_the_terminal_and_a_misspelt_one_is_recognised() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let said = run(root.path(), &["check", "--explain", "cron::field"]);
    assert_eq!(said.code, 0);
    assert!(said.out.starts_with("cron::field\n\n"), "{}", said.out);
    assert!(
        said.out.contains("Wrong:") && said.out.contains("Right:"),
        "{}",
        said.out
    );
    let said = run(root.path(), &["check", "--explain", "cron::feild"]);
    assert_eq!(said.code, 3);
    assert!(said.err.contains("did you mean `cron::field`?"), "{}", said.err);
}
