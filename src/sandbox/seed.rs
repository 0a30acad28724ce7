//! The people and places every sandbox begins with.

use super::world::World;

/// Somebody to add to the world.
pub(super) struct Somebody<'a> {
    pub(super) name: &'a str,
    pub(super) given_name: &'a str,
    pub(super) surname: &'a str,
    pub(super) upn: &'a str,
    pub(super) role: &'static str,
    pub(super) locale: &'static str,
    pub(super) time_zone: &'static str,
    pub(super) generated: bool,
}

/// Name, given name, surname, sign-in name before the `@`, language, zone.
const STAFF: [(&str, &str, &str, &str, &str, &str); 10] = [
    ("Anna Berg", "Anna", "Berg", "anna.berg", "de-DE", "Europe/Berlin"),
    ("Omar Haddad", "Omar", "Haddad", "omar.haddad", "ar-AE", "Asia/Dubai"),
    (
        "Chloé Dubois",
        "Chloé",
        "Dubois",
        "chloe.dubois",
        "fr-FR",
        "Europe/Paris",
    ),
    (
        "Łukasz Wójcik",
        "Łukasz",
        "Wójcik",
        "lukasz.wojcik",
        "pl-PL",
        "Europe/Warsaw",
    ),
    (
        "Priya Raghunathan",
        "Priya",
        "Raghunathan",
        "priya.raghunathan",
        "en-IN",
        "Asia/Kolkata",
    ),
    (
        "Siobhán O'Connor",
        "Siobhán",
        "O'Connor",
        "siobhan.oconnor",
        "en-IE",
        "Europe/Dublin",
    ),
    (
        "Олена Шевченко",
        "Олена",
        "Шевченко",
        "olena.shevchenko",
        "uk-UA",
        "Europe/Kyiv",
    ),
    (
        "Nguyễn Minh Anh",
        "Minh Anh",
        "Nguyễn",
        "minhanh.nguyen",
        "vi-VN",
        "Asia/Ho_Chi_Minh",
    ),
    ("佐藤 花", "花", "佐藤", "hana.sato", "ja-JP", "Asia/Tokyo"),
    ("José Ñíguez", "José", "Ñíguez", "jose.niguez", "es-ES", "Europe/Madrid"),
];

/// The people for whom the bot is installed when Teams in a box settles in.
pub(super) const WITH_THE_BOT: [&str; 5] = [
    "Anna Berg",
    "Omar Haddad",
    "Chloé Dubois",
    "Łukasz Wójcik",
    "Priya Raghunathan",
];
/// The team that gets it.
pub(super) const TEAM: &str = "Platform";
/// The group chat that gets it.
pub(super) const CHAT: &str = "Finance room";

pub(super) fn fill(world: &mut World) {
    for (name, given_name, surname, user, locale, time_zone) in STAFF {
        world.add_person(Somebody {
            name,
            given_name,
            surname,
            upn: &format!("{user}@contoso.example"),
            role: "user",
            locale,
            time_zone,
            generated: false,
        });
    }
    let guest = world.add_person(Somebody {
        name: "Grace Mensah (Guest)",
        given_name: "Grace",
        surname: "Mensah",
        upn: "grace.mensah_fabrikam.example#EXT#@contoso.example",
        role: "guest",
        locale: "en-GB",
        time_zone: "Africa/Accra",
        generated: false,
    });
    world.add_team(TEAM, &["Releases", "Incidents"], vec![0, 1, 2, 3, 4, 5, guest]);
    world.add_team("Berlin Office", &["Lunch"], vec![0, 3, 6, 9]);
    world.add_chat(CHAT, vec![0, 2, 7]);
    // Omar has the bot, Siobhán shares a team with it, Олена never met it.
    world.add_entra_group("On-call engineers", vec![1, 5, 6]);
}

/// Person number `number` of a crowd.
pub(super) fn somebody_of_a_crowd(world: &mut World, number: usize) -> usize {
    world.add_person(Somebody {
        name: &format!("Member {number:05}"),
        given_name: "Member",
        surname: &format!("{number:05}"),
        upn: &format!("member{number:05}@contoso.example"),
        role: "user",
        locale: "en-US",
        time_zone: "Etc/UTC",
        generated: true,
    })
}
