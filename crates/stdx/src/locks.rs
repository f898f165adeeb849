//! Locks that ignore poison.
//!
//! The standard locks are poisoned by a panic of who holds them, and then fail for everybody. A
//! panic ends one request or task and must not take the others down. So whoever holds one of
//! these leaves the value right before anything that can panic, or says what may be left and why
//! that is harmless. clippy keeps the standard ones out.

#![expect(clippy::disallowed_types, reason = "these replace them")]

use std::sync::{self, MutexGuard, PoisonError, RwLockReadGuard, RwLockWriteGuard};

/// Like the standard mutex, without poison.
#[derive(Debug, Default)]
pub struct Mutex<T: ?Sized>(sync::Mutex<T>);

impl<T> Mutex<T> {
    /// Puts a value under a lock.
    pub const fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }

    /// Takes the value out.
    pub fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits until nobody else holds the value.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value; who has it alone need not wait.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Like the standard lock of many readers or one writer, without poison.
#[derive(Debug, Default)]
pub struct RwLock<T: ?Sized>(sync::RwLock<T>);

impl<T> RwLock<T> {
    /// Puts a value under a lock.
    pub const fn new(value: T) -> Self {
        Self(sync::RwLock::new(value))
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Waits until nobody writes.
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody else holds the value.
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{panic, thread};

    use super::*;

    /// Panics while `hold` holds something.
    fn panic_in<G>(hold: impl FnOnce() -> G + Send) {
        let panicked = thread::scope(|scope| {
            let holder = scope.spawn(|| {
                let _held = hold();
                panic::resume_unwind(Box::new("on purpose"));
            });
            holder.join().is_err()
        });
        assert!(panicked);
    }

    #[test]
    fn a_panic_leaves_the_value_to_others() {
        let mut mutex = Mutex::new(1);
        panic_in(|| {
            let mut held = mutex.lock();
            *held = 2;
            held
        });
        assert_eq!(*mutex.lock(), 2);
        *mutex.get_mut() += 1;
        assert_eq!(mutex.into_inner(), 3);

        let lock = RwLock::new(1);
        panic_in(|| lock.write());
        *lock.write() += 1;
        assert_eq!(*lock.read(), 2);
    }
}
