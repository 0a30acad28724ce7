//! The app: in the catalogue, at people, in their chats.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::ask::{Arrived, Asked, Done, Refused, literal, of, read, user_of};
use crate::sandbox::line::Line;
use crate::sandbox::script::Operation;
use crate::sandbox::state::Shared;
use crate::sandbox::view::Change;
use crate::sandbox::world::World;
use crate::sandbox::{Sandbox, identity};

const READ_INSTALLS: [&str; 3] = [
    "TeamsAppInstallation.ReadForUser.All",
    "TeamsAppInstallation.ReadWriteSelfForUser.All",
    "TeamsAppInstallation.ReadWriteForUser.All",
];
const INSTALLS: [&str; 2] = [
    "TeamsAppInstallation.ReadWriteSelfForUser.All",
    "TeamsAppInstallation.ReadWriteForUser.All",
];

type App = State<Arc<Shared>>;
type Asking = Query<Vec<(String, String)>>;

pub(super) async fn find_app(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    Query(query): Asking,
    headers: HeaderMap,
) -> Response {
    let filter = of(&query, "$filter").unwrap_or_default().to_owned();
    let asked = (Operation::FindApp, filter.as_str());
    Asked::new(shared, line, &headers, asked, &["AppCatalog.Read.All"])
        .answer(|state, _| {
            let wanted = literal(&filter, "externalId eq ").ok_or_else(|| Refused::bad("Invalid filter clause"))?;
            let app = json!({"id": catalogued(&wanted), "externalId": wanted, "distributionMethod": "organization"});
            let found = if state.in_catalogue { vec![app] } else { Vec::new() };
            Ok(Done::found(json!({"value": found})))
        })
        .await
}

pub(super) async fn see_installed(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Response {
    let asked = (Operation::SeeInstalled, user.as_str());
    Asked::new(shared, line, &headers, asked, &READ_INSTALLS)
        .answer(|state, _| {
            let index = user_of(&state.world, &user)?;
            let found = match state.world.people[index].installed {
                true => vec![json!({"id": installation(&state.world, index)})],
                false => Vec::new(),
            };
            Ok(Done::found(json!({"value": found})))
        })
        .await
}

pub(super) async fn install(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(user): Path<String>,
    headers: HeaderMap,
    body: Arrived,
) -> Response {
    let mut newcomer = None;
    let asked = (Operation::InstallApp, user.as_str());
    let base = format!("{}/graph/v1.0/appCatalogs/teamsApps/", shared.base);
    let response = Asked::new(shared.clone(), line, &headers, asked, &INSTALLS)
        .answer(|state, _| {
            let body = read(&body)?;
            let index = user_of(&state.world, &user)?;
            let app = body["teamsApp@odata.bind"]
                .as_str()
                .and_then(|bound| bound.strip_prefix(&base));
            if !state.in_catalogue || !app.is_some_and(crate::link::is_guid) {
                return Err(Refused(
                    404,
                    "NotFound",
                    "The requested app is not in the catalog.".to_owned(),
                ));
            }
            if state.world.people[index].installed {
                return Err(Refused(409, "Conflict", "App is already installed.".to_owned()));
            }
            state.world.people[index].installed = true;
            newcomer = (!state.silent_installs).then(|| state.world.people[index].name.clone());
            Ok(Done {
                changes: vec![Change::world()],
                ..Done::empty(201)
            })
        })
        .await;
    if let Some(name) = newcomer {
        let sandbox = Sandbox { shared, running: None };
        // A bot that does not answer is told nothing: whoever asked for the installation has to find out.
        sandbox.install_at(&name).await.ok();
    }
    response
}

pub(super) async fn find_chat(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    Path((user, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let asked = (Operation::FindChat, user.as_str());
    Asked::new(shared, line, &headers, asked, &READ_INSTALLS)
        .answer(|state, _| {
            let index = user_of(&state.world, &user)?;
            if !state.world.people[index].installed || id != installation(&state.world, index) {
                return Err(Refused::not_there(&id));
            }
            let chat = identity::graph_chat(&state.world.app_id, &state.world.people[index].aad_object_id);
            Ok(Done::found(json!({"id": chat, "chatType": "oneOnOne"})))
        })
        .await
}

/// The catalogue's id of an app differs from the one in its manifest.
fn catalogued(manifest: &str) -> String {
    identity::guid(&["catalogue", manifest])
}

fn installation(world: &World, person: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("1##{}##{}", world.people[person].aad_object_id, world.app_id))
}
