//! Many series at once: the main thread reads them and takes what became of them, worker threads compute, and only a few are on
//! their way at a time.

use crate::pg::error::Outcome;
use crate::pg::interrupt::{Crew, cancelled, cause};
use rayon::prelude::*;
use std::sync::mpsc::sync_channel;

/// Jobs that go to the workers together.
pub const TOGETHER: usize = 64;

/// Gives all jobs that `feed` sends, a chunk at a time, to `work` on the crew's threads, and what comes of each to `done`, in the
/// order in which they were sent. `feed` and `done` run on the main thread.
///
/// # Errors
/// The first failure of any of the three.
pub fn run<'scope, J: Send + 'scope, D: Send + 'scope>(
    crew: &Crew<'scope, '_>,
    work: impl Fn(J) -> Outcome<D> + Send + Sync + 'scope,
    feed: impl FnOnce(&mut dyn FnMut(Vec<J>) -> Outcome<()>) -> Outcome<()>,
    mut done: impl FnMut(D) -> Outcome<()>,
) -> Outcome<()> {
    let watch = crew.watch();
    let (jobs_to, jobs_from) = sync_channel::<Vec<J>>(1);
    let (done_to, done_from) = sync_channel::<Vec<D>>(1);
    let worker = crew.spawn("batch", move || {
        watch.in_parallel(move || {
            while let Ok(jobs) = watch.idle(|| jobs_from.recv()) {
                let finished = jobs
                    .into_par_iter()
                    .map(&work)
                    .collect::<Outcome<Vec<D>>>()?;
                if watch.idle(|| done_to.send(finished)).is_err() {
                    return Err(cancelled());
                }
            }
            Ok(())
        })
    })?;
    let mut take = |finished: Vec<D>| finished.into_iter().try_for_each(&mut done);
    let fed = feed(&mut |jobs| {
        let sent = crew.send_while(&jobs_to, jobs, || {
            done_from.try_iter().try_for_each(&mut take)
        })?;
        // The worker's own failure says why it is gone.
        if sent { Ok(()) } else { Err(cancelled()) }
    });
    drop(jobs_to);
    let mut taken = fed;
    while taken.is_ok()
        && let Some(finished) = crew.receive(&done_from)
    {
        taken = take(finished);
    }
    drop(done_from);
    match (taken, crew.join(worker)) {
        (Ok(()), Ok(())) => Ok(()),
        (taken, computed) => Err(cause([taken.err(), computed.err()])),
    }
}
