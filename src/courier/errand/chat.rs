//! Personal chats that do not exist yet: opening them, and giving people the app where it is missing.

use chrono::{DateTime, Duration, Utc};

use super::Errand;
use crate::audience::{Found, Lookup, PersonRef};
use crate::choice::PersonKey;
use crate::courier::desk::Slot;
use crate::delivery::{Address, Delivery};
use crate::graph::installs::Progress;
use crate::roster::{Conversation, ConversationId, ConversationKind, Fact, Person};
use crate::store::StoreError;
use crate::teams::answer::Answer;
use crate::teams::connector::Sent;

/// What giving somebody the app led to.
pub(super) enum Given {
    /// To a chat, which is known now.
    AChat,
    /// To nothing yet.
    LookAgain(DateTime<Utc>),
    /// To nothing; this is the answer.
    Nothing(Answer),
}

/// How long Teams has to tell of an installation before the chat that Graph names is taken, and how soon to look again.
const TOLD_WITHIN: Duration = Duration::seconds(15);

const LOOK_AGAIN: Duration = Duration::seconds(2);

/// A person's Entra object id, where that is what the address has.
pub(super) fn entra_id(address: &Address) -> Option<&str> {
    match address {
        Address::Person { id, .. } if !id.starts_with("29:") => Some(id),
        Address::Person { .. }
        | Address::Feed { .. }
        | Address::Conversation { .. }
        | Address::Webhook { .. }
        | Address::Nowhere { .. } => None,
    }
}

impl Errand {
    /// Opens the personal chat and remembers it; the same person always has the same chat.
    pub(super) async fn open(
        &self,
        delivery: &Delivery,
        slot: &Slot,
        service_url: &str,
        tenant_id: &str,
        member: &str,
    ) -> Result<Result<(), Sent>, StoreError> {
        let opened = self.connector.open_personal(service_url, tenant_id, member).await;
        let _ = slot.answered.set(self.clock.now());
        let id = match opened {
            Ok(id) => ConversationId::new(&id),
            Err(sent) => return Ok(Err(sent)),
        };
        let account_id = member.starts_with("29:").then(|| member.to_owned());
        self.remember_chat(delivery, service_url, tenant_id, id, account_id)
            .await?;
        Ok(Ok(()))
    }

    /// How far the installation for the person at this address is, if one was asked for.
    pub(super) fn progress(&self, address: &Address) -> Option<Progress> {
        self.installs.as_ref()?.progress(entra_id(address)?)
    }

    /// The personal chat could not be opened: if that is because the app is not installed for the person, and it may be,
    /// it is. A person whom Teams says it is installed for by then is waited for; after a while the chat that Graph names
    /// is taken.
    pub(super) async fn give_app(
        &self,
        delivery: &Delivery,
        service_url: &str,
        tenant_id: &str,
        answer: Answer,
    ) -> Result<Given, StoreError> {
        let user = entra_id(&delivery.recipient.address);
        let (Answer::Unreachable { code, .. } | Answer::NotInstalled { code, .. }, Some(installs), Some(user)) =
            (&answer, &self.installs, user)
        else {
            return Ok(Given::Nothing(answer));
        };
        let because = |more: String| {
            Given::Nothing(Answer::Unreachable {
                code: code.clone(),
                reason: format!("{answer}; {more}"),
            })
        };
        if let Some(at) = self.removed_app(user).await? {
            let day = at.format("%-d %B %Y");
            return Ok(because(format!(
                "this person removed the app on {day} and is not given it again, until they install it themselves or an \
                 administrator does it for them"
            )));
        }
        let now = self.clock.now();
        Ok(match installs.progress(user) {
            None if self.is_guest(user).await? => {
                because("the app cannot be installed for a guest of the tenant through Graph".to_owned())
            }
            None => Given::LookAgain(installs.ask(user)),
            Some(Progress::UnderWay { again_at }) => Given::LookAgain(again_at),
            Some(Progress::Failed { reason }) => because(reason),
            Some(Progress::Installed { at, .. }) if now - at < TOLD_WITHIN => Given::LookAgain(now + LOOK_AGAIN),
            Some(Progress::Installed { installation, .. }) => match installs.chat(user, &installation).await {
                Ok(id) => {
                    let id = ConversationId::new(&id);
                    self.remember_chat(delivery, service_url, tenant_id, id, None).await?;
                    Given::AChat
                }
                Err(no) if no.passes() => {
                    let wait = no.wait().and_then(|wait| Duration::from_std(wait).ok());
                    Given::LookAgain(now + wait.unwrap_or(LOOK_AGAIN).max(LOOK_AGAIN))
                }
                Err(no) => because(format!(
                    "the app is installed for this person, but its chat is not known: {no}"
                )),
            },
        })
    }

    /// When the person removed the app, if that is the last that was heard of it.
    async fn removed_app(&self, user: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        let Some(key) = PersonKey::of_ids(Some(user), None) else {
            return Ok(None);
        };
        let choices = self.directory.choices(std::slice::from_ref(&key)).await?;
        Ok(choices.get(&key).and_then(|choices| choices.removed_app))
    }

    pub(super) async fn is_guest(&self, user: &str) -> Result<bool, StoreError> {
        let lookup = Lookup::Person(PersonRef::AadObjectId(user.to_owned()));
        let Found::People(people) = self.directory.look_up(&lookup).await? else {
            return Ok(false);
        };
        let is_guest = |person: &Person| {
            let name = person.user_principal_name.as_deref().unwrap_or_default();
            name.to_lowercase().contains("#ext#") || person.role.as_deref() == Some("guest")
        };
        Ok(people.iter().any(is_guest))
    }

    pub(super) async fn remember_chat(
        &self,
        delivery: &Delivery,
        service_url: &str,
        tenant_id: &str,
        id: ConversationId,
        account_id: Option<String>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let aad_object_id = entra_id(&delivery.recipient.address).map(str::to_owned);
        let person = Person {
            tenant_id: tenant_id.to_owned(),
            aad_object_id,
            account_id,
            ..Person::default()
        };
        let chat = Conversation {
            id,
            kind: ConversationKind::Personal,
            service_url: service_url.to_owned(),
            tenant_id: tenant_id.to_owned(),
            team_id: None,
            name: None,
            bot_id: self.directory.bot_id().await?.unwrap_or_default(),
            person: Some(person),
            installed_by: None,
            first_seen: now,
            last_seen: now,
            blocked: None,
        };
        self.directory.learn(&[Fact::ConversationSeen(chat)]).await
    }
}
