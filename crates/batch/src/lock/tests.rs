use super::*;

/// A folder whose lock another program holds: locks belong to open files, so another file will do.
fn locked() -> (tempfile::TempDir, File) {
    let folder = tempfile::tempdir().unwrap();
    let file = File::create(folder.path().join(LOCK)).unwrap();
    file.lock().unwrap();
    (folder, file)
}

#[tokio::test(start_paused = true)]
async fn a_run_waits_for_that_of_another_program() {
    let (folder, other) = locked();
    let end_of_the_other = async {
        tokio::time::sleep(WAIT / 2).await;
        drop(other);
    };
    let shutdown = CancellationToken::new();
    let (lock, ()) = tokio::join!(lock(folder.path(), &shutdown), end_of_the_other);
    lock.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_run_does_not_wait_for_ever() {
    let (folder, _other) = locked();
    let error = lock(folder.path(), &CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("another program is running batch jobs"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_program_that_is_stopped_does_not_wait() {
    let (folder, _other) = locked();
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    let begun = Instant::now();
    lock(folder.path(), &shutdown).await.unwrap_err();
    assert_eq!(begun.elapsed(), Duration::ZERO);
}
