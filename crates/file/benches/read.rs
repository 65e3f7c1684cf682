//! Measures how fast lines are read from files. Finding them must cost little compared with
//! decoding them.

use std::io::Write;

use divan::Bencher;
use divan::counter::BytesCount;
use pulso_file::{FileInput, FileReader};

/// Messages have about 1.4 kB.
const LINE_BYTES: usize = 1400;
const LINES: usize = 200_000;

fn main() {
    divan::main();
}

fn read(bencher: Bencher<'_, '_>, content: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("there is a temporary directory");
    file.write_all(content).expect("there is room");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("it needs nothing");
    bencher.counter(BytesCount::new(LINES * (LINE_BYTES + 1))).bench_local(|| {
        let input = FileInput::Path(file.path().into());
        let mut reader = FileReader::open(input, 1 << 20).expect("it was just written");
        runtime.block_on(async {
            let mut lines = 0;
            while let Some(batch) = reader.next_batch().await.expect("it is whole") {
                lines += batch.lines.len();
            }
            assert_eq!(lines, LINES);
        });
    });
}

fn content() -> Vec<u8> {
    let mut line = vec![b'x'; LINE_BYTES];
    line.push(b'\n');
    line.repeat(LINES)
}

#[divan::bench(sample_count = 10)]
fn plain(bencher: Bencher<'_, '_>) {
    read(bencher, &content());
}

#[divan::bench(sample_count = 10)]
fn zstd(bencher: Bencher<'_, '_>) {
    let compressed = zstd::encode_all(content().as_slice(), 1).expect("memory does not fail");
    read(bencher, &compressed);
}
