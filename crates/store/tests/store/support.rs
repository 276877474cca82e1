//! A store in a folder of its own, and short ways to say what to write.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rollcall_domain::{
    Command, Precondition, Reply,
    directory::{Mode, Provider, RuleSwitches},
    endpoint::{Endpoint, Format, OnExhausted, RetrySchedule, Scope},
    event::{EventType, LoggedEvent},
    ids::{DirectoryId, GroupId, OrganizationId, RequestId, UserId},
    record::{GroupRecord, UserRecord},
};
use rollcall_scim::{Document, ListQuery, ResourceKind, Rules, group_input, patch_request, user_input};
use rollcall_store::{
    CommitListener, Committed, Settings, Store, WriteError, WriteRequest, clock,
    config_ops::{NewDirectory, NewEndpoint, Start},
};
use rollcall_tests::servers::postgres::Postgres;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// Keeps what it hears.
#[derive(Default)]
pub(crate) struct Heard(Mutex<Vec<Arc<LoggedEvent>>>);

impl CommitListener for Heard {
    fn committed(&self, events: &[Arc<LoggedEvent>]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(events);
    }
}

impl Heard {
    pub(crate) fn events(&self) -> Vec<Arc<LoggedEvent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Makes two tests of each function: with a store on files, and with one on a server. There the log has
/// one shard too, so that positions are the same; what is about many is in the modules of its own.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod on_files {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::support::Fixture::new().await).await;
            })*
        }
        mod on_a_server {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::support::Fixture::on_a_server().await).await;
            })*
        }
    };
}
pub(crate) use on_both;

/// A real one, which each test has a database of.
pub(crate) static SERVER: LazyLock<Postgres> = LazyLock::new(Postgres::start);

pub(crate) struct Fixture {
    /// Of a store on files.
    pub(crate) folder: TempDir,
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) heard: Arc<Heard>,
    pub(crate) organization: OrganizationId,
    pub(crate) directory: DirectoryId,
    pub(crate) token: String,
}

pub(crate) fn settings(folder: &TempDir) -> Settings {
    // The machine's disk is not what is tested.
    Settings {
        data_dir: folder.path().join("data"),
        disk_refuse_percent: 100,
        disk_warn_percent: 100,
        ..Settings::default()
    }
}

/// For a database of the server.
pub(crate) fn server_settings(database: &str) -> Settings {
    Settings {
        url: Some(SERVER.url_of(database).into()),
        master_key: Some("5a".repeat(32).into()),
        readers: 2,
        ..Settings::default()
    }
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let settings = settings(&folder);
        Self::with(folder, settings).await
    }

    /// With a log of one shard.
    pub(crate) async fn on_a_server() -> Self {
        let settings = Settings { shards: 1, ..server_settings(&SERVER.database()) };
        Self::with(TempDir::new().unwrap(), settings).await
    }

    pub(crate) async fn with(folder: TempDir, settings: Settings) -> Self {
        use secrecy::ExposeSecret;
        let heard = Arc::new(Heard::default());
        let store = Store::open(settings.clone(), heard.clone()).unwrap();
        let organization = store.create_organization("Acme".into(), Some("acme".into())).await.unwrap().id;
        let (directory, _, token) =
            store.create_directory(new_directory(&organization, Mode::Live)).await.unwrap();
        let token = token.expose_secret().to_owned();
        Self { folder, settings, store, heard, organization, directory: directory.id, token }
    }

    pub(crate) async fn second_directory(&self, mode: Mode) -> DirectoryId {
        self.store.create_directory(new_directory(&self.organization, mode)).await.unwrap().0.id
    }

    pub(crate) async fn write(&self, command: Command) -> Result<Committed, WriteError> {
        self.store.write(request(&self.directory, command)).await
    }

    pub(crate) async fn user(&self, name: &str) -> UserRecord {
        user_of(self.write(create_user(name)).await.unwrap())
    }

    pub(crate) async fn group(&self, name: &str, members: &[&UserId]) -> GroupRecord {
        let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        let input =
            group_input(map(json!({"displayName": name, "members": members})), &Rules::default()).unwrap().0;
        let command =
            Command::CreateGroup { document: input.document, members: input.members.unwrap_or_default() };
        match self.write(command).await.unwrap().reply {
            Reply::Group(group) => group,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn endpoint(&self, scope: Scope, event_types: Vec<EventType>) -> Endpoint {
        self.store.create_endpoint(new_endpoint(scope, event_types)).await.unwrap().0
    }
}

pub(crate) fn new_directory(organization: &OrganizationId, mode: Mode) -> NewDirectory {
    NewDirectory {
        organization_id: organization.clone(),
        name: "Entra".into(),
        provider: Provider::EntraId,
        mode,
        compatibility: RuleSwitches::default(),
    }
}

pub(crate) fn new_endpoint(scope: Scope, event_types: Vec<EventType>) -> NewEndpoint {
    NewEndpoint {
        url: "https://example.com/hook".into(),
        description: None,
        scope,
        event_types,
        format: Format::Standard,
        retry_schedule: RetrySchedule::default(),
        timeout_seconds: 15,
        on_exhausted: OnExhausted::DeadLetter,
        headers: [("x-a".to_owned(), "b".to_owned())].into(),
        start: Start::Now,
        asymmetric: false,
    }
}

pub(crate) fn request(directory: &DirectoryId, command: Command) -> WriteRequest {
    WriteRequest {
        directory_id: directory.clone(),
        command,
        request_id: RequestId::from_uuid(clock::new_uuid()),
        method: "POST",
        members_up_to: 100,
    }
}

pub(crate) fn map(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

pub(crate) fn document(name: &str) -> Document {
    let body = json!({
        "userName": name,
        "externalId": format!("ext-{name}"),
        "displayName": format!("Display {name}"),
        "password": "hunter2-never-stored",
        "emails": [{"value": format!("{name}@Example.com"), "type": "work", "primary": true}],
    });
    user_input(map(body), &Rules::default()).unwrap().0.document
}

pub(crate) fn create_user(name: &str) -> Command {
    Command::CreateUser { document: document(name) }
}

pub(crate) fn patch_user(id: &UserId, operations: Value) -> Command {
    let (patch, _) = patch_request(ResourceKind::User, patch_body(operations), &Rules::default()).unwrap();
    Command::PatchUser { id: id.clone(), patch, precondition: Precondition::None }
}

pub(crate) fn patch_group(id: &GroupId, operations: Value) -> Command {
    let (patch, _) = patch_request(ResourceKind::Group, patch_body(operations), &Rules::default()).unwrap();
    Command::PatchGroup { id: id.clone(), patch, precondition: Precondition::None }
}

fn patch_body(operations: Value) -> Map<String, Value> {
    map(json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}))
}

pub(crate) fn user_of(committed: Committed) -> UserRecord {
    match committed.reply {
        Reply::User(user) => user,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn list(kind: ResourceKind, pairs: &[(&str, &str)]) -> ListQuery {
    let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    ListQuery::parse(pairs, kind, &Rules::default(), 1000).unwrap()
}
