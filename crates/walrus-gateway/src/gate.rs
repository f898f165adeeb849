//! How many requests of one route are handled at a time, and how many wait.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::MethodRouter,
};
use tokio::sync::Semaphore;

use crate::error::RETRY_AFTER_SECS;

/// The bounds of one route and method.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    /// Whose gate it is, for the refusal.
    service: &'static str,
    /// Places for those that are handled.
    running: Arc<Semaphore>,
    /// Places for those and those that wait.
    admitted: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn new(service: &'static str, running_max: usize, waiting_max: usize) -> Self {
        let running_max = running_max.clamp(1, Semaphore::MAX_PERMITS);
        // One more is on its way from waiting to being handled.
        let admitted_max = running_max.saturating_add(waiting_max).saturating_add(1);
        Self {
            service,
            running: Arc::new(Semaphore::new(running_max)),
            admitted: Arc::new(Semaphore::new(admitted_max.min(Semaphore::MAX_PERMITS))),
        }
    }
}

/// Puts a gate before the handlers of a route.
pub(crate) fn gated<S>(route: MethodRouter<S>, gate: Gate) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    route.route_layer(middleware::from_fn_with_state(gate, pass))
}

async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let Ok(_admitted) = gate.admitted.try_acquire() else {
        let text = format!(
            "the {} is receiving too many requests; please try again later",
            gate.service
        );
        let retry = [(header::RETRY_AFTER, RETRY_AFTER_SECS.to_string())];
        return (StatusCode::TOO_MANY_REQUESTS, retry, text).into_response();
    };
    let _running = gate
        .running
        .acquire()
        .await
        .expect("the semaphore is never closed");
    next.run(request).await
}
