//! Talks to the connector: sends messages, opens personal chats, lists members and channels.

mod batch;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use tracing::warn;
use url::Url;

use super::activity::{Account, ChannelInfo, read_object};
use super::answer::{self, Answer};
use super::endpoints::TrustedHosts;
use super::standing::Standing;
use super::token::{Token, Tokens};
use super::wire::{Body, Call, Reply, Wire};
use crate::clock::Clock;
use crate::roster::{Channel, Person};

/// What stands in a path as it is. A dot does not suffice to leave a folder: [`segment`] sees to that.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const LONGEST_ID: usize = 1024;
/// Of an answer to a message this much is read.
const LONGEST_ANSWER: usize = 64 * 1024;
const LONGEST_LIST: usize = 8 * 1024 * 1024;
/// Members asked for at once; the most Teams gives.
const PAGE: &str = "500";
const OFF_THE_POINT: &str = "something else than what was asked for";
const MOST_PAGES: usize = 1000;
const MOST_MEMBERS: usize = 200_000;

/// The way to Teams. Cheap to call from many tasks at once.
#[derive(Debug)]
pub struct Connector {
    wire: Wire,
    trusted: TrustedHosts,
    tokens: Option<Arc<Tokens>>,
    bot_id: Option<String>,
    clock: Clock,
    elsewhere: Option<String>,
    standing: Arc<Standing>,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// What it means.
    pub answer: Answer,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// How long it took, by our clock.
    pub took: Duration,
    /// The service URL at which it was answered, when Teams sent us on from the one that was asked.
    pub moved_to: Option<String>,
}

/// What Teams says about a team.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TeamDetails {
    /// Its name.
    pub name: Option<String>,
    /// The Microsoft 365 group behind it.
    pub aad_group_id: Option<String>,
}

/// A request, wherever it is sent.
struct Asked<'a> {
    method: Method,
    path: &'a [&'a str],
    query: &'a [(&'a str, &'a str)],
    body: Option<&'a [u8]>,
    longest: usize,
}

/// A request that came back: its reply if it was taken, else what it means.
type Outcome = Result<Reply, (Answer, Option<u16>)>;

impl Connector {
    /// A connector that shows the token of `tokens` to the `trusted` hosts and calls no others. Without tokens (a bot
    /// without registration, beside an emulator) it calls the trusted hosts and this machine, without a token.
    pub fn new(
        wire: Wire,
        trusted: TrustedHosts,
        tokens: Option<Arc<Tokens>>,
        app_id: Option<&str>,
        clock: Clock,
    ) -> Self {
        Self {
            wire,
            trusted,
            tokens,
            bot_id: app_id.map(|id| format!("28:{id}")),
            clock,
            elsewhere: None,
            standing: Arc::default(),
        }
    }

    /// Where to ask when Teams says that a tenant is served by another host ([`Answer::WrongHost`]).
    #[must_use]
    pub fn elsewhere(mut self, service_url: Option<String>) -> Self {
        self.elsewhere = service_url;
        self
    }

    /// What Teams thinks of the bot; whoever sends keeps it.
    pub fn standing(&self) -> &Arc<Standing> {
        &self.standing
    }

    /// Posts `activity` to a conversation. It may have arrived even where the answer says it did not.
    pub async fn send(&self, service_url: &str, conversation: &str, activity: &Value) -> Sent {
        let path = ["v3", "conversations", conversation, "activities"];
        let body = serde_json::to_vec(activity).expect("a JSON value can be written");
        self.about_a_message(Method::POST, service_url, &path, Some(&body))
            .await
    }

    /// Answers `message` in a chat.
    pub async fn reply(&self, service_url: &str, conversation: &str, message: &str, activity: &Value) -> Sent {
        let path = ["v3", "conversations", conversation, "activities", message];
        let mut activity = activity.clone();
        activity["replyToId"] = json!(message);
        let body = serde_json::to_vec(&activity).expect("a JSON value can be written");
        self.about_a_message(Method::POST, service_url, &path, Some(&body))
            .await
    }

    /// Begins a thread in a channel. The id of the message that is accepted is that of the thread.
    pub async fn begin_thread(
        &self,
        service_url: &str,
        tenant_id: Option<&str>,
        channel: &str,
        activity: &Value,
    ) -> Sent {
        let started = self.clock.now();
        let mut wanted = json!({
            "isGroup": true,
            "channelData": { "channel": { "id": channel } },
            "activity": activity,
        });
        if let Some(tenant) = tenant_id {
            wanted["tenantId"] = json!(tenant);
        }
        if let Some(bot) = &self.bot_id {
            wanted["bot"] = json!({ "id": bot });
        }
        let came = self.post(service_url, &["v3", "conversations"], &wanted).await;
        self.sent(started, came, |reply| self.read_thread(reply))
    }

    /// As [`Connector::read`], where the id of the message stands beside that of the conversation, and in it.
    fn read_thread(&self, reply: &Reply) -> Answer {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct Begun {
            id: Option<String>,
            activity_id: Option<String>,
        }
        match self.read(reply) {
            Answer::Accepted { .. } => {
                let begun: Begun = serde_json::from_slice(&reply.body).unwrap_or_default();
                let of_thread = begun.id.and_then(|id| Some(id.split_once(";messageid=")?.1.to_owned()));
                let activity_id = begun.activity_id.or(of_thread);
                Answer::Accepted { activity_id }
            }
            other => other,
        }
    }

    /// Puts `activity` in the place of a message that was sent.
    pub async fn update(&self, service_url: &str, conversation: &str, message: &str, activity: &Value) -> Sent {
        let path = ["v3", "conversations", conversation, "activities", message];
        let body = serde_json::to_vec(activity).expect("a JSON value can be written");
        self.about_a_message(Method::PUT, service_url, &path, Some(&body)).await
    }

    /// Takes away a message that was sent.
    pub async fn delete(&self, service_url: &str, conversation: &str, message: &str) -> Sent {
        let path = ["v3", "conversations", conversation, "activities", message];
        self.about_a_message(Method::DELETE, service_url, &path, None).await
    }

    async fn about_a_message(&self, method: Method, service_url: &str, path: &[&str], body: Option<&[u8]>) -> Sent {
        let started = self.clock.now();
        let asked = Asked {
            method,
            path,
            query: &[],
            body,
            longest: LONGEST_ANSWER,
        };
        let came = self.ask_where_it_is(service_url, &asked).await;
        self.sent(started, came, |reply| self.read(reply))
    }

    /// What came of a request that left at `started`; `read` takes its answer for what it means.
    fn sent(
        &self,
        started: DateTime<Utc>,
        (outcome, moved_to): (Outcome, Option<String>),
        read: impl FnOnce(&Reply) -> Answer,
    ) -> Sent {
        let (answer, status) = match outcome {
            Ok(reply) => (read(&reply), Some(reply.status)),
            Err(failed) => failed,
        };
        Sent {
            answer,
            status,
            took: (self.clock.now() - started).to_std().unwrap_or_default(),
            moved_to,
        }
    }

    /// Opens the personal chat with `member` (a `29:...` id, or an Entra object id) and answers its id. The same
    /// person always gets the same chat.
    ///
    /// # Errors
    /// What Teams said instead.
    pub async fn open_personal(&self, service_url: &str, tenant_id: &str, member: &str) -> Result<String, Sent> {
        let started = self.clock.now();
        let mut wanted = json!({
            "isGroup": false,
            "members": [{"id": member}],
            "tenantId": tenant_id,
            "channelData": {"tenant": {"id": tenant_id}},
        });
        if let Some(bot) = &self.bot_id {
            wanted["bot"] = json!({"id": bot});
        }
        let came = self.post(service_url, &["v3", "conversations"], &wanted).await;
        let sent = self.sent(started, came, |reply| self.read(reply));
        let answer = match sent.answer {
            Answer::Accepted { activity_id: Some(id) } => return Ok(id),
            Answer::Accepted { activity_id: None } => Answer::Unavailable {
                reason: "Teams opened the chat without telling its id".to_owned(),
                wait: None,
            },
            other => other,
        };
        Err(Sent { answer, ..sent })
    }

    /// Everybody in a team or group chat except bots, by pages. `tenant_id` is taken for those whose own is not told;
    /// `turn` is waited for before each page.
    ///
    /// # Errors
    /// What Teams said instead of a page; a roster is whole or not there.
    pub async fn members<T: Future<Output = ()>>(
        &self,
        service_url: &str,
        tenant_id: &str,
        id: &str,
        turn: impl Fn() -> T,
    ) -> Result<Vec<Person>, Answer> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Page {
            #[serde(deserialize_with = "objects")]
            members: Vec<Account>,
            continuation_token: Option<String>,
        }
        let mut people = Vec::new();
        let mut next: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut query = vec![("pageSize", PAGE)];
            query.extend(next.as_deref().map(|token| ("continuationToken", token)));
            turn().await;
            let path = ["v3", "conversations", id, "pagedmembers"];
            let page: Page = self.get(service_url, &path, &query).await?;
            people.extend(
                page.members
                    .into_iter()
                    .filter_map(|account| person(account, tenant_id)),
            );
            let following = page.continuation_token.filter(|token| !token.is_empty());
            if following.is_none() {
                return Ok(people);
            }
            if following == next || people.len() > MOST_MEMBERS {
                break;
            }
            next = following;
        }
        Err(Answer::Unavailable {
            reason: "Teams' list of members has no end".to_owned(),
            wait: None,
        })
    }

    /// Whether Teams lets the bot see a team or chat: asks for one of its members.
    ///
    /// # Errors
    /// What Teams said instead.
    pub async fn is_there(&self, service_url: &str, id: &str) -> Result<(), Answer> {
        let path = ["v3", "conversations", id, "pagedmembers"];
        let _: Value = self.get(service_url, &path, &[("pageSize", "1")]).await?;
        Ok(())
    }

    /// One member of a team or chat, by `29:...` id, Entra object id or sign-in name.
    ///
    /// # Errors
    /// What Teams said instead.
    pub async fn member(&self, service_url: &str, tenant_id: &str, id: &str, who: &str) -> Result<Person, Answer> {
        let path = ["v3", "conversations", id, "members", who];
        let account: Account = self.get(service_url, &path, &[]).await?;
        person(account, tenant_id).ok_or_else(|| garbled("a member without an id"))
    }

    /// The channels of a team that the bot can see. General has no name.
    ///
    /// # Errors
    /// What Teams said instead.
    pub async fn channels(&self, service_url: &str, team: &str) -> Result<Vec<Channel>, Answer> {
        #[derive(Deserialize)]
        struct Listed {
            #[serde(deserialize_with = "objects")]
            conversations: Vec<ChannelInfo>,
        }
        let path = ["v3", "teams", team, "conversations"];
        let listed: Listed = self.get(service_url, &path, &[]).await?;
        let channels = listed.conversations.into_iter().filter_map(|channel| {
            Some(Channel {
                id: channel.id?,
                name: channel.name,
                deleted: false,
            })
        });
        Ok(channels.collect())
    }

    /// A team's name and the group behind it.
    ///
    /// # Errors
    /// What Teams said instead.
    pub async fn team(&self, service_url: &str, team: &str) -> Result<TeamDetails, Answer> {
        self.get(service_url, &["v3", "teams", team], &[]).await
    }

    async fn post(&self, service_url: &str, path: &[&str], body: &Value) -> (Outcome, Option<String>) {
        let body = serde_json::to_vec(body).expect("a JSON value can be written");
        let asked = Asked {
            method: Method::POST,
            path,
            query: &[],
            body: Some(&body),
            longest: LONGEST_ANSWER,
        };
        self.ask_where_it_is(service_url, &asked).await
    }

    /// Asks at `service_url` and, where Teams says that another host serves this tenant, once more there; then the
    /// address that knew the tenant is told as well. A message that was sent on was not taken by the first host.
    async fn ask_where_it_is(&self, service_url: &str, asked: &Asked<'_>) -> (Outcome, Option<String>) {
        let first = self.ask_at(service_url, asked).await;
        let same = |other: &&String| other.trim_end_matches('/') == service_url.trim_end_matches('/');
        let (true, Some(other)) = (
            self.is_elsewhere(&first),
            self.elsewhere.as_ref().filter(|other| !same(other)),
        ) else {
            return (first, None);
        };
        warn!(from = service_url, to = %other, "Teams serves this tenant at another host");
        let second = self.ask_at(other, asked).await;
        match &second {
            Ok(_) if self.is_elsewhere(&second) => (first, None),
            Ok(_) => (second, Some(other.clone())),
            Err(_) => (second, None),
        }
    }

    fn is_elsewhere(&self, outcome: &Outcome) -> bool {
        matches!(outcome, Ok(reply) if matches!(self.read(reply), Answer::WrongHost { .. }))
    }

    async fn ask_at(&self, service_url: &str, asked: &Asked<'_>) -> Outcome {
        let mut url = self.address(service_url, asked.path).map_err(|answer| (answer, None))?;
        if !asked.query.is_empty() {
            url.query_pairs_mut().extend_pairs(asked.query);
        }
        self.ask(asked.method.clone(), &url, asked.body, asked.longest).await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        service_url: &str,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, Answer> {
        let asked = Asked {
            method: Method::GET,
            path,
            query,
            body: None,
            longest: LONGEST_LIST,
        };
        let (outcome, _) = self.ask_where_it_is(service_url, &asked).await;
        let reply = outcome.map_err(|(answer, _)| answer)?;
        match self.read(&reply) {
            Answer::Accepted { .. } if reply.cut => Err(garbled("more than fits into 8 MiB")),
            Answer::Accepted { .. } => match serde_json::from_slice(&reply.body) {
                // A list is no answer, though serde would read one as an object's fields in order.
                Ok(body @ Value::Object(_)) => serde_json::from_value(body).map_err(|_| garbled(OFF_THE_POINT)),
                Ok(_) | Err(_) => Err(garbled(OFF_THE_POINT)),
            },
            other => Err(other),
        }
    }

    /// Asks with the token, and once more with a new one if Teams refuses it.
    async fn ask(&self, method: Method, url: &Url, body: Option<&[u8]>, longest: usize) -> Outcome {
        let token = self.token().await.map_err(|answer| (answer, None))?;
        let reply = self.ask_once(&method, url, token.as_ref(), body, longest).await?;
        let (401, Some(tokens), Some(refused)) = (reply.status, &self.tokens, &token) else {
            return Ok(reply);
        };
        warn!(host = url.host_str(), "Teams refused the token, asking with a new one");
        tokens.discard(refused);
        let token = self.token().await.map_err(|answer| (answer, Some(401)))?;
        self.ask_once(&method, url, token.as_ref(), body, longest).await
    }

    async fn ask_once(
        &self,
        method: &Method,
        url: &Url,
        token: Option<&Token>,
        body: Option<&[u8]>,
        longest: usize,
    ) -> Outcome {
        let call = Call {
            method: method.clone(),
            url: url.clone(),
            token: token.map(Token::header),
            headers: &[],
            direct: false,
            body: body.map_or(Body::Nothing, |bytes| Body::Json(bytes.to_vec())),
            patience: self.wire.patience().send,
            longest,
        };
        self.wire.exchange(call).await.map_err(|lost| {
            let reason = lost.to_string();
            (Answer::Unavailable { reason, wait: None }, None)
        })
    }

    async fn token(&self) -> Result<Option<Token>, Answer> {
        match &self.tokens {
            None => Ok(None),
            Some(tokens) => match tokens.token().await {
                Ok(token) => Ok(Some(token)),
                Err(no_token) => Err(Answer::NoToken {
                    reason: no_token.to_string(),
                }),
            },
        }
    }

    fn read(&self, reply: &Reply) -> Answer {
        answer::read(
            reply.status,
            reply.retry_after.as_deref(),
            &reply.body,
            self.clock.now(),
        )
    }

    /// The address of a resource under a service URL, if that may be called at all.
    fn address(&self, service_url: &str, path: &[&str]) -> Result<Url, Answer> {
        let admitted = match self.tokens {
            Some(_) => self.trusted.admit(service_url),
            None => self.trusted.admit_without_token(service_url),
        };
        let mut url = admitted.map_err(|distrust| Answer::Rejected {
            reason: format!("{distrust}; a host that stands in for Teams belongs into `bot.endpoints.trusted_hosts`"),
        })?;
        let mut whole = url.path().trim_end_matches('/').to_owned();
        for part in path {
            whole.push('/');
            whole.push_str(&segment(part)?);
        }
        url.set_path(&whole);
        Ok(url)
    }
}

/// An id as one segment of a path, whatever it is made of.
fn segment(id: &str) -> Result<String, Answer> {
    // `.` and `..` would be taken for a way up, encoded or not.
    if id.is_empty() || id.len() > LONGEST_ID || id.bytes().all(|byte| byte == b'.') {
        return Err(Answer::Rejected {
            reason: "an id that Teams cannot have given".to_owned(),
        });
    }
    Ok(utf8_percent_encode(id, PLAIN).to_string())
}

/// The objects of a list that must be there.
fn objects<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let items = Vec::<Value>::deserialize(deserializer)?;
    Ok(items.into_iter().filter_map(read_object).collect())
}

fn garbled(what: &str) -> Answer {
    Answer::Unavailable {
        reason: format!("Teams answered with {what}"),
        wait: None,
    }
}

/// A member as the directory keeps people; bots are none.
fn person(account: Account, tenant_id: &str) -> Option<Person> {
    let is_a_bot = account.id.as_deref().is_some_and(|id| id.starts_with("28:"));
    let aad_object_id = account
        .aad_object_id
        .or(account.object_id)
        .map(|id| id.to_ascii_lowercase());
    if is_a_bot || (account.id.is_none() && aad_object_id.is_none()) {
        return None;
    }
    Some(Person {
        tenant_id: account
            .tenant_id
            .map_or_else(|| tenant_id.to_owned(), |id| id.to_ascii_lowercase()),
        aad_object_id,
        account_id: account.id,
        user_principal_name: account.user_principal_name,
        email: account.email,
        name: account.name,
        role: account.user_role,
        ..Person::default()
    })
}
