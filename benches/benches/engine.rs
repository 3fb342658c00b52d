//! The engine over bytes in memory: `cargo bench -p bluewire-benches --bench engine`.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use bluewire_benches::{Action, Case, bluewire};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// The floor: what one copy of the bytes costs, as every read of them must; of 22 bytes, which are
/// a masked message of 16.
fn memcpy(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("memcpy");
    for len in [22, 16 << 10, 1 << 20] {
        let (from, mut to) = (vec![1_u8; len], vec![0_u8; len]);
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(BenchmarkId::from_parameter(len), |bencher| {
            bencher.iter(|| black_box(&mut to[..]).copy_from_slice(black_box(&from)));
        });
    }
    group.finish();
}

/// Every case; a run of a batch counts as one.
fn cases(criterion: &mut Criterion) {
    for case in Case::all() {
        bench(criterion, &case.to_string(), &case, bluewire::run);
        if case.action == Action::Send {
            bench(criterion, &format!("{case}/copied"), &case, bluewire::send);
            if case.messages() == 1 {
                bench(criterion, &format!("{case}/vectored"), &case, bluewire::send_vectored);
            }
        }
    }
}

fn bench(
    criterion: &mut Criterion,
    name: &str,
    case: &Case,
    engine: fn(&Case) -> bluewire_benches::Run,
) {
    let mut run = engine(case);
    criterion.bench_function(name, |bencher| {
        bencher.iter_custom(|times| {
            let start = Instant::now();
            run(times);
            start.elapsed()
        });
    });
}

fn settings() -> Criterion {
    // Many cases on machines with neighbours: short ones, and look at the lower bound.
    Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30)
}

criterion_group! { name = benches; config = settings(); targets = memcpy, cases }
criterion_main!(benches);
