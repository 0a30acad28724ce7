//! The real binary: it starts, is killed, starts again, and says why when it cannot.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::Child;
use std::time::Duration;

use herald::delivery::State;
use herald::sandbox::{Options, Sandbox};
use serde_json::{Value, json};

use crate::support::cli::{command, run, said};
use crate::support::engine::{PATIENCE, write};

const RULE: &str = "when: { hook: ci }\nnotify: [{ person: \"{{default event.who 'Anna Berg'}}\" }]\ncard: { message: \"{{event.text}}\" }\n";
/// Several, because one conversation takes no more than 60 messages in half a minute.
const PEOPLE: [&str; 6] = [
    "Anna Berg",
    "Omar Haddad",
    "Chloé Dubois",
    "Łukasz Wójcik",
    "Priya Raghunathan",
    "佐藤 花",
];

struct Process {
    child: Child,
    url: String,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Place {
    folder: tempfile::TempDir,
    teams: Sandbox,
    environment: BTreeMap<String, String>,
}

impl Place {
    async fn new() -> Self {
        let teams = Sandbox::start(SocketAddr::from(([127, 0, 0, 1], 0)), Options::default())
            .await
            .expect("Teams");
        let folder = tempfile::tempdir().expect("a folder");
        let settings = format!(
            "server: {{ listen: \"127.0.0.1:0\" }}\nbot:\n  app_id: {}\n  tenant: {}\n  endpoints: {{ token: \"{}\", openid: \
             \"{}\", service_url: \"{}\", trusted_hosts: [\"127.0.0.1\"] }}\nlimits: {{ storm: never }}\nhooks:\n  ci: {{ path: ci, signature: none, \
             anyone_can_post: true }}\n",
            teams.app_id(),
            teams.tenant(),
            teams.token_url(),
            teams.openid_url(),
            teams.service_url()
        );
        write(folder.path(), "herald.yaml", &settings);
        write(folder.path(), "rules/r.yaml", RULE);
        let environment = BTreeMap::from([("HERALD_BOT_SECRET".to_owned(), teams.secret().to_owned())]);
        Self {
            folder,
            teams,
            environment,
        }
    }

    /// Has the bot installed for these people, and waits until Herald knows their names.
    async fn meet(&self, herald: &Process, people: &[&str]) {
        for person in people {
            self.teams.install_personal(person).await.expect("told");
        }
        let ends = tokio::time::Instant::now() + PATIENCE;
        loop {
            let known = reqwest::get(format!("{}/admin/v1/targets", herald.url))
                .await
                .expect("it answers");
            let known = known.text().await.expect("text");
            if people.iter().all(|person| known.contains(person)) {
                return;
            }
            assert!(tokio::time::Instant::now() < ends, "not known in time: {known}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Starts the binary and waits until it says where it listens.
    fn start(&self) -> Process {
        let mut child = command(
            self.folder.path(),
            &["serve", "--log-format", "json"],
            &self.environment,
        )
        .spawn()
        .expect("it runs");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let mut url = None;
        let mut heard = String::new();
        for line in out.lines() {
            let line = line.expect("text");
            heard.push_str(&line);
            heard.push('\n');
            if let Some(at) = line.find("http://127.0.0.1:") {
                url = Some(
                    line[at..]
                        .split_whitespace()
                        .next()
                        .expect("an address")
                        .trim_end_matches('/')
                        .to_owned(),
                );
                break;
            }
        }
        let url = url.unwrap_or_else(|| panic!("it does not say where it listens: {heard}"));
        self.teams.set_bot_endpoint(format!("{url}/api/messages"));
        Process { child, url }
    }
}

async fn post(url: &str, body: &Value) -> (u16, Value) {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .expect("a client");
    let answer = client.post(url).json(body).send().await.expect("it answers");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn what_was_accepted_arrives_although_the_process_is_killed_before_it_sends() {
    let place = Place::new().await;
    let mut herald = place.start();
    place.meet(&herald, &["Anna Berg"]).await;
    place.teams.go_away();
    let mut accepted = Vec::new();
    for number in 0..20 {
        let (status, answer) = post(
            &format!("{}/hooks/ci", herald.url),
            &json!({"text": format!("message {number}")}),
        )
        .await;
        assert_eq!(status, 202, "{answer}");
        accepted.push(answer["deliveries"][0].as_str().expect("an id").to_owned());
    }
    // SIGKILL: nothing in the process gets a word in.
    herald.child.kill().expect("killed");
    herald.child.wait().expect("gone");
    place.teams.come_back();
    let _herald = place.start();
    let messages = match place.teams.wait_for(20, PATIENCE).await {
        Ok(messages) => messages,
        Err(missed) => panic!("{missed}"),
    };
    let mut texts: Vec<_> = messages
        .iter()
        .filter_map(|m| m.activity["text"].as_str().map(str::to_owned))
        .collect();
    let mut expected: Vec<_> = (0..20).map(|number| format!("message {number}")).collect();
    texts.sort();
    expected.sort();
    assert_eq!(texts, expected, "each of them, once");
}

#[tokio::test]
async fn killed_at_any_moment_under_load_nothing_accepted_is_lost() {
    let place = Place::new().await;
    place.teams.set_limits(herald::sandbox::Limits::Off);
    let mut herald = place.start();
    place.meet(&herald, &PEOPLE).await;
    let mut accepted = Vec::new();
    for round in 0..6u64 {
        let url = format!("{}/hooks/ci", herald.url);
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .expect("a client");
        let load = async {
            let mut taken = Vec::new();
            for number in 0.. {
                let text = format!("round {round} message {number}");
                match client
                    .post(&url)
                    .json(&json!({"text": text, "who": PEOPLE[number % PEOPLE.len()]}))
                    .send()
                    .await
                {
                    Ok(answer) if answer.status() == 202 => taken.push(text),
                    _ => break,
                }
            }
            taken
        };
        let kill = async {
            tokio::time::sleep(Duration::from_millis(150 + 70 * round)).await;
            herald.child.kill().expect("killed");
        };
        let (taken, ()) = tokio::join!(load, kill);
        herald.child.wait().expect("gone");
        accepted.extend(taken);
        herald = place.start();
    }
    assert!(
        accepted.len() > 20,
        "only {} were accepted: too few to prove anything",
        accepted.len()
    );
    let ends = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let arrived: std::collections::BTreeSet<_> = place
            .teams
            .received()
            .iter()
            .filter_map(|m| m.activity["text"].as_str().map(str::to_owned))
            .collect();
        let missing: Vec<_> = accepted.iter().filter(|text| !arrived.contains(*text)).collect();
        if missing.is_empty() {
            break;
        }
        assert!(
            tokio::time::Instant::now() < ends,
            "{} of {} are missing: {missing:?}",
            missing.len(),
            accepted.len()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_second_process_on_the_same_data_is_told_who_owns_it() {
    let place = Place::new().await;
    let _herald = place.start();
    let second = said(
        command(place.folder.path(), &["serve"], &place.environment)
            .output()
            .expect("it runs"),
    );
    assert_eq!(second.code, 3, "{second:#?}");
    assert!(
        second.err.contains("data") && second.err.contains("running"),
        "{}",
        second.err
    );
}

#[tokio::test]
async fn a_taken_port_is_named_with_the_way_out() {
    let place = Place::new().await;
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let listen = taken.local_addr().expect("an address").to_string();
    let refused = said(
        command(place.folder.path(), &["serve", "--listen", &listen], &place.environment)
            .output()
            .expect("it runs"),
    );
    assert_eq!(refused.code, 3);
    assert!(
        refused.err.contains("taken") && refused.err.contains("--listen"),
        "{}",
        refused.err
    );
}

#[tokio::test]
async fn a_missing_bot_secret_is_named_before_anything_is_taken() {
    let place = Place::new().await;
    let refused = said(
        command(place.folder.path(), &["serve"], &BTreeMap::new())
            .output()
            .expect("it runs"),
    );
    assert_eq!(refused.code, 3, "{refused:#?}");
    assert!(refused.err.contains("HERALD_BOT_SECRET"), "{}", refused.err);
}

#[tokio::test]
async fn broken_rules_keep_it_from_starting_and_are_shown_as_check_shows_them() {
    let place = Place::new().await;
    write(
        place.folder.path(),
        "rules/broken.yaml",
        "when: { hook: gitub }\nnotify: [{ person: Anna Berg }]\n",
    );
    let refused = said(
        command(place.folder.path(), &["serve"], &place.environment)
            .output()
            .expect("it runs"),
    );
    assert_eq!(refused.code, 3, "{refused:#?}");
    let checked = run(place.folder.path(), &["check"]);
    assert_eq!(checked.code, 1, "{checked:#?}");
    assert!(
        refused.err.contains("rules/broken.yaml:1:15") && refused.err.contains("--keep-going"),
        "{}",
        refused.err
    );
    assert!((checked.out + &checked.err).contains("rules/broken.yaml:1:15"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_stop_signal_lets_it_end_well() {
    let place = Place::new().await;
    let mut herald = place.start();
    let status = std::process::Command::new("kill")
        .args(["-TERM", &herald.child.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(status.success());
    let ended = tokio::task::spawn_blocking(move || herald.child.wait().expect("ended"))
        .await
        .expect("waited");
    assert_eq!(ended.code(), Some(0));
}

#[tokio::test]
async fn the_state_commands_ask_the_running_server_and_open_the_store_when_none_runs() {
    let place = Place::new().await;
    let mut herald = place.start();
    place.meet(&herald, &["Anna Berg"]).await;
    let (_, answer) = post(&format!("{}/hooks/ci", herald.url), &json!({"text": "hello"})).await;
    let id = answer["deliveries"][0].as_str().expect("an id").to_owned();
    place.teams.wait_for(1, PATIENCE).await.expect("it arrives");

    let folder = place.folder.path().to_owned();
    let url = herald.url.clone();
    let with_server = move |args: &[&str]| {
        let mut all = args.to_vec();
        all.extend(["--server", &url]);
        run(&folder, &all)
    };
    let listed = with_server(&["deliveries", "list"]);
    assert!(
        listed.code == 0 && listed.out.contains(&id) && listed.out.contains("Anna Berg"),
        "{listed:#?}"
    );
    let shown = with_server(&["deliveries", "show", &id]);
    assert!(
        shown.out.contains("attempt  1") && shown.out.contains("hello"),
        "{shown:#?}"
    );
    let unknown = with_server(&["deliveries", "show", "dl_none"]);
    assert_eq!(unknown.code, 1, "{unknown:#?}");
    let targets = with_server(&["targets", "list"]);
    assert!(targets.out.contains("personal chat"), "{targets:#?}");

    // No server: the commands open the store themselves.
    let locked = run(place.folder.path(), &["deliveries", "list", "--data", "data"]);
    assert_eq!(locked.code, 3, "{locked:#?}");
    assert!(locked.err.contains("running server"), "{locked:#?}");
    herald.child.kill().expect("killed");
    herald.child.wait().expect("gone");
    let local = run(
        place.folder.path(),
        &["deliveries", "list", "--data", "data", "--format", "json"],
    );
    let parsed: Vec<herald::delivery::Delivery> =
        serde_json::from_str(&local.out).unwrap_or_else(|_| panic!("{local:#?}"));
    assert_eq!((parsed.len(), parsed[0].id.as_str()), (1, id.as_str()));
    assert!(matches!(
        parsed[0].state,
        State::Delivered | State::Sending | State::Pending
    ));

    let exported = run(
        place.folder.path(),
        &["targets", "export", "--data", "data", "--out", "targets.jsonl"],
    );
    assert_eq!(exported.code, 0, "{exported:#?}");
    let forgotten = run(
        place.folder.path(),
        &["targets", "import", "targets.jsonl", "--data", "data"],
    );
    assert_eq!(forgotten.code, 0, "{forgotten:#?}");
}
