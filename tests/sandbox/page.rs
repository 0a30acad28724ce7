//! The page as HTTP sees it; `browser.rs` looks at it with a browser.

use herald::sandbox::Sandbox;
use serde_json::json;

#[tokio::test]
async fn the_page_answers_this_machine_alone_and_runs_no_foreign_script() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let page = http.get(sandbox.url()).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    for (host, status) in [
        ("attacker.example", 421),
        ("attacker.example:80", 421),
        ("localhost", 200),
        ("[::1]:9", 200),
    ] {
        let answer = http
            .get(format!("{}/page/world", sandbox.url()))
            .header("host", host)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status, "asked for {host}");
    }
    // A form of another site can post text, but nothing that is taken for JSON.
    let act = json!({"do": "block", "person": "Anna Berg", "blocked": true}).to_string();
    let post = |kind: &'static str| {
        http.post(format!("{}/page/act", sandbox.url()))
            .header("content-type", kind)
            .body(act.clone())
            .send()
    };
    assert_eq!(post("text/plain").await.unwrap().status(), 415);
    assert_eq!(post("application/json").await.unwrap().status(), 200);
}
