#!/bin/bash -eu
# Builds every fuzz target for OSS-Fuzz, each with the inputs of the conformance cases and with the
# seeds that are in the repository.
cd "$SRC/bluewire/core/fuzz"
RUSTFLAGS="" cargo run --quiet --manifest-path ../../Cargo.toml -p bluewire-spec-tests \
    --bin fuzz_seeds -- corpus
cargo fuzz build -O --debug-assertions

# By itself, so that the script ends if it fails.
targets=$(cargo fuzz list)
for target in $targets; do
    cp "target/x86_64-unknown-linux-gnu/release/$target" "$OUT/"
    for inputs in "corpus/$target" "seeds/$target"; do
        # Some targets begin with nothing, and zip refuses to pack nothing.
        [ ! -d "$inputs" ] || zip -q -j -r "$OUT/${target}_seed_corpus.zip" "$inputs"
    done
done

# The threads of this target end by themselves, which the sanitizer takes for a leak if it looks meanwhile.
printf '[libfuzzer]\ndetect_leaks = 0\n' >"$OUT/facade_arguments.options"
