//! Templates: cards with holes.

pub use crate::card::partial::Partials;
