//! Names to vetted addresses.
//!
//! Plot: a connection asks for a name; a good answer is kept for some seconds; else it joins the
//! look-up of that name that is under way, or begins one. A look-up blocks a thread for as long as
//! the system's resolver likes, so that there is never more than one for a name: those who ask stop
//! waiting, the look-up goes on. The policy is applied on every use of an answer.

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};

use super::{Reach, Settings};

/// Nobody waits longer for a look-up, whatever the attempt's deadline.
const LOOKUP: Duration = Duration::from_secs(10);
/// How long an answer is good: attempts to one host come in bursts, and a name that moved must not
/// be missed for long.
const FRESH: Duration = Duration::from_secs(5);
/// Answers that are kept.
const KEPT: usize = 10_000;

/// The policy forbids an address.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the address {0} is forbidden by the egress policy")]
pub(crate) struct Forbidden(pub(crate) IpAddr);

/// A name did not resolve.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unresolved(Arc<str>);

impl Unresolved {
    fn because(error: &io::Error) -> Self {
        let text = error.to_string();
        // What the standard library puts before the resolver's own words.
        let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
        Self(format!("the name does not resolve ({text})").into())
    }
}

type Found = Result<Arc<[SocketAddr]>, Unresolved>;
type Lookup = dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync;

/// What is known of names, and what is being asked.
pub(crate) struct Names {
    lookup: Box<Lookup>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    under_way: HashMap<String, Shared<oneshot::Receiver<Found>>>,
    known: HashMap<String, Arc<[SocketAddr]>>,
    /// The names in `known` with when they were answered, the oldest first.
    ages: VecDeque<(Instant, String)>,
}

impl State {
    fn forget(&mut self, now: Instant) {
        while let Some((answered, _)) = self.ages.front()
            && (now.duration_since(*answered) >= FRESH || self.ages.len() >= KEPT)
        {
            if let Some((_, name)) = self.ages.pop_front() {
                self.known.remove(&name);
            }
        }
    }
}

impl Names {
    /// Asks the system's resolver.
    pub(crate) fn of_system() -> Arc<Self> {
        Self::new(|name| {
            Box::pin(async move { Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.collect()) })
        })
    }

    fn new(
        lookup: impl Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { lookup: Box::new(lookup), state: Mutex::default() })
    }

    async fn addresses(self: &Arc<Self>, name: &str) -> Found {
        let answer = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.forget(Instant::now());
            if let Some(found) = state.known.get(name) {
                return Ok(Arc::clone(found));
            }
            match state.under_way.get(name) {
                Some(answer) => answer.clone(),
                None => {
                    let (tell, answer) = oneshot::channel();
                    let answer = answer.shared();
                    state.under_way.insert(name.to_owned(), answer.clone());
                    tokio::spawn(Arc::clone(self).look_up(name.to_owned(), tell));
                    answer
                }
            }
        };
        match timeout(LOOKUP, answer).await {
            Ok(Ok(found)) => found,
            Ok(Err(_)) => Err(Unresolved("the look-up of the name was given up".into())),
            Err(_) => {
                Err(Unresolved(format!("the name was not resolved within {} s", LOOKUP.as_secs()).into()))
            }
        }
    }

    async fn look_up(self: Arc<Self>, name: String, tell: oneshot::Sender<Found>) {
        let found = match (self.lookup)(name.clone()).await {
            Ok(found) if found.is_empty() => Err(Unresolved("the name has no address".into())),
            Ok(found) => Ok(Arc::from(found)),
            Err(error) => Err(Unresolved::because(&error)),
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.under_way.remove(&name);
        let now = Instant::now();
        state.forget(now);
        if let Ok(found) = &found {
            state.known.insert(name.clone(), Arc::clone(found));
            state.ages.push_back((now, name));
        }
        drop(state);
        // Everybody may have stopped waiting.
        let _ = tell.send(found);
    }
}

/// Refuses a name if any of its addresses is forbidden, so that it does not matter which one is
/// connected to.
pub(crate) struct Vetting {
    settings: Arc<Settings>,
    names: Arc<Names>,
    /// Refuse public addresses too: the port is only allowed in admitted networks.
    admitted_only: bool,
}

impl Vetting {
    pub(crate) fn new(settings: Arc<Settings>, names: Arc<Names>, admitted_only: bool) -> Self {
        Self { settings, names, admitted_only }
    }
}

impl Resolve for Vetting {
    fn resolve(&self, name: Name) -> Resolving {
        let (settings, names) = (Arc::clone(&self.settings), Arc::clone(&self.names));
        let admitted_only = self.admitted_only;
        Box::pin(async move {
            let found = names.addresses(name.as_str()).await?;
            vet(&settings, admitted_only, &found)?;
            let addresses: Vec<SocketAddr> = found.to_vec();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn vet(settings: &Settings, admitted_only: bool, addresses: &[SocketAddr]) -> Result<(), Forbidden> {
    for address in addresses {
        match settings.reach(address.ip()) {
            Reach::Admitted => {}
            Reach::Public if !admitted_only => {}
            Reach::Public | Reach::Forbidden => return Err(Forbidden(address.ip())),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_forbidden_address_refuses_the_name() {
        let settings =
            Settings { allow_networks: vec!["10.0.0.0/8".parse().unwrap()], ..Settings::default() };
        let list = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|t| SocketAddr::new(t.parse().unwrap(), 0)).collect()
        };
        assert!(vet(&settings, false, &list(&["1.1.1.1", "10.0.0.1"])).is_ok());
        assert!(vet(&settings, true, &list(&["10.0.0.1"])).is_ok());
        assert!(vet(&settings, true, &list(&["1.1.1.1"])).is_err());
        assert!(vet(&settings, false, &list(&["1.1.1.1", "127.0.0.1"])).is_err());
        assert!(vet(&settings, false, &list(&["1.1.1.1", "::ffff:192.168.0.1"])).is_err());
    }

    /// Names whose look-ups are answered one by one, by what is sent.
    #[expect(clippy::type_complexity, reason = "a pair of a test")]
    fn names() -> (Arc<Names>, Arc<Mutex<Vec<(String, oneshot::Sender<io::Result<Vec<SocketAddr>>>)>>>) {
        let asked: Arc<Mutex<Vec<_>>> = Arc::default();
        let names = Names::new({
            let asked = Arc::clone(&asked);
            move |name| {
                let (tell, answer) = oneshot::channel();
                asked.lock().unwrap().push((name, tell));
                Box::pin(async move { answer.await.unwrap_or_else(|_| Err(io::ErrorKind::Other.into())) })
            }
        });
        (names, asked)
    }

    #[tokio::test(start_paused = true)]
    async fn one_name_is_looked_up_once_at_a_time_and_its_answer_is_kept() {
        let (names, asked) = names();
        let address = SocketAddr::new("1.1.1.1".parse().unwrap(), 0);
        // Nobody answers: those who ask give up, and the look-up is still the only one.
        let waiting = futures_util::future::join_all((0..100).map(|_| names.addresses("dead.example")));
        for found in waiting.await {
            assert_eq!(found.unwrap_err().to_string(), "the name was not resolved within 10 s");
        }
        assert!(timeout(Duration::from_secs(1), names.addresses("dead.example")).await.is_err());
        assert_eq!(asked.lock().unwrap().len(), 1);
        // Another name does not wait for it.
        let (found, ()) = tokio::join!(names.addresses("well.example"), async {
            while asked.lock().unwrap().len() < 2 {
                tokio::task::yield_now().await;
            }
            asked.lock().unwrap().pop().unwrap().1.send(Ok(vec![address])).unwrap();
        });
        assert_eq!(*found.unwrap(), [address]);
        assert_eq!(*names.addresses("well.example").await.unwrap(), [address], "kept");
        tokio::time::advance(FRESH).await;
        assert!(timeout(Duration::from_secs(1), names.addresses("well.example")).await.is_err());
        assert_eq!(asked.lock().unwrap().len(), 2, "asked anew when the answer is old");
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_not_kept_and_answers_are_bounded() {
        let address = SocketAddr::new("1.1.1.1".parse().unwrap(), 0);
        let fail = Arc::new(std::sync::atomic::AtomicBool::new(true));
        let failing = Arc::clone(&fail);
        let names = Names::new(move |_| {
            let fails = failing.load(std::sync::atomic::Ordering::Relaxed);
            let answer = if fails {
                Err(io::Error::other("failed to lookup address information: Try again"))
            } else {
                Ok(vec![address])
            };
            Box::pin(std::future::ready(answer))
        });
        let error = names.addresses("a.example").await.unwrap_err();
        assert_eq!(error.to_string(), "the name does not resolve (Try again)");
        fail.store(false, std::sync::atomic::Ordering::Relaxed);
        assert!(names.addresses("a.example").await.is_ok());
        for n in 0..KEPT + 10 {
            assert!(names.addresses(&n.to_string()).await.is_ok());
        }
        let state = names.state.lock().unwrap();
        assert!(state.known.len() <= KEPT && state.ages.len() == state.known.len());
        assert!(state.under_way.is_empty());
    }
}
