//! A set of changes that reaches the disk whole or not at all, and the view that they are decided on.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sled::{Batch, IVec, Tree};
use tracing::warn;

use super::record::{self, Damage};
use crate::store::StoreError;

/// The key spaces. They share one sled tree, each under its own first byte, because sled applies one batch to one
/// tree as a whole: that is what makes a draft atomic without closures that may run twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Table {
    /// Format, bot, counters.
    Meta = b'!',
    /// Pieces of long values; keyed by the key of their head.
    Piece = b'+',
    /// Records that could not be decoded, under the key they had.
    SetAside = b'?',

    /// Conversation id -> conversation.
    Conversation = b'c',
    /// Entra object id, else account id -> person.
    Person = b'p',
    /// Team id -> team.
    Team = b't',
    /// Team or chat id -> when its roster was fetched.
    Roster = b'r',
    /// Team or chat id, place -> ids of one member.
    Member = b'm',
    /// Account id -> person.
    PersonByAccount = b'a',
    /// E-mail or sign-in name -> person.
    PersonByEmail = b'e',
    /// Name -> person.
    PersonByName = b'n',
    /// Either id of a person -> personal chat.
    ChatByPerson = b'h',
    /// Name -> group chat.
    ChatByName = b'g',
    /// Name -> team.
    TeamByName = b'T',
    /// Microsoft 365 group id -> team.
    TeamByGroup = b'G',
    /// Channel id -> team.
    TeamByChannel = b'C',
    /// Id of a recipient -> why Teams refuses messages to it.
    Refusal = b'f',

    /// Delivery id -> delivery.
    Delivery = b'D',
    /// Format 1 and 2: when it must be looked at, sequence -> open delivery.
    OldDue = b'U',
    /// Address, lane, place -> open delivery that is not parked: what goes to one address, in order.
    Queue = b'Q',
    /// Lane, when it must be looked at, sequence -> open delivery that is at the head of its queue.
    Due = b'u',
    /// Run id -> run.
    Run = b'R',
    /// When it was decided, run id.
    RunByAge = b'y',
    /// Run whose deliveries must be brought in line with it -> how far that has come.
    Astray = b'z',
    /// Creation, sequence -> delivery, whatever its state: what is listed here does not move while a list is read.
    ByAge = b'B',
    /// State, creation, sequence -> delivery.
    ByState = b'S',
    /// Event, sequence -> delivery.
    ByEvent = b'V',
    /// End, sequence -> delivery that ended.
    Ended = b'X',
    /// Card id -> card.
    Card = b'K',
    /// Card id -> how many deliveries point to it.
    CardUse = b'k',
    /// Event id -> event record.
    Event = b'E',
    /// When it happened, event id.
    EventByAge = b'A',
    /// Event, rule -> held rule.
    Held = b'H',
    /// When it is due, event, rule.
    HeldDue = b'W',
    /// Note key -> note.
    Note = b'N',
    /// Window id -> window of a limit.
    Window = b'L',
    /// End, window id.
    WindowByEnd = b'l',
    /// Thread id -> the message that begins it, and the newest delivery in it.
    Thread = b'd',
    /// What Teams calls a batch -> the batch.
    Convoy = b'Y',
    /// Matter id -> matter of a rule.
    Matter = b'M',
    /// Last change, matter id.
    MatterByAge = b'v',
    /// Timer id -> timer.
    Timer = b'I',
    /// When it is due, timer id.
    TimerDue = b'i',
    /// Window id -> what is gathered under it.
    Gathering = b'%',
    /// Window id, slot -> one thing that is gathered.
    Gathered = b'&',
    /// Key of a person -> what they chose.
    Choices = b'P',
    /// Number -> what was done by hand.
    Audit = b'J',
}

impl Table {
    /// The key of `key` in this table.
    pub(super) fn key(self, key: impl AsRef<[u8]>) -> Vec<u8> {
        let key = key.as_ref();
        let mut full = Vec::with_capacity(key.len() + 1);
        full.push(self as u8);
        full.extend(key);
        full
    }
}

/// What a record came to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Read<T> {
    /// It is there.
    Found(T),
    /// There is none.
    Missing,
    /// There is one, but it cannot be used.
    Damaged(Damage),
}

impl<T> Read<T> {
    /// The same with another kind of record.
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Read<U> {
        match self {
            Read::Found(value) => Read::Found(change(value)),
            Read::Missing => Read::Missing,
            Read::Damaged(damage) => Read::Damaged(damage),
        }
    }

    /// A damaged record counts as missing: what would be written replaces it. Said aloud in the log.
    pub(super) fn or_missing(self, table: Table, key: impl AsRef<[u8]>) -> Option<T> {
        match self {
            Read::Found(value) => Some(value),
            Read::Missing => None,
            Read::Damaged(damage) => {
                let key = readable(&table.key(key));
                warn!(key, problem = %damage, "a stored record cannot be used and counts as missing");
                None
            }
        }
    }

    /// A damaged record is an error for whoever asked for it.
    pub(super) fn or_corrupt(self, what: &str) -> Result<Option<T>, StoreError> {
        match self {
            Read::Found(value) => Ok(Some(value)),
            Read::Missing => Ok(None),
            Read::Damaged(damage) => Err(StoreError::Corrupt(format!("{what} cannot be read: {damage}"))),
        }
    }
}

/// Keys without their table's byte, and what is under them.
pub(super) type Entries = Box<dyn Iterator<Item = Result<(Vec<u8>, IVec), StoreError>>>;

/// Changes to the store, and what the store looks like with them. A draft that is never committed is a view.
pub(super) struct Draft<'a> {
    tree: &'a Tree,
    changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl<'a> Draft<'a> {
    /// A draft without changes.
    pub(super) fn over(tree: &'a Tree) -> Self {
        Self {
            tree,
            changes: BTreeMap::new(),
        }
    }

    /// The record under `key`.
    pub(super) fn get<T: DeserializeOwned>(
        &self,
        table: Table,
        key: impl AsRef<[u8]>,
    ) -> Result<Read<T>, StoreError> {
        let full = table.key(key);
        let Some(mut head) = self.raw(&full)? else {
            return Ok(Read::Missing);
        };
        loop {
            let mut pieces = Vec::new();
            for number in 0..record::further_pieces(&head) {
                pieces.extend(self.raw(&piece_key(&full, number))?);
            }
            let damage = match record::unseal(&full, &head, &pieces) {
                Ok(payload) => {
                    return Ok(match serde_json::from_slice(&payload) {
                        Ok(value) => Read::Found(value),
                        Err(error) => Read::Damaged(Damage::Shape(error.to_string())),
                    });
                }
                Err(damage) => damage,
            };
            // Head and pieces are read one by one, and the writer may have replaced the record in between.
            match self.raw(&full)? {
                Some(now) if now == head => return Ok(Read::Damaged(damage)),
                Some(now) => head = now,
                None => return Ok(Read::Missing),
            }
        }
    }

    /// There is a record under `key`, usable or not.
    pub(super) fn has(&self, table: Table, key: impl AsRef<[u8]>) -> Result<bool, StoreError> {
        Ok(self.raw(&table.key(key))?.is_some())
    }

    /// Writes a record.
    pub(super) fn put<T: Serialize>(
        &mut self,
        table: Table,
        key: impl AsRef<[u8]>,
        value: &T,
    ) -> Result<(), StoreError> {
        let full = table.key(key);
        let payload = serde_json::to_vec(value).expect("our records have text keys and always serialise");
        let old_pieces = self.raw(&full)?.map_or(0, |head| record::further_pieces(&head));
        let (head, pieces) = record::seal(&full, &payload);
        for number in (0..old_pieces).skip(pieces.len()) {
            self.changes.insert(piece_key(&full, number), None);
        }
        for (number, piece) in (0..).zip(pieces) {
            self.changes.insert(piece_key(&full, number), Some(piece));
        }
        self.changes.insert(full, Some(head));
        Ok(())
    }

    /// Removes a record; false if there was none.
    pub(super) fn remove(&mut self, table: Table, key: impl AsRef<[u8]>) -> Result<bool, StoreError> {
        let full = table.key(key);
        let Some(head) = self.raw(&full)? else {
            return Ok(false);
        };
        for number in 0..record::further_pieces(&head) {
            self.changes.insert(piece_key(&full, number), None);
        }
        self.changes.insert(full, None);
        Ok(true)
    }

    /// Writes an index entry: short bytes without an envelope, since an index is only a hint at records.
    pub(super) fn mark(&mut self, full_key: Vec<u8>, value: Vec<u8>) {
        self.changes.insert(full_key, Some(value));
    }

    /// Removes an index entry.
    pub(super) fn unmark(&mut self, full_key: Vec<u8>) {
        self.changes.insert(full_key, None);
    }

    /// Moves a record that cannot be decoded out of the way. Its first piece is kept for a human to look at.
    pub(super) fn set_aside(&mut self, table: Table, key: impl AsRef<[u8]>) -> Result<(), StoreError> {
        let full = table.key(&key);
        if let Some(head) = self.raw(&full)? {
            self.remove(table, key)?;
            self.changes.insert(Table::SetAside.key(&full), Some(head.to_vec()));
        }
        Ok(())
    }

    /// The bytes under a whole key, as this draft would leave them.
    pub(super) fn raw(&self, full_key: &[u8]) -> Result<Option<IVec>, StoreError> {
        match self.changes.get(full_key) {
            Some(change) => Ok(change.as_deref().map(IVec::from)),
            None => self.tree.get(full_key).map_err(failed),
        }
    }

    /// Everything in `table` under keys that begin with `prefix`, this draft's changes included; the table's byte is
    /// not part of the keys. For small answers: all of it is held in memory.
    pub(super) fn scan(&self, table: Table, prefix: impl AsRef<[u8]>) -> Result<Vec<(Vec<u8>, IVec)>, StoreError> {
        let full = table.key(prefix);
        let mut found = BTreeMap::new();
        for entry in self.tree.scan_prefix(&full) {
            let (key, value) = entry.map_err(failed)?;
            found.insert(key.to_vec(), value);
        }
        for (key, change) in self
            .changes
            .range(full.clone()..)
            .take_while(|(key, _)| key.starts_with(&full))
        {
            match change {
                Some(value) => found.insert(key.clone(), IVec::from(value.as_slice())),
                None => found.remove(key),
            };
        }
        Ok(found
            .into_iter()
            .map(|(key, value)| (key[1..].to_vec(), value))
            .collect())
    }

    /// Like [`Draft::scan`], for answers of any size: one entry at a time, unless this draft changes one of them.
    pub(super) fn each_under(&self, table: Table, prefix: Vec<u8>) -> Result<Entries, StoreError> {
        let full = table.key(&prefix);
        let changed = self.changes.range(full.clone()..).next();
        match changed.is_some_and(|(key, _)| key.starts_with(&full)) {
            true => Ok(Box::new(self.scan(table, prefix)?.into_iter().map(Ok))),
            false => Ok(Box::new(self.walk_under(table, prefix))),
        }
    }

    /// The first entry of `table` under a key that begins with `prefix`, this draft's changes included; the table's byte
    /// is not part of the key.
    pub(super) fn first_under(&self, table: Table, prefix: &[u8]) -> Result<Option<(Vec<u8>, IVec)>, StoreError> {
        let full = table.key(prefix);
        let stored = self
            .tree
            .scan_prefix(&full)
            .find(|entry| {
                entry
                    .as_ref()
                    .map_or(true, |(key, _)| !self.changes.contains_key(key.as_ref()))
            })
            .map(entry_of)
            .transpose()?;
        let changed = self
            .changes
            .range(full.clone()..)
            .take_while(|(key, _)| key.starts_with(&full))
            .find_map(|(key, change)| Some((key[1..].to_vec(), IVec::from(change.as_deref()?))));
        Ok(match (stored, changed) {
            (Some(stored), Some(changed)) => Some(if stored.0 < changed.0 { stored } else { changed }),
            (stored, changed) => stored.or(changed),
        })
    }

    /// Walks through `table` as it is on disk, this draft's changes **not** included, from either end. Bounds and
    /// keys are without the table's byte.
    pub(super) fn walk(
        &self,
        table: Table,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> impl DoubleEndedIterator<Item = Result<(Vec<u8>, IVec), StoreError>> + use<> {
        let from = match from {
            Bound::Included(key) => Bound::Included(table.key(key)),
            Bound::Excluded(key) => Bound::Excluded(table.key(key)),
            Bound::Unbounded => Bound::Included(vec![table as u8]),
        };
        let to = match to {
            Bound::Included(key) => Bound::Included(table.key(key)),
            Bound::Excluded(key) => Bound::Excluded(table.key(key)),
            Bound::Unbounded => Bound::Excluded(vec![table as u8 + 1]),
        };
        self.tree.range::<Vec<u8>, _>((from, to)).map(entry_of)
    }

    /// Like [`Draft::walk`], through the keys that begin with `prefix`.
    pub(super) fn walk_under(
        &self,
        table: Table,
        prefix: Vec<u8>,
    ) -> impl DoubleEndedIterator<Item = Result<(Vec<u8>, IVec), StoreError>> + use<> {
        self.tree.scan_prefix(table.key(prefix)).map(entry_of)
    }

    /// How many bytes the changes have; 0 exactly if there are none.
    pub(super) fn weight(&self) -> u64 {
        self.changes
            .iter()
            .map(|(key, change)| (key.len() + change.as_ref().map_or(0, Vec::len)) as u64)
            .sum()
    }

    /// Hands all changes to sled, which writes them as a whole. They are durable after the next sync.
    pub(super) fn commit(self) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        for (key, change) in self.changes {
            match change {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.tree.apply_batch(batch).map_err(failed)
    }
}

fn entry_of(entry: sled::Result<(IVec, IVec)>) -> Result<(Vec<u8>, IVec), StoreError> {
    let (key, value) = entry.map_err(failed)?;
    Ok((key[1..].to_vec(), value))
}

fn piece_key(full: &[u8], number: u16) -> Vec<u8> {
    let mut key = Table::Piece.key(full);
    key.push(0);
    key.extend(number.to_be_bytes());
    key
}

/// A key as shown to people: its table's letter, then the text of it.
pub(super) fn readable(full_key: &[u8]) -> String {
    String::from_utf8_lossy(full_key).escape_debug().to_string()
}

/// What sled's refusal means for whoever called.
pub(super) fn failed(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(error) => StoreError::Unavailable(io_failed(&error)),
        sled::Error::Corruption { .. } => StoreError::Corrupt(
            "a page of the database file does not have the content that was written; restore the folder, or move it \
             away and import the last export of the targets"
                .to_owned(),
        ),
        sled::Error::Unsupported(what) | sled::Error::ReportableBug(what) => StoreError::Unavailable(what),
        sled::Error::CollectionNotFound(_) => {
            StoreError::Corrupt("the database file does not contain what it should".to_owned())
        }
    }
}

/// An I/O error in the words of somebody who has to do something about it.
pub(super) fn io_failed(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::StorageFull => {
            "its disk is full; what was accepted is safe, and Herald goes on by itself once there is room".to_owned()
        }
        std::io::ErrorKind::QuotaExceeded => {
            "its disk quota is used up; what was accepted is safe, and Herald goes on by itself once there is room"
                .to_owned()
        }
        std::io::ErrorKind::ReadOnlyFilesystem => "its file system has become read-only".to_owned(),
        std::io::ErrorKind::PermissionDenied => "this user may not write there".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> (tempfile::TempDir, sled::Db) {
        let place = tempfile::tempdir().expect("a temporary folder");
        let db = sled::Config::new()
            .path(place.path())
            .flush_every_ms(None)
            .open()
            .expect("an empty store opens");
        (place, db)
    }

    #[test]
    fn a_draft_sees_its_own_changes_and_the_store_sees_none_before_the_commit() {
        let (_place, db) = tree();
        let mut draft = Draft::over(&db);
        draft.put(Table::Note, "a", &1).expect("put");
        draft.put(Table::Note, "b", &2).expect("put");
        draft.remove(Table::Note, "b").expect("remove");
        assert_eq!(draft.get::<i32>(Table::Note, "a").expect("get"), Read::Found(1));
        assert_eq!(draft.scan(Table::Note, "").expect("scan").len(), 1);
        assert_eq!(
            Draft::over(&db).get::<i32>(Table::Note, "a").expect("get"),
            Read::Missing
        );
        draft.commit().expect("commit");
        let view = Draft::over(&db);
        assert_eq!(view.get::<i32>(Table::Note, "a").expect("get"), Read::Found(1));
        assert_eq!(view.walk(Table::Note, Bound::Unbounded, Bound::Unbounded).count(), 1);
    }

    #[test]
    fn the_first_entry_is_that_of_the_store_with_the_changes() {
        let (_place, db) = tree();
        let mut draft = Draft::over(&db);
        for key in ["b1", "b2", "c1"] {
            draft.mark(Table::Queue.key(key), vec![1]);
        }
        draft.commit().expect("commit");
        let mut draft = Draft::over(&db);
        let first = |draft: &Draft<'_>| {
            let first = draft.first_under(Table::Queue, b"b").expect("readable");
            first.map(|(key, _)| String::from_utf8(key).expect("text"))
        };
        assert_eq!(first(&draft).as_deref(), Some("b1"));
        draft.unmark(Table::Queue.key("b1"));
        assert_eq!(first(&draft).as_deref(), Some("b2"));
        draft.mark(Table::Queue.key("b0"), vec![1]);
        assert_eq!(first(&draft).as_deref(), Some("b0"));
        draft.unmark(Table::Queue.key("b0"));
        draft.unmark(Table::Queue.key("b2"));
        assert_eq!(first(&draft), None);
    }

    #[test]
    fn a_long_value_that_becomes_short_leaves_no_pieces_behind() {
        let (_place, db) = tree();
        for length in [100_000, 10_000, 10, 50_000] {
            let mut draft = Draft::over(&db);
            let text = "x".repeat(length);
            draft.put(Table::Note, "long", &text).expect("put");
            assert_eq!(draft.get(Table::Note, "long").expect("get"), Read::Found(text));
            draft.commit().expect("commit");
            let pieces = Draft::over(&db).scan(Table::Piece, "").expect("scan").len();
            assert_eq!(
                pieces,
                (length + 2).saturating_sub(record::PIECE - 7).div_ceil(record::PIECE)
            );
        }
        let mut draft = Draft::over(&db);
        assert!(draft.remove(Table::Note, "long").expect("remove"));
        draft.commit().expect("commit");
        assert_eq!(db.len(), 0);
    }

    #[test]
    fn a_full_disk_is_named_as_such() {
        let full = sled::Error::Io(std::io::Error::from(std::io::ErrorKind::StorageFull));
        let StoreError::Unavailable(sentence) = failed(full) else {
            panic!("a full disk is a passing trouble");
        };
        assert!(
            sentence.contains("disk is full") && sentence.contains("goes on by itself"),
            "{sentence}"
        );
    }
}
