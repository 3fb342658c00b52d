//! A chat with rooms under axum: the page that a browser opens, the WebSocket through which it talks,
//! the history of a room, and a route that says how the server is.
//!
//! ```text
//! cargo run -p bluewire-axum --features deflate --example axum_chat [ADDR]
//! ```
//!
//! | route | what it is |
//! | --- | --- |
//! | `/`, `/?room=rust` | the page |
//! | `/rooms/{room}` | the WebSocket of a room |
//! | `/rooms/{room}/history` | the last lines of a room, as JSON |
//! | `/health` | how many are connected, as JSON |
//!
//! It prints `listening on ADDR`, and stops on Ctrl-C: every connection is closed with 1001 first.

mod rooms;

use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Extension, Json, Router};
use bluewire_axum::{AcceptOptions, Connections, Deflate, Limits, WebSocketUpgrade};
use tokio::net::TcpListener;

use rooms::Rooms;

/// How long connections may take to close when the server stops.
const BUDGET: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8088".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);

    let connections = Connections::with_limit(10_000);
    let stop = connections.shutdown_on(interrupted(), BUDGET);
    axum::serve(listener, router(&connections)).with_graceful_shutdown(stop).await?;
    let report = connections.report().await;
    eprintln!("stopped: {} closed, {} cut", report.closed, report.cut);
    Ok(())
}

fn router(connections: &Connections) -> Router {
    // A chat's lines compress well, and hold no secret beside what others can put there.
    let options = AcceptOptions::default()
        .deflate(Deflate::default())
        .limits(Limits::default().message_len_max(4096));
    Router::new()
        .route("/", get(Html(include_str!("page.html"))))
        .route("/rooms/{room}", any(chat))
        .route("/rooms/{room}/history", get(history))
        .route("/health", get(health))
        .with_state(Rooms::default())
        .layer(Extension(options))
        .layer(Extension(connections.clone()))
}

async fn chat(
    upgrade: WebSocketUpgrade,
    Path(room): Path<String>,
    State(rooms): State<Rooms>,
) -> Response {
    match rooms.enter(&room) {
        Some(visit) => upgrade.on_upgrade(async |socket| visit.chat(socket).await),
        None => (StatusCode::NOT_FOUND, "there is no room for that room\n").into_response(),
    }
}

async fn history(Path(room): Path<String>, State(rooms): State<Rooms>) -> Json<Vec<String>> {
    Json(rooms.history(&room))
}

async fn health(Extension(connections): Extension<Connections>) -> Response {
    let status = match connections.is_shut_down() {
        false => StatusCode::OK,
        true => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json([("connections", connections.count())])).into_response()
}

/// Waits for Ctrl-C. Where the system cannot say, the server goes on.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
