//! Memory that all threads decode in together: who wants more than is left, waits.

use std::sync::{Condvar, Mutex, PoisonError};

/// Bytes that are lent out and come back.
pub struct Budget {
    all: u64,
    left: Mutex<u64>,
    returned: Condvar,
}

/// Bytes on loan; they go back when it is dropped.
pub struct Loan<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(bytes: u64) -> Budget {
        Budget { all: bytes, left: Mutex::new(bytes), returned: Condvar::new() }
    }

    /// Waits until `bytes` are left and takes them. Who asks for more than there are takes all, and is alone.
    pub fn take(&self, bytes: u64) -> Loan<'_> {
        let bytes = bytes.min(self.all);
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        while *left < bytes {
            left = self.returned.wait(left).unwrap_or_else(PoisonError::into_inner);
        }
        *left -= bytes;
        Loan { budget: self, bytes }
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        *self.budget.left.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        self.budget.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn no_more_is_lent_than_there_is() {
        let (budget, lent, most) = (Budget::new(100), AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (budget, lent, most) = (&budget, &lent, &most);
                scope.spawn(move || {
                    for i in 0..200u64 {
                        let asked = (thread * 37 + i * 13) % 130;
                        let loan = budget.take(asked);
                        most.fetch_max(
                            lent.fetch_add(loan.bytes, Ordering::SeqCst) + loan.bytes,
                            Ordering::SeqCst,
                        );
                        lent.fetch_sub(loan.bytes, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!((1..=100).contains(&most.into_inner()), "within the budget");
        assert_eq!(*budget.left.lock().expect("sound"), 100, "all came back");
    }
}
