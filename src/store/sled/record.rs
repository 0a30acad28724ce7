//! How a value lies on disk: version, checksum, payload; cut into pieces that sled keeps inside its one file.
//!
//! ```text
//! head:  version (1) | further pieces (2, big-endian) | CRC-32 over key and payload (4) | payload ...
//! piece: ... payload
//! ```
//!
//! Sled moves a page of more than about 128 KiB into a file of its own, which it never syncs. A page holds up to 17
//! values, so no value may be longer than [`PIECE`].

use std::fmt;

/// The version of the envelope and of the JSON inside. A record with a higher one was written by a newer Herald.
pub(super) const VERSION: u8 = 1;

/// The longest value given to sled, in bytes.
pub(super) const PIECE: usize = 4096;

const HEAD: usize = 7;

/// Why a record cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Damage {
    /// Fewer bytes than an envelope has, or a piece is missing.
    Incomplete,
    /// A newer Herald wrote it, in this version.
    Newer(u8),
    /// The bytes are not those that were written, or they lie under another key.
    Checksum,
    /// The checksum is right but the content is not what belongs there.
    Shape(String),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::Incomplete => f.write_str("a part of it is missing"),
            Damage::Newer(version) => write!(
                f,
                "it was written by a newer Herald (record version {version}; this one knows {VERSION}): start that \
                 version again"
            ),
            Damage::Checksum => f.write_str("its checksum is wrong: the disk or somebody changed it"),
            Damage::Shape(problem) => write!(f, "its content does not fit: {problem}"),
        }
    }
}

/// Wraps `payload` for `key`: the head, and the pieces that follow it.
pub(super) fn seal(key: &[u8], payload: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let first = payload.len().min(PIECE - HEAD);
    let pieces: Vec<Vec<u8>> = payload[first..].chunks(PIECE).map(<[u8]>::to_vec).collect();
    let count = u16::try_from(pieces.len()).expect("every value is bounded far below 256 MiB before it is stored");
    let mut head = Vec::with_capacity(HEAD + first);
    head.push(VERSION);
    head.extend(count.to_be_bytes());
    head.extend(checksum(key, payload).to_be_bytes());
    head.extend(&payload[..first]);
    (head, pieces)
}

/// How many pieces follow this head; 0 for bytes that are no head.
pub(super) fn further_pieces(head: &[u8]) -> u16 {
    match head {
        [VERSION, high, low, ..] => u16::from_be_bytes([*high, *low]),
        _ => 0,
    }
}

/// Unwraps what [`seal`] made.
pub(super) fn unseal(key: &[u8], head: &[u8], pieces: &[impl AsRef<[u8]>]) -> Result<Vec<u8>, Damage> {
    let Some((&version, rest)) = head.split_first() else {
        return Err(Damage::Incomplete);
    };
    // Version 0 was never written: it is damage, not history.
    if version > VERSION {
        return Err(Damage::Newer(version));
    }
    if version != VERSION {
        return Err(Damage::Checksum);
    }
    if rest.len() < HEAD - 1 || pieces.len() != usize::from(further_pieces(head)) {
        return Err(Damage::Incomplete);
    }
    let mut payload = rest[HEAD - 1..].to_vec();
    for piece in pieces {
        payload.extend(piece.as_ref());
    }
    if rest[2..6] != checksum(key, &payload).to_be_bytes() {
        return Err(Damage::Checksum);
    }
    Ok(payload)
}

fn checksum(key: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(payload: &[u8]) {
        let (head, pieces) = seal(b"key", payload);
        assert!(head.len() <= PIECE && pieces.iter().all(|piece| piece.len() <= PIECE));
        assert_eq!(usize::from(further_pieces(&head)), pieces.len());
        assert_eq!(unseal(b"key", &head, &pieces), Ok(payload.to_vec()));
    }

    #[test]
    fn what_was_sealed_comes_back_whatever_its_length() {
        for length in [
            0,
            1,
            PIECE - HEAD - 1,
            PIECE - HEAD,
            PIECE - HEAD + 1,
            2 * PIECE,
            1 << 20,
        ] {
            round_trip(&vec![7; length]);
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let (head, pieces) = seal(b"key", b"a small record");
        for byte in 0..head.len() {
            for bit in 0..8 {
                let mut damaged = head.clone();
                damaged[byte] ^= 1 << bit;
                assert!(unseal(b"key", &damaged, &pieces).is_err(), "byte {byte}, bit {bit}");
            }
        }
    }

    #[test]
    fn a_record_under_another_key_or_with_a_lost_piece_is_noticed() {
        let (head, pieces) = seal(b"key", &[1; 3 * PIECE]);
        assert_eq!(unseal(b"other", &head, &pieces), Err(Damage::Checksum));
        assert_eq!(unseal(b"key", &head, &pieces[1..]), Err(Damage::Incomplete));
        assert_eq!(unseal(b"key", &head[..4], &pieces), Err(Damage::Incomplete));
        assert_eq!(unseal(b"key", b"", &pieces), Err(Damage::Incomplete));
    }

    #[test]
    fn a_record_of_a_newer_herald_says_so() {
        let (mut head, pieces) = seal(b"key", b"from the future");
        head[0] = VERSION + 1;
        let damage = unseal(b"key", &head, &pieces).expect_err("the version is unknown");
        assert!(damage.to_string().contains("newer Herald"), "{damage}");
    }
}
