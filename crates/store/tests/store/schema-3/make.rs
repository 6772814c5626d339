// Wrote `redraft.sql` (through `sqlite3 redraft.db .dump`) and `read.txt` at the last commit with schema 3. It was a
// test in `tests/store/schema_3.rs` then, and is kept as a record of what is in them. It is not compiled.

#[tokio::test]
async fn make() {
    let folder = std::path::Path::new("/tmp/schema-3");
    let clock = HandClock::default();
    let options = Options { clock: clock.clock(), ..Options::default() };
    let world = World::over(Arc::new(SqliteStore::open(folder, options).unwrap()), clock).await;
    let mut teller = Teller::default();
    let mut runner = TestRunner::deterministic();
    let mut taken = 0;
    while taken < 190 {
        let step = step().new_tree(&mut runner).unwrap().current();
        match step {
            Step::Control { what: 36.., .. } | Step::Sweep => continue,
            Step::Tick(micros) => world.clock.advance(micros.min(60_000_000)),
            Step::Settle { heard, put, removed } => {
                world.settle(AppId(2), Teller::settlement(heard, put, removed)).await;
            }
            _ => {
                let answer = world.submit(teller.command(&step)).await;
                taken += usize::from(answer.is_ok());
                teller.heard(&answer);
            }
        }
    }
    // What those leave out, or may have ended.
    let root = world.say("a root \u{1f7e2} with «words»").await;
    let ask = async |caller, verb| world.submit(world.command(caller, verb)).await.unwrap();
    let reply = Post { reply_to: [Some(root.key.ts), None], broadcast: true, ..post(PUBLIC, "shown twice") };
    ask(ALPHA_MIA, Verb::Post(reply)).await;
    let rich = Content {
        blocks: Some(r#"[{"type":"divider"}]"#.into()),
        attachments: Some("[]".into()),
        metadata: Some(r#"{"event_type":"a","event_payload":{}}"#.into()),
        files: Some(r#"["F1"]"#.into()),
        ..Content::text(Dialect::Slack, "of many parts")
    };
    ask(ALPHA_BOT, Verb::Post(Post { content: Arc::new(rich), ..post(PUBLIC, "") })).await;
    ask(ALPHA_BOT, Verb::Post(Post { only: Some(MIA), ..post(PUBLIC, "for Mia only") })).await;
    let card = Content { activity: Some("{}".into()), ..Content::text(Dialect::Connector, "a card") };
    let card = ask(GAMMA_BOT, Verb::Post(Post { content: Arc::new(card), ..post(PUBLIC, "") })).await;
    let Outcome::Posted(card) = card else { panic!() };
    ask(GAMMA_BOT, interaction(&card.message, Act::Show(MIA, text("Mia's view")))).await;
    ask(MIA_HERSELF, interaction(&card.message, Act::React("eyes".into()))).await;
    ask(MIA_HERSELF, Verb::Pin(Pinning { conversation: PUBLIC, ts: root.key.ts, pins: true })).await;
    for number in 0..3 {
        ask(ALPHA_BOT, Verb::Update(update(&root, &format!("a root, changed {number}")))).await;
    }
    let doomed = world.say("a root that is deleted").await;
    let reply = Post { reply_to: [Some(doomed.key.ts), None], ..post(PUBLIC, "and stays as a tombstone") };
    ask(ALPHA_MIA, Verb::Post(reply)).await;
    let gone = world.say("deleted").await;
    ask(ALPHA_BOT, Verb::Update(update(&gone, "deleted soon"))).await;
    ask(ALPHA_BOT, Verb::Delete(delete(&doomed))).await;
    ask(ALPHA_BOT, Verb::Delete(delete(&gone))).await;
    let begin = Post { reply_to: [Some(root.key.ts), None], ..post(PUBLIC, "") };
    let piece = |words: &str| Piece { text: words.into(), chunks: None };
    let begin = Append::Begin { post: Box::new(begin), piece: piece("one ") };
    let Outcome::Posted(open) = ask(ALPHA_BOT, Verb::Append(begin)).await else { panic!() };
    ask(ALPHA_BOT, added(&open.message, "two ")).await;
    ask(ALPHA_BOT, added(&open.message, "three")).await;
    let asked = Interact {
        app: AppId(1),
        place: Place::Anywhere,
        trigger: Some([99; 32]),
        answers: vec![AnswerUrl { secret: [98; 32], conversation: PUBLIC, origin: Origin::Command }],
    };
    ask(IVO_HIMSELF, Verb::Interact(asked)).await;
    let view = ModalView { id: "V99".into(), external_id: Some("n99".into()), hash: "h".into(), json: "{}".into() };
    ask(ALPHA_BOT, Verb::Modal(Box::new(Modal::Open { trigger: [99; 32], view }))).await;
    let wait = ScheduleCommand::Add { post: Box::new(post(PUBLIC, "later")), post_at: world.clock.now().plus(9_000_000_000) };
    ask(ALPHA_BOT, Verb::Schedule(wait)).await;
    let control = async |control| drop(ask(Caller::Control, Verb::Control(Box::new(control))).await);
    let hook = Webhook { service_id: "S1".into(), secret_hash: [5; 32], conversation: PUBLIC, by: IVO };
    control(Control::AddWebhook(AppId(1), hook)).await;
    control(Control::AddUserGroup(UserGroup {
        id: UserGroupId(1), slack_id: "G1".into(), handle: "staff".into(), name: "Staff".into(), description: "all".into(),
        users: vec![MIA, IVO], creator: ADA, created_at: START, updated_at: START, disabled: false,
    })).await;
    control(Control::AdvanceClock(12_345_678)).await;
    for (id, upload, digest) in [("F1", 8, 1), ("F2", 9, 2)] {
        ask(ALPHA_BOT, items::begin(id, upload)).await;
        world.put_blob(digest, b"12345").await;
        let receive = FileCommand::Receive { upload: [upload; 32], digest: [digest; 32], size: 5 };
        ask(Caller::Control, Verb::File(receive)).await;
    }
    ask(ALPHA_BOT, items::begin("F3", 10)).await;
    let dead = Delivery { due_at: None, cause: Some(Cause::Status), reason: "503".into(), attempts: 4, ..delivery(7) };
    let late = Delivery { due_at: Some(Micros(START.0 + 5)), cause: Some(Cause::TimedOut), ..delivery(9) };
    let told = Settlement { heard: 40, put: vec![dead, late], removed: vec![] };
    world.store.settle(world.workspace, AppId(1), told).await.unwrap();
    world.store.keep("one", vec![1, 2, 3]).await.unwrap();
    world.store.replace("two", b"two".to_vec()).await.unwrap();
    let keyed = with_key(world.command(ALPHA_BOT, Verb::Post(post(PUBLIC, "once"))), "a key", 3);
    world.submit(keyed).await.unwrap();
    // A second workspace, which is dropped and not swept, and a third one.
    for n in [2, 3] {
        let made = ask(Caller::Control, Verb::Control(Box::new(Control::CreateWorkspace(Arc::new(directory(n)))))).await;
        let Outcome::Workspace(workspace) = made else { panic!() };
        let there = World { workspace, ..world.clone() };
        let bot = Caller::Token(hash(n, 1));
        there.submit(there.command(bot, Verb::Post(post(PUBLIC, "elsewhere")))).await.unwrap();
        if n == 2 {
            there.control(Control::DropWorkspace).await;
        }
    }
    std::fs::write(folder.join("read.txt"), read(&*world.store).await.join("\n") + "\n").unwrap();
}
