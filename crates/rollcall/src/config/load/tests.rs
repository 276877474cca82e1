use serde_json::json;

use super::*;
use crate::config::Roles;

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Loads with this file; its path in messages is `FILE`.
fn with_file(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rollcall.toml");
    std::fs::write(&path, text).unwrap();
    let name = path.display().to_string();
    let sources = Sources { file: Some(path), environment: environment(variables), flags: Vec::new() };
    load(sources).map_err(|e| e.0.replace(&name, "FILE"))
}

#[test]
fn later_sources_win() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rollcall.toml");
    std::fs::write(
        &path,
        "data_dir = 'from-file'\n[server]\nlisten = '127.0.0.1:1'\nworkers = 3\nshutdown_seconds = 7\n",
    )
    .unwrap();
    let loaded = load(Sources {
        file: Some(path),
        environment: environment(&[
            ("ROLLCALL_SERVER__LISTEN", "127.0.0.1:2"),
            ("ROLLCALL_SERVER__WORKERS", "4"),
            ("PATH", "/bin"),
        ]),
        flags: vec![("server.listen", "--listen", json!("127.0.0.1:3"))],
    })
    .unwrap();
    let Settings { server, store, data_dir, .. } = &loaded.settings;
    assert_eq!(server.listen.to_string(), "127.0.0.1:3");
    assert_eq!((server.workers, server.shutdown_seconds), (4, 7));
    assert_eq!(data_dir, Path::new("from-file"));
    assert_eq!(store.data_dir, Path::new("from-file"), "the store uses the one data folder");
    assert_eq!(loaded.origins["server.listen"], "--listen");
    assert_eq!(loaded.origins["server.workers"], "environment ROLLCALL_SERVER__WORKERS");
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
}

#[test]
fn the_environment_sets_lists_booleans_and_text() {
    let loaded = load(Sources {
        environment: environment(&[
            ("ROLLCALL_EGRESS__ALLOW_NETWORKS", r#"["127.0.0.0/8", "::1/128"]"#),
            ("ROLLCALL_EGRESS__ALLOW_HTTP", "true"),
            ("ROLLCALL_PUBLIC_URL", "https://directory.example/"),
            ("ROLLCALL_API_KEY", "12345678901234567890123456789012"),
            ("ROLLCALL_ROLE", "dispatch,ingest"),
            ("ROLLCALL_SERVICE_PORT", "tcp://10.0.0.1:80"),
        ]),
        ..Sources::default()
    })
    .unwrap();
    let settings = &loaded.settings;
    assert_eq!(settings.egress.allow_networks.len(), 2);
    assert!(settings.egress.allow_http);
    assert_eq!(settings.public_url.as_ref().unwrap().as_str(), "https://directory.example");
    assert!(settings.api_key.is_some());
    assert_eq!(settings.role, Roles::ALL);
    assert_eq!(
        loaded.warnings,
        ["the environment's ROLLCALL_SERVICE_PORT sets nothing that is known; it is ignored"]
    );
}

/// A file, an environment, and how the message begins.
type Mistake = (&'static str, &'static [(&'static str, &'static str)], &'static str);

#[test]
fn mistakes_are_named_in_one_line() {
    let table: &[Mistake] = &[
        ("[server]\nlisen = 1\n", &[], "FILE: unknown key `server.lisen` (did you mean `server.listen`?)"),
        ("colour = 1\n[moon]\nphase = 1\n", &[], "FILE: unknown keys `colour`, `moon.phase`"),
        ("[store]\ndata_dir = 'x'\n", &[], "FILE: unknown key `store.data_dir` (set `data_dir` at the top)"),
        ("[server\n", &[], "FILE:1: "),
        ("\n\n[server]\nworkers = \n", &[], "FILE:4: "),
        ("[server]\nworkers = 'many'\n", &[], "FILE: server.workers: "),
        ("[server]\nlisten = 'here'\n", &[], "FILE: server.listen: "),
        ("server = 1\n", &[], "FILE: unknown key `server`"),
        (
            "[server]\nkeep_alive_seconds = 0\n",
            &[],
            "FILE: server.keep_alive_seconds is 0: it must be a whole number from 1 to 86400",
        ),
        ("[store]\nbatch = 0\n", &[], "FILE: store.batch is 0: it must be a whole number from 1 to 10000"),
        ("[store]\nreaders = 0\n", &[], "FILE: store.readers is 0: "),
        ("[store]\nwrite_queue = -1\n", &[], "FILE: store.write_queue is -1: it must be a whole number"),
        ("[store]\ndisk_warn_percent = 300\n", &[], "FILE: store.disk_warn_percent is 300: "),
        (
            "[dispatch]\nslow_slots = 0.5\n",
            &[],
            "FILE: dispatch.slow_slots is 0.5: it must be a whole number",
        ),
        (
            "[store]\nbatch = 0\n",
            &[("ROLLCALL_STORE__BATCH", "10001")],
            "environment ROLLCALL_STORE__BATCH: store.batch is 10001: it must be a whole number from 1 to 10000",
        ),
        (
            "[store]\ndisk_warn_percent = 95\n",
            &[],
            "store.disk_warn_percent is 95 and store.disk_refuse_percent 90: the warning must come no later",
        ),
        ("[log]\nlevel = 'loud=='\n", &[], "FILE: log.level: "),
        (
            "",
            &[("ROLLCALL_LOG__LEVEL", "frob")],
            "environment ROLLCALL_LOG__LEVEL: log.level: \"frob\" is no level: it must be off, error, ",
        ),
        ("[log]\nformat = 'xml'\n", &[], "FILE: log.format: "),
        ("role = 'cook'\n", &[], "FILE: role: unknown role \"cook\""),
        ("public_url = 'directory.example'\n", &[], "FILE: public_url: "),
        (
            "public_url = 'https://a.example/?x'\n",
            &[],
            "FILE: public_url: \"https://a.example/?x\" is no public URL: it must have no query",
        ),
        ("[egress]\nallow_networks = ['127.0.0.1/99']\n", &[], "FILE: egress.allow_networks"),
        (
            "",
            &[("ROLLCALL_API_KEY", "short")],
            "environment ROLLCALL_API_KEY: api_key: an API key must have at least 32 characters; this one has 5",
        ),
        (
            "",
            &[("ROLLCALL_EGRESS__ALLOW_HTTP", "yes")],
            "environment ROLLCALL_EGRESS__ALLOW_HTTP: the value is no boolean",
        ),
        (
            "[server]\nlisten = '127.0.0.1:7'\nadmin_listen = '127.0.0.1:7'\n",
            &[],
            "server.listen and server.admin_listen are both 127.0.0.1:7",
        ),
    ];
    for (file, variables, expected) in table {
        let message = with_file(file, variables).expect_err(file);
        assert!(message.starts_with(expected), "{file:?} {variables:?}: {message}");
        assert!(!message.contains('\n'), "{message}");
    }
    let missing = load(Sources { file: Some("no/such/file.toml".into()), ..Sources::default() }).unwrap_err();
    assert!(missing.0.starts_with("no/such/file.toml: "), "{missing}");
}

#[test]
fn an_empty_file_and_empty_sections_are_fine() {
    with_file("", &[]).unwrap();
    with_file("[server]\n[log]\n", &[]).unwrap();
}

#[test]
fn the_printed_configuration_says_where_it_came_from_and_loads_again() {
    let key = "rck_0123456789012345678901234567890123456789012";
    let loaded = load(Sources {
        environment: environment(&[("ROLLCALL_API_KEY", key), ("ROLLCALL_EGRESS__ALLOW_HTTP", "true")]),
        flags: vec![("server.listen", "--listen", json!("127.0.0.1:0"))],
        ..Sources::default()
    })
    .unwrap();
    let printed = crate::config::print(&loaded);
    assert!(!printed.contains(key));
    with_file(&printed, &[]).unwrap();
    insta::assert_snapshot!(printed, @r#"
    # The effective configuration. Each value with where it came from.
    data_dir = "rollcall-data"                   # default
    # public_url is not set                      # default
    # api_key is set (not shown)                 # environment ROLLCALL_API_KEY
    # master_key is not set                      # default
    role = "all"                                 # default

    [server]
    listen = "127.0.0.1:0"                       # --listen
    admin_listen = "127.0.0.1:9090"              # default
    workers = 0                                  # default
    max_connections = 20000                      # default
    keep_alive_seconds = 75                      # default
    request_timeout_seconds = 10                 # default
    shutdown_seconds = 20                        # default

    [store]
    # url is not set                             # default
    # tls_ca is not set                          # default
    shards = 32                                  # default
    writers = 4                                  # default
    write_queue = 4096                           # default
    batch = 256                                  # default
    readers = 4                                  # default
    disk_refuse_percent = 90                     # default
    disk_warn_percent = 80                       # default
    attempts_retention_days = 30                 # default

    [store.requests]
    enabled = true                               # default
    retention_days = 14                          # default
    max_bytes = 268435456                        # default
    body_bytes = 16384                           # default

    [stream]
    tail_events = 8192                           # default
    tail_bytes = 16777216                        # default

    [kafka]
    # brokers is not set                         # default
    topic = "rollcall.events"                    # default
    group = "rollcall-dispatch"                  # default
    create_topic = true                          # default
    replication_factor = 0                       # default
    group_protocol = "classic"                   # default
    options = {}                                 # default

    [redis]
    # url is not set                             # default
    # tls_ca is not set                          # default
    key_prefix = "rollcall"                      # default
    timeout_ms = 1000                            # default

    [ingest]
    user_body_bytes = 1048576                    # default
    group_body_bytes = 16777216                  # default
    bulk_body_bytes = 16777216                   # default
    bulk_operations = 1000                       # default
    body_timeout_seconds = 30                    # default
    max_depth = 64                               # default
    default_page_size = 100                      # default
    max_results = 1000                           # default
    cursor_timeout_seconds = 3600                # default
    members_in_answer = 100                      # default
    # documentation_uri is not set               # default

    [dispatch]
    fast_slots = 512                             # default
    slow_slots = 256                             # default
    slots_per_organization = 256                 # default
    slots_per_host = 256                         # default
    max_parked_per_lane = 10000                  # default
    max_unsaved_attempts = 8192                  # default
    store_reads = 8                              # default
    max_held_bytes = 33554432                    # default
    disable_after_seconds = 432000               # default
    idle_connections_per_host = 64               # default
    drain_seconds = 3                            # default

    [egress]
    allow_networks = []                          # default
    deny_networks = []                           # default
    allow_http = true                            # environment ROLLCALL_EGRESS__ALLOW_HTTP

    [log]
    level = "info"                               # default
    format = "human"                             # default
    "#);
}

#[test]
fn what_kafka_is_given_is_a_table_of_any_names_and_its_secrets_are_not_shown() {
    let file = "[kafka]\nbrokers = \"kafka:9092\"\n[kafka.options]\n\"security.protocol\" = \"SASL_SSL\"\n\"sasl.mechanism\" = \"PLAIN\"\n\"sasl.username\" = \"rollcall\"\n\"sasl.password\" = \"hunter2\"\n";
    let loaded = with_file(file, &[]).unwrap();
    assert_eq!(loaded.settings.kafka.options.len(), 4);
    let printed = crate::config::print(&loaded);
    assert!(printed.contains("options.\"security.protocol\" = \"SASL_SSL\""), "{printed}");
    assert!(!printed.contains("hunter2"));
    let by_environment = r#"{"client.rack":"a"}"#;
    let loaded = with_file("", &[("ROLLCALL_KAFKA__OPTIONS", by_environment)]).unwrap();
    assert_eq!(loaded.settings.kafka.options["client.rack"], "a");
    let refused = with_file("[kafka.options]\nacks = \"1\"\n", &[]).unwrap_err().to_string();
    assert!(refused.contains("kafka.options may not set acks"), "{refused}");
}

#[test]
fn what_cannot_work_together_is_refused_with_the_reason() {
    let key = "ab".repeat(32);
    let url = ("ROLLCALL_STORE__URL", "postgres://u@h/d");
    let master = ("ROLLCALL_MASTER_KEY", key.as_str());
    let dispatch = ("ROLLCALL_ROLE", "dispatch");
    let kafka = ("ROLLCALL_KAFKA__BROKERS", "kafka:9092");
    type Variables<'a> = &'a [(&'a str, &'a str)];
    let table: [(Variables<'_>, Option<&str>); 7] = [
        (&[dispatch], Some("store.url is not set")),
        (&[("ROLLCALL_ROLE", "ingest"), kafka], Some("store.url is not set")),
        (&[url, master, dispatch], Some("kafka.brokers is not set")),
        (&[url, kafka], Some("master_key is not")),
        (&[url, master, dispatch, kafka], None),
        (&[url, master], None),
        (&[kafka], None),
    ];
    for (variables, expected) in table {
        match (with_file("", variables), expected) {
            (Ok(_), None) => {}
            (Err(why), Some(part)) => assert!(why.contains(part), "{why}"),
            (outcome, _) => panic!("{variables:?}: {:?}", outcome.map(drop)),
        }
    }
    let wrong = with_file("", &[("ROLLCALL_MASTER_KEY", "ab")]).unwrap_err();
    assert!(wrong.contains("64 hex digits"), "{wrong}");
    let printed = crate::config::print(&with_file("", &[url, master]).unwrap());
    assert!(!printed.contains(&key) && !printed.contains("postgres://"), "{printed}");
}
