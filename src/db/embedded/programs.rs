//! PostgreSQL's programs: where installers put them, and which of them serve.

use std::{
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Account, command, output};

/// The majors of PostgreSQL that the service is written for.
const MAJORS: std::ops::RangeInclusive<u32> = 14..=18;

/// Where installers put PostgreSQL: a folder, and how the name of the one inside it starts.
const PLACES: [(&str, &str); 5] = [
    ("/usr/lib/postgresql", ""),
    ("/opt/homebrew/opt", "postgresql@"),
    ("/usr/local/opt", "postgresql@"),
    ("/Library/PostgreSQL", ""),
    ("/usr", "pgsql-"),
];

/// The directories that hold PostgreSQL's programs, with their major, in the order to prefer.
pub(super) fn installations(bin_dir: Option<&Path>, account: Option<Account>) -> Vec<(u32, PathBuf)> {
    let dirs = bin_dir.map_or_else(likely_dirs, |dir| vec![dir.to_owned()]);
    let version = |program: PathBuf| major(&output(command(program, account).arg("--version"))?).filter(|it| MAJORS.contains(it));
    let installation = |dir: PathBuf| {
        let dir = dir.canonicalize().ok()?;
        let major = version(dir.join("postgres"))?;
        (version(dir.join("initdb"))? == major).then_some((major, dir))
    };
    dirs.into_iter().filter_map(installation).collect()
}

/// Where PostgreSQL's programs may be.
fn likely_dirs() -> Vec<PathBuf> {
    const PATH: &str = r#"IFS=:; for d in $PATH; do [ ! -x "$d/postgres" ] || echo "$d"; done"#;
    let path = output(Command::new("sh").args(["-c", PATH])).unwrap_or_default();
    let config = output(Command::new("pg_config").arg("--bindir")).unwrap_or_default();
    let mut dirs: Vec<_> = path.lines().chain(config.lines()).map(PathBuf::from).collect();
    for (parent, start) in PLACES {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        let named = entries.filter(|it| it.file_name().as_bytes().starts_with(start.as_bytes()));
        dirs.extend(named.map(|it| it.path().join("bin")));
    }
    dirs
}

/// The major in what `postgres --version` prints.
fn major(version: &str) -> Option<u32> {
    let number = version.split_whitespace().nth(2)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The installation of the major that the cluster wants; for a new one, the first of the newest.
pub(super) fn choose<'a>(found: &'a [(u32, PathBuf)], wanted: Option<&str>) -> Option<&'a Path> {
    let fits = |major: u32| wanted.is_none_or(|wanted| wanted == major.to_string());
    let fitting = found.iter().rev().filter(|(major, _)| fits(*major));
    fitting.max_by_key(|(major, _)| major).map(|(_, dir)| dir.as_path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_is_read_from_any_version() {
        assert_eq!(major("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("initdb: not found"), None);
        assert_eq!(major(""), None);
    }

    #[test]
    fn the_newest_is_chosen_and_the_clusters_own_preferred() {
        let found = [(15, "/a"), (17, "/b"), (17, "/c"), (16, "/d")];
        let found = found.map(|(major, dir)| (major, PathBuf::from(dir)));
        assert_eq!(choose(&found, None), Some(Path::new("/b")));
        assert_eq!(choose(&found, Some("15")), Some(Path::new("/a")));
        assert_eq!(choose(&found, Some("14")), None);
        assert_eq!(choose(&found, Some("9.6")), None);
        assert_eq!(choose(&[], None), None);
    }
}
