//! A store with two directories, the routes in front of it, and a record of every event.

use std::sync::{Arc, Mutex};

use actix_web::{
    App,
    http::{Method, StatusCode, header::HeaderMap},
    test::{TestRequest, call_service, init_service, read_body},
    web::Data,
};
use rollcall_domain::{
    directory::{Mode, Provider, RuleSwitches},
    event::LoggedEvent,
    ids::DirectoryId,
};
use rollcall_ingest::{Settings, State, configure};
use rollcall_store::{
    CommitListener, Store,
    config_ops::{DirectoryPatch, NewDirectory},
};
use secrecy::ExposeSecret as _;
use serde_json::Value;

pub(crate) const PUBLIC_URL: &str = "https://rollcall.example/";

/// The whole of it. Dropping it removes the folder.
pub(crate) struct Server {
    pub(crate) store: Store,
    pub(crate) one: Tenant,
    pub(crate) other: Tenant,
    events: Arc<Recorder>,
    state: State,
    _folder: Arc<tempfile::TempDir>,
}

/// A directory and its token.
#[derive(Clone)]
pub(crate) struct Tenant {
    pub(crate) id: DirectoryId,
    pub(crate) token: String,
}

impl Tenant {
    pub(crate) fn path(&self) -> String {
        format!("/scim/v2/{}", self.id)
    }
}

#[derive(Default)]
struct Recorder(Mutex<Vec<Arc<LoggedEvent>>>);

impl CommitListener for Recorder {
    fn committed(&self, events: &[Arc<LoggedEvent>]) {
        self.0.lock().unwrap().extend_from_slice(events);
    }
}

/// What came back.
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_else(|| panic!("no id in {}", self.body)).to_owned()
    }

    /// Asserts that it is an error in SCIM's form.
    pub(crate) fn assert_error(&self, status: u16, context: &str) {
        assert_eq!(self.status, status, "{context}: {}", self.body);
        assert_eq!(self.header("content-type"), Some("application/scim+json"), "{context}");
        assert_eq!(self.body["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error", "{context}");
        assert_eq!(self.body["status"], status.to_string(), "{context}");
        let detail = self.body["detail"].as_str().unwrap_or_default();
        let begins = detail.starts_with(|first: char| first.is_uppercase() || first == '"');
        assert!(begins && detail.ends_with('.'), "{context}: a sentence, not {detail:?}");
    }
}

/// A request in the making.
pub(crate) struct Ask {
    method: Method,
    uri: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Ask {
    /// Of this tenant, with its token; `rest` follows the base URL.
    pub(crate) fn new(tenant: &Tenant, method: &str, rest: &str) -> Self {
        let ask = Self::at(method, &format!("{}{rest}", tenant.path()));
        ask.header("authorization", &format!("Bearer {}", tenant.token))
    }

    /// Of anybody.
    pub(crate) fn at(method: &str, uri: &str) -> Self {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        Self { method, uri: uri.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    /// With a header more.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a JSON body.
    pub(crate) fn json(self, body: &Value) -> Self {
        self.bytes(body.to_string().into_bytes())
    }

    /// With any body.
    pub(crate) fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let events = Arc::new(Recorder::default());
        let store_settings =
            rollcall_store::Settings { data_dir: folder.path().to_owned(), ..Default::default() };
        let store = Store::open(store_settings, events.clone()).unwrap();
        let organization = store.create_organization("Acme".to_owned(), None).await.unwrap();
        let mut tenants = Vec::new();
        for name in ["one", "other"] {
            let new = NewDirectory {
                organization_id: organization.id.clone(),
                name: name.to_owned(),
                provider: Provider::Generic,
                mode: Mode::Live,
                compatibility: RuleSwitches::default(),
            };
            let (directory, _, token) = store.create_directory(new).await.unwrap();
            tenants.push(Tenant { id: directory.id, token: token.expose_secret().to_owned() });
        }
        let other = tenants.pop().unwrap();
        let one = tenants.pop().unwrap();
        let state = State::new(settings, store.clone(), PUBLIC_URL.to_owned());
        Self { store, one, other, events, state, _folder: Arc::new(folder) }
    }

    /// The same store and directories behind routes of another state.
    pub(crate) fn clone_with(&self, change: impl FnOnce(State) -> State) -> Self {
        let (store, state) = (self.store.clone(), change(self.state.clone()));
        let (one, other, events) = (self.one.clone(), self.other.clone(), Arc::clone(&self.events));
        Self { store, one, other, events, state, _folder: Arc::clone(&self._folder) }
    }

    /// Sets the switches of the first directory.
    pub(crate) async fn switch(&self, compatibility: RuleSwitches) {
        let patch = DirectoryPatch { compatibility: Some(compatibility), ..DirectoryPatch::default() };
        self.store.update_directory(&self.one.id, patch).await.unwrap();
    }

    /// Sends a request and reads all of the answer.
    pub(crate) async fn send(&self, ask: Ask) -> Got {
        let state = Data::new(self.state.clone());
        let app = init_service(App::new().configure(|config| configure(config, state))).await;
        let mut request = TestRequest::with_uri(&ask.uri).method(ask.method).set_payload(ask.body);
        for (name, value) in ask.headers {
            request = request.append_header((name, value));
        }
        let response = call_service(&app, request.to_request()).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = read_body(response).await;
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        assert_eq!(headers.contains_key("content-type"), !bytes.is_empty(), "{status}");
        assert!(headers.get("x-request-id").unwrap().to_str().unwrap().starts_with("req_"));
        if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
            assert!(bytes.is_empty());
        }
        Got { status: status.as_u16(), headers, body }
    }

    /// A request of the first tenant.
    pub(crate) async fn one(&self, method: &str, rest: &str, body: Option<&Value>) -> Got {
        let ask = Ask::new(&self.one, method, rest);
        self.send(match body {
            Some(body) => ask.json(body),
            None => ask,
        })
        .await
    }

    /// Creates a user of the first tenant, and gives its id.
    pub(crate) async fn user(&self, user_name: &str) -> String {
        let got = self.one("POST", "/Users", Some(&serde_json::json!({"userName": user_name}))).await;
        assert_eq!(got.status, 201, "{}", got.body);
        got.id()
    }

    /// The types of all events since the beginning, or since the last call.
    pub(crate) fn new_events(&self) -> Vec<String> {
        let events: Vec<_> = self.events.0.lock().unwrap().drain(..).collect();
        events.iter().map(|event| event.kind.as_str().to_owned()).collect()
    }

    /// The bodies of all events since the beginning, or since the last call.
    pub(crate) fn new_event_bodies(&self) -> Vec<Value> {
        let events: Vec<_> = self.events.0.lock().unwrap().drain(..).collect();
        events.iter().map(|event| serde_json::from_slice(&event.body).unwrap()).collect()
    }
}
