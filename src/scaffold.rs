//! What a new workspace begins with, and what a payload becomes: files as texts, nothing on disk yet.

pub mod hook;
pub mod payload;
pub mod rule;
mod sender;

use crate::schema::FileKind;

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Its path in the workspace.
    pub path: String,
    /// Its content.
    pub text: String,
    /// What it is for, in a few words.
    pub purpose: &'static str,
}

impl NewFile {
    fn new(path: impl Into<String>, purpose: &'static str, text: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
            purpose,
        }
    }
}

/// The first line of a file at this path: which schema editors hold it to.
pub fn modeline(kind: FileKind, path: &str) -> String {
    let up = "../".repeat(path.matches('/').count());
    format!("# yaml-language-server: $schema={up}schema/{}\n", kind.file_name())
}

/// `herald.yaml`; `hooks` are the lines below `hooks:`.
pub fn settings(hooks: &str) -> NewFile {
    let path = "herald.yaml";
    let text = format!(
        r#"{}
# Settings. Everything here has a default. Secrets are never written here, only their names.

# The zone of schedules, and of dates in cards.
time_zone: UTC

# Who Herald is in Teams. Not needed for `herald serve --sandbox`.
# bot:
#   app_id: 5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10
#   tenant: 8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01
#   secret: HERALD_BOT_SECRET   # the name of the variable that holds it

# Where other programs may post: `path: announce` is POST /hooks/announce.
hooks:
{hooks}"#,
        modeline(FileKind::Settings, path)
    );
    NewFile::new(path, "settings and hooks", text)
}

/// `directory.yaml`, with people and places of the sandbox.
pub fn directory() -> NewFile {
    let path = "directory.yaml";
    let text = format!(
        r#"{}
# Names for people and places, so that rules read like sentences. These exist in the sandbox; put yours in.

people:
  anna: anna.berg@contoso.example

channels:
  # Team and channel as Teams shows them. Without `channel` it is General.
  general: {{ team: Platform }}
  releases: {{ team: Platform, channel: Releases }}
"#,
        modeline(FileKind::Directory, path)
    );
    NewFile::new(path, "names for people and channels", text)
}

/// Hook, rule, template and sample that every new workspace can be tried with.
pub fn first_rule() -> [NewFile; 4] {
    let rule = "rules/announcement.yaml";
    let test = "rules/announcement.test.yaml";
    let template = "templates/announcement.yaml";
    [
        NewFile::new(
            rule,
            "a rule",
            format!(
                r#"{}
# A rule is a sentence: WHEN something happens, IF it matters, NOTIFY somebody, with this CARD.
description: Somebody has something to announce

when:
  hook: announce # declared in herald.yaml

# Every line must hold.
if:
  event.title: {{ exists: true }}

notify:
  - channel: general # a name of directory.yaml

card:
  template: announcement # templates/announcement.yaml
"#,
                modeline(FileKind::Rule, rule)
            ),
        ),
        NewFile::new(
            test,
            "its test",
            format!(
                r#"{}
# What the rule should do. `herald test` plays this without sending anything.
tests:
  - name: an announcement goes to the team
    given: samples/announce/first.json
    expect:
      sent_to: [general]
      card_shows: The lift is out of order

  - name: without a title there is nothing to announce
    given:
      sample: samples/announce/first.json
      without: event.title
    expect:
      sent_to: []
"#,
                modeline(FileKind::Test, test)
            ),
        ),
        NewFile::new(
            template,
            "the card it sends",
            format!(
                r#"{}
# An Adaptive Card with holes: {{{{event.title}}}} is filled with what was posted.
type: AdaptiveCard
version: "1.5"
body:
  - type: TextBlock
    text: "{{{{event.title}}}}"
    size: large
    weight: bolder
    wrap: true
  - type: TextBlock
    text: "{{{{event.text}}}}"
    wrap: true
actions:
  # A button whose `$when` is missing or empty is left out.
  - type: Action.OpenUrl
    $when: "{{{{event.url}}}}"
    title: Read more
    url: "{{{{event.url}}}}"
"#,
                modeline(FileKind::Template, template)
            ),
        ),
        NewFile::new(
            "samples/announce/first.json",
            "an event to try the rule with",
            r#"{
  "title": "The lift is out of order",
  "text": "Until Thursday. The stairs are left of the reception.",
  "url": "https://intranet.contoso.example/news/lift"
}
"#,
        ),
    ]
}

/// The hook of [`first_rule`].
pub const FIRST_HOOK: &str = r#"  announce:
    path: announce
    signature: bearer # the sender says `Authorization: Bearer ...`
    secret: ANNOUNCE_TOKEN # the NAME of the variable that holds the token
"#;

/// What editors and git want to know of a workspace.
pub fn surroundings() -> [NewFile; 4] {
    let schemas: Vec<String> = [
        (
            FileKind::Rule,
            r#"["rules/**/*.yaml", "rules/**/*.yml", "!rules/**/*.test.yaml"]"#,
        ),
        (FileKind::Test, r#""rules/**/*.test.yaml""#),
        (FileKind::Settings, r#""herald.yaml""#),
        (FileKind::Directory, r#""directory.yaml""#),
        (
            FileKind::Template,
            r#"["templates/**/*.yaml", "!templates/partials/**"]"#,
        ),
        (FileKind::Test, r#"["rules/**/*.test.yaml", "rules/**/*.test.yml"]"#),
        (FileKind::Texts, r#""texts/*.yaml""#),
    ]
    .iter()
    .map(|(kind, files)| format!("    \"./schema/{}\": {files}", kind.file_name()))
    .collect();
    [
        NewFile::new(
            ".vscode/settings.json",
            "VS Code: the schema of each file",
            format!("{{\n  \"yaml.schemas\": {{\n{}\n  }}\n}}\n", schemas.join(",\n")),
        ),
        NewFile::new(
            ".vscode/extensions.json",
            "VS Code: the extension for YAML",
            "{\n  \"recommendations\": [\"redhat.vscode-yaml\"]\n}\n",
        ),
        NewFile::new(
            ".vscode/tasks.json",
            "VS Code: keeps the schemas in step while you write",
            r#"{
  "version": "2.0.0",
  "tasks": [
    {
      "label": "Herald: names and fields for completion",
      "type": "process",
      "command": "herald",
      "args": ["schema", "--workspace", "--watch"],
      "isBackground": true,
      "problemMatcher": [],
      "presentation": { "reveal": "silent" },
      "runOptions": { "runOn": "folderOpen" }
    }
  ]
}
"#,
        ),
        NewFile::new(".gitignore", "git: leave out the store", "/data/\n"),
    ]
}
