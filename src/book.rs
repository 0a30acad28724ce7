//! The workspace's own names for people, channels, group chats and audiences: `directory.yaml`, compiled.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono_tz::Tz;
use indexmap::IndexMap;
use serde_json::Value;

use crate::audience::{Audience, PersonRef, PlaceRef, Want};
use crate::book::file::{BookFile, ChannelFile, GroupFile, PersonFile, WebhookFile, WebhookKindFile};
use crate::card::template::Partials;
use crate::diagnostic::{Fault, did_you_mean};
use crate::link;
use crate::quiet::Own;
use crate::rotation::Rotation;
use crate::rule::sieve;
use crate::rule::target::{Kind, Target};
use crate::secret_name::SecretName;
use crate::text_or::TextOr;
use crate::webhook::{self, Webhook};
use crate::zone;

mod circle;
mod duty;
pub mod file;
pub mod naming;

/// How many fields a person may have.
const MOST_FIELDS: usize = 50;

/// The longest name of a field, in bytes.
const LONGEST_FIELD: usize = 60;

/// The longest alias, in bytes.
const LONGEST_ALIAS: usize = 200;

/// How many names in audiences are compared with the aliases.
const MOST_DOUBTED: usize = 1_000;

/// The compiled aliases. Upper and lower case of an alias do not matter.
#[derive(Debug, Clone, Default)]
pub struct Book {
    people: IndexMap<String, PersonEntry>,
    channels: IndexMap<String, Want>,
    groups: IndexMap<String, PlaceRef>,
    audiences: IndexMap<String, Vec<Target>>,
    webhooks: IndexMap<String, Webhook>,
    rotations: IndexMap<String, Rotation>,
}

/// A person, as the workspace knows them.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonEntry {
    /// The alias as written.
    pub alias: String,
    /// How Teams is asked for the person: by id if there is one, else by address, else by name.
    pub person: PersonRef,
    /// Mail address or sign-in name, lower case.
    pub email: Option<String>,
    /// The name to show where Teams tells none.
    pub name: Option<String>,
    /// The person's zone; wins over what Teams tells.
    pub time_zone: Option<Tz>,
    /// The person's language; wins over what Teams tells.
    pub language: Option<String>,
    /// The quiet hours that the person keeps in place of the workspace's.
    pub quiet_hours: Option<Own>,
    /// What else the workspace knows, by names of its own.
    pub fields: IndexMap<String, Value>,
}

impl Book {
    /// Compiles `directory.yaml`, with its warnings. Paths of faults begin at the document.
    ///
    /// # Errors
    /// Everything wrong with it: entries that name nobody, unreadable links and zones, aliases given twice, audiences
    /// that contain themselves.
    pub fn compile(file: &BookFile, partials: &Partials) -> Result<(Book, Vec<Fault>), Vec<Fault>> {
        Self::compile_in(file, partials, None)
    }

    /// The same, with the zone of rotations that name none.
    ///
    /// # Errors
    /// As [`Book::compile`].
    pub fn compile_in(
        file: &BookFile,
        partials: &Partials,
        time_zone: Option<Tz>,
    ) -> Result<(Book, Vec<Fault>), Vec<Fault>> {
        let BookFile {
            people,
            channels,
            groups,
            webhooks,
            audiences,
            rotations,
        } = file;
        let mut book = Book::default();
        let mut faults = Vec::new();
        let mut take = |section: &'static str, alias: &str, result: Result<(), Vec<Fault>>| {
            for fault in result.err().unwrap_or_default() {
                faults.push(fault.under(alias).under(section));
            }
        };
        for (alias, entry) in people {
            let entry = person(alias, entry).and_then(|entry| add(&mut book.people, alias, entry));
            take("people", alias, entry.map_err(|fault| vec![fault]));
        }
        for (alias, entry) in channels {
            let entry = channel(entry).and_then(|entry| add(&mut book.channels, alias, entry));
            take("channels", alias, entry.map_err(|fault| vec![fault]));
        }
        for (alias, entry) in groups {
            let entry = group(entry).and_then(|entry| add(&mut book.groups, alias, entry));
            take("groups", alias, entry.map_err(|fault| vec![fault]));
        }
        for (alias, entry) in webhooks {
            let entry = webhook(alias, entry).and_then(|entry| add(&mut book.webhooks, alias, entry));
            take("webhooks", alias, entry.map_err(|fault| vec![fault]));
        }
        for (alias, items) in audiences {
            let mut targets = Vec::new();
            let mut wrong = Vec::new();
            for (index, item) in items.iter().enumerate() {
                match Target::compile(item, partials) {
                    Ok(target) => targets.push(target),
                    Err(faults) => wrong.extend(faults.into_iter().map(|fault| fault.under(index))),
                }
            }
            if items.is_empty() {
                wrong.push(Fault::error("directory::audience", "this audience has nobody in it"));
            }
            if wrong.is_empty()
                && let Err(fault) = add(&mut book.audiences, alias, targets)
            {
                wrong.push(fault);
            }
            take("audiences", alias, if wrong.is_empty() { Ok(()) } else { Err(wrong) });
        }
        let mut doubts = Vec::new();
        if rotations.len() > duty::MOST_ROTATIONS {
            let message = format!("there are at most {} rotations", duty::MOST_ROTATIONS);
            faults.push(Fault::error("directory::rotation", message).on_key().under("rotations"));
            return Err(faults);
        }
        for (alias, entry) in rotations {
            match duty::compile(alias, entry, time_zone) {
                Ok((rotation, found)) => {
                    doubts.extend(
                        found
                            .into_iter()
                            .map(|fault| fault.under(alias.as_str()).under("rotations")),
                    );
                    let added = add(&mut book.rotations, alias, rotation);
                    take("rotations", alias, added.map_err(|fault| vec![fault]));
                }
                Err(found) => take("rotations", alias, Err(found)),
            }
        }
        faults.extend(book.doubled_rotations());
        let circles = book.circles();
        for alias in audiences.keys() {
            if let Some(round) = circles.get(&caseless(alias)) {
                let message = format!("this audience contains itself: {round}");
                faults.push(
                    Fault::error("directory::circle", message)
                        .help("take one of them out")
                        .under(alias.as_str())
                        .under("audiences"),
                );
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut warnings = book.warnings(file);
        warnings.extend(doubts);
        warnings.extend(book.doubtful_turns());
        Ok((book, warnings))
    }

    /// A person by alias.
    pub fn person(&self, alias: &str) -> Option<&PersonEntry> {
        self.people.get(&caseless(alias))
    }

    /// All people, in the order written.
    pub fn people(&self) -> impl Iterator<Item = &PersonEntry> {
        self.people.values()
    }

    /// The names of all fields that people have.
    pub fn fields(&self) -> BTreeSet<&str> {
        self.people
            .values()
            .flat_map(|entry| entry.fields.keys().map(String::as_str))
            .collect()
    }

    /// Every channel, by alias in lower case.
    pub fn channels(&self) -> impl Iterator<Item = (&str, &Want)> {
        self.channels.iter().map(|(alias, want)| (alias.as_str(), want))
    }

    /// Every group chat, by alias in lower case.
    pub fn groups(&self) -> impl Iterator<Item = (&str, &PlaceRef)> {
        self.groups.iter().map(|(alias, place)| (alias.as_str(), place))
    }

    /// Every audience with its targets, by alias in lower case.
    pub fn audiences(&self) -> impl Iterator<Item = (&str, &[Target])> {
        self.audiences
            .iter()
            .map(|(alias, targets)| (alias.as_str(), targets.as_slice()))
    }

    /// A channel by alias.
    pub fn channel(&self, alias: &str) -> Option<&Want> {
        self.channels.get(&caseless(alias))
    }

    /// A group chat by alias.
    pub fn group(&self, alias: &str) -> Option<&PlaceRef> {
        self.groups.get(&caseless(alias))
    }

    /// A webhook by alias.
    pub fn webhook(&self, alias: &str) -> Option<&Webhook> {
        self.webhooks.get(&caseless(alias))
    }

    /// All webhooks, in the order written.
    pub fn webhooks(&self) -> impl Iterator<Item = &Webhook> {
        self.webhooks.values()
    }

    /// The targets behind an audience.
    pub fn audience(&self, alias: &str) -> Option<&[Target]> {
        self.audiences.get(&caseless(alias)).map(Vec::as_slice)
    }

    /// All rotations, in the order written.
    pub fn rotations(&self) -> impl Iterator<Item = &Rotation> {
        self.rotations.values()
    }

    /// A rotation by its name.
    pub fn rotation(&self, name: &str) -> Option<&Rotation> {
        self.rotations.get(&caseless(name))
    }

    /// Gives the people of an audience what the workspace knows about them: zone, language, a name where Teams tells
    /// none.
    pub fn dress(&self, audience: &mut Audience) {
        if self.people.is_empty() || audience.reached.is_empty() {
            return;
        }
        let mut known: HashMap<String, &PersonEntry> = HashMap::new();
        for entry in self.people.values().rev() {
            match &entry.person {
                PersonRef::AadObjectId(id) | PersonRef::AccountId(id) => known.insert(id.clone(), entry),
                PersonRef::Email(_) => None,
                PersonRef::Name(name) => known.insert(caseless(name), entry),
            };
            if let Some(email) = &entry.email {
                known.insert(email.clone(), entry);
            }
        }
        for reached in &mut audience.reached {
            let Some(person) = &mut reached.person else {
                continue;
            };
            let caseless_ones = [
                &person.aad_object_id,
                &person.email,
                &person.user_principal_name,
                &person.name,
            ];
            let by_account = person.account_id.as_ref().and_then(|id| known.get(id));
            let entry = by_account.or_else(|| {
                caseless_ones
                    .into_iter()
                    .flatten()
                    .find_map(|text| known.get(&caseless(text)))
            });
            let Some(entry) = entry else {
                continue;
            };
            if reached.life.quiet_hours != entry.quiet_hours || reached.life.fields != entry.fields {
                let life = Arc::make_mut(&mut reached.life);
                life.quiet_hours.clone_from(&entry.quiet_hours);
                life.fields.clone_from(&entry.fields);
            }
            let person = Arc::make_mut(person);
            if let Some(zone) = entry.time_zone {
                person.time_zone = Some(zone.name().to_owned());
            }
            if entry.language.is_some() {
                person.locale = entry.language.clone();
            }
            if person.name.is_none() {
                let name = entry.name.clone().unwrap_or_else(|| entry.alias.clone());
                reached.recipient.name.clone_from(&name);
                person.name = Some(name);
            }
        }
    }

    /// What is doubtful about a constant name, before anybody is looked up: a link that leads elsewhere (an error), a
    /// slip in an alias, a name that only Teams can know (warnings). `None` for what is surely meant.
    pub fn doubt(&self, kind: Kind, name: &str) -> Option<Fault> {
        if matches!(kind, Kind::Person | Kind::People | Kind::ActivityFeed) && self.duty(name).is_some() {
            return self.doubt_duty(name);
        }
        let wrong = match kind {
            Kind::Person => naming::person(name, self).err(),
            Kind::People | Kind::ActivityFeed if self.audience(name).is_some() => None,
            Kind::People | Kind::ActivityFeed => naming::person(name, self).err(),
            Kind::Group => naming::group(name, self).err(),
            Kind::Channel => naming::channel(name, self).err(),
            Kind::MembersOf => naming::members_of(name, self).err(),
            Kind::ChannelsOf => naming::channels_of(name, self).err(),
            Kind::EntraGroup => naming::entra_group(name).err(),
            Kind::Webhook => return self.doubt_webhook(name),
            Kind::Here | Kind::Sender | Kind::Everyone => None,
        };
        if let Some(reason) = wrong {
            return Some(Fault::error("target::name", reason));
        }
        let (known, aliases): (bool, Vec<&str>) = match kind {
            Kind::Person => (
                self.person(name).is_some(),
                self.people.keys().map(String::as_str).collect(),
            ),
            Kind::People | Kind::ActivityFeed => (
                self.person(name).is_some() || self.audience(name).is_some(),
                self.people
                    .keys()
                    .chain(self.audiences.keys())
                    .map(String::as_str)
                    .collect(),
            ),
            Kind::Group | Kind::MembersOf => (
                self.group(name).is_some(),
                self.groups.keys().map(String::as_str).collect(),
            ),
            Kind::Channel => (
                self.channel(name).is_some(),
                self.channels.keys().map(String::as_str).collect(),
            ),
            // There are no aliases of teams.
            Kind::ChannelsOf => (false, Vec::new()),
            Kind::EntraGroup | Kind::Here | Kind::Sender | Kind::Everyone | Kind::Webhook => return None,
        };
        if known || naming::is_exact(name) {
            return None;
        }
        let shown = naming::short(name);
        if let Some(meant) = did_you_mean(shown, aliases) {
            let message =
                format!("`{shown}` is no alias of directory.yaml; it is looked for in Teams under this name");
            return Some(Fault::warning("target::name", message).help(format!("did you mean `{meant}`?")));
        }
        let alias_like = !name.contains(char::is_whitespace) && name.chars().all(|c| !c.is_uppercase());
        match kind {
            Kind::Person | Kind::People | Kind::ActivityFeed if alias_like => {
                let message = format!(
                    "`{shown}` is no alias of directory.yaml and no address; it is taken for a name in Teams"
                );
                let help = "add it under `people:` in directory.yaml, or write the mail address";
                Some(Fault::warning("target::name", message).help(help))
            }
            Kind::Channel if alias_like && !name.contains(" / ") => {
                let message = format!(
                    "`{shown}` is no alias of directory.yaml; it is taken for a team, and its General channel"
                );
                let help = "write `Team / Channel`, or add it under `channels:` in directory.yaml";
                Some(Fault::warning("target::name", message).help(help))
            }
            // Teams tells a bot no names of group chats, unless somebody renames one while the bot is in it.
            Kind::Group if alias_like => {
                let message = format!(
                    "`{shown}` is no alias of directory.yaml and no link; Teams rarely tells a bot the name of a group chat"
                );
                let help =
                    "add it under `groups:` in directory.yaml with the link that \"Copy link\" of the chat gives";
                Some(Fault::warning("target::name", message).help(help))
            }
            Kind::Person
            | Kind::People
            | Kind::Channel
            | Kind::Group
            | Kind::MembersOf
            | Kind::ChannelsOf
            | Kind::Everyone
            | Kind::EntraGroup
            | Kind::ActivityFeed
            | Kind::Here
            | Kind::Sender
            | Kind::Webhook => None,
        }
    }

    /// Only the workspace knows its webhooks, so a name it lacks is an error.
    fn doubt_webhook(&self, name: &str) -> Option<Fault> {
        let fault = Fault::error("target::name", naming::webhook(name, self).err()?);
        let near = did_you_mean(name, self.webhooks.keys().map(String::as_str));
        Some(match near {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None => fault.help("add it under `webhooks:` in directory.yaml: `operations: OPERATIONS_WEBHOOK_URL`"),
        })
    }

    fn warnings(&self, file: &BookFile) -> Vec<Fault> {
        let mut warnings = Vec::new();
        for (alias, _) in file.webhooks.iter().filter(|(_, entry)| is_incoming(entry)) {
            let message =
                "this is an incoming webhook of an Office 365 connector, and Microsoft is switching those off";
            let help = "create a webhook with Workflows in the channel, or let the bot write there: `channel:`";
            let warning = Fault::warning("directory::connector", message).help(help);
            warnings.push(warning.under("kind").under(alias.as_str()).under("webhooks"));
        }
        // Each comparison looks at all aliases; who has that many audiences has enough to read.
        let mut left = MOST_DOUBTED;
        for (alias, items) in &file.audiences {
            if self.person(alias).is_some() {
                let message = format!("`{alias}` is a person too; `people: {alias}` means this audience");
                let warning = Fault::warning("directory::twice", message).help("give one of them another name");
                warnings.push(warning.on_key().under(alias.as_str()).under("audiences"));
            }
            for (index, target) in self.audience(alias).into_iter().flatten().enumerate().take(items.len()) {
                for (place, kind, name) in target.names() {
                    left = left.saturating_sub(1);
                    if left == 0 {
                        return warnings;
                    }
                    let Some(mut doubt) = self.doubt(kind, &name) else {
                        continue;
                    };
                    doubt.path = place;
                    warnings.push(doubt.under(index).under(alias.as_str()).under("audiences"));
                }
            }
        }
        warnings
    }

    /// The ways from audiences back to themselves.
    fn circles(&self) -> HashMap<String, String> {
        let names = |targets: &[Target]| {
            let people = targets.iter().filter(|target| target.kind() == Kind::People);
            people
                .flat_map(Target::names)
                .map(|(_, _, name)| caseless(&name))
                .collect()
        };
        let leads_to: Vec<(String, Vec<String>)> = self
            .audiences
            .iter()
            .map(|(alias, targets)| (alias.clone(), names(targets)))
            .collect();
        circle::circles(&leads_to)
    }
}

fn add<T>(entries: &mut IndexMap<String, T>, alias: &str, entry: T) -> Result<(), Fault> {
    if alias.trim() != alias || alias.is_empty() {
        return Err(Fault::error("directory::alias", "an alias neither begins nor ends with a space").on_key());
    }
    if alias.len() > LONGEST_ALIAS {
        let message = format!("an alias is at most {LONGEST_ALIAS} bytes long");
        return Err(Fault::error("directory::alias", message).on_key());
    }
    if alias.contains("{{") {
        return Err(Fault::error("directory::alias", "an alias has no holes").on_key());
    }
    match entries.insert(caseless(alias), entry) {
        Some(_) => Err(Fault::error(
            "directory::twice",
            format!("there is another `{alias}`; capital letters do not tell them apart"),
        )
        .help("give one of them another name")
        .on_key()),
        None => Ok(()),
    }
}

fn person(alias: &str, entry: &TextOr<PersonFile>) -> Result<PersonEntry, Fault> {
    const CODE: &str = "directory::person";
    let short = match entry {
        TextOr::Text(text) => text,
        TextOr::Full(PersonFile {
            email,
            id,
            name,
            time_zone,
            language,
            quiet_hours,
            fields,
        }) => {
            let email = email
                .as_deref()
                .map(|text| address(text).map_err(|fault| fault.under("email")))
                .transpose()?;
            let id = id
                .as_deref()
                .map(|text| self::id(text).map_err(|fault| fault.under("id")))
                .transpose()?;
            let zone = time_zone
                .as_deref()
                .map(zone::parse)
                .transpose()
                .map_err(|fault| fault.under("time_zone"))?;
            let by_address = email.clone().map(PersonRef::Email);
            let by_name = name.as_ref().map(|name| PersonRef::Name(name.trim().to_owned()));
            let Some(person) = id.or(by_address).or(by_name) else {
                return Err(Fault::error(CODE, format!("nothing here says who `{alias}` is"))
                    .help("write `email: anna.berg@contoso.example`"));
            };
            return Ok(PersonEntry {
                alias: alias.to_owned(),
                person,
                email,
                name: name.clone(),
                time_zone: zone,
                language: language.clone(),
                quiet_hours: quiet_hours
                    .as_deref()
                    .map(Own::parse)
                    .transpose()
                    .map_err(|fault| fault.under("quiet_hours"))?,
                fields: self::fields(fields)?,
            });
        }
    };
    let person = naming::person(short, &Book::default()).map_err(|reason| Fault::error(CODE, reason))?;
    let Want::Person(person) = person else {
        return Err(Fault::error(CODE, "this names no person").help("write the mail address"));
    };
    let email = match &person {
        PersonRef::Email(address) => Some(address.clone()),
        PersonRef::AadObjectId(_) | PersonRef::AccountId(_) | PersonRef::Name(_) => None,
    };
    Ok(PersonEntry {
        alias: alias.to_owned(),
        person,
        email,
        name: None,
        time_zone: None,
        language: None,
        quiet_hours: None,
        fields: IndexMap::new(),
    })
}

/// The fields of a person, within their bounds.
fn fields(written: &IndexMap<String, Value>) -> Result<IndexMap<String, Value>, Fault> {
    const CODE: &str = "directory::field";
    if written.len() > MOST_FIELDS {
        let message = format!("a person has at most {MOST_FIELDS} fields");
        return Err(Fault::error(CODE, message).under("fields"));
    }
    for name in written.keys() {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        if name.is_empty() || name.len() > LONGEST_FIELD || !name.chars().all(plain) {
            let message = "the name of a field is made of letters, digits, `_` and `-`";
            return Err(Fault::error(CODE, message)
                .help("such as `office` or `cost_centre`")
                .on_key()
                .under(name.as_str())
                .under("fields"));
        }
        if sieve::OWN.contains(&name.as_str()) {
            let message = format!("`{name}` is what Herald knows about a person anyway");
            return Err(Fault::error(CODE, message)
                .help("give the field another name")
                .on_key()
                .under(name.as_str())
                .under("fields"));
        }
    }
    Ok(written.clone())
}

fn address(text: &str) -> Result<String, Fault> {
    naming::address(text).ok_or_else(|| {
        Fault::error(
            "directory::person",
            format!("`{}` is no mail address", naming::short(text)),
        )
        .help("write it like `anna.berg@contoso.example`")
    })
}

fn id(text: &str) -> Result<PersonRef, Fault> {
    let text = text.trim();
    if link::is_guid(text) {
        return Ok(PersonRef::AadObjectId(text.to_ascii_lowercase()));
    }
    if text.starts_with("29:") {
        return Ok(PersonRef::AccountId(text.to_owned()));
    }
    Err(Fault::error(
        "directory::person",
        format!("`{}` is no Entra object id", naming::short(text)),
    )
    .help("it looks like `6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d`"))
}

fn channel(entry: &TextOr<ChannelFile>) -> Result<Want, Fault> {
    let wrong = |reason: String| Fault::error("directory::channel", reason);
    let ChannelFile {
        team,
        channel,
        link,
        id,
    } = match entry {
        TextOr::Text(text) => return naming::channel(text, &Book::default()).map_err(wrong),
        TextOr::Full(full) => full,
    };
    if let Some(id) = id {
        if !link::is_id(id.trim()) {
            let message = format!("`{}` is no id of a channel", naming::short(id));
            return Err(wrong(message)
                .help("it looks like `19:...@thread.tacv2`; or paste the channel's link")
                .under("id"));
        }
        return naming::channel(id, &Book::default()).map_err(wrong);
    }
    if let Some(link) = link {
        return naming::channel_link(link).map_err(|reason| wrong(reason).under("link"));
    }
    let empty = |text: &Option<String>| text.as_ref().is_some_and(|text| text.trim().is_empty());
    match team {
        Some(name) if !name.trim().is_empty() && !empty(channel) => Ok(Want::Channel {
            team: naming::place(name),
            channel: channel.as_deref().map(naming::place),
        }),
        _ => Err(wrong("nothing here says which channel it is".to_owned())
            .help("write `team:` and `channel:`, or `link:`")),
    }
}

fn group(entry: &TextOr<GroupFile>) -> Result<PlaceRef, Fault> {
    let wrong = |reason: String| Fault::error("directory::group", reason);
    let GroupFile { name, link, id } = match entry {
        TextOr::Text(text) => return naming::group(text, &Book::default()).map_err(wrong),
        TextOr::Full(full) => full,
    };
    match (id, link, name) {
        (Some(id), _, _) if link::is_id(id.trim()) => Ok(PlaceRef::Id(id.trim().to_owned())),
        (Some(id), _, _) => Err(wrong(format!("`{}` is no id of a group chat", naming::short(id)))
            .help("it looks like `19:...@thread.v2`; or paste the chat's link")
            .under("id")),
        (None, Some(link), _) => naming::group_link(link).map_err(|reason| wrong(reason).under("link")),
        (None, None, Some(name)) if !name.trim().is_empty() => Ok(PlaceRef::Name(name.trim().to_owned())),
        (None, None, _) => {
            Err(wrong("nothing here says which chat it is".to_owned()).help("write `name:` or `link:`"))
        }
    }
}

fn is_incoming(entry: &TextOr<WebhookFile>) -> bool {
    match entry {
        TextOr::Text(_) => false,
        TextOr::Full(full) => full.kind == Some(WebhookKindFile::Incoming),
    }
}

/// A pasted address is not repeated.
fn webhook(alias: &str, entry: &TextOr<WebhookFile>) -> Result<Webhook, Fault> {
    const CODE: &str = "directory::webhook";
    let (url, kind) = match entry {
        TextOr::Text(name) => (Some(name), None),
        TextOr::Full(WebhookFile { url, kind }) => (url.as_ref(), *kind),
    };
    let Some(url) = url else {
        return Err(Fault::error(CODE, format!("nothing here says where `{alias}` leads"))
            .help("write `url:` and the name of the secret that holds the address"));
    };
    let url = SecretName::new(url.trim()).map_err(|_| {
        let fault = Fault::error(CODE, "the address of a webhook is a secret and is called by its name here")
            .label("not a name such as `OPERATIONS_WEBHOOK_URL`")
            .help("put the address into an environment variable and write the variable's name; if it was committed, change it");
        match entry {
            TextOr::Text(_) => fault,
            TextOr::Full(_) => fault.under("url"),
        }
    })?;
    Ok(Webhook {
        name: alias.to_owned(),
        url,
        kind: match kind {
            Some(WebhookKindFile::Incoming) => webhook::Kind::Incoming,
            Some(WebhookKindFile::Workflow) | None => webhook::Kind::Workflow,
        },
    })
}

fn caseless(text: &str) -> String {
    text.trim().to_lowercase()
}

#[cfg(test)]
mod tests;
