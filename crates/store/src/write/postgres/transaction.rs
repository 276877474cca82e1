//! One shard's batch in one transaction.
//!
//! Plot: the lock of the shard's counter, the directories, and what the first wave needs, in one round
//! trip; each command of the wave decided in its order; what it comes to written in another; the next
//! wave; then the counters and `COMMIT`. Names that nobody asked for before (a PATCH may set any) are
//! looked up when they come up, so that only their own command is refused: under the shard's lock
//! nobody else can take one. The constraint stays what guarantees it.

use std::{collections::HashMap, sync::Arc, time::Instant};

use jiff::Timestamp;
use rollcall_domain::{
    Decision, Needs, Refusal, Reply, Write,
    directory::DirectoryState,
    event::LoggedEvent,
    ids::{DirectoryId, GroupId},
    record::MemberRecord,
};

use super::{
    flush::{Flush, int},
    pipeline::{Answer, Pipeline, parameters},
    wave,
    world::{self, Name, World},
};
use crate::{
    clock,
    db::{Db, DbError, Row, Session},
    rows,
    write::{
        Committed, Touched, WriteError, WriteRequest,
        decided::{Undecided, decide},
        directories::{DirectoryRow, ROW, directory_row},
        events, load,
        persist::Problem,
    },
};

/// A command of the batch, with what it needs.
pub(super) type Asked<'a> = (&'a WriteRequest, &'a Needs);

/// What a committed transaction leaves to be told.
#[derive(Default)]
pub(super) struct Told {
    /// In the order of the commands.
    pub(super) outcomes: Vec<Result<Committed, WriteError>>,
    pub(super) events: Vec<Arc<LoggedEvent>>,
    pub(super) touched: Vec<Touched>,
    /// The shard's last position.
    pub(super) position: u64,
}

/// Why nothing, or perhaps everything, of a transaction happened.
pub(super) struct Broken {
    pub(super) problem: Problem,
    /// `COMMIT` was sent: it may have happened.
    pub(super) committing: Option<Box<Committing>>,
}

/// A transaction whose `COMMIT` was sent.
pub(super) struct Committing {
    pub(super) told: Told,
    /// It had anything to keep.
    pub(super) wrote: bool,
}

impl<E: Into<Problem>> From<E> for Broken {
    fn from(problem: E) -> Self {
        Self { problem: problem.into(), committing: None }
    }
}

/// Carries the commands out and commits. `last_time` is the newest time of the log so far: the clock may
/// step back, the log's times do not.
pub(super) fn run(
    db: &Db,
    shard: u16,
    commands: &[Asked<'_>],
    last_time: &mut Timestamp,
    commit_seconds: &metrics::Histogram,
) -> Result<Told, Broken> {
    let session = db.postgres()?;
    let mut transaction = Transaction {
        db,
        session,
        shard,
        commands,
        directories: HashMap::new(),
        wrote: false,
        told: Told::default(),
        last_time,
    };
    let mut begun = false;
    while transaction.told.outcomes.len() < commands.len() {
        let mut wave = transaction.open(&mut begun)?;
        transaction.decide(&mut wave)?;
        let last = transaction.told.outcomes.len() == commands.len();
        if last {
            return transaction.commit(wave, commit_seconds);
        }
        transaction.write(wave)?;
    }
    // No commands.
    Ok(transaction.told)
}

struct Transaction<'a> {
    db: &'a Db,
    session: &'a Session,
    shard: u16,
    commands: &'a [Asked<'a>],
    directories: HashMap<DirectoryId, DirectoryRow>,
    /// There is anything to keep.
    wrote: bool,
    told: Told,
    last_time: &'a mut Timestamp,
}

/// A wave under way.
struct Wave {
    /// Up to which command it goes.
    end: usize,
    /// It is one command that needs more than waves load.
    large: bool,
    world: World,
    flush: Flush,
    /// Commands that are answered with a group's members.
    listed: Vec<(usize, GroupId)>,
}

impl Wave {
    /// Asks for the members of the groups that are answered with them.
    fn ask_members<'p>(&'p self, pipeline: &mut Pipeline<'_, 'p>) -> Result<Option<usize>, DbError> {
        if self.listed.is_empty() {
            return Ok(None);
        }
        let mut groups: Vec<&str> = self.listed.iter().map(|(_, group)| group.as_str()).collect();
        groups.sort_unstable();
        groups.dedup();
        let sql = "SELECT m.value, m.kind, m.display, g.id FROM groups g JOIN members m ON m.group_pk = g.pk
             WHERE g.id = ANY($1) ORDER BY m.value";
        pipeline.add(sql, parameters![groups]).map(Some)
    }
}

impl<'a> Transaction<'a> {
    /// Begins, if that is not done, and loads what the next wave needs.
    fn open(&mut self, begun: &mut bool) -> Result<Wave, DbError> {
        let commands = self.commands;
        let rest = &commands[self.told.outcomes.len()..];
        let length = wave::length(rest.iter().map(|(request, needs)| (&request.command, *needs)));
        let large = wave::is_large(rest[0].1);
        let mut pipeline = Pipeline::new(self.session);
        if !*begun {
            pipeline.add("BEGIN", Vec::new())?;
            pipeline.add(
                "SELECT position FROM shards WHERE shard = $1 FOR UPDATE",
                parameters![i32::from(self.shard)],
            )?;
            let ids: Vec<&str> =
                self.commands.iter().map(|(request, _)| request.directory_id.as_str()).collect();
            pipeline.add(directory_rows(), parameters![ids])?;
        }
        let asked = if large { None } else { Some(world::ask(&mut pipeline, &rest[..length])?) };
        let answers = pipeline.run()?;
        if !*begun {
            *begun = true;
            let position = answers[1].first().ok_or(DbError::Corrupt { column: 0, wanted: "a shard" })?;
            self.told.position = Row::Postgres(position).uint(0)?;
            for row in &answers[2] {
                let row = directory_row(&Row::Postgres(row))?;
                self.directories.insert(row.directory.id.clone(), row);
            }
        }
        let world = match &asked {
            Some(asked) => World::read(self.session, asked, &answers)?,
            None => World::default(),
        };
        let end = self.told.outcomes.len() + length;
        Ok(Wave { end, large, world, flush: Flush::default(), listed: Vec::new() })
    }

    /// Decides the wave's commands, until one needs what an earlier one writes.
    fn decide(&mut self, wave: &mut Wave) -> Result<(), Problem> {
        while self.told.outcomes.len() < wave.end {
            let at = self.told.outcomes.len();
            let (request, needs) = self.commands[at];
            let directory = self.directories.get(&request.directory_id);
            let Some(directory) =
                directory.filter(|row| row.directory.state != DirectoryState::Deleted).cloned()
            else {
                self.told.outcomes.push(Err(Refusal::DirectoryClosed.into()));
                continue;
            };
            let found = if wave.large {
                load::load(self.db, &directory, needs)?
            } else {
                match wave.world.found(needs, &directory) {
                    Some(found) => found,
                    None => break,
                }
            };
            *self.last_time = (*self.last_time).max(clock::now());
            let outcome = match decide(request, &directory, found.loaded, *self.last_time) {
                Ok(decision) => match self.name(wave, directory.pk, &decision)? {
                    Name::Taken => Err(Refusal::UserNameTaken.into()),
                    Name::FreeLater => break,
                    Name::Free | Name::Unknown(_) => {
                        Ok(self.take(wave, at, directory, found.user.as_ref(), decision)?)
                    }
                },
                Err(Undecided::Refused(refusal)) => Err(refusal.into()),
                Err(Undecided::Panicked) => Err(WriteError::Failed),
            };
            self.told.outcomes.push(outcome);
        }
        Ok(())
    }

    /// Whether the decision's user can have its name.
    fn name(&self, wave: &mut Wave, directory: i64, decision: &Decision) -> Result<Name, DbError> {
        let Some(Write::InsertUser(user) | Write::UpdateUser(user)) = decision.writes.first() else {
            return Ok(Name::Free);
        };
        if let Name::Unknown(key) = wave.world.name(directory, user) {
            let mut pipeline = Pipeline::new(self.session);
            pipeline.add(
                "SELECT 1 FROM users WHERE directory_pk = $1 AND user_name_key = $2",
                parameters![directory, key.clone()],
            )?;
            let taken = pipeline.run()?.iter().any(|answer| !answer.is_empty());
            wave.world.learn_name(directory, key, taken);
        }
        Ok(wave.world.name(directory, user))
    }

    /// Takes a decision over: it holds if the transaction does.
    fn take(
        &mut self,
        wave: &mut Wave,
        at: usize,
        mut directory: DirectoryRow,
        user: Option<&load::FoundUser>,
        decision: Decision,
    ) -> Result<Committed, Problem> {
        let before = (directory.directory.state, self.told.events.len());
        for write in decision.writes {
            wave.world.note(at, directory.pk, &write);
            wave.flush.write(&mut directory, user, write)?;
        }
        for event in decision.events {
            let event = events::placed(self.shard, &mut directory, &mut self.told.position, event)?;
            wave.flush.event(directory.pk, event.clone());
            self.told.events.push(event);
        }
        if directory.directory.state != before.0 {
            self.told.touched.push(Touched::Directory(directory.directory.id.clone()));
        }
        self.directories.insert(directory.directory.id.clone(), directory);
        let members_up_to = self.commands[at].0.members_up_to;
        if let Reply::Group(group) = &decision.reply
            && members_up_to > 0
            && group.member_count <= members_up_to
        {
            wave.listed.push((at, group.id.clone()));
        }
        let events = self.told.events.len() - before.1;
        let last_position = (events > 0).then_some(self.told.position);
        Ok(Committed { reply: decision.reply, members: None, events, last_position })
    }

    /// Writes a wave that others follow.
    fn write(&mut self, wave: Wave) -> Result<(), DbError> {
        let mut pipeline = Pipeline::new(self.session);
        wave.flush.send(&mut pipeline)?;
        self.wrote |= !wave.flush.is_empty();
        let members = wave.ask_members(&mut pipeline)?;
        let answers = pipeline.run()?;
        self.answer_members(&wave, members.map(|place| &answers[place]))
    }

    /// Writes the last wave and the counters, and commits, all at once: a statement that fails makes
    /// a `ROLLBACK` of the `COMMIT` behind it.
    fn commit(mut self, wave: Wave, seconds: &metrics::Histogram) -> Result<Told, Broken> {
        let mut pipeline = Pipeline::new(self.session);
        wave.flush.send(&mut pipeline)?;
        self.wrote |= !wave.flush.is_empty() || !self.told.touched.is_empty();
        let members = wave.ask_members(&mut pipeline)?;
        self.send_counters(&mut pipeline)?;
        pipeline.add("COMMIT", Vec::new())?;
        let started = Instant::now();
        let answered = pipeline.run();
        seconds.record(started.elapsed());
        let answers = answered.map(|answers| members.map(|place| answers.into_iter().nth(place)));
        match answers.and_then(|members| self.answer_members(&wave, members.flatten().as_ref())) {
            Ok(()) => Ok(self.told),
            Err(error) => Err(Broken {
                problem: error.into(),
                committing: Some(Box::new(Committing { told: self.told, wrote: self.wrote })),
            }),
        }
    }

    /// Puts the members into the answers that are to have them.
    fn answer_members(&mut self, wave: &Wave, rows: Option<&Answer>) -> Result<(), DbError> {
        let mut of: HashMap<GroupId, Vec<MemberRecord>> = HashMap::new();
        for row in rows.into_iter().flatten() {
            let group = Row::Postgres(row).parsed(3, GroupId::parse)?;
            of.entry(group).or_default().push(rows::member(&Row::Postgres(row))?);
        }
        for (at, group) in &wave.listed {
            let members = of.get(group).cloned().unwrap_or_default();
            if let Some(Ok(committed)) = self.told.outcomes.get_mut(*at) {
                committed.members = Some(wave.world.members_after(*at, group, members));
            }
        }
        Ok(())
    }

    /// The directories' counters and states, and the shard's.
    fn send_counters(&self, pipeline: &mut Pipeline<'_, '_>) -> Result<(), DbError> {
        if !self.told.touched.is_empty() {
            // Whoever changes the configuration takes this lock first and then directories' rows.
            log_touched(pipeline, self.told.touched.iter())?;
        }
        let dirty: Vec<&DirectoryRow> = self.directories.values().filter(|row| row.dirty).collect();
        if !dirty.is_empty() {
            let column = |of: fn(&DirectoryRow) -> i64| dirty.iter().map(|row| of(row)).collect::<Vec<i64>>();
            pipeline.add(
                "UPDATE directories d SET state = n.state, sequence = n.sequence,
                        event_version = n.event_version, user_count = n.user_count, group_count = n.group_count
                 FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
                      n(pk, state, sequence, event_version, user_count, group_count)
                 WHERE d.pk = n.pk",
                parameters![
                    column(|row| row.pk),
                    dirty.iter().map(|row| row.directory.state.as_str()).collect::<Vec<_>>(),
                    column(|row| int(row.sequence)),
                    column(|row| int(row.event_version)),
                    column(|row| int(row.user_count)),
                    column(|row| int(row.group_count)),
                ],
            )?;
        }
        if !self.told.events.is_empty() {
            pipeline.add(
                "UPDATE shards SET position = $2 WHERE shard = $1",
                parameters![i32::from(self.shard), int(self.told.position)],
            )?;
        }
        Ok(())
    }
}

/// Adds the statements that give the configuration its next revision and say what it changed.
pub(super) fn log_touched<'t>(
    pipeline: &mut Pipeline<'_, '_>,
    touched: impl Iterator<Item = &'t Touched>,
) -> Result<(), DbError> {
    pipeline.add(
        "UPDATE meta SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT) WHERE name = 'catalog_revision'",
        Vec::new(),
    )?;
    let (kinds, ids): (Vec<String>, Vec<String>) =
        touched.map(|touched| (touched.kind().to_owned(), touched.id().to_owned())).unzip();
    pipeline.add(
        "INSERT INTO catalog_changes (revision, kind, id)
         SELECT CAST(m.value AS BIGINT), n.kind, n.id FROM meta m, unnest($1::text[], $2::text[]) n(kind, id)
         WHERE m.name = 'catalog_revision' ON CONFLICT DO NOTHING",
        parameters![kinds, ids],
    )?;
    Ok(())
}

fn directory_rows() -> &'static str {
    crate::resources::statement!("SELECT ", ROW, " FROM directories WHERE id = ANY($1)")
}
