//! `herald man`: the manual, as pages for `man`.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::exit::Exit;
use super::manual::{self, Page};
use crate::cli::say::say;
use crate::settings;

/// Writes the page of the command that `words` name to standard output, or all pages into the folder `out`.
///
/// # Errors
/// A folder or file that cannot be written.
pub fn run(herald: Command, words: &[String], out: Option<&Path>) -> anyhow::Result<Exit> {
    let pages = pages(herald);
    let Some(out) = out else {
        let name = words.join(" ");
        let Some((_, text)) = pages.iter().find(|(command, _)| *command == name) else {
            eprintln!("there is no command `herald {name}`; `herald --help` lists what there is");
            return Ok(Exit::No);
        };
        return match io::stdout().lock().write_all(text.as_bytes()) {
            // `herald man | head` is no mistake.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
            written => written.map(|()| Exit::Done).context("the page cannot be written"),
        };
    };
    std::fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
    for (command, text) in &pages {
        let path = out.join(format!("{}.1", full(command)));
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        say!("{}", path.display());
    }
    Ok(Exit::Done)
}

/// Every page: the command without `herald` in front, and the text for `man`.
pub fn pages(herald: Command) -> Vec<(String, String)> {
    let mut herald = manual::dress(herald, false).disable_help_subcommand(true);
    herald.build();
    let mut pages = Vec::new();
    collect(&herald, "", &mut pages);
    pages
}

fn collect(command: &Command, name: &str, pages: &mut Vec<(String, String)>) {
    pages.push((name.to_owned(), text(command, name)));
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        let name = format!("{name} {}", below.get_name());
        collect(below, name.trim_start(), pages);
    }
}

/// `herald-targets-list`.
fn full(command: &str) -> String {
    format!("herald {command}").trim_end().replace(' ', "-")
}

fn text(command: &Command, name: &str) -> String {
    let man = Man::new(command.clone())
        .title(full(name).to_uppercase())
        .source(concat!("Herald ", env!("CARGO_PKG_VERSION")))
        .manual("Herald");
    let mut text = Vec::new();
    let mut written = man
        .render_title(&mut text)
        .and_then(|()| man.render_name_section(&mut text))
        .and_then(|()| man.render_synopsis_section(&mut text))
        .and_then(|()| man.render_description_section(&mut text))
        .and_then(|()| man.render_options_section(&mut text));
    if command.has_subcommands() {
        written = written.and_then(|()| man.render_subcommands_section(&mut text));
    }
    if let Some(page) = manual::page(name) {
        written = written.and_then(|()| ours(page, name).to_writer(&mut text));
    }
    written.expect("memory takes what is written");
    once(&String::from_utf8(text).expect("it is made of texts"))
}

/// Each section is written with the definitions in front that a page needs once.
fn once(text: &str) -> String {
    let preamble = Roff::new().render();
    match text.strip_prefix(&preamble) {
        Some(rest) if !preamble.is_empty() => format!("{preamble}{}", rest.replace(&preamble, "")),
        Some(_) | None => text.to_owned(),
    }
}

/// The sections that clap does not know of.
fn ours(page: &Page, name: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in manual::exit_codes(page) {
        roff.control("TP", []);
        roff.text([bold(code.to_string())]);
        roff.text([roman(meaning)]);
    }
    if name.is_empty() {
        roff.control("SH", ["ENVIRONMENT"]);
        let of_settings = settings::VARIABLES.map(|(variable, sets)| (variable, format!("sets {sets}")));
        let others = [
            ("HERALD_SECRETS_DIR", "a folder of secrets, one file each"),
            ("HERALD_LOG", "what is logged, such as info or debug"),
        ];
        let others = others.map(|(variable, sets)| (variable, sets.to_owned()));
        for (variable, sets) in of_settings.into_iter().chain(others) {
            roff.control("TP", []);
            roff.text([bold(variable)]);
            roff.text([roman(sets)]);
        }
        roff.control("SH", ["FILES"]);
        let files = [
            ("herald.yaml", "settings"),
            ("directory.yaml", "names for people and places"),
            ("rules/**/*.yaml", "rules, one in a file"),
            ("templates/", "cards"),
            ("samples/", "recorded events"),
            ("data/", "the store"),
        ];
        for (file, meaning) in files {
            roff.control("TP", []);
            roff.text([bold(file)]);
            roff.text([roman(meaning)]);
        }
    }
    roff.control("SH", ["EXAMPLES"]);
    for (wish, line) in page.examples {
        roff.control("PP", []);
        roff.text([roman(format!("{wish}:"))]);
        roff.control("PP", []);
        roff.control("RS", ["4"]);
        roff.control("nf", []);
        roff.text([bold(*line)]);
        roff.control("fi", []);
        roff.control("RE", []);
    }
    roff
}
