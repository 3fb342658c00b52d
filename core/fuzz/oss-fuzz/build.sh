#!/bin/bash -eu
# Builds every fuzz target for OSS-Fuzz, each with the inputs of the conformance cases and with the
# seeds that are in the repository.
cd "$SRC/bluewire/core/fuzz"
RUSTFLAGS="" cargo run --quiet --manifest-path ../../Cargo.toml -p bluewire-spec-tests \
    --bin fuzz_seeds -- corpus
cargo fuzz build -O --debug-assertions

for target in $(cargo fuzz list); do
    cp "target/x86_64-unknown-linux-gnu/release/$target" "$OUT/"
    mkdir -p "corpus/$target"
    [ -d "seeds/$target" ] && cp -r "seeds/$target/." "corpus/$target/"
    zip -q -j -r "$OUT/${target}_seed_corpus.zip" "corpus/$target"
done
