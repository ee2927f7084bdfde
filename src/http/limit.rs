//! How often one may ask: reads, writes and exports apart, by who asks, and wrong credentials by where they come from.

use std::{
    collections::{HashMap, VecDeque},
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

/// The headers that tell the limits (draft-ietf-httpapi-ratelimit-headers).
pub const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// How much of it is left.
pub const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// Whose requests are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Who {
    /// Those with one key, or with tokens of it.
    Key(Id),
    /// Those of one identity of an issuer.
    Identity(String),
    /// Those without a credential, from one address.
    Address(IpAddr),
}

/// What a request counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It reads.
    Read,
    /// It writes.
    Write,
    /// It takes all there is away, a thousand lines at a time: the feed.
    Export,
}

impl Use {
    /// What a request of this method and path counts as.
    pub fn of(method: &Method, path: &str) -> Self {
        let feed = path.strip_prefix("/api/v1/changes").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        match (method.is_safe(), feed) {
            (false, _) => Self::Write,
            (true, true) => Self::Export,
            (true, false) => Self::Read,
        }
    }
}

/// What the headers of an answer tell of the limit that its request counted against.
#[derive(Debug, Clone)]
pub struct Told {
    /// The limit.
    pub policy: HeaderValue,
    /// What is left of it.
    pub left: HeaderValue,
}

/// After how many requests callers that have not asked for a while are forgotten.
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
        let (left, wait) = match self.limiter.check_key(who) {
            Ok(state) => (state.remaining_burst_capacity(), None),
            Err(until) => (0, Some(until.wait_time_from(DefaultClock::default().now()))),
        };
        // When all of it is there again.
        let whole = u64::from(self.most - left.min(self.most)) * 60 / u64::from(self.most);
        let left = HeaderValue::from_str(&format!("\"{}\";r={left};t={whole}", self.name)).unwrap_or_else(|_| self.policy.clone());
        (Told { policy: self.policy.clone(), left }, wait.map(too_many))
    }
}

/// All limits of a process.
pub struct Limits {
    reads: Option<Limit>,
    writes: Option<Limit>,
    exports: Option<Limit>,
    failures: Failures,
    proxies: Vec<IpNet>,
}

impl Limits {
    /// So many reads, writes, exports and wrong credentials a minute (0 for no limit), behind these proxies.
    pub fn new(reads: u32, writes: u32, exports: u32, failures: usize, proxies: Vec<IpNet>) -> Self {
        let [reads, writes, exports] =
            [("reads", reads), ("writes", writes), ("exports", exports)].map(|(name, a_minute)| Limit::new(name, a_minute));
        Self { reads, writes, exports, failures: Failures { most: failures, lately: Mutex::default() }, proxies }
    }

    /// Counts a request. Tells what is left, and refuses one too many.
    pub fn count(&self, who: &Who, what: Use) -> Option<(Told, Option<Problem>)> {
        let limit = match what {
            Use::Read => &self.reads,
            Use::Write => &self.writes,
            Use::Export => &self.exports,
        };
        limit.as_ref().map(|limit| limit.count(who))
    }

    /// Refuses with 429 an address that showed too many wrong credentials.
    pub fn check_failures(&self, address: IpAddr) -> Result<(), Problem> {
        self.failures.wait(address, Instant::now()).map_or(Ok(()), |wait| Err(too_many(wait)))
    }

    /// A wrong credential came from this address: gives the refusal, or 429 where it was one too many.
    pub fn failed(&self, address: IpAddr, refusal: Problem) -> Problem {
        let now = Instant::now();
        let wait = self.failures.wait(address, now);
        self.failures.note(address, now);
        wait.map_or(refusal, too_many)
    }

    /// Where a request comes from. What a header says of it counts only when a declared proxy wrote it: the right-most
    /// address that is no proxy of ours. Networks of IPv6 are one address.
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
        match from {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            address => address,
        }
    }
}

/// An address as proxies write it: alone, or with a port.
fn forwarded(entry: &str) -> Option<IpAddr> {
    let alone = entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']')).unwrap_or(entry);
    let address = alone.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

/// The refusal of one too many, with how long to wait.
fn too_many(wait: Duration) -> Problem {
    let seconds = wait.as_secs() + 1;
    let said = Said::new(format!("Ask again in {seconds} seconds."), format!("Redemandez dans {seconds} secondes."));
    Problem::new(&kinds::TOO_MANY_REQUESTS).header(RETRY_AFTER, seconds.to_string()).saying(said)
}

/// In any such time only so many wrong credentials may come from one address.
const WINDOW: Duration = Duration::from_secs(60);
/// So many addresses are watched.
const ADDRESSES: usize = 10_000;

/// The wrong credentials that each address showed lately.
struct Failures {
    most: usize,
    lately: Mutex<HashMap<IpAddr, VecDeque<Instant>>>,
}

impl Failures {
    /// How long this address has to wait, if it has.
    fn wait(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let failures = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = failures.get(&address).filter(|lately| self.most > 0 && lately.len() >= self.most)?;
        WINDOW.checked_sub(now.duration_since(*lately.front()?))
    }

    /// Notes one more.
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
        // One that is refused already does not wait longer for it.
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
        assert_eq!(limits.count(&one, Use::Read).unwrap().1.unwrap().kind().status, 429);
        assert!(limits.count(&Who::Key(Id::new()), Use::Read).unwrap().1.is_none());
        assert!(limits.count(&one, Use::Write).is_none(), "0 is no limit");
    }
}
