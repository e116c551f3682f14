//! Threads: a launch is cut into tasks that do not depend on how many threads there are.

use crate::error::{Error, Result};
use rayon::prelude::*;

/// A private pool of worker threads.
pub struct Pool {
    workers: Option<rayon::ThreadPool>,
    threads: usize,
}

impl Pool {
    /// `threads` workers; 0 takes one a core.
    ///
    /// # Errors
    /// When the operating system will not start them.
    pub fn new(threads: usize) -> Result<Pool> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if threads == 0 { cores } else { threads };
        let build = || rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let workers = (threads > 1)
            .then(build)
            .transpose()
            .map_err(|e| Error::Failure(format!("cannot start {threads} threads: {e}; try --threads 1")))?;
        Ok(Pool { workers, threads })
    }

    /// The calling thread alone.
    pub fn single() -> Pool {
        Pool { workers: None, threads: 1 }
    }

    /// How many threads work.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Runs `body` on a worker, so that the tasks inside it start without a hand-over.
    pub fn enter<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        match &self.workers {
            Some(workers) => workers.install(body),
            None => body(),
        }
    }

    /// Runs `task(0) … task(count − 1)`, in any order, at once where there are threads.
    pub fn run_numbered(&self, count: usize, task: impl Fn(usize) + Sync + Send) {
        if self.workers.is_none() || count == 1 {
            (0..count).for_each(task);
        } else {
            (0..count).into_par_iter().with_max_len(1).for_each(task);
        }
    }

    /// Runs `task` on each item, in any order, at once where there are threads.
    pub fn run_on<T: Send>(&self, items: Vec<T>, task: impl Fn(T) + Sync + Send) {
        if self.workers.is_none() || items.len() == 1 {
            items.into_iter().for_each(task);
        } else {
            items.into_par_iter().for_each(task);
        }
    }
}
