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
fn with_more_files_to_wait_for_a_file_grows_more_at_once() {
    check(&[20, 10, 10, 10, 10, 10, 10], 100, 8, &[]);
    check(&[60, 10, 10, 10, 10, 10, 10, 10, 10], 100, 8, &[&[10; 8]]);
    check(&[26, 10, 10, 10, 10, 10, 10, 10, 10], 200, 8, &[&[26, 10, 10, 10, 10, 10, 10, 10, 10]]);
}

#[test]
fn bytes_are_written_again_only_a_few_times() {
    check_growth(4, 20, 11);
    check_growth(8, 40, 6);
}

/// A thousand files of ten bytes, one after another: how many stay at most, and how often each byte is
/// written again at most.
fn check_growth(files_min: usize, files_max: usize, times_max: u64) {
    const TARGET: u64 = 1 << 20;
    let (mut files, mut written): (Vec<Small>, u64) = (Vec::new(), 0);
    for added in 0..1000 {
        files.push(Small { path: format!("{added}"), bytes: 10, added });
        for bin in plan(files.clone(), TARGET, files_min) {
            files.retain(|file| !bin.contains(file));
            let bytes = bin.iter().map(|file| file.bytes).sum();
            files.push(Small { path: format!("{added}+"), bytes, added });
            written += bytes;
        }
        assert!(files.len() <= files_max, "{} files", files.len());
    }
    assert!(written < times_max * 10 * 1000, "{written} bytes for 10,000");
}
