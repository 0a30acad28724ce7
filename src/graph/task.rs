//! What Graph is asked for, and what an administrator must grant for it.

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Task {
    /// A person by mail address or sign-in name.
    FindPerson,
    /// A group by name.
    FindGroup,
    /// Who is in a group.
    ListMembers,
    /// Department, office and the like of people.
    ReadProfiles,
    /// Zone and language of people's mailboxes.
    ReadMailboxes,
    /// The app in the organisation's catalogue.
    FindApp,
    /// Whether a person has the app.
    SeeInstalled,
    /// Giving the app to a person.
    Install,
    /// The chat of a person with the app.
    FindChat,
    /// A notification in one person's activity feed.
    Notify,
    /// The same notification for up to a hundred people.
    NotifyMany,
}

impl Task {
    /// All of them.
    pub const ALL: [Task; 11] = [
        Task::FindPerson,
        Task::FindGroup,
        Task::ListMembers,
        Task::ReadProfiles,
        Task::ReadMailboxes,
        Task::FindApp,
        Task::SeeInstalled,
        Task::Install,
        Task::FindChat,
        Task::Notify,
        Task::NotifyMany,
    ];

    /// Its word in traces.
    pub fn word(self) -> &'static str {
        match self {
            Task::FindPerson => "find_person",
            Task::FindGroup => "find_group",
            Task::ListMembers => "list_members",
            Task::ReadProfiles => "read_profiles",
            Task::ReadMailboxes => "read_mailboxes",
            Task::FindApp => "find_app",
            Task::SeeInstalled => "see_installed",
            Task::Install => "install",
            Task::FindChat => "find_chat",
            Task::Notify => "notify",
            Task::NotifyMany => "notify_many",
        }
    }

    /// What it is, behind "could not" or "to".
    pub fn words(self) -> &'static str {
        match self {
            Task::FindPerson => "look a person up",
            Task::FindGroup => "look a group up",
            Task::ListMembers => "list the members of a group",
            Task::ReadProfiles => "read department, office and other fields of people",
            Task::ReadMailboxes => "read zone and language of people's mailboxes",
            Task::FindApp => "find the app in the organisation's catalogue",
            Task::SeeInstalled => "see whether a person has the app",
            Task::Install => "install the app for a person",
            Task::FindChat => "find the chat of a person with the app",
            Task::Notify | Task::NotifyMany => "notify in the activity feed",
        }
    }

    /// The application permissions of which one is needed, the least first.
    pub fn permissions(self) -> &'static [&'static str] {
        match self {
            Task::FindPerson => &["User.ReadBasic.All", "User.Read.All"],
            Task::FindGroup | Task::ListMembers => &["GroupMember.Read.All"],
            Task::ReadProfiles => &["User.Read.All"],
            Task::ReadMailboxes => &["MailboxSettings.Read"],
            Task::FindApp => &["AppCatalog.Read.All"],
            Task::SeeInstalled | Task::FindChat => &[
                "TeamsAppInstallation.ReadForUser.All",
                "TeamsAppInstallation.ReadWriteSelfForUser.All",
                "TeamsAppInstallation.ReadWriteForUser.All",
            ],
            Task::Install => &[
                "TeamsAppInstallation.ReadWriteSelfForUser.All",
                "TeamsAppInstallation.ReadWriteForUser.All",
            ],
            Task::Notify | Task::NotifyMany => &["TeamsActivity.Send"],
        }
    }

    /// The permissions in a sentence: `User.ReadBasic.All (or User.Read.All)`.
    pub fn permission(self) -> String {
        match self.permissions() {
            [] => String::new(),
            [only] => (*only).to_owned(),
            [least, others @ ..] => format!("{least} (or {})", others.join(", ")),
        }
    }
}
