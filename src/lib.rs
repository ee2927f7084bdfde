//! The information system of the French programme Territoires d'industrie.
//!
//! # The map
//!
//! One stair; any step may lean on any step below it, never above.
//!
//! - `main.rs`: the command line.
//! - [`server`]: the running process: the App, its middleware in order, its routes, its end.
//! - [`demo`]: the facts of five public documents, loaded through the same checks as any write.
//! - [`openapi`]: what is true of every operation of the document.
//! - [`api`]: what the service is about, one file a noun. A noun never imports a noun.
//! - [`noun`]: what is the same for any noun: its card, the one way of writing, its operations, its history.
//! - [`http`]: what every handler speaks in. Of the nouns it knows the three that not everyone may see: people,
//!   fiches and documents; and the filter by territory.
//! - [`ledger`]: what was done, by whom, since when. Knows no HTTP. It masks what rows name of those three.
//! - [`rights`]: who may do what, and who may see what. Knows no HTTP. Knows those three nouns, and the places of a territory.
//! - [`db`]: PostgreSQL as any noun would use it. Knows no noun.
//! - [`schema`]: generated from the migrations by diesel, never edited.
//! - [`config`]: every setting, once.
//! - [`values`]: words with a rule of their own.
//!
//! # The words of the trade
//!
//! - *Territoire d'industrie*: a [territory](api::territories), labelled for a phase of the programme.
//! - *Fiche action*: an [action fiche](api::action_fiches), the sheet that says what is to be done.
//! - *Comité*, *instance*: a [committee](api::committees); *binôme*: a lead group, of any size.
//! - *Intercommunalité* (EPCI): a group of municipalities; here a member of a territory, and a partner.
//! - *Thématique*, *axe*, *enjeu*: a [theme](api::themes).

pub mod api;
pub mod config;
pub mod db;
pub mod demo;
pub mod http;
pub mod ledger;
pub mod noun;
pub mod openapi;
pub mod rights;
pub mod schema;
pub mod server;
pub mod values;
