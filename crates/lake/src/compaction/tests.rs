use super::*;

/// Bins as the sizes of their files, for files added in the order given.
fn check(sizes: &[u64], target: u64, files_min: usize, bins: &[&[u64]]) {
    let file = |(added, &bytes): (i64, &u64)| Small { path: added.to_string(), bytes, added };
    let files = (0..).zip(sizes).map(file).collect();
    let found: Vec<Vec<u64>> = plan(files, target, files_min)
        .iter()
        .map(|bin| bin.iter().map(|file| file.bytes).collect())
        .collect();
    assert_eq!(found, bins, "{sizes:?}");
}

#[test]
fn small_files_are_put_together_in_the_order_they_came() {
    check(&[3, 1, 2], 100, 3, &[&[3, 1, 2]]);
    check(&[3, 1], 100, 3, &[]);
    check(&[], 100, 0, &[]);
    check(&[5], 100, 0, &[]);
}

#[test]
fn no_file_exceeds_the_target() {
    check(&[4, 4, 4, 4, 4], 10, 2, &[&[4, 4], &[4, 4]]);
}

#[test]
fn a_large_file_waits_until_the_small_ones_together_are_as_large() {
    check(&[40, 1, 1, 1, 1], 100, 4, &[&[1, 1, 1, 1]]);
    check(&[4, 1, 1, 1, 1], 100, 4, &[&[4, 1, 1, 1, 1]]);
    check(&[40, 1, 1], 100, 3, &[]);
}

#[test]
fn bytes_are_written_again_only_a_few_times() {
    const TARGET: u64 = 1 << 20;
    const FILES_MIN: usize = 4;
    let (mut files, mut written): (Vec<Small>, u64) = (Vec::new(), 0);
    for added in 0..1000 {
        files.push(Small { path: format!("{added}"), bytes: 10, added });
        for bin in plan(files.clone(), TARGET, FILES_MIN) {
            files.retain(|file| !bin.contains(file));
            let bytes = bin.iter().map(|file| file.bytes).sum();
            files.push(Small { path: format!("{added}+"), bytes, added });
            written += bytes;
        }
        assert!(files.len() < 20, "{} files", files.len());
    }
    assert!(written < 11 * 10 * 1000, "{written} bytes for 10,000");
}
