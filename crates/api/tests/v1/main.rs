//! The API over a real store: each route's good answer, and its refusals as tables.

mod deliveries;
mod directories;
mod door;
mod endpoints;
mod events;
mod explain;
mod organizations;
mod people;
mod reference;
mod support;
