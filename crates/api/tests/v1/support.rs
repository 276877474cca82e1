//! A store in a temporary folder with the API before it, and short words for requests.

use std::sync::Arc;

use actix_web::{
    App,
    body::{BoxBody, MessageBody},
    dev::{Service, ServiceResponse},
    http::{StatusCode, header::HeaderMap},
    test::{TestRequest, init_service},
    web::{Bytes, Data},
};
use rollcall_api::{Options, State, TriedOut};
use rollcall_domain::{
    Command, Precondition, Reply,
    ids::{DirectoryId, GroupId, RequestId, UserId},
};
use rollcall_scim::document::{Document, MemberInput};
use rollcall_store::{Committed, Settings, Store, WriteRequest, clock};
use rollcall_stream::Feed;
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;

pub(crate) const KEY: &str = "rck_a_key_of_at_least_thirty_two_characters";

/// The API and what is behind it.
pub(crate) struct Server {
    pub(crate) store: Store,
    pub(crate) shutdown: watch::Sender<bool>,
    state: Data<State>,
    _folder: TempDir,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body; null if there is none.
    pub(crate) fn json(&self) -> Value {
        if self.body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&self.body).expect("the body is JSON")
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body of an answer that must have this status.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// Checks that it is a problem of this status, code and field.
    #[track_caller]
    pub(crate) fn refuses(&self, status: u16, code: &str, field: Option<&str>) {
        let problem = self.expect(status);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let expected = (json!(status), json!(code), field);
        let given = (problem["status"].clone(), problem["code"].clone(), problem["field"].as_str());
        assert_eq!(given, expected, "{problem}");
        assert!(problem["title"].is_string() && problem["detail"].is_string() && problem["type"].is_string());
    }
}

impl Server {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let settings =
            Settings { data_dir: folder.path().to_owned(), disk_refuse_percent: 100, ..Settings::default() };
        let feed = Feed::new(rollcall_stream::Settings::default());
        let store = Store::open(settings, Arc::clone(&feed) as _).expect("the store opens");
        let (shutdown, receiver) = watch::channel(false);
        let state = State::new(Options {
            store: store.clone(),
            feed,
            public_url: "https://rollcall.example/".to_owned(),
            env_api_key: Some(SecretString::from(KEY)),
            check_endpoint_url: Arc::new(|url| match url {
                _ if url.contains("internal") => Err("its host is private".to_owned()),
                _ if url.contains(":25/") => Err("port 25 is not allowed".to_owned()),
                _ => Ok(()),
            }),
            try_out: Arc::new(|asked| {
                // The SCIM service is not here; what it does is tested with the whole server.
                let body = format!("{{\"tried\":\"{} {}\"}}", asked.method, asked.path).into_bytes();
                let tried =
                    TriedOut { status: 200, body, reason: None, rules: Vec::new(), events: Vec::new() };
                Box::pin(async { Some(tried) })
            }),
            shutdown: receiver,
        });
        Self { store, shutdown, state: Data::new(state), _folder: folder }
    }

    /// The raw response to a request, sent as it is.
    pub(crate) async fn respond(&self, request: TestRequest) -> ServiceResponse<BoxBody> {
        let state = self.state.clone();
        let app = init_service(App::new().configure(|config| rollcall_api::configure(config, state))).await;
        app.call(request.to_request()).await.expect("errors are answered").map_into_boxed_body()
    }

    pub(crate) async fn send(&self, request: TestRequest) -> Answer {
        let response = self.respond(request).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = actix_web::body::to_bytes(response.into_body()).await.expect("the body can be read");
        Answer { status, headers, body }
    }

    pub(crate) async fn get(&self, uri: &str) -> Answer {
        self.send(keyed(TestRequest::get(), uri)).await
    }

    pub(crate) async fn post(&self, uri: &str, body: Value) -> Answer {
        self.send(keyed(TestRequest::post(), uri).set_payload(body.to_string())).await
    }

    /// A POST without a body.
    pub(crate) async fn poke(&self, uri: &str) -> Answer {
        self.send(keyed(TestRequest::post(), uri)).await
    }

    pub(crate) async fn patch(&self, uri: &str, body: Value) -> Answer {
        self.send(keyed(TestRequest::patch(), uri).set_payload(body.to_string())).await
    }

    pub(crate) async fn delete(&self, uri: &str) -> Answer {
        self.send(keyed(TestRequest::delete(), uri)).await
    }

    /// An organization's id.
    pub(crate) async fn organization(&self, name: &str) -> String {
        text(&self.post("/v1/organizations", json!({ "name": name })).await.expect(201)["id"])
    }

    /// A directory's id, in an organization of its own.
    pub(crate) async fn directory(&self) -> String {
        let organization = self.organization("Acme").await;
        let body = json!({ "organization_id": organization, "provider": "okta" });
        text(&self.post("/v1/directories", body).await.expect(201)["id"])
    }

    /// An endpoint's id.
    pub(crate) async fn endpoint(&self, url: &str) -> String {
        text(&self.post("/v1/endpoints", json!({ "url": url })).await.expect(201)["id"])
    }

    /// Writes as a provider would.
    pub(crate) async fn write(&self, directory: &str, command: Command) -> Committed {
        let request = WriteRequest {
            directory_id: DirectoryId::parse(directory).expect("it is an id"),
            command,
            request_id: RequestId::from_uuid(clock::new_uuid()),
            method: "POST",
            members_up_to: 0,
        };
        self.store.write(request).await.expect("the write is taken")
    }

    /// A new user's id.
    pub(crate) async fn user(&self, directory: &str, attributes: Value) -> UserId {
        match self.write(directory, Command::CreateUser { document: document(attributes) }).await.reply {
            Reply::User(user) => user.id,
            other => panic!("not a user: {other:?}"),
        }
    }

    /// A new group's id.
    pub(crate) async fn group(&self, directory: &str, name: &str, members: &[&UserId]) -> GroupId {
        let member = |id: &&UserId| MemberInput {
            value: id.to_string(),
            display: None,
            kind: Some("User".to_owned()),
        };
        let command = Command::CreateGroup {
            document: document(json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name
            })),
            members: members.iter().map(member).collect(),
        };
        match self.write(directory, command).await.reply {
            Reply::Group(group) => group.id,
            other => panic!("not a group: {other:?}"),
        }
    }

    pub(crate) async fn delete_user(&self, directory: &str, id: UserId) {
        self.write(directory, Command::DeleteUser { id, precondition: Precondition::None }).await;
    }
}

/// A user's attributes as SCIM keeps them.
pub(crate) fn named(user_name: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": user_name, "active": true
    })
}

fn document(attributes: Value) -> Document {
    serde_json::from_value(attributes).expect("it is an object")
}

/// A request with the key.
pub(crate) fn keyed(request: TestRequest, uri: &str) -> TestRequest {
    request.uri(uri).insert_header(("authorization", format!("Bearer {KEY}")))
}

/// A JSON string's text.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}")).to_owned()
}

/// One field of each row of a list.
pub(crate) fn column(list: &Value, field: &str) -> Vec<Value> {
    list["data"].as_array().expect("`data` is a list").iter().map(|row| row[field].clone()).collect()
}

/// The next piece of a streamed body; `None` at its end.
pub(crate) async fn piece(body: &mut BoxBody) -> Option<String> {
    let bytes = std::future::poll_fn(|context| std::pin::Pin::new(&mut *body).poll_next(context)).await?;
    Some(String::from_utf8(bytes.expect("the stream goes on").to_vec()).expect("it is text"))
}

/// Every row of a list, read in pages of `limit`.
pub(crate) async fn all_pages(server: &Server, path: &str, limit: u32) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut after = String::new();
    loop {
        let joint = if path.contains('?') { '&' } else { '?' };
        let page = server.get(&format!("{path}{joint}limit={limit}{after}")).await.expect(200);
        let data = page["data"].as_array().expect("`data` is a list");
        assert!(data.len() <= limit as usize);
        rows.extend(data.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(cursor) => after = format!("&after={cursor}"),
            None => return rows,
        }
    }
}
