//! How tasks learn that the server stops.

use tokio::sync::watch;

/// Tells every [`Stop`] at once.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// A task's ear for the stop.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// The two ends. Dropping the stopper stops too.
pub fn pair() -> (Stopper, Stop) {
    let (tell, hear) = watch::channel(false);
    (Stopper(tell), Stop(hear))
}

impl Stopper {
    /// Tells all tasks to stop.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Returns once the server stops.
    pub async fn told(&mut self) {
        // An error means that the stopper is gone, and with it the server.
        let _ = self.0.wait_for(|told| *told).await;
    }

    /// The server is stopping.
    pub fn is_told(&self) -> bool {
        *self.0.borrow()
    }
}
