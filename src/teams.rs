//! Everything that speaks the Bot Framework.
//!
//! The way in: [`verify`] (is the caller really Teams), [`activity`] (how Teams spells what it tells), [`place`] (where
//! that was), [`spoken`] and [`press`] (what somebody wrote or pressed) and [`inbound`] (what all of it means for us),
//! [`invoke`] (what somebody who pressed a button is told).
//!
//! The way out: [`connector`] (asks), [`token`] (as whom), [`answer`] (what the reply means).
//!
//! [`endpoints`] says where Teams is, in each [`cloud`], and which hosts may see our token; [`wire`] is HTTP with bounds.

pub mod activity;
pub mod answer;
pub mod batch;
pub mod claims;
pub mod cloud;
pub mod connector;
pub mod credential;
pub mod endpoints;
pub mod inbound;
pub mod invoke;
pub mod jwt;
pub mod keys;
pub mod place;
pub mod press;
pub mod spoken;
pub mod standing;
pub mod token;
pub mod verify;
pub mod wire;
