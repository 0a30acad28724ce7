//! What is done when a timer is due.

use super::Dispatcher;
use crate::store::StoreError;
use crate::timer::{Task, Timer};

impl Dispatcher {
    /// How many timers are worked on that only wait for other programs, or for their turn to ask them.
    pub fn calling_out(&self) -> usize {
        self.lines.count()
    }

    /// Does what a timer is for. It may come twice, after a crash in the middle: what was done is not done again.
    ///
    /// # Errors
    /// Those of the stores; the timer stays then, and comes up again.
    pub async fn due(&self, timer: &Timer) -> Result<(), StoreError> {
        match &timer.task {
            Task::Wake { matter } => self.wake(timer, matter).await,
            Task::Step { matter, step: _ } => self.step(timer, matter).await,
            Task::Digest { window } => self.tell_gathered(timer, window).await,
        }
    }
}
