//! The manual's pages, `--help`, and what a shell completes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use herald::cli::{self, man, manual};

use crate::support::cli::{command, run, said};

/// Every command with its whole name, `herald` itself as the empty one.
fn commands() -> Vec<(String, clap::Command)> {
    fn collect(name: &str, command: &clap::Command, into: &mut Vec<(String, clap::Command)>) {
        into.push((name.to_owned(), command.clone()));
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            let name = format!("{name} {}", below.get_name());
            collect(name.trim_start(), below, into);
        }
    }
    let mut herald = cli::command();
    herald.build();
    let mut all = Vec::new();
    collect("", &herald, &mut all);
    all
}

#[test]
fn every_command_has_a_page_with_examples_and_every_option_says_what_it_does() {
    for (name, command) in commands() {
        let page = manual::page(&name);
        let page = page.unwrap_or_else(|| panic!("`herald {name}` needs an entry in src/cli/manual.rs"));
        assert!(!page.text.is_empty() && !page.examples.is_empty(), "herald {name}");
        for argument in command.get_arguments() {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(!help.is_empty(), "herald {name}: {} says nothing", argument.get_id());
        }
    }
    for page in manual::PAGES {
        assert!(
            commands().iter().any(|(name, _)| name == page.command),
            "there is no command `herald {}` any more",
            page.command
        );
    }
}

#[test]
fn every_example_of_the_manual_is_a_line_that_herald_understands() {
    for page in manual::PAGES {
        for (_, line) in page.examples {
            let line = line.split(['|', '>']).next().expect("something stands in front");
            let words = line.split_whitespace().map(|word| word.trim_matches(['"', '\'']));
            if let Err(problem) = cli::command().try_get_matches_from(words) {
                panic!("herald {}: `{line}`: {problem}", page.command);
            }
        }
    }
}

#[test]
fn help_shows_examples_and_exit_codes() {
    let said = run(Path::new("."), &["check", "--help"]);
    assert_eq!(said.code, 0, "{}", said.err);
    for words in [
        "Examples:",
        "herald check rules/github",
        "Exit codes:",
        "  1  at least one error",
    ] {
        assert!(said.out.contains(words), "{words:?} is missing in\n{}", said.out);
    }
}

#[test]
fn the_manual_has_a_page_for_each_command_that_man_can_show() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("man1");
    let said = run(folder.path(), &["man", "--out", "man1"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let pages = man::pages(<cli::Cli as clap::CommandFactory>::command());
    assert_eq!(pages.len(), commands().len());
    for (command, _) in pages {
        let name = format!("herald {command}").trim_end().replace(' ', "-");
        let path = out.join(format!("{name}.1"));
        assert!(path.is_file(), "{} was not written", path.display());
        let shown = match Command::new("groff")
            .args(["-man", "-Tutf8", "-ww"])
            .arg(&path)
            .output()
        {
            Ok(shown) => shown,
            Err(missing) => {
                println!("not shown: there is no groff on this machine ({missing})");
                return;
            }
        };
        let complaints = String::from_utf8_lossy(&shown.stderr);
        assert!(shown.status.success() && complaints.is_empty(), "{name}: {complaints}");
        let text = plain(&String::from_utf8_lossy(&shown.stdout));
        for heading in ["SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "EXAMPLES"] {
            assert!(text.contains(heading), "{name} has no {heading}\n{text}");
        }
    }
}

/// The text without what makes it bold: letters struck twice, or terminal escapes.
fn plain(shown: &str) -> String {
    let marks = regex::Regex::new("\u{1b}\\[[0-9;]*m|.\u{8}").expect("it is well formed");
    marks.replace_all(shown, "").into_owned()
}

#[test]
fn one_page_is_written_for_a_reader_and_an_unknown_command_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = run(folder.path(), &["man", "deliveries", "list"]);
    assert_eq!(page.code, 0, "{}", page.err);
    assert!(page.out.contains(".TH HERALD-DELIVERIES-LIST 1"), "{}", page.out);
    assert!(page.out.contains("newest first"), "{}", page.out);
    let unknown = run(folder.path(), &["man", "deliverys"]);
    assert_eq!((unknown.code, unknown.out.as_str()), (1, ""));
    assert!(
        unknown.err.contains("there is no command `herald deliverys`"),
        "{}",
        unknown.err
    );
}

/// What bash offers after these words, asked of the script itself.
fn bash_offers(folder: &Path, words: &[&str]) -> Vec<String> {
    let script = run(folder, &["completions", "bash"]);
    assert_eq!(script.code, 0, "{}", script.err);
    fs::write(folder.join("herald.bash"), script.out).expect("written");
    let line = format!("herald {}", words.join(" "));
    let asks = format!(
        "source herald.bash\ncomplete -p herald >&2\nCOMP_WORDS=(herald {})\nCOMP_CWORD={}\nCOMP_LINE='{line}'\n\
         COMP_POINT=${{#COMP_LINE}}\n_herald herald '{}' '{}'\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.join(" "),
        words.len(),
        words.last().expect("a word is being written"),
        words.iter().rev().nth(1).unwrap_or(&"herald"),
    );
    let answer = said(
        Command::new("bash")
            .args(["--norc", "-c", &asks])
            .current_dir(folder)
            .output()
            .expect("bash runs"),
    );
    assert!(answer.err.contains("-F _herald"), "{}", answer.err);
    answer.out.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_options_and_their_values() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(bash_offers(folder.path(), &["del"]), ["deliveries"]);
    assert_eq!(bash_offers(folder.path(), &["targets", "imp"]), ["import"]);
    assert_eq!(
        bash_offers(folder.path(), &["deliveries", "list", "--rec"]),
        ["--recipient"]
    );
    assert_eq!(bash_offers(folder.path(), &["check", "--format", "js"]), ["json"]);
}

#[test]
fn every_shell_has_a_script_and_an_unknown_one_is_told_which_there_are() {
    let folder = tempfile::tempdir().expect("a folder");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(folder.path(), &["completions", shell]);
        assert_eq!(script.code, 0, "{shell}: {}", script.err);
        assert!(
            script.out.contains("deliveries") && script.out.contains("recipient"),
            "{shell}"
        );
    }
    let unknown = said(
        command(folder.path(), &["completions", "tcsh"], &BTreeMap::new())
            .output()
            .expect("it runs"),
    );
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.err.contains("bash, elvish, fish, powershell, zsh"),
        "{}",
        unknown.err
    );
}
