//! How fast Graph may be asked, as arithmetic: so many requests of a kind a second, none before the time that Graph
//! asked for.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use super::task::Task;

/// What shares a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Users and groups.
    Identity,
    /// Fields and mailboxes of twenty people at a time.
    Profiles,
    /// The catalogue, and who has the app.
    Apps,
    /// A notification to one.
    Feed,
    /// A notification to many.
    FeedMany,
}

impl Class {
    fn of(task: Task) -> Class {
        match task {
            Task::FindPerson | Task::FindGroup | Task::ListMembers => Class::Identity,
            Task::ReadProfiles | Task::ReadMailboxes => Class::Profiles,
            Task::FindApp | Task::SeeInstalled | Task::Install | Task::FindChat => Class::Apps,
            Task::Notify => Class::Feed,
            Task::NotifyMany => Class::FeedMany,
        }
    }

    /// Requests a second. Graph allows 30 a second for installations and some hundred for people; others of the tenant
    /// share some of that.
    fn per_second(self) -> usize {
        match self {
            Class::Identity => 40,
            Class::Profiles => 8,
            Class::Apps => 20,
            Class::Feed => 5,
            Class::FeedMany => 2,
        }
    }
}

/// Graph's rates, kept.
#[derive(Debug, Clone, Default)]
pub struct Brake {
    classes: BTreeMap<Class, Asked>,
}

#[derive(Debug, Clone, Default)]
struct Asked {
    /// The newest departures, as many as may leave in a second.
    at: VecDeque<DateTime<Utc>>,
    not_before: Option<DateTime<Utc>>,
}

impl Brake {
    /// Gives the request a time to leave, `now` or later.
    pub fn reserve(&mut self, task: Task, now: DateTime<Utc>) -> DateTime<Utc> {
        let class = Class::of(task);
        let count = class.per_second();
        let asked = self.classes.entry(class).or_default();
        if asked.at.back().is_some_and(|last| *last > now + TimeDelta::minutes(10)) {
            // The clock was set back.
            asked.at.clear();
        }
        let free = match asked.at.len().checked_sub(count).and_then(|place| asked.at.get(place)) {
            Some(first) => *first + TimeDelta::seconds(1),
            None => now,
        };
        let at = free.max(asked.not_before.unwrap_or(now)).max(now);
        asked.at.push_back(at);
        while asked.at.len() > count {
            asked.at.pop_front();
        }
        at
    }

    /// Graph wants nothing more of this kind before `until`.
    pub fn hold(&mut self, task: Task, until: DateTime<Utc>) {
        let asked = self.classes.entry(Class::of(task)).or_default();
        asked.not_before = asked.not_before.max(Some(until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn five_notifications_leave_in_a_second_and_others_are_not_held_up() {
        let mut brake = Brake::default();
        let left: Vec<_> = (0..11).map(|_| brake.reserve(Task::Notify, noon()) - noon()).collect();
        let seconds: Vec<_> = left.into_iter().map(|after| after.num_seconds()).collect();
        assert_eq!(seconds, [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2]);
        assert_eq!(brake.reserve(Task::FindPerson, noon()), noon());
    }

    #[test]
    fn nothing_of_a_kind_leaves_before_the_time_graph_asked_for() {
        let mut brake = Brake::default();
        let until = noon() + TimeDelta::seconds(30);
        brake.hold(Task::Install, until);
        assert_eq!(brake.reserve(Task::SeeInstalled, noon()), until);
        assert_eq!(brake.reserve(Task::Notify, noon()), noon());
    }
}
