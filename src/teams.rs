//! Everything that speaks the Bot Framework.
//!
//! The way in: [`activity`] (how Teams spells what it tells), [`place`] (where that was) and [`inbound`] (what it means
//! for us), [`invoke`] (what somebody who pressed a button is told). [`endpoints`] says where Teams is, in each
//! [`cloud`], and which hosts may see our token.

pub mod activity;
pub mod answer;
pub mod cloud;
pub mod endpoints;
pub mod inbound;
pub mod invoke;
pub mod place;
