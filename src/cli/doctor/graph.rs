//! What the bot may do in Microsoft Graph, and what it lacks for what settings and rules want.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::finding::Finding;
use super::network::PATIENCE;
use super::secrets::is_there;
use crate::clock::Clock;
use crate::graph::task::Task;
use crate::rule::target::{Kind, Target};
use crate::secret::Secrets;
use crate::teams::token::{Credentials, Scope, Tokens};
use crate::teams::wire::Wire;
use crate::workspace::Workspace;

const CHECK: &str = "graph";

/// Asks for a token for Graph and reads what it allows. Nothing is asked where nothing is wanted of Graph.
///
/// With the secrets of this shell come those that the running server lacks, if one runs and said so.
pub async fn look(
    workspace: &Workspace,
    (secrets, missing_there): (&Secrets, Option<&[String]>),
    clock: &Clock,
) -> Vec<Finding> {
    let wanted = wanted(workspace);
    if wanted.is_empty() {
        return Vec::new();
    }
    let bot = &workspace.settings.bot;
    let (Some(credentials), Some(tenant)) = (Credentials::of(bot), &bot.tenant) else {
        let found = "not asked: `bot.app_id` and `bot.tenant` say as whom and in which tenant";
        let next = "for real Teams, register a bot (docs/teams-setup.md); the sandbox needs none";
        return vec![Finding::warning(CHECK, found, next)];
    };
    if let Err(problem) = credentials.examine(secrets, clock.now()) {
        let names = bot.credential.secrets();
        let there = names
            .iter()
            .all(|name| secrets.has(name) || is_there(name, missing_there));
        let found = format!("not asked: {problem}");
        return vec![match there {
            true => Finding::warning(
                CHECK,
                found,
                "run `herald doctor` with the server's environment to try it",
            ),
            false => Finding::failed(CHECK, found, "the check of the token says what to do"),
        }];
    }
    let Ok(wire) = Wire::new(PATIENCE) else {
        // The check of the network says why.
        return Vec::new();
    };
    let secrets = Arc::new(secrets.clone());
    let tokens = Tokens::new(wire, &bot.endpoints, credentials, secrets, clock.clone());
    let token = match tokens.token_for(&Scope::Graph(tenant.clone())).await {
        Ok(token) => token,
        Err(problem) => {
            let next = match problem.way_out() {
                Some(way_out) => format!("{way_out}; docs/teams-setup.md shows where"),
                None => {
                    "the check of the token says more; Graph wants the bot's own tenant in `bot.tenant`".to_owned()
                }
            };
            return vec![Finding::failed(CHECK, problem.to_string(), next)];
        }
    };
    match token.header().to_str().ok().and_then(roles) {
        Some(roles) => judged(&wanted, &roles),
        None => vec![Finding::warning(
            CHECK,
            "there is a token, but what it allows cannot be read from it",
            "look at the app registration's API permissions in Entra ID",
        )],
    }
}

/// What is wanted of Graph, each with what for.
fn wanted(workspace: &Workspace) -> Vec<(Task, &'static str)> {
    let settings = &workspace.settings.graph;
    let of_rules = workspace
        .ruleset
        .rules
        .iter()
        .flat_map(|rule| rule.notify.iter().chain(&rule.except));
    let of_audiences = workspace.book.audiences().flat_map(|(_, targets)| targets);
    let kinds: Vec<Kind> = of_rules.chain(of_audiences).map(Target::kind).collect();
    let mut wanted = Vec::new();
    if settings.look_up {
        wanted.push((Task::FindPerson, "`graph.look_up`"));
        if kinds.contains(&Kind::EntraGroup) {
            wanted.push((Task::ListMembers, "`entra_group` in a rule"));
        }
    }
    if settings.wants.entra {
        wanted.push((Task::ReadProfiles, "`graph.profiles`"));
    }
    if settings.wants.mailbox {
        wanted.push((Task::ReadMailboxes, "`graph.time_zones`"));
    }
    if settings.install.is_some() {
        wanted.push((Task::FindApp, "`graph.install`"));
        wanted.push((Task::Install, "`graph.install`"));
    }
    if kinds.contains(&Kind::ActivityFeed) {
        wanted.push((Task::Notify, "`activity_feed` in a rule"));
    }
    wanted
}

fn judged(wanted: &[(Task, &str)], roles: &[String]) -> Vec<Finding> {
    let has = |task: &Task| {
        task.permissions()
            .iter()
            .any(|one| roles.iter().any(|role| role == one))
    };
    let lacking: Vec<Finding> = wanted
        .iter()
        .filter(|(task, _)| !has(task))
        .map(|(task, whose)| {
            let found = format!("the bot may not {}, which {whose} needs", task.words());
            let next = format!(
                "have an administrator grant the app registration the application permission {} of Microsoft Graph, with \
                 admin consent",
                task.permission()
            );
            Finding::failed(CHECK, found, next).about(task.permissions()[0].to_owned())
        })
        .collect();
    if !lacking.is_empty() {
        return lacking;
    }
    let used: Vec<&str> = roles
        .iter()
        .map(String::as_str)
        .filter(|role| wanted.iter().any(|(task, _)| task.permissions().contains(role)))
        .collect();
    vec![Finding::ok(
        CHECK,
        format!(
            "the bot has what settings and rules want of Microsoft Graph: {}",
            used.join(", ")
        ),
    )]
}

/// The application permissions in an access token. It is not verified: it is ours, and nothing is decided by it.
fn roles(authorization: &str) -> Option<Vec<String>> {
    let claims = authorization.strip_prefix("Bearer ")?.split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    let roles = claims["roles"].as_array().map(Vec::as_slice).unwrap_or_default();
    Some(roles.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::doctor::finding::Verdict;

    #[test]
    fn what_a_token_allows_is_read_from_it() {
        let claims = URL_SAFE_NO_PAD.encode(json!({"roles": ["User.Read.All"]}).to_string());
        assert_eq!(roles(&format!("Bearer x.{claims}.y")).unwrap(), ["User.Read.All"]);
        let none = URL_SAFE_NO_PAD.encode(json!({"aud": "x"}).to_string());
        assert_eq!(roles(&format!("Bearer x.{none}.y")).unwrap(), [""; 0]);
        assert_eq!(roles("Bearer opaque"), None);
    }

    #[test]
    fn a_higher_permission_does_as_well_and_each_one_that_lacks_is_named() {
        let wanted = [(Task::FindPerson, "x"), (Task::Install, "y")];
        let both = [
            "User.Read.All".to_owned(),
            "TeamsAppInstallation.ReadWriteForUser.All".to_owned(),
        ];
        let findings = judged(&wanted, &both);
        assert_eq!((findings.len(), findings[0].verdict), (1, Verdict::Ok));
        let findings = judged(&wanted, &[]);
        assert_eq!(findings.len(), 2);
        assert!(
            findings[1]
                .next
                .as_ref()
                .unwrap()
                .contains("TeamsAppInstallation.ReadWriteSelfForUser.All")
        );
    }
}
