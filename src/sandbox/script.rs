//! What a test wants Teams to answer next.

use std::time::Duration;

use serde_json::Value;

use super::refusal::Refusal;
use super::sign_in;

/// What the bot asked of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// An access token.
    Token,
    /// The OpenID configuration of Teams' tokens (or Entra's).
    OpenId,
    /// The keys that such a configuration names.
    Keys,
    /// Opening a personal chat.
    CreateConversation,
    /// Starting a thread in a channel through "create conversation".
    CreateThread,
    /// Posting to a conversation.
    Send,
    /// Replying to a message.
    Reply,
    /// Replacing a message.
    Update,
    /// Deleting a message.
    Delete,
    /// One member of a conversation.
    Member,
    /// A page of the members (or all of them, the deprecated way).
    Members,
    /// A team's details.
    Team,
    /// A team's channels.
    Channels,
    /// In Graph: a person by mail address or sign-in name.
    FindPerson,
    /// In Graph: fields and mailboxes of several people.
    Profiles,
    /// In Graph: a group by name.
    FindGroup,
    /// In Graph: a page of the members of a group.
    GroupMembers,
    /// In Graph: the app in the catalogue.
    FindApp,
    /// In Graph: whether a person has the app.
    SeeInstalled,
    /// In Graph: installing the app for a person.
    InstallApp,
    /// In Graph: the chat of a person with the app.
    FindChat,
    /// In Graph: a notification in one activity feed.
    Notify,
    /// In Graph: a notification in several activity feeds.
    NotifyMany,
    /// A post to a webhook.
    Webhook,
    /// One message for many people.
    Batch,
    /// How far such a batch is.
    BatchState,
    /// A page of those who did not get it.
    BatchFailures,
    /// Stopping it.
    CancelBatch,
}

/// Calls that bring a message into the world.
const POSTS: [Operation; 3] = [Operation::Send, Operation::Reply, Operation::CreateThread];

/// An answer to the next call that it fits. Scripts are tried in the order they were given; one that is used up is
/// gone. Unless said otherwise, a script is for posted messages (send, reply, new thread), in any conversation, once.
#[derive(Debug, Clone)]
pub struct Script {
    operations: Vec<Operation>,
    conversation: Option<String>,
    left: u64,
    pub(super) delay: Duration,
    pub(super) performed: bool,
    pub(super) ending: Ending,
}

/// How a scripted call ends.
#[derive(Debug, Clone)]
pub(super) enum Ending {
    /// As without a script.
    Usual,
    /// With this answer.
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// Not at all, as long as the caller waits.
    Hang,
    /// The connection closes before the first byte.
    Drop,
    /// The connection closes in the middle of the answer.
    Cut,
}

impl Ending {
    /// What the caller sees: 0 when that is no whole answer.
    pub(super) fn status(&self) -> u16 {
        match self {
            Ending::Answer { status, .. } => *status,
            Ending::Usual | Ending::Hang | Ending::Drop | Ending::Cut => 0,
        }
    }
}

impl Script {
    fn ending(ending: Ending) -> Self {
        Self {
            operations: POSTS.to_vec(),
            conversation: None,
            left: 1,
            delay: Duration::ZERO,
            performed: false,
            ending,
        }
    }

    /// This status, with the body Teams sends along with it.
    pub fn status(status: u16) -> Self {
        let mut script = Self::ending(Ending::Answer {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        });
        if status >= 300 {
            script = script.body(&Refusal::for_status(status).body);
        }
        script
    }

    /// 429 without `Retry-After`, which Teams does not promise.
    pub fn throttled() -> Self {
        Self::status(429)
    }

    /// 403 in the envelope that stands for blocked, muted and uninstalled.
    pub fn blocked() -> Self {
        Self::status(403).body(&Refusal::writes_blocked().body)
    }

    /// The token endpoint says that the client secret is wrong.
    pub fn wrong_secret() -> Self {
        let refusal = sign_in::wrong_secret();
        Self::status(refusal.status).body(&refusal.body).on(Operation::Token)
    }

    /// No answer, ever.
    pub fn hang() -> Self {
        Self::ending(Ending::Hang)
    }

    /// The connection closes without an answer.
    pub fn drop_connection() -> Self {
        Self::ending(Ending::Drop)
    }

    /// The connection closes after the answer's headers and half its body.
    pub fn cut_answer() -> Self {
        Self::ending(Ending::Cut)
    }

    /// The usual answer, later.
    pub fn slow(delay: Duration) -> Self {
        Self::ending(Ending::Usual).delay(delay)
    }

    /// Answers with this JSON.
    pub fn body(self, json: &Value) -> Self {
        self.header("content-type", "application/json; charset=utf-8")
            .bytes(json.to_string().into_bytes())
    }

    /// Answers with this text (HTML of a gateway, or nothing).
    pub fn text_body(self, content_type: &str, text: &str) -> Self {
        self.header("content-type", content_type)
            .bytes(text.as_bytes().to_vec())
    }

    fn bytes(mut self, bytes: Vec<u8>) -> Self {
        if let Ending::Answer { body, .. } = &mut self.ending {
            *body = bytes;
        }
        self
    }

    /// Adds (or replaces) a header of the answer.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Ending::Answer { headers, .. } = &mut self.ending {
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Adds `Retry-After` in seconds.
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header("retry-after", &seconds.to_string())
    }

    /// For this many calls.
    pub fn times(mut self, calls: u64) -> Self {
        self.left = calls;
        self
    }

    /// For all calls until [`forget_scripts`](super::Sandbox::forget_scripts).
    pub fn always(self) -> Self {
        self.times(u64::MAX)
    }

    /// Only for this conversation (a thread counts as its channel; an opening chat as the member asked for; a team's
    /// details as the team).
    pub fn in_conversation(mut self, id: &str) -> Self {
        self.conversation = Some(id.to_owned());
        self
    }

    /// For this operation and no other.
    pub fn on(mut self, operation: Operation) -> Self {
        self.operations = vec![operation];
        self
    }

    /// Waits before anything is done. A caller who gives up earlier has nothing done; for a message that arrives
    /// although its sender gave up, take `hang().although_done()`.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The call does what it asks for, and then the answer is the scripted one: the message is there although its
    /// sender is told otherwise.
    pub fn although_done(mut self) -> Self {
        self.performed = true;
        self
    }

    fn fits(&self, operation: Operation, conversation: &str) -> bool {
        self.left > 0
            && self.operations.contains(&operation)
            && self.conversation.as_deref().is_none_or(|wanted| wanted == conversation)
    }
}

/// Takes the next script for this call out of the list.
pub(super) fn next(scripts: &mut Vec<Script>, operation: Operation, conversation: &str) -> Option<Script> {
    let place = scripts.iter().position(|script| script.fits(operation, conversation))?;
    let script = scripts[place].clone();
    if scripts[place].left != u64::MAX {
        scripts[place].left -= 1;
    }
    if scripts[place].left == 0 {
        scripts.remove(place);
    }
    Some(script)
}
