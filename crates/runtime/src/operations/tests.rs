use super::*;

#[tokio::test]
async fn a_service_is_ready_when_nothing_is_missing() {
    let free = server::bind("127.0.0.1:0".parse().unwrap(), false).await.unwrap();
    let listen = free.local_addr().unwrap();
    drop(free);
    let (health, key) = (Health::default(), "operations.speed");
    health.awaits("log");
    let metrics = || "pulso_up 1\n".to_owned();
    let operations = Operations::serve(listen, key, &health, metrics).await.unwrap();
    let taken = Operations::serve(listen, key, &health, metrics).await.unwrap_err().to_string();
    assert_eq!(taken, format!("failed to listen on `{listen}`"));

    let not_ready = healthcheck(Some(listen), key).await.unwrap_err().to_string();
    let missing = r#"{"missing":{"log":"not reached yet"},"status":"not ready"}"#;
    assert_eq!(not_ready, format!("the service is not ready: {missing}"));
    health.works("log");
    healthcheck(Some(listen), key).await.unwrap();

    operations.during(async {}).await;
    let gone = format!("{:#}", healthcheck(Some(listen), key).await.unwrap_err());
    assert!(gone.starts_with("failed to ask `http://127.0.0.1:"), "{gone}");
    assert!(healthcheck(None, key).await.is_err());
}

#[test]
fn every_path_has_its_answer() {
    let health = Health::default();
    let metrics = || "pulso_up 1\n".to_owned();
    let ask = |method, path| answer(&method, path, &health, &metrics);
    for (path, status, body) in [
        ("/healthz", 200, r#"{"status":"alive"}"#),
        ("/readyz", 200, r#"{"status":"ready"}"#),
        ("/metrics", 200, "pulso_up 1\n"),
        ("/", 404, "there are /healthz, /readyz and /metrics\n"),
    ] {
        let response = ask(Method::GET, path);
        assert_eq!((response.status().as_u16(), response.body().as_str()), (status, body));
    }
    assert_eq!(ask(Method::POST, "/readyz").status(), 405);
    assert_eq!(ask(Method::GET, "/metrics").headers()["content-type"], PROMETHEUS_TEXT);
}
