//! The private PostgreSQL of a machine that has no `DATABASE_URL`: found, made, started, kept alive,
//! stopped. Knows nothing of what is stored in it, and never touches another cluster.

mod programs;

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use self::programs::{choose, installations};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rustix::process::{Pid, Signal, geteuid, kill_process};

/// The settings of the server, whatever its configuration file says.
const SETTINGS: [&str; 8] = [
    "listen_addresses=",
    "port=5432",
    "unix_socket_permissions=0700",
    "shared_buffers=128MB",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_error_verbosity=terse", // a DETAIL would write people's data into the log
    "logging_collector=off",
];

/// Further settings of a cluster that need not survive its run.
const THROW_AWAY: [&str; 3] = ["fsync=off", "full_page_writes=off", "synchronous_commit=off"];

/// The name of the server's log.
const LOG: &str = "postgres.log";
/// The name of the socket's file, which PostgreSQL makes of its port.
const SOCKET: &str = ".s.PGSQL.5432";
/// The longest path that a socket can have.
const SOCKET_PATH_MAX: usize = if cfg!(target_os = "macos") { 103 } else { 107 };

/// The message of a client that opens `territoires_industrie` as `tdi` and leaves at once; and the end of the answer of a server that is
/// ready for queries.
const HELLO: &[u8] = b"\0\0\0\x31\0\x03\0\0user\0tdi\0database\0territoires_industrie\0\0X\0\0\0\x04";
const READY: &[u8] = b"Z\0\0\0\x05I";

/// Runs a command (`$2` and on, with `$1` on its standard input) and ends it with the service. When the pipe on the standard input of this
/// shell closes, because the service drops it or was killed, the command gets SIGINT (the fast shutdown of PostgreSQL), and SIGQUIT after
/// ten seconds. SIGINT is repeated, because a process that has just started may not handle signals yet. The shell ignores the signals that
/// a terminal or a service manager sends to all processes.
const KEEPER: &str = r#"
trap '' HUP INT TERM
exec 3<&0 </dev/null
input=$1
shift
"$@" 3<&- <<end &
$input
end
child=$!
{
    read -r _
    n=0
    while [ $n -lt 100 ] && kill -INT $child; do sleep 0.1; n=$((n + 1)); done
    kill -QUIT $child
} <&3 2>/dev/null &
leash=$!
exec 3<&-
wait $child
status=$?
{ kill -KILL $leash; wait $leash; } 2>/dev/null
exit $status
"#;

/// The pause between two looks at the server: while it starts or stops, and while it runs.
const GLANCE: Duration = Duration::from_millis(50);
const WATCH: Duration = Duration::from_millis(250);
/// The longest time of a start (there may be much to recover); of the wait for a former server; of a fast stop; of any stop.
const START: Duration = Duration::from_secs(600);
const LET_GO: Duration = Duration::from_secs(60);
const FAST: Duration = Duration::from_secs(10);
const STOP: Duration = Duration::from_secs(20);

/// Why there is no embedded PostgreSQL.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine has no PostgreSQL.
    #[error(
        "no PostgreSQL (14 to 18) was found on this machine: install it (Debian: apt install \
         postgresql; macOS: brew install postgresql@17) or set DATABASE_URL"
    )]
    NotFound,
    /// The named directory has no PostgreSQL.
    #[error("{} does not hold an initdb and a postgres (14 to 18) that run", .0.display())]
    NotThere(PathBuf),
    /// The machine does not have the major version of the cluster.
    #[error(
        "{} was made by PostgreSQL {}, which was not found: install that version, choose another \
         DATA_DIR, or set DATABASE_URL; nothing was changed", .0.display(), .1
    )]
    OtherMajor(PathBuf, String),
    /// Another service uses this directory.
    #[error("another service is running on {}", .0.display())]
    InUse(PathBuf),
    /// A directory on the way that PostgreSQL's account may not pass.
    #[error(
        "PostgreSQL does not run as root, and the account it gets (uid {}) may not pass {}: open it \
         (chmod o+x) or choose another DATA_DIR", .1, .0.display()
    )]
    Closed(PathBuf, u32),
    /// The service runs as root, and the machine has no other account.
    #[error("PostgreSQL does not run as root: make an account named postgres")]
    NoAccount,
    /// A directory that must belong to the service alone, and does not.
    #[error("{} is not a private directory of PostgreSQL's account", .0.display())]
    Foreign(PathBuf),
    /// A server of a former run that no signal ends.
    #[error("the PostgreSQL that a former service left (process {0}) does not stop")]
    Lingers(i32),
    /// What PostgreSQL's log said when it failed.
    #[error("PostgreSQL failed; the end of {}:\n{}", .0.display(), .1)]
    Failed(PathBuf, String),
    /// A file or a program that the system refuses.
    #[error("cannot use {}", .0.display())]
    Io(PathBuf, #[source] io::Error),
}

/// The directory of the cluster, and how the cluster runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory of the cluster, its log and its lock; made when it is missing.
    pub data_dir: PathBuf,
    /// Where `initdb` and `postgres` are; looked for when absent.
    pub bin_dir: Option<PathBuf>,
    /// Must a write survive a failure of the machine? Off in tests, because it slows them down.
    pub durable: bool,
    /// The connections that will be opened at once. The cluster allows at least a hundred.
    pub connections: usize,
}

/// The default directory of the cluster: the place of the system for root, else a folder of the user.
pub fn default_data_dir(home: Option<&Path>, xdg_data_home: Option<&Path>) -> PathBuf {
    let home = home.unwrap_or(Path::new("."));
    let parent = match xdg_data_home.filter(|dir| dir.is_absolute()) {
        _ if geteuid().is_root() => PathBuf::from("/var/lib"),
        _ if cfg!(target_os = "macos") => home.join("Library/Application Support"),
        Some(dir) => dir.to_owned(),
        None => home.join(".local/share"),
    };
    parent.join("territoires-industrie")
}

/// A running PostgreSQL. It is started again when it dies. It stops when this value is dropped, or when the process ends, for whatever
/// reason.
#[derive(Debug)]
pub struct Embedded {
    url: String,
    stop: Option<Sender<()>>,
    supervisor: Option<JoinHandle<()>>,
    _lock: File,
}

impl Embedded {
    /// Starts the cluster, after making it if there is none. Waits until it answers.
    pub fn start(options: &Options) -> Result<Embedded, Error> {
        let data_dir = &options.data_dir;
        if !data_dir.exists() {
            fs::create_dir_all(data_dir).map_err(at(data_dir))?;
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(data_dir, mode).map_err(at(data_dir))?;
        }
        let dir = data_dir.canonicalize().map_err(at(data_dir))?;
        let lock = lock(&dir)?;
        let server = Server::prepare(dir, options)?;
        let url = url_of(&server.socket);
        let (stop, stopped) = mpsc::channel();
        let keeper = server.launch(&stopped)?;
        let supervisor =
            thread::Builder::new().name("embedded-postgresql".into()).spawn(move || server.supervise(keeper, &stopped)).map_err(at(data_dir))?;
        Ok(Embedded { url, stop: Some(stop), supervisor: Some(supervisor), _lock: lock })
    }

    /// The address of the cluster that another service runs in this directory, if one does. Commands beside a running service use it.
    pub fn beside(data_dir: &Path) -> Option<String> {
        let socket = socket_dir(&data_dir.canonicalize().ok()?);
        socket.join(SOCKET).exists().then(|| url_of(&socket))
    }

    /// The address of the database, in the form of `DATABASE_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops the server: its clients are disconnected, and what they committed is kept. Waits twenty seconds at most.
    pub fn stop(self) {}
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(supervisor) = self.supervisor.take()
            && supervisor.join().is_err()
        {
            log::error!("the thread that watches PostgreSQL panicked");
        }
    }
}

fn url_of(socket: &Path) -> String {
    format!("postgresql://tdi@/territoires_industrie?host={}", encode(socket))
}

/// An account that is not root's.
#[derive(Debug, Clone, Copy)]
struct Account {
    uid: u32,
    gid: u32,
}

/// A cluster on its disk, with the programs that run it.
struct Server {
    dir: PathBuf,
    pgdata: PathBuf,
    socket: PathBuf,
    bin: PathBuf,
    /// The account that owns the cluster, if it is not the account of the service.
    account: Option<Account>,
    durable: bool,
    connections: usize,
}

impl Server {
    /// Finds the programs and the account, and makes the cluster if there is none.
    fn prepare(dir: PathBuf, options: &Options) -> Result<Server, Error> {
        let pgdata = dir.join("pgdata");
        let account = if geteuid().is_root() { Some(account(&pgdata)?) } else { None };
        if let Some(account) = account {
            reachable(&dir, account)?;
        }
        tidy(&dir)?;
        let made = pgdata.join("PG_VERSION");
        let major = match fs::read_to_string(&made) {
            Ok(major) => Some(major.trim().to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(at(&made)(error)),
        };
        let found = installations(options.bin_dir.as_deref(), account);
        if found.is_empty() {
            return Err(options.bin_dir.clone().map_or(Error::NotFound, Error::NotThere));
        }
        let Some(bin) = choose(&found, major.as_deref()).map(Path::to_owned) else {
            return Err(Error::OtherMajor(pgdata, major.unwrap_or_default()));
        };
        let socket = socket_dir(&dir);
        let server = Server { dir, pgdata, socket, bin, account, durable: options.durable, connections: options.connections };
        if major.is_none() {
            server.initialise()?;
            tidy(&server.dir)?; // again: an initdb that lost its service takes a moment to die
        }
        Ok(server)
    }

    /// Makes the cluster under a temporary name, and renames it when it is complete.
    fn initialise(&self) -> Result<(), Error> {
        match fs::remove_dir(&self.pgdata) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(at(&self.pgdata)(error)); // it holds something else: leave it
            }
            _ => log::info!("making a PostgreSQL cluster in {}", self.pgdata.display()),
        }
        let new = self.dir.join(format!("pgdata.new-{}", process::id()));
        private_dir(&new, self.account)?;
        let mut initdb = self.keeper("", "initdb")?;
        initdb.args(["--encoding=UTF8", "--locale=C", "--auth=trust", "--username=tdi"]);
        initdb.args(["--data-checksums", "--no-instructions"]);
        initdb.args((!self.durable).then_some("--no-sync")).arg("-D").arg(&new);
        self.run(initdb)?;
        let mut single = self.keeper("CREATE DATABASE territoires_industrie", "postgres")?;
        single.args(["--single", "-c", "exit_on_error=on"]);
        single.args((!self.durable).then_some("-F")).arg("-D").arg(&new).arg("postgres");
        self.run(single)?;
        fs::rename(&new, &self.pgdata).map_err(at(&self.pgdata))?;
        File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(at(&self.dir))
    }

    /// Starts one of PostgreSQL's programs under the keeper. Its output goes to the log.
    fn keeper(&self, input: &str, program: &str) -> Result<Command, Error> {
        let mut command = command("sh", self.account);
        command.args(["-c", KEEPER, "keeper", input]).arg(self.bin.join(program));
        let log = self.log()?;
        command.stdout(log.try_clone().map_err(at(&self.dir))?).stderr(log).stdin(Stdio::piped());
        Ok(command)
    }

    /// Runs a command to its end.
    fn run(&self, mut command: Command) -> Result<(), Error> {
        let start = self.log_length();
        let mut child = command.spawn().map_err(at(&self.bin))?;
        let leash = child.stdin.take(); // `wait` would close it
        let status = child.wait().map_err(at(&self.bin))?;
        drop(leash);
        if status.success() { Ok(()) } else { Err(self.failed(start)) }
    }

    /// Starts the server. First waits until the processes of a former server have released the cluster.
    fn launch(&self, stop: &Receiver<()>) -> Result<Child, Error> {
        let begin = Instant::now();
        loop {
            let result = self.try_launch(stop);
            let held = matches!(&result, Err(Error::Failed(_, said))
                if said.contains("lock file") || said.contains("shared memory block"));
            let waiting = || stop.recv_timeout(WATCH) == Err(RecvTimeoutError::Timeout);
            if !held || begin.elapsed() > LET_GO || !waiting() {
                return result;
            }
        }
    }

    /// Starts the server and waits until it answers, or until the service wants to stop.
    fn try_launch(&self, stop: &Receiver<()>) -> Result<Child, Error> {
        let former = self.stop_former()?;
        private_dir(&self.socket, self.account)?;
        let start = self.log_length();
        let mut postgres = self.keeper("", "postgres")?;
        postgres.arg("-D").arg(&self.pgdata);
        let socket = format!("unix_socket_directories={}", self.socket.display());
        let connections = format!("max_connections={}", self.connections.max(100));
        let extra = if self.durable { &[][..] } else { &THROW_AWAY };
        for setting in SETTINGS.iter().chain(extra).copied().chain([&*socket, &*connections]) {
            postgres.args(["-c", setting]);
        }
        if let Some(pid) = former {
            // The stale file names a process whose number may belong to another process now (in a container, probably). This setting keeps
            // PostgreSQL from taking that process for a server, and leaves its other safeguards on.
            postgres.env("PG_GRANDPARENT_PID", pid.to_string());
        }
        let mut keeper = postgres.spawn().map_err(at(&self.bin))?;
        let begin = Instant::now();
        while !self.answers() {
            if keeper.try_wait().map_err(at(&self.bin))?.is_some() {
                return Err(self.failed(start));
            }
            if begin.elapsed() > START {
                end(keeper);
                return Err(self.failed(start));
            }
            if stop.recv_timeout(GLANCE) != Err(RecvTimeoutError::Timeout) {
                break;
            }
        }
        Ok(keeper)
    }

    /// Starts the server again whenever it dies. Stops it when the service drops `stop`.
    fn supervise(&self, keeper: Child, stop: &Receiver<()>) {
        let mut keeper = Some(keeper);
        let mut failures = 0;
        let mut pause = WATCH;
        while stop.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            if let Some(keeper) = &mut keeper
                && matches!(keeper.try_wait(), Ok(None))
            {
                continue;
            }
            if keeper.take().is_some() {
                log::warn!("PostgreSQL has died; starting it again");
            }
            match self.launch(stop) {
                Ok(child) => {
                    log::warn!("PostgreSQL runs again");
                    (keeper, failures, pause) = (Some(child), 0, WATCH);
                }
                Err(error) if failures < 9 => {
                    log::warn!("PostgreSQL does not start yet: {error}");
                    (failures, pause) = (failures + 1, WATCH * 2);
                }
                Err(error) => {
                    log::error!("PostgreSQL does not start: {error}");
                    pause = Duration::from_secs(5);
                }
            }
        }
        if let Some(keeper) = keeper {
            end(keeper);
        }
        // The directory is removed only if it is empty: a server that did not stop still uses it.
        let _ = fs::remove_dir(&self.socket);
    }

    /// Stops the server that a killed service left running. Returns the process that its file named.
    fn stop_former(&self) -> Result<Option<i32>, Error> {
        let file = fs::read_to_string(self.pgdata.join("postmaster.pid")).unwrap_or_default();
        let number = file.lines().next().and_then(|line| line.trim().parse().ok());
        let Some(pid) = number.filter(|&pid| pid > 1).and_then(Pid::from_raw) else {
            return Ok(None);
        };
        let number = pid.as_raw_nonzero().get();
        let begin = Instant::now();
        while self.is_run_by(number) {
            if begin.elapsed() > STOP {
                return Err(Error::Lingers(number));
            }
            let signal = if begin.elapsed() < FAST { Signal::INT } else { Signal::QUIT };
            let _ = kill_process(pid, signal); // gone already is well
            thread::sleep(GLANCE);
        }
        Ok(Some(number))
    }

    /// Is that process the server of this cluster, and not another process that got its number later?
    fn is_run_by(&self, pid: i32) -> bool {
        let line = fs::read(format!("/proc/{pid}/cmdline")).or_else(|_| {
            let mut ps = Command::new("ps");
            ps.args(["-ww", "-o", "args=", "-p", &pid.to_string()]).output().map(|out| out.stdout)
        });
        let line = String::from_utf8_lossy(&line.unwrap_or_default()).replace('\0', " ");
        line.contains(&format!("/postgres -D {} ", self.pgdata.display()))
    }

    /// Does the server let a client into the database?
    fn answers(&self) -> bool {
        let ask = || {
            let mut stream = UnixStream::connect(self.socket.join(SOCKET))?;
            stream.set_read_timeout(Some(Duration::from_secs(2)))?;
            stream.write_all(HELLO)?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer)?;
            io::Result::Ok(answer)
        };
        ask().is_ok_and(|answer| answer.ends_with(READY))
    }

    /// Opens the log to write at its end. Empties it when it is long.
    fn log(&self) -> Result<File, Error> {
        let path = self.dir.join(LOG);
        let log = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let log = log.map_err(at(&path))?;
        if self.log_length() > 10_000_000 {
            log.set_len(0).map_err(at(&path))?;
        }
        Ok(log)
    }

    fn log_length(&self) -> u64 {
        fs::metadata(self.dir.join(LOG)).map_or(0, |log| log.len())
    }

    /// The failure that the log tells after its first `start` bytes.
    fn failed(&self, start: u64) -> Error {
        let path = self.dir.join(LOG);
        let log = fs::read(&path).unwrap_or_default();
        let new = usize::try_from(start).ok().and_then(|start| log.get(start..)).unwrap_or(&log);
        let said = String::from_utf8_lossy(new);
        let lines: Vec<_> = said.lines().collect();
        let said = lines[lines.len().saturating_sub(12)..].join("\n");
        Error::Failed(path, said)
    }
}

/// Closes the pipe to the keeper, and waits for the end of the server.
fn end(mut keeper: Child) {
    drop(keeper.stdin.take());
    let begin = Instant::now();
    while matches!(keeper.try_wait(), Ok(None)) {
        if begin.elapsed() > STOP {
            log::error!("PostgreSQL does not stop; leaving it");
            return;
        }
        thread::sleep(GLANCE);
    }
}

/// Names the path that a failure is about.
fn at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io(path.to_owned(), source)
}

/// Holds the directory for this process alone, for as long as the file is open.
fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("service.lock");
    let file = OpenOptions::new().create(true).append(true).open(&path).map_err(at(&path))?;
    let begin = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(at(&path)(error)),
            // A service that was just killed takes a moment to die.
            Err(TryLockError::WouldBlock) if begin.elapsed() < Duration::from_secs(1) => {
                thread::sleep(GLANCE);
            }
            Err(TryLockError::WouldBlock) => return Err(Error::InUse(dir.to_owned())),
        }
    }
}

/// A command under an account. It gets neither the signals of the terminal nor the settings of the service.
fn command(program: impl AsRef<OsStr>, account: Option<Account>) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/").process_group(0).stdin(Stdio::null()).env("LC_ALL", "C");
    command.env_remove("PGDATESTYLE").env_remove("PGCLIENTENCODING");
    if let Some(Account { uid, gid }) = account {
        command.uid(uid).gid(gid);
    }
    command
}

/// What a command prints, if it runs and succeeds.
fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The account of PostgreSQL when the service runs as root: the owner of the cluster, else `postgres`, else `nobody`.
fn account(pgdata: &Path) -> Result<Account, Error> {
    if let Ok(pgdata) = fs::metadata(pgdata)
        && pgdata.uid() != 0
    {
        return Ok(Account { uid: pgdata.uid(), gid: pgdata.gid() });
    }
    let id = |what, name| output(Command::new("id").args([what, name]))?.parse().ok();
    ["postgres", "nobody"].into_iter().find_map(|name| Some(Account { uid: id("-u", name)?, gid: id("-g", name)? })).ok_or(Error::NoAccount)
}

/// Checks that the account may pass every directory down to this one, by trying as that account.
fn reachable(dir: &Path, account: Account) -> Result<(), Error> {
    const TRY: &str = r#"for dir; do [ -x "$dir" ] || { printf %s "$dir"; exit; }; done"#;
    let mut ancestors: Vec<_> = dir.ancestors().collect();
    ancestors.reverse();
    let mut sh = command("sh", Some(account));
    let output = sh.args(["-c", TRY, "sh"]).args(ancestors).output().map_err(at(dir))?;
    if output.stdout.is_empty() {
        return Ok(());
    }
    Err(Error::Closed(OsStr::from_bytes(&output.stdout).into(), account.uid))
}

/// Removes what was half-made by a service that was killed.
fn tidy(dir: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(dir).map_err(at(dir))?.flatten() {
        if entry.file_name().as_bytes().starts_with(b"pgdata.new-") {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

/// Makes a directory that only the account may use, or checks that it is so.
fn private_dir(path: &Path, account: Option<Account>) -> Result<(), Error> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => match account {
            Some(Account { uid, gid }) => chown(path, Some(uid), Some(gid)).map_err(at(path)),
            None => Ok(()),
        },
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let found = fs::symlink_metadata(path).map_err(at(path))?;
            let uid = account.map_or(geteuid().as_raw(), |account| account.uid);
            if found.is_dir() && found.uid() == uid && found.mode() & 0o077 == 0 { Ok(()) } else { Err(Error::Foreign(path.to_owned())) }
        }
        Err(error) => Err(at(path)(error)),
    }
}

/// The directory of the socket: the directory of the cluster; or a short one, if that path is too long for a socket, or if PostgreSQL would
/// read it as a list of several.
fn socket_dir(dir: &Path) -> PathBuf {
    let socket = dir.join("socket");
    let fits = socket.as_os_str().len() + 1 + SOCKET.len() <= SOCKET_PATH_MAX;
    if fits && socket.to_str().is_some_and(|path| !path.contains([',', '"'])) {
        return socket;
    }
    let mut hasher = DefaultHasher::new();
    dir.hash(&mut hasher);
    PathBuf::from(format!("/tmp/territoires-industrie-{:016x}", hasher.finish()))
}

/// A path as the value of a URL's parameter.
fn encode(path: &Path) -> String {
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encode(path.as_os_str().as_bytes(), ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_lies_with_its_cluster_where_its_path_fits() {
        let longest = format!("/{}", "x".repeat(SOCKET_PATH_MAX - "//socket/.s.PGSQL.5432".len()));
        assert_eq!(socket_dir(Path::new(&longest)), Path::new(&longest).join("socket"));
        for odd in [format!("{longest}x"), "/a,b".into(), "/a\"b".into()] {
            let short = socket_dir(Path::new(&odd));
            assert!(short.starts_with("/tmp") && short.as_os_str().len() < 60, "{short:?}");
            assert_eq!(short, socket_dir(Path::new(&odd)));
        }
        assert_ne!(socket_dir(Path::new("/a,b")), socket_dir(Path::new("/a,c")));
    }

    #[test]
    fn a_path_is_encoded_for_a_url() {
        assert_eq!(encode(Path::new("/a b/é")), "%2Fa%20b%2F%C3%A9");
    }
}
