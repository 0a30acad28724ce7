//! What the manual pages and `--help` say beyond the options: what a command is for, examples, exit codes.

use clap::Command;

/// What is told about one command.
#[derive(Debug)]
pub struct Page {
    /// Its name, with those of the commands above it: `targets import`; empty for `herald` itself.
    pub command: &'static str,
    /// What it is for, in paragraphs.
    pub text: &'static [&'static str],
    /// What somebody wants, and the line that does it.
    pub examples: &'static [(&'static str, &'static str)],
    /// When it ends with 1; empty when it never does.
    pub no: &'static str,
}

/// One page for each command, in the order of the commands.
pub const PAGES: &[Page] = &[
    Page {
        command: "",
        text: &[
            "Herald sends Adaptive Cards to people, channels and group chats in Microsoft Teams. Rules say when, if, to \
             whom and with which card; they are YAML files in a folder, the workspace. What Herald has accepted is on \
             disk and will be sent.",
            "`herald serve` runs the engine. The other commands check, try out and look at what it does.",
        ],
        examples: &[
            ("Try it without any Teams", "herald serve --sandbox"),
            ("Find every mistake in the workspace", "herald check"),
            ("Find out why nothing arrives", "herald doctor"),
        ],
        no: "the answer is no: `check` found errors, there is no such delivery",
    },
    Page {
        command: "serve",
        text: &[
            "Opens the store, listens for hooks and for Teams, and sends what it owes until it is told to stop (SIGTERM \
             or Ctrl-C). Changed rules count at once; SIGHUP reads all files now.",
            "With --sandbox a small Teams runs in the same process: people, a team, and a page that shows what arrives.",
        ],
        examples: &[
            ("The first evening, without a tenant", "herald serve --sandbox"),
            ("A server", "herald serve --config /etc/herald --data /var/lib/herald"),
            ("Start although a file is broken", "herald serve --keep-going"),
            ("A log for machines", "herald serve --log-format json"),
        ],
        no: "",
    },
    Page {
        command: "check",
        text: &[
            "Reads settings, directory, rules, templates and samples, and tells everything that is wrong or doubtful in \
             one run: the place, the words, and what to write instead. It needs no secret, no store and no network.",
        ],
        examples: &[
            ("Everything", "herald check"),
            ("One folder", "herald check rules/github"),
            ("For a program", "herald check --format json"),
            (
                "For the changes of a code host",
                "herald check --format sarif > check.sarif",
            ),
            ("In a workflow of GitHub Actions", "herald check --format github"),
            ("What a code means", "herald check --explain sample::value"),
        ],
        no: "at least one error was found; warnings alone are no reason",
    },
    Page {
        command: "preview",
        text: &[
            "Shows the card that a rule or template makes of a recorded event, for a desktop and a phone, light and dark, and \
             shows it anew whenever a file is saved. Nothing is sent, and no server is needed.",
        ],
        examples: &[
            ("All rules", "herald preview"),
            (
                "One rule with one event",
                "herald preview github/deploy-failed --sample samples/github/deployment_status.failure.json",
            ),
            (
                "A file for a pull request",
                "herald preview github/deploy-failed --out card.html",
            ),
        ],
        no: "there is no such rule or template, or it is broken",
    },
    Page {
        command: "test",
        text: &[
            "Plays the rules' own tests: an event or a story of events on a virtual clock, and what should come of it. They \
             stand under `tests:` in a rule, or in NAME.test.yaml beside it. Nothing is sent, and no server, store or \
             network is needed; what decides is what decides in `herald serve`.",
        ],
        examples: &[
            ("All tests", "herald test"),
            ("The tests of one folder", "herald test rules/github"),
            ("Again after every save, until Ctrl-C", "herald test --watch"),
            (
                "For the reports of a CI system",
                "herald test --format junit > tests.xml",
            ),
        ],
        no: "a test fails, or a test or its rule is broken",
    },
    Page {
        command: "plan",
        text: &[
            "Plays the samples through two versions of the rules and says who would be told differently: who is added, who \
             is lost, and whose card has other words. A version is a folder or a revision of git.",
        ],
        examples: &[
            ("The files as they are, against the branch main", "herald plan main"),
            ("Two revisions", "herald plan v1.4 HEAD"),
            (
                "A comment for a pull request",
                "herald plan origin/main --format markdown",
            ),
            ("Two folders", "herald plan before/ after/"),
        ],
        no: "something differs, with --exit-code",
    },
    Page {
        command: "init",
        text: &[
            "Begins a workspace: settings, names, a rule with its card, sample and test, the schemas, and what editors \
             want. Nothing is overwritten: where one of the files is there already, nothing is changed.",
            "With --from it makes hook, rule, card, sample and test out of what a sender posts, in a new or an existing \
             workspace.",
        ],
        examples: &[
            ("A workspace in this folder", "herald init"),
            ("In another folder", "herald init notifications"),
            ("A rule for what a program posts", "herald init --from payload.json"),
        ],
        no: "something cannot be written without destroying what is there; the lines to add are printed",
    },
    Page {
        command: "schema",
        text: &[
            "Writes the JSON schemas that editors complete and underline by. Each YAML file names its schema in its first \
             line.",
        ],
        examples: &[
            ("Write them into schema/", "herald schema"),
            ("In CI: are they current?", "herald schema --check"),
        ],
        no: "with --check, a file is missing or differs",
    },
    Page {
        command: "targets",
        text: &[
            "What Herald learnt from Teams about people, chats, teams and channels. Asks the running server; with --data \
             it opens the folder of a server that is not running.",
        ],
        examples: &[
            ("Whom does Herald know?", "herald targets list"),
            ("Is Anna among them?", "herald targets find anna"),
        ],
        no: "nothing known has that name or id",
    },
    Page {
        command: "targets list",
        text: &["Chats, teams, channels and people, as Teams told of them."],
        examples: &[("All of them, for a program", "herald targets list --format json")],
        no: "",
    },
    Page {
        command: "targets show",
        text: &["Everything that is kept about one chat, team or person, as JSON."],
        examples: &[("By e-mail", "herald targets show anna.berg@contoso.example")],
        no: "nothing known has this id",
    },
    Page {
        command: "targets find",
        text: &["Looks for a text in names, e-mail addresses and ids, whatever its case."],
        examples: &[("Everything about releases", "herald targets find releases")],
        no: "nothing was found",
    },
    Page {
        command: "targets export",
        text: &[
            "Writes everything known as JSON lines, also while the server runs: a backup, or the way to another store.",
        ],
        examples: &[("A backup", "herald targets export --out targets.jsonl")],
        no: "",
    },
    Page {
        command: "targets import",
        text: &[
            "Reads what `herald targets export` wrote, or the .notification.localstore.json of a TeamsFx bot. Ids are \
             valid for one bot only: an export of another bot is refused.",
        ],
        examples: &[
            ("Put a backup back", "herald targets import targets.jsonl"),
            (
                "From a TeamsFx bot",
                "herald targets import .notification.localstore.json",
            ),
        ],
        no: "something in the file was left out; each line says why",
    },
    Page {
        command: "targets sync",
        text: &[
            "Has the running server list the channels and members of everything it knows anew. Teams lists no places to a \
             bot; name teams and group chats that a lost store forgot, by id or link, and they are known again.",
        ],
        examples: &[
            ("After members changed while Herald was down", "herald targets sync"),
            (
                "A team that is not listed though the app is there",
                "herald targets sync 19:General7hK2mQ9xTzR4vL1pW8sY3n@thread.tacv2",
            ),
        ],
        no: "one of the places named is not shown to the bot; each line says why",
    },
    Page {
        command: "targets forget",
        text: &["Forgets a chat, team or person until Teams tells of it again."],
        examples: &[(
            "By Entra object id",
            "herald targets forget 0b4c9f3e-55a1-4c02-8f0e-5a1f6f3f9a11",
        )],
        no: "nothing known has this id",
    },
    Page {
        command: "targets blocked",
        text: &[
            "Who blocked, muted or removed the bot, or cannot be written to: since when, what Teams said, and how many \
             messages did not reach them. It ends when they write to the bot or install it again.",
        ],
        examples: &[
            ("Whom do we not reach?", "herald targets blocked"),
            ("For a spreadsheet", "herald targets blocked --csv"),
        ],
        no: "",
    },
    Page {
        command: "targets unblock",
        text: &["Takes somebody out of the report: the next message to them is tried again."],
        examples: &[(
            "By the id that the report shows",
            "herald targets unblock 19:releases@thread.tacv2",
        )],
        no: "the report has no such id",
    },
    Page {
        command: "why",
        text: &[
            "What became of an event: each rule that was considered, each line of its `if` with what was expected and what \
             was found, and for each recipient whether the card came and why not. Without an event, the latest ones.",
        ],
        examples: &[
            ("The latest events", "herald why"),
            ("One of them", "herald why ev_5f2a91c07be3d4468a1b09cd"),
            (
                "Why did Anna get nothing?",
                "herald why ev_5f2a91c07be3d4468a1b09cd --recipient anna",
            ),
            (
                "What a rule made of the last ones",
                "herald why --rule github/deploy-failed",
            ),
        ],
        no: "there is no such event or delivery (any more)",
    },
    Page {
        command: "deliveries",
        text: &[
            "A delivery is one card for one recipient: pending, sending, delivered, dead, cancelled or recalled. Asks the running \
             server; with --data it opens the folder of a server that is not running.",
        ],
        examples: &[
            ("The newest", "herald deliveries list"),
            ("What could not be sent", "herald deliveries list --state dead"),
        ],
        no: "there is no such delivery, or its state does not allow it",
    },
    Page {
        command: "deliveries list",
        text: &["Deliveries, the newest first."],
        examples: &[
            (
                "What a rule sent to somebody",
                "herald deliveries list --rule github/deploy-failed --recipient anna",
            ),
            (
                "What an event led to",
                "herald deliveries list --event ev_5f2a91c07be3d4468a1b09cd",
            ),
            (
                "Who of a run did not get it",
                "herald deliveries list --run rn_7d20c1be94a35f60e8b2d411 --state dead",
            ),
        ],
        no: "",
    },
    Page {
        command: "deliveries show",
        text: &["One delivery with every attempt, what Teams said, and its card."],
        examples: &[("Why is it dead?", "herald deliveries show dl_0c4b7a1e55d2f98e31ab6d07")],
        no: "there is no such delivery (any more)",
    },
    Page {
        command: "deliveries retry",
        text: &["Makes a dead or cancelled delivery due again, with the card it had."],
        examples: &[(
            "After the cause is mended",
            "herald deliveries retry dl_0c4b7a1e55d2f98e31ab6d07",
        )],
        no: "there is no such delivery, or it is being sent or delivered",
    },
    Page {
        command: "deliveries cancel",
        text: &["Keeps a delivery that still waits from being sent."],
        examples: &[(
            "Before it is too late",
            "herald deliveries cancel dl_0c4b7a1e55d2f98e31ab6d07",
        )],
        no: "there is no such delivery, or it was sent",
    },
    Page {
        command: "deliveries update",
        text: &[
            "Puts another message in the place of one that was sent. Nobody is notified again. If the message is gone \
             meanwhile, the other one is sent as a new message, and `herald why` says so.",
        ],
        examples: &[
            (
                "A line instead",
                "herald deliveries update dl_0c4b7a1e55d2f98e31ab6d07 --text Cancelled",
            ),
            (
                "A card instead",
                "herald deliveries update dl_0c4b7a1e55d2f98e31ab6d07 --card corrected.yaml",
            ),
        ],
        no: "there is no such delivery, it was not delivered, or the message cannot be sent",
    },
    Page {
        command: "deliveries delete",
        text: &["Takes away a message that was sent. `herald runs recall` does so for everybody who got it."],
        examples: &[(
            "It went to the wrong person",
            "herald deliveries delete dl_0c4b7a1e55d2f98e31ab6d07",
        )],
        no: "there is no such delivery, or it was not delivered",
    },
    Page {
        command: "deliveries reply",
        text: &[
            "Answers to a message that was sent: in its thread in a channel, beneath it in a chat. The answer is a delivery \
             of its own.",
        ],
        examples: &[(
            "Say more about it",
            "herald deliveries reply dl_0c4b7a1e55d2f98e31ab6d07 --text Mended",
        )],
        no: "there is no such delivery, it was not delivered, or the message cannot be sent",
    },
    Page {
        command: "audit",
        text: &[
            "Lists what people did by hand, newest first: deliveries tried again or cancelled, runs, drills, imports, what was \
             forgotten, reloads asked for; also what was refused to them. The newest 10,000 entries are kept, and each is in \
             the log as well.",
            "An entry has the address that the request came from, and the name that the command was told by its system. The \
             name is a claim: whoever has the admin token, or may run commands on this machine, can give any.",
        ],
        examples: &[
            ("The latest", "herald audit"),
            ("For a program", "herald audit --limit 1000 --format json"),
            ("While no server runs", "herald audit --data data/"),
        ],
        no: "",
    },
    Page {
        command: "matters",
        text: &[
            "A matter is what a rule with `track` or `buttons` has going on about one thing: an incident that a card stands \
             for, from its first event until it is closed.",
            "Asks the running server; with --data it opens the folder of a server that is not running, to look at it.",
        ],
        examples: &[
            ("What is open now?", "herald matters list --open"),
            (
                "It is over, and nobody said so",
                "herald matters close mt_7d20c1be94a35f60e8b2d411",
            ),
        ],
        no: "there is no such matter, or it is closed already",
    },
    Page {
        command: "matters list",
        text: &["What rules have going on, or had lately, the last to change first."],
        examples: &[
            ("Those that are not over", "herald matters list --open"),
            ("Those of a rule", "herald matters list --rule monitoring/alertmanager"),
        ],
        no: "",
    },
    Page {
        command: "matters show",
        text: &["Where a matter stands: since when, who took it, how many events and cards there are."],
        examples: &[("Who took it?", "herald matters show mt_7d20c1be94a35f60e8b2d411")],
        no: "there is no such matter",
    },
    Page {
        command: "matters close",
        text: &[
            "Closes a matter by hand: its cards say that it is over, and nothing follows any more. The next event about the \
             same thing begins a new one, with a new card.",
        ],
        examples: &[("It is over", "herald matters close mt_7d20c1be94a35f60e8b2d411")],
        no: "there is no such matter, or it is closed already",
    },
    Page {
        command: "digests",
        text: &[
            "What is held back and told in one card later: by the digest or the limit of a rule, in quiet hours, in a storm. \
             What goes out next comes first, with how many things it tells of.",
            "A storm is looked at when its time comes: it is told if it is over, else it is looked at again.",
            "Asks the running server; with --data it opens the folder of a server that is not running, to look at it.",
        ],
        examples: &[
            ("Why did no card come?", "herald digests --recipient anna"),
            ("Those of a rule", "herald digests --rule office/weekly-digest"),
        ],
        no: "",
    },
    Page {
        command: "on-call",
        text: &[
            "Whose turn it is in each rotation of directory.yaml, until when, and who follows: whom `person: on-call` and \
             `person: on-call.next` of a rule mean. It reads the workspace alone and asks nobody.",
        ],
        examples: &[
            ("Who is on call?", "herald on-call"),
            (
                "Who is it on Christmas Eve?",
                "herald on-call duty --at 2026-12-24T09:00",
            ),
        ],
        no: "there is no such rotation",
    },
    Page {
        command: "runs",
        text: &[
            "A run is everything that one rule sends because of one event. It can be watched, stopped, and taken back. \
             The event's id stands for its run where it has only one.",
            "Asks the running server; with --data it opens the folder of a server that is not running. Then an order is \
             carried out at once as far as nothing has to be sent for it; the rest is done when the server runs again.",
        ],
        examples: &[
            ("What is going out now?", "herald runs list --open"),
            ("Stop it", "herald runs pause rn_7d20c1be94a35f60e8b2d411"),
            (
                "Take it back from everybody",
                "herald runs recall rn_7d20c1be94a35f60e8b2d411",
            ),
        ],
        no: "there is no such run, or it does not allow it",
    },
    Page {
        command: "runs list",
        text: &["Runs, the newest first, with how many got it, how many did not, and how long the rest takes."],
        examples: &[
            ("Those that are not over", "herald runs list --open"),
            ("Those of a rule", "herald runs list --rule office/fire-drill"),
        ],
        no: "",
    },
    Page {
        command: "runs show",
        text: &[
            "How far a run has come, why it does not go on, and the first of those who did not get it. With --watch it \
             stays until the run is over and shows a bar; where there is no terminal, a line every few seconds.",
        ],
        examples: &[
            ("How far is it?", "herald runs show rn_7d20c1be94a35f60e8b2d411"),
            (
                "Until it is over",
                "herald runs show rn_7d20c1be94a35f60e8b2d411 --watch",
            ),
        ],
        no: "there is no such run (any more); with --watch, somebody did not get it",
    },
    Page {
        command: "runs approve",
        text: &["Lets a run go whose rule asks for a yes when it has many recipients (`needs_approval_above`)."],
        examples: &[("Yes, send it", "herald runs approve rn_7d20c1be94a35f60e8b2d411")],
        no: "there is no such run, or it does not wait for an approval",
    },
    Page {
        command: "runs pause",
        text: &[
            "Sends nothing more of a run until it is resumed. What is being sent at this moment still arrives. Other runs \
             go on.",
        ],
        examples: &[(
            "Until the text is checked",
            "herald runs pause rn_7d20c1be94a35f60e8b2d411 --reason checking",
        )],
        no: "there is no such run, or it is paused, cancelled or over",
    },
    Page {
        command: "runs resume",
        text: &["Lets a paused run go on where it was. One that paused by itself because many failed goes on, too."],
        examples: &[("Go on", "herald runs resume rn_7d20c1be94a35f60e8b2d411")],
        no: "there is no such run, or it is not paused",
    },
    Page {
        command: "runs cancel",
        text: &[
            "Does not send what has not been sent yet. What was delivered stays where it is; `herald runs recall` takes it \
             back. A cancelled run does not come back to life.",
        ],
        examples: &[("No more of it", "herald runs cancel rn_7d20c1be94a35f60e8b2d411")],
        no: "there is no such run, or there is nothing left to cancel",
    },
    Page {
        command: "runs recall",
        text: &[
            "Takes back what was delivered: the message vanishes in Teams, and what is still waiting is not sent. With \
             --text or --card something else comes in its place, without a new notification, and those who still wait \
             get that one.",
            "Before it acts on more than one recipient it asks; --yes answers. What arrives late is taken back as well. \
             Teams may refuse to take a message back; it stays then, and the delivery says why.",
        ],
        examples: &[
            ("Away with it", "herald runs recall rn_7d20c1be94a35f60e8b2d411"),
            (
                "Say what is right instead",
                "herald runs recall rn_7d20c1be94a35f60e8b2d411 --text Friday",
            ),
            (
                "Put another card in its place, in a script",
                "herald runs recall rn_7d20c1be94a35f60e8b2d411 --card right.yaml --yes",
            ),
        ],
        no: "there is no such run, nothing of it was delivered, the other card is wrong, or somebody said no",
    },
    Page {
        command: "doctor",
        text: &[
            "Looks at everything that Herald needs, and says for each what was found and what to do next: the workspace, \
             the secrets it names (never their values), the bot's token, the clock, the ways to Microsoft and back, the \
             disk, the store and whose it is, the port, the running server, and what could not be sent.",
            "It needs no running server, and sends nothing to anybody. When one runs, its state is asked for; else the store is \
             opened. It ends within about 15 seconds even if nothing answers.",
            "It sees the environment of the shell it runs in. Run it as the service does: as the same user, with the same \
             variables.",
        ],
        examples: &[
            ("Everything", "herald doctor"),
            ("For a program", "herald doctor --format json"),
            (
                "As the service sees it",
                "herald doctor --config /etc/herald --data /var/lib/herald",
            ),
        ],
        no: "at least one check failed; warnings alone are no reason",
    },
    Page {
        command: "fire",
        text: &[
            "Sends a rule's card for a recorded event, through the running server: the same way a real event goes. The \
             card says in its first line that it is a drill, and so does the record of the event. Limits neither stop it \
             nor count it.",
            "Without --sample the first recorded event that the rule's `if` lets through is taken from samples/. Without \
             --to the rule's own targets get the card. A rule whose `if` does not hold sends nothing, unless --force.",
        ],
        examples: &[
            ("In the sandbox", "herald fire github/deploy-failed"),
            (
                "Only to yourself",
                "herald fire github/deploy-failed --to anna.berg@contoso.example",
            ),
            ("To a channel", "herald fire github/deploy-failed --to releases"),
            (
                "Who would be told, with which card?",
                "herald fire github/deploy-failed --dry-run",
            ),
            (
                "With another event",
                "herald fire github/deploy-failed --sample samples/github/deployment_status.success.json --force",
            ),
        ],
        no: "nobody was told: there is no such rule or sample, its `if` does not hold, or no recipient was found",
    },
    Page {
        command: "completions",
        text: &["Writes a script that makes a shell complete Herald's commands and options with the Tab key."],
        examples: &[
            (
                "bash, for everybody on this machine",
                "herald completions bash > /etc/bash_completion.d/herald",
            ),
            (
                "zsh, in a folder of $fpath",
                "herald completions zsh > ~/.zfunc/_herald",
            ),
            (
                "fish",
                "herald completions fish > ~/.config/fish/completions/herald.fish",
            ),
        ],
        no: "",
    },
    Page {
        command: "man",
        text: &["Writes manual pages: one to standard output, or one file for each command into a folder."],
        examples: &[
            ("Read one", "herald man check | man -l -"),
            ("Install all", "herald man --out /usr/local/share/man/man1"),
        ],
        no: "there is no such command",
    },
];

/// The codes that a command ends with, and what they say.
pub fn exit_codes(page: &Page) -> Vec<(u8, &'static str)> {
    let mut codes = vec![(0, "done")];
    if !page.no.is_empty() {
        codes.push((1, page.no));
    }
    codes.push((2, "the command line cannot be understood"));
    codes.push((3, "it could not be done; the sentence on standard error says why"));
    codes
}

/// The page of a command.
pub fn page(command: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.command == command)
}

/// Puts the descriptions into a command and all below it; with `with_examples`, what `--help` shows beneath the options
/// as well.
pub fn dress(command: Command, with_examples: bool) -> Command {
    dressed(command, "", with_examples)
}

fn dressed(command: Command, name: &str, with_examples: bool) -> Command {
    let below: Vec<String> = command
        .get_subcommands()
        .map(|below| below.get_name().to_owned())
        .collect();
    let mut command = command;
    for below in below {
        let full = if name.is_empty() {
            below.clone()
        } else {
            format!("{name} {below}")
        };
        command = command.mut_subcommand(&below, |below| dressed(below, &full, with_examples));
    }
    match page(name) {
        Some(page) => {
            let command = command.long_about(page.text.join("\n\n"));
            if with_examples {
                command.after_long_help(beneath(page))
            } else {
                command
            }
        }
        None => command,
    }
}

fn beneath(page: &Page) -> String {
    let mut text = "Examples:\n".to_owned();
    for (wish, line) in page.examples {
        text.push_str(&format!("  # {wish}\n  {line}\n"));
    }
    text.push_str("\nExit codes:\n");
    for (code, meaning) in exit_codes(page) {
        text.push_str(&format!("  {code}  {meaning}\n"));
    }
    text.truncate(text.trim_end().len());
    text
}
