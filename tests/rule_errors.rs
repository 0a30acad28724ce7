//! What an author reads about a mistake: every fixture in `bad_rules/` gives exactly its `.txt`.
//!
//! `NAME.yaml` is a rule in the workspace `surroundings/`; a folder `NAME/` is laid over that workspace.
//! `UPDATE_GOLDEN=1` writes the texts; read them as somebody who is no programmer before you commit.

use std::fs;
use std::path::{Path, PathBuf};

use herald::cli::check::{CheckFormat, check};
use herald::cli::exit::Exit;
use tempfile::TempDir;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bad_rules")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("a fixture can be read") {
        let path = entry.expect("a fixture can be read").path();
        let to = to.join(path.file_name().expect("an entry has a name"));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).expect("a fixture can be copied");
        }
    }
}

fn surroundings() -> TempDir {
    let root = tempfile::tempdir().expect("a temporary folder");
    copy(&fixtures().join("surroundings"), root.path());
    fs::create_dir_all(root.path().join("rules")).expect("a folder can be made");
    root
}

fn checked(root: &Path, format: CheckFormat) -> (Exit, String) {
    let mut out = Vec::new();
    let exit = check(root, &[], format, false, &mut out).expect("check can always be done");
    (exit, String::from_utf8(out).expect("the report is text"))
}

fn compare(name: &str, shown: &str, wrong: &mut Vec<String>) {
    let golden = fixtures().join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&golden, shown).expect("the text can be written");
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default().replace("\r\n", "\n");
    if expected != shown {
        wrong.push(format!("== {name}, expected\n{expected}\n== {name}, shown\n{shown}"));
    }
}

#[test]
fn every_mistake_is_explained_as_its_fixture_says() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    let mut entries: Vec<PathBuf> = fs::read_dir(fixtures())
        .expect("the fixtures can be read")
        .map(|entry| entry.expect("the fixtures can be read").path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path
            .file_stem()
            .expect("a fixture has a name")
            .to_string_lossy()
            .into_owned();
        let root = surroundings();
        if path.is_dir() && !["surroundings", "generated"].contains(&name.as_str()) {
            copy(&path, root.path());
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            fs::copy(&path, root.path().join("rules").join(format!("{name}.yaml"))).expect("a fixture can be copied");
        } else {
            continue;
        }
        let (_, shown) = checked(root.path(), CheckFormat::Human);
        assert!(
            !shown.contains("Xq8~") && !shown.contains("whsec_c2"),
            "{name} repeats a secret:\n{shown}"
        );
        compare(&name, &shown, &mut wrong);
        seen += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen >= 20, "only {seen} fixtures were found");
}

#[test]
fn a_file_of_ten_megabytes_is_refused_in_a_sentence() {
    let root = surroundings();
    fs::write(root.path().join("rules/huge.yaml"), "# x\n".repeat(10 << 18)).expect("a file can be written");
    let mut wrong = Vec::new();
    compare(
        "generated/ten_megabytes",
        &checked(root.path(), CheckFormat::Human).1,
        &mut wrong,
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn bytes_that_are_not_utf_8_are_shown_with_their_place() {
    let mut wrong = Vec::new();
    let utf_16: Vec<u8> = "\u{feff}when: { hook: github }"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let cases: [(&str, &[u8]); 4] = [
        (
            "latin_1",
            b"description: M\xfcller's deploy failed\nwhen: { hook: github }\nnotify: [{ channel: releases }]\n",
        ),
        ("utf_16", &utf_16),
        ("binary", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0"),
        ("control", b"description: a\x07b\nwhen: { hook: github }\n"),
    ];
    for (name, bytes) in cases {
        let root = surroundings();
        fs::write(root.path().join(format!("rules/{name}.yaml")), bytes).expect("a file can be written");
        compare(
            &format!("generated/{name}"),
            &checked(root.path(), CheckFormat::Human).1,
            &mut wrong,
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_file_that_may_not_be_read_is_told_and_hides_no_other() {
    let root = surroundings();
    let rule = "when: { hook: githb }\nnotify: [{ channel: releases }]\n";
    fs::write(root.path().join("rules/good.yaml"), rule).expect("a file can be written");
    // A link to nowhere cannot be read by anybody, not even by root.
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere", root.path().join("rules/link.yaml")).expect("a link can be made");
    let (exit, shown) = checked(root.path(), CheckFormat::Human);
    assert_eq!(exit, Exit::No);
    assert!(shown.contains("there is no hook `githb`"), "{shown}");
    #[cfg(unix)]
    assert!(shown.contains("this link leads nowhere"), "{shown}");
}

#[test]
fn machines_get_every_diagnostic_with_its_place() {
    let root = surroundings();
    let rule = "when: { hook: githb }\nnotify: [{ channel: releases }]\nsplit: {}\n";
    fs::write(root.path().join("rules/a.yaml"), rule).expect("a file can be written");
    let (exit, shown) = checked(root.path(), CheckFormat::Json);
    assert_eq!(exit, Exit::No);
    let answer: serde_json::Value = serde_json::from_str(&shown).expect("the answer is JSON");
    assert_eq!(answer["errors"], 2);
    let first = &answer["diagnostics"][0];
    assert_eq!(first["file"], "rules/a.yaml");
    assert_eq!((&first["line"], &first["column"]), (&1.into(), &15.into()));
    assert_eq!(first["code"], "reference::hook");
    assert!(
        first["help"]
            .as_str()
            .is_some_and(|help| help.starts_with("did you mean `github`?"))
    );
    assert_eq!(answer["diagnostics"][1]["code"], "split::field");
}

#[test]
fn a_flawless_workspace_is_told_so_and_only_the_named_files_are_told() {
    let root = surroundings();
    fs::write(root.path().join("rules/bad.yaml"), "when: 1\n").expect("a file can be written");
    let rule = "when: { hook: github }\nnotify: [{ channel: releases }]\n";
    fs::write(root.path().join("rules/good.yaml"), rule).expect("a file can be written");
    let told = |paths: &[&str]| {
        let paths: Vec<PathBuf> = paths.iter().map(|path| root.path().join(path)).collect();
        let mut out = Vec::new();
        let exit = check(root.path(), &paths, CheckFormat::Human, false, &mut out).expect("check can be done");
        (exit, String::from_utf8(out).expect("text"))
    };
    assert_eq!(
        told(&["rules/good.yaml"]),
        (Exit::Done, "1 rule, 0 templates: nothing is wrong\n".to_owned())
    );
    assert_eq!(told(&["templates"]).0, Exit::Done);
    assert_eq!(told(&["rules"]).0, Exit::No);
    assert_eq!(told(&[]).0, Exit::No);
    let nowhere = check(
        root.path(),
        &["nowhere.yaml".into()],
        CheckFormat::Human,
        false,
        &mut Vec::new(),
    );
    assert_eq!(
        nowhere.expect_err("there is none").to_string(),
        "there is no nowhere.yaml"
    );
}
