//! Who people and groups are.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};

use super::EntraGroup;
use super::ask::{Asked, Done, Refused, literal, of, user_of};
use super::profiles;
use crate::sandbox::line::Line;
use crate::sandbox::script::Operation;
use crate::sandbox::state::Shared;
use crate::sandbox::world::World;

const MOST_ON_A_PAGE: usize = 999;
const READ_PEOPLE: [&str; 2] = ["User.ReadBasic.All", "User.Read.All"];

type App = State<Arc<Shared>>;
type Asking = Query<Vec<(String, String)>>;

pub(super) async fn find_person(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(user): Path<String>,
    Query(query): Asking,
    headers: HeaderMap,
) -> Response {
    let asked = (Operation::FindPerson, user.as_str());
    Asked::new(shared, line, &headers, asked, needed(&query))
        .answer(|state, _| {
            let world = &state.world;
            let index = user_of(world, &user)?;
            Ok(Done::found(described(world, index, &query)))
        })
        .await
}

pub(super) async fn find_people(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    Query(query): Asking,
    headers: HeaderMap,
) -> Response {
    let filter = of(&query, "$filter").unwrap_or_default().to_owned();
    let asked = (Operation::FindPerson, filter.as_str());
    Asked::new(shared, line, &headers, asked, needed(&query))
        .answer(|state, _| {
            let wanted = literal(&filter, "mail eq ").ok_or_else(|| Refused::bad("Invalid filter clause"))?;
            let wanted = wanted.to_lowercase();
            let people = state.world.people.iter().enumerate();
            let found = people.filter(|(_, one)| mail(&one.upn) == wanted || one.upn.to_lowercase() == wanted);
            let found: Vec<Value> = found.map(|(index, _)| described(&state.world, index, &query)).collect();
            Ok(Done::found(json!({"value": found})))
        })
        .await
}

pub(super) async fn find_groups(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    Query(query): Asking,
    headers: HeaderMap,
) -> Response {
    let filter = of(&query, "$filter").unwrap_or_default().to_owned();
    let asked = (Operation::FindGroup, filter.as_str());
    Asked::new(shared, line, &headers, asked, &["GroupMember.Read.All"])
        .answer(|state, _| {
            let wanted = literal(&filter, "displayName eq ").ok_or_else(|| Refused::bad("Invalid filter clause"))?;
            let found: Vec<Value> = groups(&state.world)
                .into_iter()
                .filter(|group| group.name.eq_ignore_ascii_case(&wanted))
                .map(|group| json!({"id": group.id, "displayName": group.name}))
                .collect();
            Ok(Done::found(json!({"value": found})))
        })
        .await
}

pub(super) async fn list_members(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(id): Path<String>,
    Query(query): Asking,
    headers: HeaderMap,
) -> Response {
    let eventual = headers
        .get("consistencylevel")
        .is_some_and(|level| level.as_bytes().eq_ignore_ascii_case(b"eventual"));
    let base = shared.base.clone();
    let asked = (Operation::GroupMembers, id.as_str());
    Asked::new(shared, line, &headers, asked, &["GroupMember.Read.All"])
        .answer(|state, _| {
            if !eventual || of(&query, "$count") != Some("true") {
                return Err(Refused::bad("OData cast requires ConsistencyLevel: eventual and $count=true"));
            }
            let size = of(&query, "$top").and_then(|top| top.parse::<usize>().ok()).unwrap_or(100);
            if size == 0 || size > MOST_ON_A_PAGE {
                return Err(Refused::bad("Invalid page size specified"));
            }
            let group = groups(&state.world).into_iter().find(|group| group.id == id);
            let group = group.ok_or_else(|| Refused::not_there(&id))?;
            let from = match of(&query, "$skiptoken") {
                None => 0,
                Some(token) => token.parse::<usize>().map_err(|_| Refused::bad("Invalid skip token"))?,
            };
            let page = group.members.iter().skip(from).take(size);
            let page: Vec<Value> = page.map(|index| described(&state.world, *index, &query)).collect();
            let mut body = json!({"@odata.count": group.members.len(), "value": page});
            if from + size < group.members.len() {
                let rest = from + size;
                body["@odata.nextLink"] = json!(format!(
                    "{base}/graph/v1.0/groups/{id}/transitiveMembers/microsoft.graph.user?$count=true&$top={size}&$skiptoken={rest}"
                ));
            }
            Ok(Done::found(body))
        })
        .await
}

/// Fields beside who somebody is take more than leave to see who there is.
fn needed(query: &[(String, String)]) -> &'static [&'static str] {
    match of(query, "$select").is_some_and(|fields| fields.contains("department")) {
        true => &["User.Read.All"],
        false => &READ_PEOPLE,
    }
}

fn described(world: &World, person: usize, query: &[(String, String)]) -> Value {
    let mut described = match of(query, "$select").is_some_and(|fields| fields.contains("department")) {
        true => profiles::described(world, person),
        false => json!({}),
    };
    let person = &world.people[person];
    described["id"] = json!(person.aad_object_id);
    described["displayName"] = json!(person.name);
    described["mail"] = json!(mail(&person.upn));
    described["userPrincipalName"] = json!(person.upn);
    described
}

/// A guest signs in with a name made of the mail address.
fn mail(upn: &str) -> String {
    match upn.split_once("#EXT#") {
        Some((local, _)) => match local.rsplit_once('_') {
            Some((name, domain)) => format!("{name}@{domain}"),
            None => local.to_owned(),
        },
        None => upn.to_lowercase(),
    }
}

/// Every team is a group of Entra, too.
pub(super) fn groups(world: &World) -> Vec<EntraGroup> {
    let teams = world.teams.iter().map(|team| EntraGroup {
        id: team.group_id.clone(),
        name: team.name.clone(),
        members: team.members.clone(),
    });
    teams.chain(world.groups.iter().cloned()).collect()
}
