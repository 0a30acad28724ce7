//! Up to where the changes of a container were taken in, and where to go on when its partitions are not the ones of
//! yesterday.
//!
//! Cosmos DB spreads documents by a number made of their partition key over partitions, each of which has a range of these
//! numbers, written as hexadecimal text from `` to `FF`. A partition that grows is split, two that shrink may be merged.
//! What was taken in is therefore remembered by range and not by partition: what is known of a range holds for every part
//! of it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// The end of all ranges.
const END: &str = "FF";

/// A range of documents, and up to where its changes were taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// The first number that belongs to it.
    pub from: String,
    /// The first number that does not belong to it any more.
    pub until: String,
    /// What Cosmos DB said last; `None` before the first answer.
    pub mark: Option<String>,
}

/// A partition as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Partition {
    /// What it is called.
    #[serde(deserialize_with = "text_or_number")]
    pub id: String,
    /// The first number that belongs to it.
    #[serde(rename = "minInclusive")]
    pub from: String,
    /// The first number that does not belong to it any more.
    #[serde(rename = "maxExclusive")]
    pub until: String,
    /// Those that it came out of.
    #[serde(default)]
    pub parents: Option<Vec<String>>,
}

/// Cosmos DB writes texts; servers that stand in for it have been seen to write numbers.
fn text_or_number<'de, D: Deserializer<'de>>(written: D) -> Result<String, D::Error> {
    match Value::deserialize(written)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(D::Error::custom("neither a text nor a number")),
    }
}

/// Where reading begins that has not begun yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Begin {
    /// With all documents that there are.
    Oldest,
    /// With those that were changed since then, by the account's clock. A partition that cannot be asked at first misses
    /// nothing.
    Since(DateTime<Utc>),
}

/// What is remembered of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Cosmos DB's own number of the container: one that was made anew under the old name has another.
    pub container: String,
    /// Where slices without a mark begin.
    pub begin: Begin,
    /// What of it was taken in, by range.
    pub slices: Vec<Slice>,
}

/// What is asked of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The partition.
    pub partition: String,
    /// Of its documents only those in the slice's range are meant.
    pub part: bool,
    /// The range, and from where on.
    pub slice: Slice,
}

impl Position {
    /// Nothing was taken in yet.
    pub fn first(container: String, begin: Begin) -> Self {
        let slices = vec![Slice {
            from: String::new(),
            until: END.to_owned(),
            mark: None,
        }];
        Self {
            container,
            begin,
            slices,
        }
    }

    /// What to ask now that these are the partitions, in the order of ranges. `None` if the partitions leave out something
    /// that we are to read, or have something twice: they are just being split.
    pub fn looks(&self, partitions: &[Partition]) -> Option<Vec<Look>> {
        // For a while both are there, those that were split and those that came out of them.
        let gone: BTreeSet<&String> = partitions.iter().flat_map(|one| one.parents.iter().flatten()).collect();
        let mut partitions: Vec<&Partition> = partitions.iter().filter(|one| !gone.contains(&one.id)).collect();
        partitions.sort_by(|a, b| a.from.cmp(&b.from));
        let mut looks = Vec::new();
        for slice in &self.slices {
            let mut reached = slice.from.as_str();
            for partition in &partitions {
                let from = slice.from.as_str().max(&partition.from);
                let until = slice.until.as_str().min(&partition.until);
                if from >= until {
                    continue;
                }
                // Neither may something lie in between, nor may anything belong to two.
                if from != reached {
                    return None;
                }
                reached = until;
                looks.push(Look {
                    partition: partition.id.clone(),
                    part: from != partition.from || until != partition.until,
                    slice: Slice {
                        from: from.to_owned(),
                        until: until.to_owned(),
                        mark: slice.mark.clone(),
                    },
                });
            }
            if reached < slice.until.as_str() {
                return None;
            }
        }
        Some(looks)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn partition(id: &str, from: &str, until: &str, parents: &[&str]) -> Partition {
        Partition {
            id: id.to_owned(),
            from: from.to_owned(),
            until: until.to_owned(),
            parents: Some(parents.iter().map(|&parent| parent.to_owned()).collect()),
        }
    }

    fn slice(from: &str, until: &str, mark: &str) -> Slice {
        Slice {
            from: from.to_owned(),
            until: until.to_owned(),
            mark: Some(mark.to_owned()),
        }
    }

    fn seen(looks: &[Look]) -> Vec<(&str, &str, &str, Option<&str>, bool)> {
        looks
            .iter()
            .map(|look| {
                let slice = &look.slice;
                (
                    look.partition.as_str(),
                    slice.from.as_str(),
                    slice.until.as_str(),
                    slice.mark.as_deref(),
                    look.part,
                )
            })
            .collect()
    }

    #[test]
    fn a_partition_that_was_split_is_gone_on_with_in_both_parts() {
        let position = Position {
            container: "c".to_owned(),
            begin: Begin::Oldest,
            slices: vec![slice("", "7F", "\"10\""), slice("7F", "FF", "\"20\"")],
        };
        let now = [
            partition("1", "7F", "FF", &[]),
            partition("2", "", "3F", &["0"]),
            // It is still listed.
            partition("0", "", "7F", &[]),
            partition("3", "3F", "7F", &["0"]),
        ];
        assert_eq!(
            seen(&position.looks(&now).unwrap()),
            [
                ("2", "", "3F", Some("\"10\""), false),
                ("3", "3F", "7F", Some("\"10\""), false),
                ("1", "7F", "FF", Some("\"20\""), false),
            ]
        );
    }

    #[test]
    fn partitions_that_were_merged_are_gone_on_with_each_from_its_own_place() {
        let position = Position {
            container: "c".to_owned(),
            begin: Begin::Oldest,
            slices: vec![slice("", "7F", "\"10\""), slice("7F", "FF", "\"20\"")],
        };
        assert_eq!(
            seen(&position.looks(&[partition("4", "", "FF", &["0", "1"])]).unwrap()),
            [
                ("4", "", "7F", Some("\"10\""), true),
                ("4", "7F", "FF", Some("\"20\""), true),
            ]
        );
    }

    #[test]
    fn what_no_partition_has_is_not_passed_over() {
        let first = Position::first("c".to_owned(), Begin::Oldest);
        assert_eq!(first.looks(&[]), None);
        assert_eq!(first.looks(&[partition("0", "", "7F", &[])]), None);
        assert_eq!(first.looks(&[partition("0", "05", "FF", &[])]), None);
        let middle = [partition("0", "", "3F", &[]), partition("1", "7F", "FF", &[])];
        assert_eq!(first.looks(&middle), None);
        let twice = [partition("0", "", "7F", &[]), partition("1", "3F", "FF", &[])];
        assert_eq!(first.looks(&twice), None);
        assert_eq!(first.looks(&[partition("0", "", "FF", &[])]).unwrap().len(), 1);
    }

    /// Ranges that lie side by side, cut at these places.
    fn cut(places: &BTreeSet<u8>) -> Vec<(String, String)> {
        let mut ends: Vec<String> = places.iter().map(|place| format!("{place:02X}")).collect();
        ends.insert(0, String::new());
        ends.push(END.to_owned());
        ends.windows(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
    }

    proptest! {
        /// However often it is split and merged: each number is read once, from the place that was known of it.
        #[test]
        fn every_document_is_read_from_where_its_range_stood(
            before in proptest::collection::btree_set(1u8..0xFE, 0..8),
            after in proptest::collection::btree_set(1u8..0xFE, 0..8),
            number in 0u8..0xFE,
        ) {
            let slices = cut(&before).into_iter().enumerate().map(|(at, (from, until))| slice(&from, &until, &at.to_string()));
            let position = Position { container: "c".to_owned(), begin: Begin::Oldest, slices: slices.collect() };
            let partitions: Vec<Partition> =
                cut(&after).iter().enumerate().map(|(at, (from, until))| partition(&at.to_string(), from, until, &[])).collect();
            let looks = position.looks(&partitions).unwrap();
            let number = format!("{number:02X}");
            let holds = |from: &str, until: &str| from <= number.as_str() && number.as_str() < until;
            let was: Vec<&Slice> = position.slices.iter().filter(|slice| holds(&slice.from, &slice.until)).collect();
            let is: Vec<&Look> = looks.iter().filter(|look| holds(&look.slice.from, &look.slice.until)).collect();
            prop_assert_eq!(was.len(), 1);
            prop_assert_eq!(is.len(), 1);
            prop_assert_eq!(&is[0].slice.mark, &was[0].mark);
            let partition = partitions.iter().find(|partition| partition.id == is[0].partition).unwrap();
            prop_assert!(holds(&partition.from, &partition.until));
            // What is remembered next says the same again.
            let next = Position { container: "c".to_owned(), begin: Begin::Oldest, slices: looks.iter().map(|look| look.slice.clone()).collect() };
            prop_assert_eq!(next.looks(&partitions).unwrap(), looks);
        }
    }
}
