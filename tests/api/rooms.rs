//! Who names whom: a room leans only on the rooms below it, and a noun never on a noun. Each file is read as Rust reads it.

use std::{collections::BTreeSet, fs, path::Path};

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, Item, ItemUse, LitStr, Macro, Meta, UseTree, VisRestricted,
    visit::{self, Visit},
};

/// The stair, from the top down.
const STAIR: [&str; 13] = ["main", "server", "demo", "openapi", "api", "noun", "http", "ledger", "rights", "db", "schema", "config", "values"];

/// What the code of a file names. Its tests are left out.
struct Names {
    /// The module that is read, from the crate down.
    module: Vec<String>,
    /// What a `use` gives a name here: the name, and the path that it stands for.
    known: Vec<(String, Vec<String>)>,
    /// Every path of more than one segment, from the crate down where it is of the crate.
    paths: BTreeSet<Vec<String>>,
}

impl Names {
    /// Reads a file of `src/`.
    fn of(file: &str, text: &str) -> BTreeSet<Vec<String>> {
        let module = file.strip_suffix(".rs").unwrap().split('/').filter(|name| !matches!(*name, "mod" | "lib"));
        let mut names = Self { module: ["crate"].into_iter().chain(module).map(str::to_owned).collect(), known: Vec::new(), paths: BTreeSet::new() };
        let read = syn::parse_file(text).unwrap_or_else(|error| panic!("src/{file} is not read as Rust: {error}"));
        names.visit_file(&read);
        // `use crate::api as all;` and then `all::people`: what begins with a known name is a longer path.
        let mut new = names.paths.clone();
        while !new.is_empty() {
            let longer = |path: &Vec<String>| -> Vec<Vec<String>> {
                let of = names.known.iter().filter(|(name, whole)| *name == path[0] && whole[0] != *name);
                of.map(|(_, whole)| whole.iter().chain(&path[1..]).cloned().collect()).collect()
            };
            new = new.iter().flat_map(longer).filter(|path| path.len() < 12 && !names.paths.contains(path)).collect();
            names.paths.extend(new.iter().cloned());
        }
        names.paths
    }

    /// The path from the crate down, whichever module of the crate it begins from.
    fn whole(&self, path: &[String]) -> Vec<String> {
        let mut whole = match path[0].as_str() {
            "crate" | "territoires_industrie" => vec!["crate".to_owned()],
            "self" | "super" => self.module.clone(),
            room if self.module.len() == 1 && STAIR.contains(&room) => self.module.clone(),
            _ => return path.to_vec(),
        };
        for segment in path {
            match segment.as_str() {
                "super" => drop(whole.pop()),
                "self" | "crate" | "territoires_industrie" => {}
                _ => whole.push(segment.clone()),
            }
        }
        whole
    }

    fn add(&mut self, path: &[String]) {
        if path.len() > 1 {
            let whole = self.whole(path);
            self.paths.insert(whole);
        }
    }

    fn read_use(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: &dyn ToString| before.iter().cloned().chain([name.to_string()]).collect::<Vec<_>>();
        match tree {
            UseTree::Path(path) => self.read_use(&path.tree, &with(&path.ident)),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.read_use(item, before)),
            UseTree::Glob(_) => self.add(&with(&"*")),
            UseTree::Name(name) => self.import(&with(&name.ident), None),
            UseTree::Rename(rename) => self.import(&with(&rename.ident), Some(rename.rename.to_string())),
        }
    }

    fn import(&mut self, path: &[String], name: Option<String>) {
        let whole = self.whole(path);
        let name = name.or_else(|| whole.last().cloned()).unwrap_or_default();
        self.known.push((name, whole));
        self.add(path);
    }

    /// The paths that stand in tokens of which nothing else is known: in a macro, in an attribute. As in a `use`, braces may follow.
    fn read_tokens(&mut self, tokens: TokenStream, before: &[String]) {
        let mut path = before.to_vec();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Punct(punct) if punct.as_char() == '*' && colons == 2 => path.push("*".to_owned()),
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.add(&std::mem::replace(&mut path, before.to_vec()));
                    }
                    path.push(ident.to_string());
                }
                TokenTree::Group(group) => {
                    let inside = if colons == 2 { std::mem::take(&mut path) } else { Vec::new() };
                    self.read_tokens(group.stream(), &inside);
                    self.add(&std::mem::replace(&mut path, before.to_vec()));
                }
                TokenTree::Literal(literal) => {
                    if let Ok(text) = syn::parse_str::<LitStr>(&literal.to_string()) {
                        self.visit_lit_str(&text);
                    }
                }
                TokenTree::Punct(_) => self.add(&std::mem::replace(&mut path, before.to_vec())),
            }
            colons = 0;
        }
        self.add(&path);
    }
}

/// The attributes of an item.
fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_test(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Ident>().is_ok_and(|word| word == "test")
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast Item) {
        if !attributes(item).iter().any(is_test) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        self.module.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.read_use(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.add(&path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        visit::visit_macro(self, called);
        self.read_tokens(called.tokens.clone(), &[]);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("doc") {
            return;
        }
        visit::visit_attribute(self, attribute);
        if let Meta::List(list) = &attribute.meta {
            self.read_tokens(list.tokens.clone(), &[]);
        }
    }

    /// `#[serde(with = "crate::http::…")]`: a text may be a path.
    fn visit_lit_str(&mut self, text: &'ast LitStr) {
        if let Ok(path) = text.parse::<syn::Path>() {
            self.add(&path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>());
        }
    }

    /// `pub(super)` names nothing: it says who may.
    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {}
}

/// What is wrong with the names of a file: a room above its own, or another noun.
fn faults(file: &str, text: &str, nouns: &[&str]) -> Vec<String> {
    let place: Vec<&str> = file.strip_suffix(".rs").unwrap().split('/').collect();
    let level = |room: &str| STAIR.iter().position(|known| *known == room);
    let noun = place.get(1).filter(|noun| place[0] == "api" && **noun != "mod");
    let mut wrong = Vec::new();
    for path in Names::of(file, text).iter().filter(|path| path[0] == "crate" && path.len() > 1) {
        let told = path.join("::");
        match (level(place[0]), level(&path[1])) {
            (_, None) => wrong.push(format!(
                "src/{file} names {told}, and {} is no room. To fix this: name what you need by the room it is in, or give a new room its step in STAIR (tests/api/rooms.rs) and its line in src/lib.rs",
                path[1]
            )),
            (Some(own), Some(other)) if other >= own => {}
            _ => wrong.push(format!(
                "src/{file} names {told}, and {} stands above {}. To fix this: move what both need down to a room that both may lean on, or move this code up (src/lib.rs has the stair)",
                path[1], place[0]
            )),
        }
        let other = path.get(2).filter(|other| path[1] == "api" && (*other == "*" || nouns.contains(&other.as_str())));
        if let (Some(noun), Some(other)) = (noun, other)
            && other != noun
        {
            wrong.push(format!(
                "src/{file} names {told}: a noun names no other noun. To fix this: ask the other noun's table (crate::schema), or move what both need down to a lower room"
            ));
        }
    }
    wrong
}

/// The files of `src/`, each with its text. What diesel generates is left out: in it, `super` is of a module that a macro makes.
fn sources() -> Vec<(String, String)> {
    fn files(dir: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(dir).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                files(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("src/schema.rs") {
                let name = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap().to_string_lossy().into_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found
}

#[test]
fn a_room_leans_only_on_the_rooms_below_it_and_a_noun_on_no_noun() {
    let files = sources();
    let nouns: BTreeSet<&str> =
        files.iter().filter_map(|(file, _)| file.strip_prefix("api/")?.split(['/', '.']).next()).filter(|noun| *noun != "mod").collect();
    let nouns: Vec<&str> = nouns.into_iter().collect();
    let wrong: Vec<String> = files.iter().flat_map(|(file, text)| faults(file, text, &nouns)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(nouns.len() > 20, "the nouns were not found: {nouns:?}");
}

#[test]
fn only_the_configuration_reads_the_environment() {
    for (file, text) in sources().iter().filter(|(file, _)| file != "config.rs") {
        let reads = |path: &&Vec<String>| path.iter().any(|name| name == "env") && path.last().is_some_and(|name| name.starts_with("var"));
        let found = Names::of(file, text).iter().find(reads).map(|path| path.join("::"));
        assert_eq!(found, None, "src/{file} reads the environment. To fix this: make it a setting of src/config.rs");
    }
}

#[test]
fn names_are_found_however_they_are_written() {
    let nouns = ["partners", "people"];
    for (file, text) in [
        ("values/day.rs", "use crate::http;"),
        ("values/day.rs", "use crate::{http, rights};"),
        ("values/day.rs", "use crate::{self as all}; fn f() { all::http::at() }"),
        ("values/day.rs", "use crate::*;"),
        ("values/day.rs", "use super::super::http::At;"),
        ("values/day.rs", "mod inner { use super::super::super::http::At; }"),
        ("values/day.rs", "fn f() { use territoires_industrie::http::At; }"),
        ("db/mod.rs", "fn f() -> Result<(), crate::http::Problem> { Ok(()) }"),
        ("db/mod.rs", "fn f() { crate::http::at::<u8>() }"),
        ("db/mod.rs", "fn f() { let super::http::At(id) = g(); }"),
        ("db/mod.rs", "fn f() { log::info!(\"{}\", g(crate::http::at(), 1)) }"),
        ("db/mod.rs", "macro_rules! m { () => { use $crate::{values::Id, http::{At, Json}}; } }"),
        ("db/mod.rs", "#[serde(deserialize_with = \"crate::http::given\")] struct A;"),
        ("db/mod.rs", "#[derive(crate::http::Shown)] struct A;"),
        ("db/mod.rs", "use crate::Problem;"),
        ("noun/mod.rs", "use crate::api::partners;"),
        ("http/mod.rs", "use crate::noun::Card;"),
        ("lib.rs", "pub mod api; pub use api::partners;"),
        ("api/partners.rs", "use crate::api::{people::Person, partners::Partner};"),
        ("api/partners.rs", "use crate::{api::{self, people}, http::At};"),
        ("api/partners.rs", "use super::people::Person;"),
        ("api/partners.rs", "use super::*;"),
        ("api/partners.rs", "use crate::api as nouns; fn f() { nouns::people::find() }"),
        ("api/partners.rs", "use super as nouns; use nouns::people as them; fn f() { them::find() }"),
        ("api/partners/merging.rs", "use super::super::people::find;"),
        ("api/partners/merging.rs", "fn f(who: &crate::api::people::Person) {}"),
    ] {
        assert!(!faults(file, text, &nouns).is_empty(), "{file}: {text}");
    }
    for (file, text) in [
        ("lib.rs", "pub mod api; pub mod http;"),
        ("values/day.rs", "use super::Id; use crate::values::{self, Word};"),
        ("db/mod.rs", "#[cfg(test)] mod tests { use crate::http::Problem; } #[cfg(test)] use crate::api::partners;"),
        ("http/json.rs", "//! Of [`crate::api`].\n\n/// As `crate::api::partners` has it.\npub(super) fn f() { \"crate\"; }\npub(crate) fn g() {}"),
        ("demo/mod.rs", "use crate::api::{partners, people}; fn f() { people::insert() }"),
        ("noun/act.rs", "use crate::http::Problem;"),
        ("api/mod.rs", "pub mod partners; pub mod people; fn f() { partners::routes(); self::people::routes(); super::api::people::find() }"),
        (
            "api/partners.rs",
            "mod merging; use self::merging::merge; use crate::{api::noun, http::{At, Json}, schema::people}; fn f() { people::table; }",
        ),
        ("api/partners/merging.rs", "use super::{Partner, find}; use crate::api::partners::lock;"),
    ] {
        assert_eq!(faults(file, text, &nouns), [""; 0], "{file}: {text}");
    }
}
