//! Every engine does every case it is listed for.

use bluewire_benches::{Case, engines};

#[test]
fn every_engine_does_every_case() {
    for case in Case::all() {
        for engine in engines() {
            if let Some(mut run) = (engine.run)(&case) {
                run(3);
            }
        }
    }
}
