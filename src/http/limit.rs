//! Limits of requests. Reads, writes and exports are limited separately for each caller, and for the keys of one administrator together; wrong
//! credentials for each address.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    num::NonZeroU32,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::http::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DashMapStateStore,
};
use ipnet::IpNet;

use super::{Problem, Said, kinds};
use crate::values::Id;

/// The header that tells the limit (draft-ietf-httpapi-ratelimit-headers).
pub const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// The header that tells how much of the limit is left.
pub const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// The callers whose requests are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Who {
    /// Requests with one key, or with tokens of that key.
    Key(Id),
    /// Requests of one identity of an issuer.
    Identity(String),
    /// Requests with all the keys that came to be by one administrator below the nation; and, of what is bounded at once, those of the
    /// administrator.
    Lineage(String),
    /// Requests without a credential, from one address.
    Address(IpAddr),
}

impl fmt::Display for Who {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => write!(formatter, "key {key}"),
            Self::Identity(name) => write!(formatter, "identity {name}"),
            Self::Address(address) => address.fmt(formatter),
            Self::Lineage(lineage) => write!(formatter, "lineage {lineage}"),
        }
    }
}
/// How many times the limit of one caller the keys of one administrator have together.
const TOGETHER: u32 = 4;

/// The kinds of requests that are limited separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// A request that reads.
    Read,
    /// A request that writes.
    Write,
    /// An export: a request to the feed, which gives away everything, a thousand lines at a time.
    Export,
}

impl Use {
    /// The kind of a request, by its method and path.
    pub fn of(method: &Method, path: &str) -> Self {
        let feed = path.strip_prefix("/api/v1/changes").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        match (method.is_safe(), feed) {
            (false, _) => Self::Write,
            (true, true) => Self::Export,
            (true, false) => Self::Read,
        }
    }
}

/// The limit of a request, as the headers of its answer tell it.
#[derive(Debug, Clone)]
pub struct Told {
    /// The limit.
    pub policy: HeaderValue,
    /// The part of the limit that is left.
    pub left: HeaderValue,
}

/// After this number of requests, callers who have not asked for a while are forgotten.
const SWEEP: u32 = 4096;

/// One limit.
struct Limit {
    name: &'static str,
    most: u32,
    policy: HeaderValue,
    limiter: RateLimiter<Who, DashMapStateStore<Who>, DefaultClock, StateInformationMiddleware>,
    asked: AtomicU32,
}

impl Limit {
    fn new(name: &'static str, a_minute: u32) -> Option<Self> {
        let most = NonZeroU32::new(a_minute)?;
        let limiter = RateLimiter::dashmap(Quota::per_minute(most)).with_middleware();
        let policy = HeaderValue::from_str(&format!("\"{name}\";q={most};w=60")).ok()?;
        Some(Self { name, most: most.get(), policy, limiter, asked: AtomicU32::new(0) })
    }

    fn count(&self, who: &Who) -> (Told, Option<Problem>) {
        if self.asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP) {
            self.limiter.retain_recent();
        }
        let most = u64::from(self.most);
        // While something is left, the time until the whole limit is available again; else the time until the next request is.
        let (left, seconds, wait) = match self.limiter.check_key(who) {
            Ok(state) => match state.remaining_burst_capacity() {
                0 => (0, 60_u64.div_ceil(most), None),
                left => (left, most.saturating_sub(u64::from(left)) * 60 / most, None),
            },
            Err(until) => {
                let wait = until.wait_time_from(DefaultClock::default().now());
                (0, whole_seconds(wait), Some(wait))
            }
        };
        let left = HeaderValue::from_str(&format!("\"{}\";r={left};t={seconds}", self.name)).unwrap_or_else(|_| self.policy.clone());
        (Told { policy: self.policy.clone(), left }, wait.map(too_many))
    }
}

/// All limits of a process.
pub struct Limits {
    /// The limits of one caller, by [`Use`].
    alone: [Option<Limit>; 3],
    /// The limits of the keys of one administrator together, by [`Use`].
    together: [Option<Limit>; 3],
    failures: Failures,
    daily_bytes: Option<u64>,
    proxies: Vec<IpNet>,
}

impl Limits {
    /// Limits of reads, writes, exports and wrong credentials a minute (0: no limit), for a service behind these proxies.
    pub fn new(reads: u32, writes: u32, exports: u32, failures: usize, proxies: Vec<IpNet>) -> Self {
        let each = [("reads", reads), ("writes", writes), ("exports", exports)];
        let alone = each.map(|(name, a_minute)| Limit::new(name, a_minute));
        let together = each.map(|(name, a_minute)| Limit::new(name, a_minute.saturating_mul(TOGETHER)));
        let failures = Failures { most: failures, lately: Mutex::default() };
        Self { alone, together, failures, daily_bytes: None, proxies }
    }

    /// The same limits, and this limit of the bytes that a caller may write a day (0: no limit).
    pub fn with_daily_bytes(self, bytes: u64) -> Self {
        Self { daily_bytes: Some(bytes.min(i64::MAX.unsigned_abs())).filter(|bytes| *bytes > 0), ..self }
    }

    /// The bytes that a caller may write a day; none when there is no limit.
    pub fn daily_bytes(&self) -> Option<u64> {
        self.daily_bytes
    }

    /// Counts a request for the keys that one administrator made, and returns a refusal if it is one too many for them together.
    pub fn count_together(&self, lineage: &str, what: Use) -> Option<Problem> {
        let (_, refusal) = self.together[what as usize].as_ref()?.count(&Who::Lineage(lineage.to_owned()));
        let said = Said::new("The keys of one administrator have a limit together.", "Les clés d'un même administrateur ont une limite commune.");
        refusal.map(|refusal| refusal.saying(said))
    }

    /// Counts a request. Returns what is left of the limit, and a refusal if the request is one too many.
    pub fn count(&self, who: &Who, what: Use) -> Option<(Told, Option<Problem>)> {
        self.alone[what as usize].as_ref().map(|limit| limit.count(who))
    }

    /// Lets an address try a credential. An address that sent too many wrong ones may go on, since a neighbour behind it may show a valid one:
    /// but each try counts as a request without a credential, and so many of them are refused (429).
    pub fn may_try(&self, address: IpAddr, what: Use) -> Result<(), Problem> {
        if self.failures.wait(address, Instant::now()).is_none() {
            return Ok(());
        }
        self.count(&Who::Address(address), what).and_then(|(_, refusal)| refusal).map_or(Ok(()), Err)
    }

    /// Counts a wrong credential from this address. Returns the refusal, or 429 if it is one too many.
    pub fn failed(&self, address: IpAddr, refusal: Problem) -> Problem {
        let now = Instant::now();
        let wait = self.failures.wait(address, now);
        self.failures.note(address, now);
        wait.map_or(refusal, too_many)
    }

    /// The address that a request comes from. A header counts only if a declared proxy wrote it: then the address is the last one in the
    /// header that is not a declared proxy. A network of IPv6 counts as one address.
    pub fn address(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> IpAddr {
        let trusted = |address: &IpAddr| self.proxies.iter().any(|network| network.contains(address));
        let mut from = peer.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
        if trusted(&from) {
            let lines: Vec<&str> = headers.get_all("x-forwarded-for").filter_map(|value| value.to_str().ok()).collect();
            for entry in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
                let Some(address) = forwarded(entry.trim()) else { break };
                from = address;
                if !trusted(&from) {
                    break;
                }
            }
        }
        network(from)
    }
}

/// The address that is counted: a client may choose any address of its network of IPv6, so the whole network counts as one.
pub fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

/// Reads an address as proxies write it: with or without a port.
fn forwarded(entry: &str) -> Option<IpAddr> {
    let alone = entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']')).unwrap_or(entry);
    let address = alone.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

/// The seconds after which this time is over.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + 1
}

/// The refusal of a request that is one too many. It tells how long to wait.
fn too_many(wait: Duration) -> Problem {
    let seconds = whole_seconds(wait);
    let said = Said::new(format!("Ask again in {seconds} seconds."), format!("Redemandez dans {seconds} secondes."));
    Problem::new(&kinds::TOO_MANY_REQUESTS).header(RETRY_AFTER, seconds.to_string()).saying(said)
}

/// The time in which the wrong credentials of an address are counted.
const WINDOW: Duration = Duration::from_secs(60);
/// The most addresses that are watched.
const ADDRESSES: usize = 10_000;

/// The recent wrong credentials of each address.
struct Failures {
    most: usize,
    lately: Mutex<HashMap<IpAddr, VecDeque<Instant>>>,
}

impl Failures {
    /// How long this address must wait, if it must.
    fn wait(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let failures = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = failures.get(&address).filter(|lately| self.most > 0 && lately.len() >= self.most)?;
        WINDOW.checked_sub(now.duration_since(*lately.front()?))
    }

    /// Notes one more wrong credential of this address.
    fn note(&self, address: IpAddr, now: Instant) {
        if self.most == 0 {
            return;
        }
        let mut failures = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= ADDRESSES && !failures.contains_key(&address) {
            failures.retain(|_, lately| lately.back().is_some_and(|last| now.duration_since(*last) < WINDOW));
            if failures.len() >= ADDRESSES {
                let any = failures.keys().next().copied();
                any.map(|any| failures.remove(&any));
            }
        }
        let lately = failures.entry(address).or_default();
        // An address that is refused already does not wait longer when it tries again.
        let full = lately.len() >= self.most;
        if full && lately.front().is_some_and(|first| now.duration_since(*first) < WINDOW) {
            return;
        }
        if full {
            lately.pop_front();
        }
        lately.push_back(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_credentials_are_bounded_in_any_minute() {
        let (failures, begin) = (Failures { most: 20, lately: Mutex::default() }, Instant::now());
        let one = IpAddr::from([192, 0, 2, 1]);
        let (mut passed, mut at) = (Vec::new(), begin);
        while at < begin + Duration::from_secs(300) {
            if failures.wait(one, at).is_none() {
                failures.note(one, at);
                passed.push(at);
            }
            at += Duration::from_millis(700);
        }
        assert!(passed.len() > 80, "{}", passed.len());
        for window in passed.windows(21) {
            assert!(window[20] - window[0] >= WINDOW);
        }
        for other in 0..20_000_u32 {
            failures.note(IpAddr::from(other.to_be_bytes()), at);
        }
        assert!(failures.lately.lock().unwrap().len() <= ADDRESSES);
    }

    #[test]
    fn only_a_declared_proxy_is_believed() {
        let limits = Limits::new(1, 1, 1, 0, vec!["10.0.0.0/8".parse().unwrap()]);
        let asked = |peer: &str, forwarded: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in forwarded {
                headers.append(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_str(line).unwrap());
            }
            limits.address(Some(peer.parse().unwrap()), &headers).to_string()
        };
        assert_eq!(asked("192.0.2.1:1", &["198.51.100.1"]), "192.0.2.1", "from elsewhere the header is ignored");
        assert_eq!(asked("10.0.0.1:1", &[]), "10.0.0.1");
        assert_eq!(asked("10.0.0.1:1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(asked("10.0.0.1:1", &["203.0.113.9, 198.51.100.1, 10.2.3.4"]), "198.51.100.1", "what the client says itself is not believed");
        assert_eq!(asked("10.0.0.1:1", &["203.0.113.9", "198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(asked("10.0.0.1:1", &["198.51.100.1, nonsense"]), "10.0.0.1");
        assert_eq!(asked("[::ffff:10.0.0.1]:1", &["[2001:db8:1:2:3:4:5:6]"]), "2001:db8:1:2::", "a network of IPv6 is one");
    }

    #[test]
    fn a_limit_is_told_and_held_for_each_apart() {
        let limits = Limits::new(2, 0, 1, 0, Vec::new());
        let one = Who::Address(IpAddr::from([192, 0, 2, 1]));
        let (told, refusal) = limits.count(&one, Use::Read).unwrap();
        assert!(refusal.is_none());
        assert_eq!((told.policy.to_str().unwrap(), told.left.to_str().unwrap()), ("\"reads\";q=2;w=60", "\"reads\";r=1;t=30"));
        assert!(limits.count(&one, Use::Read).unwrap().1.is_none());
        let (told, refusal) = limits.count(&one, Use::Read).unwrap();
        let refusal = refusal.unwrap().render(crate::http::problem::Language::English, None);
        // Both headers tell the same time.
        let after = refusal.headers().get(RETRY_AFTER).unwrap().to_str().unwrap().to_owned();
        assert_eq!((refusal.status().as_u16(), told.left.to_str().unwrap()), (429, format!("\"reads\";r=0;t={after}").as_str()));
        assert!((1..=30).contains(&after.parse::<u8>().unwrap()), "{after}");
        assert!(limits.count(&Who::Key(Id::new()), Use::Read).unwrap().1.is_none());
        assert!(limits.count(&one, Use::Write).is_none(), "0 is no limit");
    }
}
