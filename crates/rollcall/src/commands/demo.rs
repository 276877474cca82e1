//! `rollcall demo`: starts everything, plays two days, shows what to try next.

use std::{path::Path, process::ExitCode};

use anyhow::Context as _;
use rollcall_simulator::{Day, Persona, Provider, Size, Target};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use crate::{
    Failure, causes,
    cli::Demo,
    config::{self, Loaded, Settings, Sources},
    demo::{
        goodbye, lines,
        paint::{Look, Paint},
        receiver::Receiver,
        stage::Stage,
    },
    owner::{Owner, text},
    owner_key,
    server::{Application, Ports},
    telemetry,
};

/// Marks the endpoint, so that the next run in the same folder finds and removes it: its receiver
/// is gone with the run that made it.
const ENDPOINT_DESCRIPTION: &str = "rollcall demo";

/// Who plays. The seeds only choose names.
const CAST: [(&str, Provider, &str, u64); 2] =
    [("entra_id", Provider::Entra, "acme.example", 2), ("okta", Provider::Okta, "globex.example", 7)];

const SIZE: Size = Size { people: 4, changes: 0 };

pub(super) fn run(options: Demo) -> Result<ExitCode, Failure> {
    let settings = settings(&options)?;
    telemetry::start(&settings.log);
    super::runtime()?.block_on(async {
        let stop = super::stop_signal()?;
        Ok(play(options, settings, stop).await?)
    })
}

/// The defaults and the environment, with what the demo needs: this machine's receivers allowed.
fn settings(options: &Demo) -> Result<Settings, Failure> {
    let loaded = config::load(Sources {
        environment: super::environment().collect(),
        flags: vec![("data_dir", "--data", json!(options.data))],
        ..Sources::default()
    })?;
    let Loaded { mut settings, origins, .. } = loaded;
    if !origins.contains_key("log.level") {
        // The screen is for the demo.
        "error".clone_into(&mut settings.log.level);
    }
    settings.egress.allow_http = true;
    let loopback = "127.0.0.0/8".parse().context("loopback")?;
    settings.egress.allow_networks.push(loopback);
    settings.role = config::Roles::ALL;
    Ok(settings)
}

async fn play(
    options: Demo,
    settings: Settings,
    stop: impl Future<Output = &'static str>,
) -> anyhow::Result<ExitCode> {
    let paint = Paint::for_stdout();
    let environment_key = settings.api_key.as_ref().map(|key| key.secret().clone());
    let wanted = [settings.server.listen, settings.server.admin_listen];
    let application = Application::build(settings, Ports::FreeIfTaken).await?;
    let public_url = application.public_url.clone();
    let (public, private) = (application.public_addr, application.private_addr);
    let base = format!("http://{public}");
    let (key, key_file) = match environment_key {
        Some(key) => (key, None),
        None => {
            let key = owner_key(&options.data, &application).await?;
            (key, Some(owner_key::path(&options.data).display().to_string()))
        }
    };
    let running = application.start()?;
    let data = options.data.display().to_string();
    for line in lines::header(paint, &data) {
        paint.print(&line);
    }
    for line in lines::addresses(paint, wanted, [public, private]) {
        paint.print(&line);
    }

    // The show runs while the server does; whichever ends first ends the other, in order.
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(running.run_until(async {
        let _ = ended.await;
        "the show is over"
    }));
    let show = async {
        let mut receiver = Receiver::start()?;
        let result = Show { paint, base: &base, public_url: &public_url, private, key, key_file }
            .run(&mut receiver, options.exit, stop)
            .await;
        anyhow::Ok((receiver, result?))
    }
    .await;
    let _ = end.send(());
    server.await.context("the server")??;
    let (receiver, perfect) = show?;
    // Last, so that deliveries in flight were still answered.
    receiver.stop().await;
    if !options.exit {
        paint.print(&goodbye::last_line(&data));
    }
    Ok(if perfect { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The key in the folder. A store whose key was shown in another run and lost gets a new one.
async fn owner_key(data: &Path, application: &Application) -> anyhow::Result<SecretString> {
    match (&application.new_key, owner_key::read(data)?) {
        (Some(key), _) => Ok(key.clone()),
        (None, Some(key)) => Ok(key),
        (None, None) => owner_key::add(data, &application.store).await,
    }
}

struct Show<'a> {
    paint: Paint,
    /// Where the server can be reached, whatever it calls itself.
    base: &'a str,
    public_url: &'a str,
    private: std::net::SocketAddr,
    key: SecretString,
    key_file: Option<String>,
}

/// A directory and who plays it.
struct Part {
    directory: String,
    target: Target,
    scim_base_url: String,
    persona: Provider,
    day: Day,
}

impl Show<'_> {
    /// Whether all went well; and unless `exit`, only after `stop`.
    async fn run(
        self,
        receiver: &mut Receiver,
        exit: bool,
        stop: impl Future<Output = &'static str>,
    ) -> anyhow::Result<bool> {
        let owner = Owner::new(self.base, self.key.clone())?;
        let parts = self.prepare(&owner, receiver).await?;
        let (_, empty) = tokio::sync::mpsc::channel(1);
        let webhooks = std::mem::replace(&mut receiver.webhooks, empty);
        let mut stage = Stage::new(self.paint, owner, webhooks, exit);
        tokio::pin!(stop);
        let personas = tokio::select! {
            played = self.play(&parts, &mut stage) => played,
            _ = &mut stop => {
                if exit {
                    self.paint.print("\nstopped before the end");
                }
                return Ok(!exit);
            }
        };
        stage.finish();
        let fine = personas.is_ok() && stage.trouble.is_none() && stage.tally.is_perfect();
        if let Err(error) = &personas {
            self.paint.print(&lines::wrong(self.paint, &causes(error)));
        }
        self.paint.print(&self.paint.rule("What happened"));
        for line in stage.tally.lines() {
            self.paint.print(&line);
        }
        if exit {
            let verdict = if fine {
                (Look::Good, "every event arrived, verified and in order")
            } else {
                (Look::Bad, "something is missing, see above")
            };
            self.paint.print(&self.paint.row((Look::Plain, "  "), verdict, ""));
            return Ok(fine);
        }
        if let (Ok(personas), Some(part)) = (&personas, parts.first()) {
            self.say_goodbye(part, personas);
        }
        tokio::select! {
            () = stage.watch() => {}
            _ = stop => {}
        }
        Ok(fine)
    }

    /// Makes the organizations, directories and the endpoint.
    async fn prepare(&self, owner: &Owner, receiver: &Receiver) -> anyhow::Result<Vec<Part>> {
        remove_old_endpoints(owner).await?;
        let organization =
            owner.post("/v1/organizations", &json!({"name": "Acme and Globex (demo)"})).await?;
        let organization = text(&organization, "id")?;
        let url = format!("http://{}/webhooks", receiver.addr);
        let endpoint =
            json!({"url": url, "organization_id": organization, "description": ENDPOINT_DESCRIPTION});
        let endpoint = owner.post("/v1/endpoints", &endpoint).await?;
        receiver.trust(text(&endpoint, "secret")?)?;
        let mut parts = Vec::new();
        for (provider, persona, domain, seed) in CAST {
            let directory =
                json!({"organization_id": organization, "name": persona.name(), "provider": provider});
            let directory = owner.post("/v1/directories", &directory).await?;
            let id = text(&directory, "id")?.to_owned();
            parts.push(Part {
                target: Target {
                    base_url: format!("{}/scim/v2/{id}", self.base),
                    token: text(&directory, "token")?.to_owned(),
                },
                scim_base_url: text(&directory, "scim_base_url")?.to_owned(),
                directory: id,
                persona,
                day: Day::new(seed, domain, SIZE),
            });
        }
        Ok(parts)
    }

    async fn play(&self, parts: &[Part], stage: &mut Stage) -> anyhow::Result<Vec<Persona>> {
        let mut personas = Vec::new();
        for part in parts {
            self.paint.print(&self.paint.rule(&format!(
                "{} provisions {}",
                part.persona.name(),
                part.directory
            )));
            stage.enter(&part.directory);
            let persona = Persona::new(part.persona, &part.target, part.day.people.clone())?;
            for step in &part.day.steps {
                persona.play(step, stage).await?;
            }
            personas.push(persona);
        }
        Ok(personas)
    }

    fn say_goodbye(&self, part: &Part, personas: &[Persona]) {
        let Some((persona, user)) = personas.first().and_then(|p| Some((p, p.id_of(0)?))) else { return };
        let name = persona.person(0).map(|person| person.display_name()).unwrap_or_default();
        let next = goodbye::Next {
            public_url: self.public_url,
            private: self.private,
            key: self.key.expose_secret(),
            key_file: self.key_file.clone(),
            scim_base_url: &part.scim_base_url,
            token: &part.target.token,
            user: &user,
            user_name: &name,
        };
        self.paint.print(&self.paint.rule("Go on by hand (the server stays up; Ctrl-C stops it)"));
        for line in goodbye::lines(self.paint, &next) {
            self.paint.print(&line);
        }
    }
}

/// Endpoints of earlier runs have nobody behind them any more.
async fn remove_old_endpoints(owner: &Owner) -> anyhow::Result<()> {
    let mut path = "/v1/endpoints?limit=1000".to_owned();
    loop {
        let page = owner.get(&path).await?;
        for endpoint in page["data"].as_array().into_iter().flatten() {
            if endpoint["description"] == ENDPOINT_DESCRIPTION {
                owner.delete(&format!("/v1/endpoints/{}", text(endpoint, "id")?)).await?;
            }
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/endpoints?limit=1000&after={cursor}"),
            None => return Ok(()),
        }
    }
}
