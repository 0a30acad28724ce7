use serde_json::json;

use super::*;
use crate::card::partial::Partials;

fn compiled(value: &Value) -> Call {
    Call::compile(value, Some("open a ticket"), &Partials::none()).unwrap()
}

fn asked(call: &Call, scope: &Value) -> Ask {
    call.ask(scope, "key-1", &mut Warnings::new()).unwrap()
}

fn faults(value: &Value) -> Vec<String> {
    let found = Call::compile(value, None, &Partials::none()).unwrap_err();
    found.into_iter().map(|fault| fault.message).collect()
}

#[test]
fn what_an_event_says_is_one_word_of_an_address_and_data_in_a_body() {
    let call = compiled(&json!({
        "url": "https://tickets.contoso.example/api/{{event.project}}/issues?kind={{event.kind}}",
        "body": { "title": "{{event.title}}", "count": "{{event.count}}", "labels": ["herald", "{{event.kind}}"] },
        "headers": { "X-Team": "{{event.project}}" },
    }));
    let scope = json!({ "event": { "project": "a/../b?c", "kind": "x&y=1", "title": "\"},{\"", "count": 3 } });
    let ask = asked(&call, &scope);
    assert_eq!(
        ask.url,
        "https://tickets.contoso.example/api/a%2F..%2Fb%3Fc/issues?kind=x%26y%3D1"
    );
    let body: Value = serde_json::from_slice(&ask.body.clone().unwrap()).unwrap();
    assert_eq!(
        body,
        json!({ "title": "\"},{\"", "count": 3, "labels": ["herald", "x&y=1"] })
    );
    assert_eq!(ask.method, Method::Post);
    assert!(ask.headers.contains(&("x-team".to_owned(), "a/../b?c".to_owned())));
    assert!(
        ask.headers
            .contains(&("content-type".to_owned(), "application/json".to_owned()))
    );
    assert_eq!(call.save_as, "open_a_ticket");
}

#[test]
fn an_event_cannot_lead_a_call_elsewhere() {
    let call = compiled(&json!({ "url": "https://tickets.contoso.example/api/issues/{{event.id}}" }));
    for id in ["..", ".", "../../admin", "%2e%2e", "@evil.example/", "\\evil"] {
        let ask = asked(&call, &json!({ "event": { "id": id } }));
        let url = Url::parse(&ask.url).unwrap();
        assert!(
            url.as_str().starts_with("https://tickets.contoso.example/api/issues/"),
            "{id}: {url}"
        );
        assert_eq!(url.path_segments().unwrap().count(), 3, "{id}: {url}");
    }
}

#[test]
fn a_secret_goes_in_one_way() {
    let of = |more: Value| {
        let mut value = json!({ "url": "https://tickets.contoso.example/", "secret": "TICKETS_TOKEN" });
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        asked(&compiled(&value), &json!({})).secret.unwrap().shown
    };
    assert_eq!(of(json!({})), Shown::Bearer);
    assert_eq!(of(json!({ "user": "herald" })), Shown::Basic("herald".to_owned()));
    assert_eq!(
        of(json!({ "secret_header": "X-Api-Key" })),
        Shown::Header("x-api-key".to_owned())
    );
}

#[test]
fn what_is_no_call_is_explained() {
    let url = "https://tickets.contoso.example/";
    for (value, message) in [
        (json!("https://x.example/"), "`call` says where to ask, and what"),
        (json!({}), "nothing says where to ask"),
        (json!({ "uri": url }), "a call has no `uri`"),
        (
            json!({ "url": "{{event.url}}" }),
            "this is no address whose host is written out",
        ),
        (
            json!({ "url": "https://tickets.{{event.domain}}/x" }),
            "the host of a call is written out: an event must not choose who is asked",
        ),
        (
            json!({ "url": "ftp://x.example/" }),
            "an address to call begins with `https://`",
        ),
        (
            json!({ "url": "https://a:b@x.example/" }),
            "a name or password does not stand in the address",
        ),
        (
            json!({ "url": url, "method": "get" }),
            "`method` is one of GET, POST, PUT, PATCH and DELETE",
        ),
        (
            json!({ "url": url, "method": "GET", "body": {} }),
            "what is asked by GET has no body",
        ),
        (
            json!({ "url": url, "headers": { "Authorization": "x" } }),
            "`Authorization` is not written here",
        ),
        (
            json!({ "url": url, "timeout": "5 minutes" }),
            "an answer may take up to a minute",
        ),
        (
            json!({ "url": url, "save_as": "my ticket" }),
            "`save_as` is one word of letters, digits and `_`",
        ),
        (
            json!({ "url": url, "user": "herald" }),
            "`user` belongs to `secret`, which is missing",
        ),
    ] {
        assert_eq!(faults(&value), [message], "{value}");
    }
    let pasted = faults(&json!({ "url": url, "secret": "s3cr3t with blanks" }));
    assert!(pasted.len() == 1 && !pasted[0].contains("s3cr3t"), "{pasted:?}");
}

#[test]
fn it_is_asked_again_where_that_may_help_and_not_for_ever() {
    let now = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
    let answered = |status: u16, wait: Option<i64>| Reply::Answered {
        status,
        wait: wait.map(TimeDelta::seconds),
        body: json!({ "id": 7 }),
    };
    let again = |reply: &Reply, tries| match heard(reply, tries, now) {
        Heard::Again { at, .. } => Some((at - now).num_seconds()),
        Heard::Over(_) => None,
    };
    let ok = heard(&answered(201, None), 2, now);
    assert_eq!(
        ok,
        Heard::Over(json!({ "ok": true, "status": 201, "body": { "id": 7 }, "error": null, "tries": 2 }))
    );
    assert_eq!(again(&answered(503, None), 1), Some(10));
    assert_eq!(again(&answered(429, Some(60)), 1), Some(60));
    assert_eq!(again(&answered(429, Some(60)), 4), Some(600));
    assert_eq!(again(&answered(429, Some(86_400)), 1), None);
    assert_eq!(again(&answered(404, None), 1), None);
    assert_eq!(again(&answered(302, None), 1), None);
    assert_eq!(again(&Reply::Lost("silence".to_owned()), MOST_TRIES - 1), Some(1_800));
    assert_eq!(again(&Reply::Lost("silence".to_owned()), MOST_TRIES), None);
    let Heard::Over(refused) = heard(&Reply::Refused("no".to_owned()), 1, now) else {
        panic!("it would be asked again")
    };
    assert_eq!((&refused["ok"], &refused["error"]), (&json!(false), &json!("no")));
}

#[test]
fn a_host_is_listed_by_name_or_by_a_domain_above_it() {
    let hosts = ["tickets.contoso.example".to_owned(), "*.fabrikam.example".to_owned()];
    assert!(is_listed("tickets.contoso.example", &hosts));
    assert!(is_listed("a.b.fabrikam.example", &hosts));
    assert!(!is_listed("fabrikam.example", &hosts));
    assert!(!is_listed("evilfabrikam.example", &hosts));
    assert!(!is_listed("contoso.example", &hosts));
}
