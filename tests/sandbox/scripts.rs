//! What a test can make Teams do.

use std::time::Duration;

use herald::sandbox::{Limits, Operation, Options, Sandbox, Script};
use serde_json::json;

use super::{Bot, PATIENCE, hello, segment};

#[tokio::test]
async fn the_eighth_message_of_a_second_is_throttled_and_other_conversations_are_not() {
    let (clock, hand) = herald::clock::Clock::manual(chrono::DateTime::UNIX_EPOCH + chrono::Duration::days(20_000));
    let options = Options {
        limits: Limits::Real,
        clock,
        ..Options::default()
    };
    let sandbox = Sandbox::start(([127, 0, 0, 1], 0).into(), options).await.unwrap();
    let bot = Bot::of(&sandbox).await;
    for name in ["Anna Berg", "Omar Haddad"] {
        sandbox.place_silently(name, true).unwrap();
    }
    let (anna, omar) = (
        sandbox.conversation_id("Anna Berg").unwrap(),
        sandbox.conversation_id("Omar Haddad").unwrap(),
    );
    for _ in 0..7 {
        assert_eq!(bot.send(&anna, &hello()).await.status, 201);
    }
    let throttled = bot.send(&anna, &hello()).await;
    assert_eq!((throttled.status, throttled.retry_after), (429, Some(1)));
    assert_eq!(throttled.body["error"]["code"], "Throttled");
    assert_eq!(bot.send(&omar, &hello()).await.status, 201);
    hand.advance(chrono::Duration::seconds(1));
    assert_eq!(bot.send(&anna, &hello()).await.status, 201);
    assert_eq!(bot.send(&anna, &hello()).await.status, 429, "eight in two seconds");
    sandbox.set_limits(Limits::Off);
    assert_eq!(bot.send(&anna, &hello()).await.status, 201);
}

#[tokio::test]
async fn a_script_decides_the_next_answers_of_the_calls_it_fits() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    for name in ["Anna Berg", "Omar Haddad"] {
        sandbox.place_silently(name, true).unwrap();
    }
    let (anna, omar) = (
        sandbox.conversation_id("Anna Berg").unwrap(),
        sandbox.conversation_id("Omar Haddad").unwrap(),
    );
    sandbox.answer_next(Script::throttled().retry_after(7).times(2).in_conversation(&omar));
    sandbox.answer_next(Script::status(502).text_body("text/html", "<h1>Bad Gateway</h1>"));
    sandbox.answer_next(Script::status(500).although_done());

    assert_eq!(
        bot.get(&format!("v3/conversations/{}/members", segment(&omar)))
            .await
            .status,
        200,
        "scripts are for messages"
    );
    let first = bot.send(&omar, &hello()).await;
    assert_eq!((first.status, first.retry_after), (429, Some(7)));
    let gateway = bot.send(&anna, &hello()).await;
    assert_eq!((gateway.status, gateway.body), (502, json!("<h1>Bad Gateway</h1>")));
    assert_eq!(bot.send(&omar, &hello()).await.status, 429);
    assert!(sandbox.received().is_empty());
    let lost = bot.send(&omar, &hello()).await;
    assert_eq!(
        (lost.status, &lost.body["error"]["code"]),
        (500, &json!("ServiceError"))
    );
    assert_eq!(
        sandbox.received().len(),
        1,
        "it arrived although its sender was told otherwise"
    );
    assert_eq!(sandbox.calls().last().unwrap().status, 500);
    assert_eq!(bot.send(&omar, &hello()).await.status, 201);

    sandbox.answer_next(Script::status(503).on(Operation::Team).always());
    sandbox.answer_next(Script::wrong_secret());
    let team = format!("v3/teams/{}", segment(&sandbox.conversation_id("Platform").unwrap()));
    assert_eq!(bot.get(&team).await.status, 503);
    assert_eq!(bot.get(&team).await.status, 503);
    assert_eq!(bot.ask_token(&bot.form()).await.body["error_codes"], json!([7000215]));
    assert_eq!(bot.ask_token(&bot.form()).await.status, 200);
    sandbox.forget_scripts();
    assert_eq!(bot.get(&team).await.status, 403);
}

#[tokio::test]
async fn connections_hang_drop_break_half_way_and_are_refused_on_demand() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Anna Berg", true).unwrap();
    let chat = sandbox.conversation_id("Anna Berg").unwrap();
    let url = bot.url(&format!("v3/conversations/{}/activities", segment(&chat)));
    let send = || bot.http.post(&url).bearer_auth(&bot.token).json(&hello());

    sandbox.answer_next(Script::drop_connection());
    assert!(send().send().await.is_err(), "no answer at all");
    sandbox.answer_next(Script::cut_answer().although_done());
    let half = send().send().await.unwrap();
    assert_eq!(half.status(), 201);
    assert!(half.text().await.is_err(), "the body ends early");
    assert_eq!(sandbox.received().len(), 1);
    sandbox.answer_next(Script::hang());
    let waited = send().timeout(Duration::from_millis(200)).send().await.unwrap_err();
    assert!(waited.is_timeout(), "{waited:?}");
    sandbox.answer_next(Script::slow(Duration::from_millis(50)));
    assert_eq!(send().send().await.unwrap().status(), 201);

    sandbox.go_away();
    let refused = loop {
        // Requests on a connection that is just breaking fail otherwise.
        match send().send().await {
            Err(error) if error.is_connect() => break true,
            Err(_) => {}
            Ok(response) => panic!("answered {}", response.status()),
        }
    };
    assert!(refused);
    sandbox.come_back();
    let mut back = false;
    for _ in 0..200 {
        if send().send().await.is_ok_and(|response| response.status() == 201) {
            back = true;
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(back, "it listens on the same port again");
    assert_eq!(
        sandbox.calls().iter().filter(|call| call.status == 0).count(),
        3,
        "dropped, cut and hung"
    );
}

#[tokio::test]
async fn waiting_for_messages_that_do_not_come_says_what_came_instead() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    bot.send("a:1unknown", &hello()).await;
    let missed = sandbox.wait_for(1, Duration::from_millis(20)).await.unwrap_err();
    let text = missed.to_string();
    assert!(
        text.contains("for 1; 0 messages came") && text.contains("Send a:1unknown -> 404"),
        "{text}"
    );
}

#[tokio::test]
async fn only_the_last_messages_of_a_conversation_are_kept() {
    let options = Options {
        kept_messages: 3,
        kept_calls: 4,
        ..Options::default()
    };
    let sandbox = Sandbox::start(([127, 0, 0, 1], 0).into(), options).await.unwrap();
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Platform", true).unwrap();
    let channel = sandbox.conversation_id("Platform").unwrap();
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(
            bot.send(&channel, &hello()).await.body["id"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    assert_eq!((sandbox.received().len(), sandbox.calls().len()), (4, 4));
    assert_eq!(sandbox.count(Operation::Send), 6);
    sandbox
        .wait_for(6, PATIENCE)
        .await
        .expect("all that arrived count, kept or not");
    let forgotten_thread = format!("{channel};messageid={}", ids[0]);
    assert_eq!(
        bot.send(&forgotten_thread, &hello()).await.status,
        201,
        "a thread outlives our memory of its root"
    );
    let invented = format!("{channel};messageid=99999999999999");
    assert_eq!(bot.send(&invented, &hello()).await.status, 404);
}

#[tokio::test]
async fn calls_can_be_waited_for_even_when_they_are_refused() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    sandbox.answer_next(Script::throttled().times(2));
    let waiting = sandbox.wait_for_calls(Operation::Send, 2, PATIENCE);
    let message = hello();
    let (waited, _, _) = tokio::join!(waiting, bot.send("a:1x", &message), bot.send("a:1x", &message));
    waited.unwrap();
    let statuses: Vec<u16> = sandbox.calls().iter().map(|call| call.status).collect();
    assert_eq!(statuses, [200, 429, 429], "a token, two refusals");
}
