//! Who Graph says people and groups are.

use serde_json::Value;

use super::answer::No;
use super::client::{Graph, encoded, quoted};
use super::profiles;
use super::task::Task;
use crate::audience::PlaceRef;
use crate::link;
use crate::roster::Person;

/// Pages of a group, of 999 people each.
const MOST_PAGES: usize = 200;
/// The most people that are taken from one group.
const MOST_MEMBERS: usize = 100_000;

/// What came of looking for somebody.
#[derive(Debug, Clone, PartialEq)]
pub enum Search<T> {
    /// There.
    Found(T),
    /// Nobody is known by that.
    Nobody,
    /// So many are.
    Several(usize),
}

impl Graph {
    /// The person with this mail address or sign-in name.
    ///
    /// # Errors
    /// What Graph said instead.
    pub async fn person(&self, address: &str) -> Result<Search<Person>, No> {
        match self.person_with(address, &self.fields()).await {
            // Who they are is worth more than what department they are in, for which another permission is needed.
            Err(No::Denied { .. }) if self.asks_for_fields() => self.person_with(address, profiles::WHO).await,
            found => found,
        }
    }

    async fn person_with(&self, address: &str, fields: &str) -> Result<Search<Person>, No> {
        let by_name = format!("/users/{}?$select={fields}", encoded(address));
        match self.get(Task::FindPerson, &by_name).await {
            Ok(found) => return Ok(self.read_person(&found).map_or(Search::Nobody, Search::Found)),
            // An address need not be a sign-in name.
            Err(No::NotThere { .. } | No::Rejected { .. }) => {}
            Err(no) => return Err(no),
        }
        let address = quoted(address);
        let filter = format!("mail%20eq%20'{address}'%20or%20userPrincipalName%20eq%20'{address}'");
        let path = format!("/users?$filter={filter}&$select={fields}&$top=5");
        let listed = self.get(Task::FindPerson, &path).await?;
        let mut people: Vec<Person> = values(&listed).iter().filter_map(|one| self.read_person(one)).collect();
        Ok(match people.len() {
            0 => Search::Nobody,
            1 => Search::Found(people.remove(0)),
            several => Search::Several(several),
        })
    }

    /// Everybody in a group and in the groups in it, whoever owns them. [`Search::Nobody`]: there is no such group.
    ///
    /// # Errors
    /// What Graph said instead of a page: a list is whole or not there.
    pub async fn group(&self, group: &PlaceRef) -> Result<Search<Vec<Person>>, No> {
        let id = match group {
            PlaceRef::Id(id) => id.clone(),
            PlaceRef::Name(name) => {
                let filter = format!("displayName%20eq%20'{}'", quoted(name));
                let path = format!("/groups?$filter={filter}&$select=id,displayName&$top=5");
                let listed = self.get(Task::FindGroup, &path).await?;
                let ids: Vec<&str> = values(&listed).iter().filter_map(|one| one["id"].as_str()).collect();
                match ids.as_slice() {
                    [] => return Ok(Search::Nobody),
                    [id] => (*id).to_owned(),
                    several => return Ok(Search::Several(several.len())),
                }
            }
        };
        let path = |fields: &str| {
            format!(
                "/groups/{}/transitiveMembers/microsoft.graph.user?$select={fields}&$top=999&$count=true",
                encoded(&id)
            )
        };
        let first = match self.search(Task::ListMembers, &path(&self.fields())).await {
            Err(No::Denied { .. }) if self.asks_for_fields() => {
                self.search(Task::ListMembers, &path(profiles::WHO)).await
            }
            first => first,
        };
        let mut page = match first {
            Err(No::NotThere { .. }) => return Ok(Search::Nobody),
            page => page?,
        };
        let mut people: Vec<Person> = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        for _ in 0..MOST_PAGES {
            people.extend(values(&page).iter().filter_map(|one| self.read_person(one)));
            let Some(link) = page["@odata.nextLink"].as_str().map(str::to_owned) else {
                return Ok(Search::Found(people));
            };
            if people.len() > MOST_MEMBERS || seen.contains(&link) {
                break;
            }
            page = self.next_page(Task::ListMembers, &link).await?;
            seen.push(link);
        }
        Err(No::Rejected {
            task: Task::ListMembers,
            said: format!("more than {MOST_MEMBERS} people, or a list without end"),
        })
    }

    /// What is asked for of whoever is looked up.
    fn fields(&self) -> String {
        match self.asks_for_fields() {
            true => format!("{},{}", profiles::WHO, profiles::FIELDS),
            false => profiles::WHO.to_owned(),
        }
    }

    fn read_person(&self, one: &Value) -> Option<Person> {
        let text = |key: &str| one[key].as_str().map(str::trim).filter(|text| !text.is_empty());
        let id = text("id").filter(|id| link::is_guid(id))?;
        Some(Person {
            tenant_id: self.tenant().to_owned(),
            aad_object_id: Some(id.to_ascii_lowercase()),
            user_principal_name: text("userPrincipalName").map(str::to_lowercase),
            email: text("mail").map(str::to_lowercase),
            name: text("displayName").map(str::to_owned),
            // What was not selected is not in the answer; what is empty is, as null.
            entra: one
                .get("department")
                .map(|_| Box::new(profiles::in_entra(one, self.now()))),
            ..Person::default()
        })
    }
}

fn values(listed: &Value) -> &[Value] {
    listed["value"].as_array().map(Vec::as_slice).unwrap_or_default()
}
