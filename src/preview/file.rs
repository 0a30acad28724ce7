//! `--out`: the preview as one page that needs no server and asks nobody for anything.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::page::FILES;
use crate::renderer;

/// The modules of the page, each after those it needs.
const MODULES: [&str; 6] = ["text.js", "input.js", "action.js", "card.js", "face.js", "gallery.js"];
const STYLES: [&str; 3] = ["theme.css", "card.css", "preview.css"];

/// Shows what the page was given.
const START: &str = r#"const { still } = modules["gallery.js"];
still(JSON.parse(document.getElementById("data").textContent));
"#;

/// One self-contained page with these cards, each as the live page would be told it. Its own policy lets it load
/// nothing: pictures from elsewhere are shown by their descriptions.
pub fn html(title: &str, cards: &[Value]) -> String {
    let script = script();
    let style: String = STYLES.iter().map(|name| content(name)).collect();
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; img-src data:; base-uri 'none'; form-action 'none'",
        hash(&script),
        hash(&style)
    );
    // In a script element only `<` could end it.
    let data = Value::from(cards).to_string().replace('<', "\\u003c");
    format!(
        "<!doctype html>\n<html lang=\"en\" data-theme=\"light\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<title>{}</title>\n<style>{style}</style>\n</head>\n\
         <body class=\"still\">\n<main id=\"main\"></main>\n\
         <noscript><p class=\"noscript\">This page draws cards and needs JavaScript.</p></noscript>\n\
         <script type=\"application/json\" id=\"data\">{data}</script>\n<script type=\"module\">{script}</script>\n\
         </body>\n</html>\n",
        escaped(title)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

fn content(name: &str) -> &'static str {
    let mut files = FILES.into_iter().chain(renderer::FILES);
    let found = files.find(|(path, _, _)| path.trim_start_matches('/') == name);
    found.expect("MODULES and STYLES name files of the page").2
}

/// The modules in one script: each becomes a function that gives what the module exports.
fn script() -> String {
    let mut script = String::from("const modules = {};\n");
    for name in MODULES {
        let mut exported = Vec::new();
        let _ = writeln!(script, "modules[\"{name}\"] = (() => {{");
        for line in content(name).lines() {
            script.push_str(&rewritten(line, &mut exported));
            script.push('\n');
        }
        let _ = writeln!(script, "return {{ {} }};\n}})();", exported.join(", "));
    }
    script + START
}

/// A line of a module without `import` and `export`. The page's modules write each import on one line.
fn rewritten<'a>(line: &'a str, exported: &mut Vec<&'a str>) -> String {
    if let Some(import) = line.strip_prefix("import ")
        && let Some((names, from)) = import.split_once(" from \"./")
    {
        let from = from.trim_end_matches("\";");
        return format!("const {} = modules[\"{from}\"];", names.replace(" as ", ": "));
    }
    let Some(declared) = line.strip_prefix("export ") else {
        return line.to_owned();
    };
    let words = declared.trim_start_matches("async ");
    let name = words.split_once(' ').map_or("", |(_, rest)| rest);
    let end = name
        .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
        .unwrap_or(name.len());
    exported.push(&name[..end]);
    declared.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_module_gives_what_the_others_take() {
        let script = script();
        assert!(
            !script
                .lines()
                .any(|line| line.starts_with("import ") || line.starts_with("export "))
        );
        for name in MODULES {
            for line in content(name).lines().filter(|line| line.starts_with("import ")) {
                let (names, from) = line.split_once(" from \"./").expect("an import of one line");
                let from = from.trim_end_matches("\";");
                assert!(
                    MODULES.contains(&from),
                    "{name} takes from {from}, which is not in the page"
                );
                let gives = content(from);
                for taken in names.trim_start_matches("import {").trim_end_matches('}').split(',') {
                    let taken = taken.trim();
                    let declared = ["function", "class", "const"].map(|kind| format!("export {kind} {taken}"));
                    assert!(
                        declared.iter().any(|declared| gives.contains(declared)),
                        "{from} does not give {taken}"
                    );
                }
            }
        }
    }

    #[test]
    fn no_card_can_end_the_element_it_is_written_in() {
        let page = html(
            "</title><script>",
            &[json!({ "text": "</script><script>alert(1)</script><!--" })],
        );
        assert_eq!(page.matches("</script>").count(), 2);
        assert!(!page.contains("<!--"));
        assert!(page.contains("<title>&lt;/title>&lt;script></title>"));
    }
}
