//! What the connector takes and refuses.

use herald::sandbox::{Operation, Sandbox, TeamChange};
use serde_json::{Value, json};

use super::{Bot, PATIENCE, hello, read, refused, segment};

#[tokio::test]
async fn messages_arrive_in_personal_chats_group_chats_channels_and_threads() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    for name in ["Anna Berg", "Finance room", "Platform"] {
        sandbox.place_silently(name, true).unwrap();
    }
    let mut last = 0;
    for name in ["Anna Berg", "Finance room", "Platform / Releases", "Platform / General"] {
        let answer = bot.send(&sandbox.conversation_id(name).unwrap(), &hello()).await;
        assert_eq!(answer.status, 201, "{name}: {}", answer.body);
        let id: u64 = answer.body["id"].as_str().unwrap().parse().unwrap();
        assert!(id > last, "message ids grow");
        last = id;
    }
    let channel = sandbox.conversation_id("Platform / Releases").unwrap();
    let root = sandbox.received()[2].activity_id.clone().unwrap();
    let thread = format!("{channel};messageid={root}");
    assert_eq!(bot.send(&thread, &hello()).await.status, 201);
    let reply = format!("v3/conversations/{}/activities/{root}/", segment(&channel));
    assert_eq!(bot.post(&reply, &hello()).await.status, 201, "with a slash at the end");

    let received = sandbox.wait_for(6, PATIENCE).await.unwrap();
    assert_eq!(received[4].conversation, thread);
    assert_eq!(
        received[5].conversation, thread,
        "a reply in a channel belongs to the thread"
    );
    assert_eq!(sandbox.received_in("Platform / Releases").len(), 3);
    assert_eq!(sandbox.count(Operation::Send), 5);
}

#[tokio::test]
async fn after_a_restart_the_bot_is_where_it_was_before_anybody_is_told() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    let anna = sandbox.conversation_id("Anna Berg").unwrap();
    assert_eq!(
        bot.send(&anna, &hello()).await.status,
        403,
        "a new world has no bot in it"
    );
    sandbox.resume();
    for name in ["Anna Berg", "Finance room", "Platform / Releases"] {
        let answer = bot.send(&sandbox.conversation_id(name).unwrap(), &hello()).await;
        assert_eq!(answer.status, 201, "{name}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_message_can_be_replaced_and_deleted_once() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Anna Berg", true).unwrap();
    let chat = sandbox.conversation_id("Anna Berg").unwrap();
    let id = bot.send(&chat, &hello()).await.body["id"].as_str().unwrap().to_owned();
    let url = bot.url(&format!("v3/conversations/{}/activities/{id}", segment(&chat)));

    let other = json!({"type": "message", "text": "Not today"});
    let answer = read(bot.http.put(&url).bearer_auth(&bot.token).json(&other)).await;
    assert_eq!((answer.status, answer.body), (200, json!({"id": id})));
    let shown = sandbox.shown_in("Anna Berg");
    let shown = shown.iter().find(|shown| shown.id == id).expect("it is where it was");
    assert!(shown.edited && shown.by_bot, "{shown:?}");
    assert_eq!(shown.activity["text"], "Not today");
    let answer = read(bot.http.delete(&url).bearer_auth(&bot.token)).await;
    assert_eq!((answer.status, answer.body), (200, Value::Null));
    assert!(sandbox.shown_in("Anna Berg").iter().all(|shown| shown.id != id));
    let gone = "The activity was not found in the conversation.";
    refused(
        &read(bot.http.delete(&url).bearer_auth(&bot.token)).await,
        404,
        "ActivityNotFoundInConversation",
        gone,
    );
    let answer = read(bot.http.put(&url).bearer_auth(&bot.token).json(&hello())).await;
    refused(&answer, 404, "ActivityNotFoundInConversation", gone);
}

#[tokio::test]
async fn what_teams_refuses_is_refused_with_teams_own_body() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Anna Berg", true).unwrap();
    sandbox.place_silently("Platform", true).unwrap();
    let chat = sandbox.conversation_id("Anna Berg").unwrap();
    let channel = sandbox.conversation_id("Platform / Releases").unwrap();

    refused(
        &bot.send("a:1unknown", &hello()).await,
        404,
        "ConversationNotFound",
        "Conversation not found.",
    );
    let roster = "The bot is not part of the conversation roster.";
    let stranger = sandbox.conversation_id("Finance room").unwrap();
    refused(
        &bot.send(&stranger, &hello()).await,
        403,
        "BotNotInConversationRoster",
        roster,
    );
    let nothing = "Bad format of conversation message: Activity must include text or attachments";
    refused(
        &bot.send(&chat, &json!({"type": "message"})).await,
        400,
        "BadSyntax",
        nothing,
    );
    let typeless = "The 'Activity.Type' field is required.";
    refused(
        &bot.send(&chat, &json!({"text": "x"})).await,
        400,
        "BadArgument",
        typeless,
    );
    refused(
        &bot.send(&chat, &json!([1])).await,
        400,
        "BadSyntax",
        "The request body is not an activity",
    );
    let threaded = format!("{chat};messageid=1772440000001");
    refused(
        &bot.send(&threaded, &hello()).await,
        400,
        "BadArgument",
        "Failed to decrypt conversation id",
    );
    let zero = format!("{channel};messageid=0");
    refused(
        &bot.send(&zero, &hello()).await,
        400,
        "BadArgument",
        "Invalid message id in the conversation id",
    );
    let string = json!({"type": "message", "attachments": [
        {"contentType": "application/vnd.microsoft.card.adaptive", "content": "{\"type\":\"AdaptiveCard\"}"}]});
    assert_eq!(bot.send(&chat, &string).await.body["error"]["code"], "BadArgument");
    let body = bot
        .http
        .post(bot.url(&format!("v3/conversations/{}/activities", segment(&chat))))
        .bearer_auth(&bot.token);
    refused(
        &read(body.body("{")).await,
        400,
        "BadSyntax",
        "The request body is not JSON",
    );

    sandbox
        .change_team("Platform", TeamChange::Archived, "")
        .await
        .expect_err("there is no bot to tell");
    assert_eq!(
        bot.send(&channel, &hello()).await.body["error"]["code"],
        "NotEnoughPermissions"
    );
    assert!(sandbox.received().is_empty(), "nothing of this arrived");
    let unrouted = bot.get("v3/batch/conversation/x").await;
    assert_eq!(
        (unrouted.status, &unrouted.body["error"]["code"]),
        (404, &json!("NotFound"))
    );
}

#[tokio::test]
async fn somebody_who_blocked_the_bot_gets_nothing_and_the_reason_is_a_document_in_a_string() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Omar Haddad", true).unwrap();
    sandbox.set_blocked("Omar Haddad", true).unwrap();
    let chat = sandbox.conversation_id("Omar Haddad").unwrap();
    let answer = bot.send(&chat, &hello()).await;
    assert_eq!(answer.status, 403);
    let seed = json!({"errorCode": 209, "message": "{\r\n  \"subCode\": \"MessageWritesBlocked\",\r\n  \"details\": \"Thread is blocked from message writes.\",\r\n  \"errorCode\": null,\r\n  \"errorSubCode\": null\r\n}"});
    assert_eq!(answer.body, seed);
    sandbox.set_blocked("Omar Haddad", false).unwrap();
    assert_eq!(bot.send(&chat, &hello()).await.status, 201);
}

#[tokio::test]
async fn a_message_is_too_big_above_100_kilobytes_of_utf16_without_its_images() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Anna Berg", true).unwrap();
    let chat = sandbox.conversation_id("Anna Berg").unwrap();
    let text = |length| json!({"type": "message", "text": "x".repeat(length)});
    assert_eq!(bot.send(&chat, &text(51_000)).await.status, 201);
    refused(
        &bot.send(&chat, &text(51_200)).await,
        413,
        "MessageSizeTooBig",
        "Message size too large.",
    );
    let image = format!("data:image/png;base64,{}", "A".repeat(200_000));
    let card = json!({"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "Image", "url": image}]});
    let with_image = json!({"type": "message", "attachments": [
        {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}]});
    assert_eq!(bot.send(&chat, &with_image).await.status, 201);
    let huge = bot.send(&chat, &text(1_100_000)).await;
    refused(&huge, 413, "RequestEntityTooLarge", "The request body is too large.");
}

#[tokio::test]
async fn text_with_a_card_becomes_two_messages_and_no_id_is_told() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Anna Berg", true).unwrap();
    let both = json!({"type": "message", "text": "look", "attachments": [
        {"contentType": "application/vnd.microsoft.card.adaptive", "content": {"type": "AdaptiveCard"}}]});
    let answer = bot.send(&sandbox.conversation_id("Anna Berg").unwrap(), &both).await;
    assert_eq!((answer.status, answer.body), (201, json!({})));
    assert_eq!(sandbox.received()[0].activity_id, None);
}

#[tokio::test]
async fn a_personal_chat_opens_for_whom_the_bot_can_reach_and_for_nobody_else() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Anna Berg", true).unwrap();
    sandbox.place_silently("Platform", true).unwrap();
    let open = |id: &str| json!({"isGroup": false, "members": [{"id": id}], "tenantId": sandbox.tenant()});
    let anna = sandbox.member("Anna Berg").unwrap();
    let omar = sandbox.member("Omar Haddad").unwrap();
    let olena = sandbox.member("Олена Шевченко").unwrap();
    let chat = json!({"id": sandbox.conversation_id("Anna Berg").unwrap()});

    let by_account = bot.create(&open(anna["id"].as_str().unwrap())).await;
    assert_eq!(
        (by_account.status, by_account.body),
        (200, chat.clone()),
        "it was open already"
    );
    let by_object_id = bot.create(&open(anna["aadObjectId"].as_str().unwrap())).await;
    assert_eq!((by_object_id.status, by_object_id.body), (200, chat));

    // Omar is in the team that has the bot, but did not install it himself.
    let answer = bot.create(&open(omar["id"].as_str().unwrap())).await;
    assert_eq!(answer.status, 201);
    assert_eq!(
        bot.send(answer.body["id"].as_str().unwrap(), &hello()).await.status,
        201
    );
    let lukasz = sandbox.member("Łukasz Wójcik").unwrap();
    let answer = bot.create(&open(lukasz["aadObjectId"].as_str().unwrap())).await;
    assert_eq!(
        (answer.status, &answer.body["error"]["code"]),
        (403, &json!("ForbiddenOperationException"))
    );

    // Olena is in no team with the bot.
    let answer = bot.create(&open(olena["id"].as_str().unwrap())).await;
    assert_eq!(
        (answer.status, &answer.body["error"]["code"]),
        (403, &json!("BotNotInConversationRoster"))
    );

    let tenant = "Invalid user identity in provided tenant";
    refused(
        &bot.create(&open("anna.berg@contoso.example")).await,
        400,
        "BadSyntax",
        tenant,
    );
    refused(&bot.create(&open("29:1nobody")).await, 400, "BadSyntax", tenant);
    let mut elsewhere = open(anna["id"].as_str().unwrap());
    elsewhere["tenantId"] = json!("another-tenant");
    refused(&bot.create(&elsewhere).await, 400, "BadSyntax", tenant);
    let parameters = "Incorrect conversation creation parameters";
    let id = anna["id"].as_str().unwrap();
    for wrong in [
        json!({}),
        json!({"members": [{"id": id}]}),
        json!({"members": [{"aadObjectId": anna["aadObjectId"]}], "tenantId": sandbox.tenant()}),
        json!({"members": [{"id": id}, {"id": omar["id"]}], "tenantId": sandbox.tenant()}),
        json!({"isGroup": true, "members": [{"id": id}], "tenantId": sandbox.tenant()}),
    ] {
        refused(&bot.create(&wrong).await, 400, "BadSyntax", parameters);
    }
}

#[tokio::test]
async fn a_chat_opened_with_an_activity_sends_it_and_tells_no_message_id() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Anna Berg", true).unwrap();
    let anna = sandbox.member("Anna Berg").unwrap();
    let body = json!({"members": [{"id": anna["id"]}], "tenantId": sandbox.tenant(), "activity": hello()});
    let answer = bot.create(&body).await;
    assert_eq!(
        answer.body,
        json!({"id": sandbox.conversation_id("Anna Berg").unwrap()})
    );
    assert_eq!(sandbox.received_in("Anna Berg").len(), 1);
}

#[tokio::test]
async fn a_thread_in_a_channel_comes_back_with_its_conversation() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Platform", true).unwrap();
    let channel = sandbox.conversation_id("Platform / Incidents").unwrap();
    let mut body = json!({"isGroup": true, "channelData": {"channel": {"id": channel}},
        "tenantId": sandbox.tenant(), "activity": hello()});
    let answer = bot.create(&body).await;
    assert_eq!(answer.status, 201);
    let root = answer.body["activityId"].as_str().unwrap();
    assert_eq!(answer.body["id"], format!("{channel};messageid={root}"));
    assert_eq!(
        bot.send(answer.body["id"].as_str().unwrap(), &hello()).await.status,
        201
    );
    assert_eq!(sandbox.count(Operation::CreateThread), 1);

    body["isGroup"] = json!(false);
    refused(
        &bot.create(&body).await,
        400,
        "BadSyntax",
        "Incorrect conversation creation parameters",
    );
    body["isGroup"] = json!(true);
    body.as_object_mut().unwrap().remove("activity");
    refused(
        &bot.create(&body).await,
        400,
        "BadSyntax",
        "Incorrect conversation creation parameters",
    );
}

#[tokio::test]
async fn members_come_by_pages_and_one_by_any_of_their_ids() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Platform", true).unwrap();
    sandbox.fill_silently("Platform", 1_200).unwrap();
    let team = segment(&sandbox.conversation_id("Platform").unwrap());

    let mut sizes = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    let mut token = String::new();
    loop {
        let path = if sizes.len() % 2 == 0 {
            "pagedmembers"
        } else {
            "pagedMembers/"
        };
        let query = format!("pageSize=9999&continuationToken={}", segment(&token));
        let page = bot.get(&format!("v3/conversations/{team}/{path}?{query}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let members = page.body["members"].as_array().unwrap().clone();
        sizes.push(members.len());
        names.extend(members.iter().map(|member| member["name"].as_str().unwrap().to_owned()));
        match page.body["continuationToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(sizes, [500, 500, 207]);
    assert_eq!(names.len(), 1_207);
    assert!(!names.contains("Herald"), "the bot is not in its roster");
    let small = bot
        .get(&format!("v3/conversations/{team}/pagedmembers?pageSize=1"))
        .await;
    assert_eq!(small.body["members"].as_array().unwrap().len(), 50);
    let bad = bot
        .get(&format!("v3/conversations/{team}/pagedmembers?continuationToken=x"))
        .await;
    refused(&bad, 400, "BadArgument", "Invalid continuation token");

    let anna = sandbox.member("Anna Berg").unwrap();
    for id in ["id", "aadObjectId", "userPrincipalName"] {
        let one = bot
            .get(&format!(
                "v3/conversations/{team}/members/{}",
                segment(anna[id].as_str().unwrap())
            ))
            .await;
        assert_eq!((one.status, &one.body), (200, &anna), "by {id}");
    }
    let guest = sandbox.member("Grace Mensah (Guest)").unwrap();
    assert_eq!(guest["userRole"], "guest");
    let olena = sandbox.member("Олена Шевченко").unwrap();
    let absent = bot
        .get(&format!(
            "v3/conversations/{team}/members/{}",
            segment(olena["id"].as_str().unwrap())
        ))
        .await;
    refused(
        &absent,
        404,
        "MemberNotFoundInConversation",
        "The member was not found in the conversation.",
    );
    assert_eq!(
        bot.get(&format!("v3/conversations/{team}/members"))
            .await
            .body
            .as_array()
            .unwrap()
            .len(),
        1_207
    );
}

#[tokio::test]
async fn a_team_tells_its_channels_and_general_has_no_name() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    let id = sandbox.conversation_id("Platform").unwrap();
    let team = format!("v3/teams/{}", segment(&id));
    let roster = "The bot is not part of the conversation roster.";
    refused(&bot.get(&team).await, 403, "BotNotInConversationRoster", roster);
    sandbox.place_silently("Platform", true).unwrap();
    assert_eq!(bot.get(&team).await.body, sandbox.team("Platform").unwrap());
    let channels = bot.get(&format!("{team}/conversations/")).await.body;
    assert_eq!(
        channels["conversations"][0],
        json!({"id": id, "name": null, "type": "standard"})
    );
    assert_eq!(channels["conversations"][1]["name"], "Releases");
    assert_eq!(channels["conversations"][2]["name"], "Incidents");
    assert_eq!(bot.get("v3/teams/19%3Ax%40thread.tacv2").await.status, 404);
    let releases = sandbox.conversation_id("Platform / Releases").unwrap();
    assert_eq!(
        bot.get(&format!("v3/teams/{}", segment(&releases))).await.status,
        404,
        "a channel is no team"
    );
}
