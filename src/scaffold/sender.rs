//! Who sent a payload, told by its shape.

use serde_json::Value;

use crate::card::sent;

/// A sender that is known by its payloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sender {
    /// What it is called.
    pub(super) title: &'static str,
    /// What its hook may be called.
    pub(super) hook: &'static str,
    /// How it proves who it is: the lines of a hook below `path`, without the secret's.
    pub(super) signature: &'static [&'static str],
    /// What its secret may be called.
    pub(super) secret: &'static str,
    /// What it says of the kind of event where Herald reads it too, for `event_type`.
    pub(super) event_type: Option<String>,
    /// The kind of event in a word, for names of files.
    pub(super) kind: String,
    /// The same for people, where it is no name for files.
    pub(super) kind_in_words: Option<&'static str>,
    /// Where the heart of the payload is.
    pub(super) focus: Vec<&'static str>,
    /// The heading, if all its holes are in the payload: fields below `event` in angle brackets.
    pub(super) heading: &'static [&'static str],
    /// The field whose word decides, the first that is there.
    pub(super) status: &'static [&'static str],
    /// What it posts is a card already.
    pub(super) sends_cards: bool,
}

/// An event of GitHub, whose kind is in a header that a payload alone does not show.
struct GithubEvent {
    event: &'static str,
    /// The fields that tell it.
    has: &'static [&'static str],
    heading: &'static [&'static str],
    status: &'static [&'static str],
}

/// The first that fits. A deployment tells of the run that made it, too, so it comes before.
const GITHUB: [GithubEvent; 16] = [
    GithubEvent {
        event: "workflow_job",
        has: &["workflow_job"],
        heading: &["<workflow_job.name>: <action>"],
        status: &["workflow_job.conclusion", "action"],
    },
    GithubEvent {
        event: "deployment_status",
        has: &["deployment_status"],
        heading: &["<repository.name>: deployment <deployment_status.state>"],
        status: &["deployment_status.state"],
    },
    GithubEvent {
        event: "deployment",
        has: &["deployment"],
        heading: &["<repository.name>: deployment"],
        status: &["deployment.environment"],
    },
    GithubEvent {
        event: "workflow_run",
        has: &["workflow_run", "workflow"],
        heading: &[
            "<workflow_run.name>: <workflow_run.conclusion>",
            "<workflow_run.name>: <action>",
        ],
        status: &["workflow_run.conclusion", "action"],
    },
    GithubEvent {
        event: "check_run",
        has: &["check_run"],
        heading: &["<check_run.name>: <action>"],
        status: &["check_run.conclusion", "action"],
    },
    GithubEvent {
        event: "check_suite",
        has: &["check_suite"],
        heading: &[],
        status: &["check_suite.conclusion", "action"],
    },
    GithubEvent {
        event: "pull_request_review",
        has: &["review", "pull_request"],
        heading: &["<review.state>: <pull_request.title>"],
        status: &["review.state", "action"],
    },
    GithubEvent {
        event: "pull_request_review_comment",
        has: &["comment", "pull_request"],
        heading: &["<pull_request.title>"],
        status: &["action"],
    },
    GithubEvent {
        event: "pull_request",
        has: &["pull_request"],
        heading: &["<pull_request.title>"],
        status: &["action"],
    },
    GithubEvent {
        event: "issue_comment",
        has: &["comment", "issue"],
        heading: &["<issue.title>"],
        status: &["action"],
    },
    GithubEvent {
        event: "issues",
        has: &["issue"],
        heading: &["<issue.title>"],
        status: &["action"],
    },
    GithubEvent {
        event: "release",
        has: &["release"],
        heading: &["<repository.name> <release.tag_name>"],
        status: &["action"],
    },
    GithubEvent {
        event: "push",
        has: &["commits", "pusher"],
        heading: &["<repository.name>: push to <ref>"],
        status: &["ref"],
    },
    GithubEvent {
        event: "fork",
        has: &["forkee"],
        heading: &["<repository.name> was forked"],
        status: &[],
    },
    GithubEvent {
        event: "star",
        has: &["starred_at"],
        heading: &["<repository.name>: a star"],
        status: &["action"],
    },
    GithubEvent {
        event: "ping",
        has: &["zen", "hook"],
        heading: &["<zen>"],
        status: &[],
    },
];

/// The sender of this payload, if its shape tells.
pub(super) fn recognise(payload: &Value) -> Option<Sender> {
    let has = |path: &str| at(payload, path).is_some_and(|value| !value.is_null());
    let is = |path: &str, word: &str| at(payload, path).and_then(Value::as_str) == Some(word);
    let word = |path: &str| at(payload, path).and_then(Value::as_str).map(str::to_owned);
    let bearer: &'static [&'static str] = &["signature: bearer # the sender says `Authorization: Bearer ...`"];
    let sender = |title, hook, signature, secret| Sender {
        title,
        hook,
        signature,
        secret,
        event_type: None,
        kind: String::new(),
        kind_in_words: None,
        focus: Vec::new(),
        heading: &[],
        status: &[],
        sends_cards: false,
    };
    let kind = sent::Kind::of(payload).filter(|kind| *kind == sent::Kind::AdaptiveCard || has("@type"));
    if let Some(kind) = kind {
        let mut program = sender(
            "Office 365 connector",
            "office-365",
            &[
                "signature: url # the secret ends the address: POST /hooks/office-365/SECRET",
                "formats: [teams_message]",
            ],
            "OFFICE_365_KEY",
        );
        program.event_type = Some(kind.word().to_owned());
        program.kind = kind.word().to_owned();
        program.kind_in_words = Some("a message for Teams");
        program.sends_cards = true;
        return Some(program);
    }
    if has("sender.login") && (has("repository.full_name") || has("organization.login"))
        || (has("zen") && has("hook_id"))
    {
        let known = GITHUB.iter().find(|known| known.has.iter().all(|key| has(key)));
        let mut github = sender("GitHub", "github", &["signature: github"], "GITHUB_WEBHOOK_SECRET");
        if let Some(known) = known {
            github.event_type = Some(known.event.to_owned());
            github.kind = known.event.to_owned();
            if known.event != "push" {
                github.focus = vec![known.has[0]];
            }
            github.heading = known.heading;
            github.status = known.status;
        }
        return Some(github);
    }
    if has("alerts") && has("groupLabels") && has("receiver") {
        let grafana = has("orgId") || has("alerts.0.dashboardURL") || has("alerts.0.silenceURL");
        let mut alerts = match grafana {
            true => sender(
                "Grafana",
                "grafana",
                &[
                    "signature: basic # user and password of the contact point",
                    "user: grafana",
                ],
                "GRAFANA_PASSWORD",
            ),
            false => sender("Alertmanager", "alertmanager", bearer, "ALERTMANAGER_TOKEN"),
        };
        alerts.heading = &[
            "<status>: <commonLabels.alertname>",
            "<status>: <alerts.0.labels.alertname>",
            "Alerts: <status>",
        ];
        alerts.kind_in_words = Some("alerts");
        alerts.status = &["status"];
        alerts.focus = vec!["commonAnnotations"];
        return Some(alerts);
    }
    if has("object_kind") && (has("project.web_url") || has("project.path_with_namespace")) {
        let mut gitlab = sender("GitLab", "gitlab", &["signature: gitlab"], "GITLAB_WEBHOOK_SECRET");
        gitlab.kind = word("object_kind").unwrap_or_default();
        gitlab.focus = vec!["object_attributes"];
        gitlab.heading = &[
            "<project.name>: <object_attributes.title>",
            "<project.name>: <object_kind> <object_attributes.status>",
            "<project.name>: <object_kind>",
        ];
        gitlab.status = &[
            "object_attributes.status",
            "object_attributes.action",
            "build_status",
            "object_kind",
        ];
        return Some(gitlab);
    }
    if is("object", "event") && has("data.object") && has("type") {
        let mut stripe = sender("Stripe", "stripe", &["signature: stripe"], "STRIPE_WEBHOOK_SECRET");
        stripe.kind = word("type").unwrap_or_default().replace('.', "-");
        stripe.focus = vec!["data", "object"];
        stripe.heading = &["Stripe: <type>"];
        stripe.status = &["type"];
        return Some(stripe);
    }
    if is("type", "event_callback") && has("team_id") {
        let mut slack = sender("Slack", "slack", &["signature: slack"], "SLACK_SIGNING_SECRET");
        slack.event_type = word("event.type");
        slack.kind = word("event.type").unwrap_or_default();
        slack.focus = vec!["event"];
        slack.heading = &["Slack: <event.type>"];
        slack.status = &["event.type"];
        return Some(slack);
    }
    if has("eventType") && has("publisherId") && has("resource") {
        let mut azure = sender(
            "Azure DevOps",
            "azure-devops",
            &[
                "signature: basic # user and password of the service hook",
                "user: herald",
            ],
            "AZURE_DEVOPS_PASSWORD",
        );
        azure.kind = word("eventType").unwrap_or_default().replace('.', "-");
        azure.focus = vec!["resource"];
        azure.heading = &["<message.text>", "Azure DevOps: <eventType>"];
        azure.status = &["resource.result", "resource.status", "eventType"];
        return Some(azure);
    }
    if has("webhookEvent") && (has("issue.key") || has("timestamp")) {
        let mut jira = sender(
            "Jira",
            "jira",
            &["signature: hmac", "header: X-Hub-Signature", "prefix: \"sha256=\""],
            "JIRA_WEBHOOK_SECRET",
        );
        jira.kind = word("webhookEvent").unwrap_or_default().replace("jira:", "");
        jira.focus = vec!["issue", "fields"];
        jira.heading = &["<issue.key>: <issue.fields.summary>", "Jira: <webhookEvent>"];
        jira.status = &["issue.fields.status.name", "webhookEvent"];
        return Some(jira);
    }
    if has("event.event_type") && has("event.resource_type") && has("event.data") {
        let mut duty = sender(
            "PagerDuty",
            "pagerduty",
            &["signature: hmac", "header: X-PagerDuty-Signature", "prefix: \"v1=\""],
            "PAGERDUTY_WEBHOOK_SECRET",
        );
        duty.kind = word("event.event_type").unwrap_or_default().replace('.', "-");
        duty.focus = vec!["event", "data"];
        duty.heading = &["<event.data.title>", "PagerDuty: <event.event_type>"];
        duty.status = &["event.event_type"];
        return Some(duty);
    }
    if has("installation.uuid") && has("data") && has("action") {
        let mut sentry = sender(
            "Sentry",
            "sentry",
            &["signature: hmac", "header: Sentry-Hook-Signature"],
            "SENTRY_CLIENT_SECRET",
        );
        sentry.kind = word("action").unwrap_or_default();
        sentry.focus = vec!["data", if has("data.issue") { "issue" } else { "event" }];
        sentry.heading = &["<data.issue.title>", "<data.event.title>"];
        sentry.status = &["action"];
        return Some(sentry);
    }
    if has("repository.full_name") && has("actor.display_name") && (has("push") || has("pullrequest")) {
        let mut bitbucket = sender(
            "Bitbucket",
            "bitbucket",
            &["signature: hmac", "header: X-Hub-Signature", "prefix: \"sha256=\""],
            "BITBUCKET_WEBHOOK_SECRET",
        );
        bitbucket.kind = if has("push") { "push" } else { "pullrequest" }.to_owned();
        bitbucket.focus = vec!["pullrequest"];
        bitbucket.heading = &["<pullrequest.title>", "<repository.name>: push by <actor.display_name>"];
        bitbucket.status = &["pullrequest.state"];
        return Some(bitbucket);
    }
    None
}

/// The value behind names joined by dots; a number is a place in a list.
pub(super) fn at<'a>(payload: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(payload, |value, step| match value {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        Value::Object(map) => map.get(step),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}
