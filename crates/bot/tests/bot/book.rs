//! The book of messages: killed processes, several at once, refusals, the file.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use redraft_bot::testing::{Fault, TestAdapter};
use redraft_bot::{
    BookStore, Bot, BoxFuture, Certainty, Content, Error, KEY_BYTES_MAX, LEASE_MS, MemoryBookStore,
    MessageBook, Removed, SqliteBookStore, TurnContext, Upserted,
};
use serde_json::json;
use tokio::time::Instant;

const KEY: &str = "deploy-1234";
const SECOND: Duration = Duration::from_secs(1);

fn bot_on(adapter: &TestAdapter) -> Bot {
    Bot::new(async |_: TurnContext| Ok(())).with_adapter(adapter.clone())
}

fn platform(send_once: bool, find_marked: bool) -> TestAdapter {
    TestAdapter::on_channel("slack").with_capabilities(|can| {
        can.send_once = send_once;
        can.find_marked = find_marked;
    })
}

/// A process of its own: it shares the store and the platform.
fn process(adapter: &TestAdapter, store: &Arc<impl BookStore>) -> MessageBook {
    MessageBook::new(&bot_on(adapter), Arc::clone(store) as Arc<dyn BookStore>)
}

fn texts(adapter: &TestAdapter) -> Vec<String> {
    adapter.visible().into_iter().map(|message| message.activity.text.unwrap_or_default()).collect()
}

/// Has a call of a process that is killed while it hangs.
async fn killed<T>(call: impl Future<Output = T>) {
    assert!(tokio::time::timeout(10 * SECOND, call).await.is_err(), "it was not killed");
}

#[tokio::test(start_paused = true)]
async fn a_key_is_posted_updated_left_and_deleted() {
    let adapter = platform(true, true);
    let store = Arc::new(MemoryBookStore::new());
    let book = process(&adapter, &store);
    let place = adapter.reference();

    let posted = book.upsert(KEY, &place, "Building").await.unwrap();
    assert_eq!((posted.how, posted.certainty), (Upserted::Posted, Certainty::Certain));
    let updated = process(&adapter, &store).upsert(KEY, &place, "Live").await.unwrap();
    assert_eq!((updated.how, &updated.reference), (Upserted::Updated, &posted.reference));
    // Somebody else asks, of whom the content does not depend.
    let mut asked = place.clone();
    asked.user = None;
    asked.activity_id = Some("question".to_owned());
    let before = adapter.calls().len();
    assert_eq!(book.upsert(KEY, &asked, "Live").await.unwrap().how, Upserted::Unchanged);
    assert_eq!(adapter.calls().len(), before);
    assert_eq!(texts(&adapter), ["Live"]);
    assert_eq!(book.find(KEY).await.unwrap().unwrap().activity_id, posted.reference.activity_id);

    book.upsert("other", &place, "Live").await.unwrap();
    assert_eq!(book.delete(KEY).await.unwrap(), Removed::Deleted);
    assert_eq!(book.delete(KEY).await.unwrap(), Removed::NotThere);
    assert_eq!((texts(&adapter).len(), book.find(KEY).await.unwrap()), (1, None));
    assert_eq!(book.upsert(KEY, &place, "Again").await.unwrap().how, Upserted::Posted);
}

#[tokio::test(start_paused = true)]
async fn killed_between_post_and_record_a_hundred_times() {
    // With which means, and what is expected then: messages under one key, and how the next process came to it.
    for (send_once, find, messages, how, certainty) in [
        (true, true, 1, Upserted::Posted, Certainty::Certain),
        (true, false, 1, Upserted::Posted, Certainty::Certain),
        (false, true, 1, Upserted::FoundAgain, Certainty::Certain),
        (false, false, 2, Upserted::Posted, Certainty::Unknown),
    ] {
        let (mut duplicates, mut orphans) = (0, 0);
        for round in 0..100 {
            let adapter = platform(send_once, find);
            let store = Arc::new(MemoryBookStore::new());
            adapter.fail_next([Fault::HangsAfter]);
            killed(process(&adapter, &store).upsert(KEY, &adapter.reference(), "first")).await;
            let content = if round % 2 == 0 { "first" } else { "second" };
            let entry = process(&adapter, &store).upsert(KEY, &adapter.reference(), content).await.unwrap();
            assert_eq!((entry.how, entry.certainty), (how, certainty));
            let visible = adapter.visible();
            duplicates += visible.len() - 1;
            orphans +=
                visible.iter().filter(|one| Some(&one.id) != entry.reference.activity_id.as_ref()).count();
            let known = visible.iter().find(|one| Some(&one.id) == entry.reference.activity_id.as_ref());
            assert_eq!(known.unwrap().activity.text.as_deref(), Some(content));
        }
        assert_eq!((duplicates, orphans), ((messages - 1) * 100, (messages - 1) * 100), "{send_once} {find}");
    }
}

#[tokio::test(start_paused = true)]
async fn killed_before_the_post_there_is_one_message() {
    for (send_once, find, certainty) in [
        (true, false, Certainty::Certain),
        (false, true, Certainty::Certain),
        // Nothing tells that from the other.
        (false, false, Certainty::Unknown),
    ] {
        let adapter = platform(send_once, find);
        let store = Arc::new(MemoryBookStore::new());
        adapter.fail_next([Fault::HangsBefore]);
        killed(process(&adapter, &store).upsert(KEY, &adapter.reference(), "first")).await;
        let entry = process(&adapter, &store).upsert(KEY, &adapter.reference(), "second").await.unwrap();
        assert_eq!((entry.how, entry.certainty), (Upserted::Posted, certainty));
        assert_eq!(texts(&adapter), ["second"]);
        // What was uncertain once stays so.
        let entry = process(&adapter, &store).upsert(KEY, &adapter.reference(), "third").await.unwrap();
        assert_eq!((entry.how, entry.certainty), (Upserted::Updated, certainty));
    }
}

#[tokio::test(start_paused = true)]
async fn a_killed_process_is_waited_for_as_long_as_its_lease() {
    let adapter = platform(true, true);
    let store = Arc::new(MemoryBookStore::new());
    adapter.fail_next([Fault::HangsAfter]);
    killed(process(&adapter, &store).upsert(KEY, &adapter.reference(), "first")).await;
    let begin = Instant::now();
    process(&adapter, &store).upsert(KEY, &adapter.reference(), "first").await.unwrap();
    let waited = begin.elapsed() + 10 * SECOND;
    let lease = Duration::from_millis(LEASE_MS);
    assert!(waited >= lease && waited < lease + SECOND, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn killed_during_an_update_the_next_updates() {
    for fault in [Fault::HangsBefore, Fault::HangsAfter] {
        let adapter = platform(false, false);
        let store = Arc::new(MemoryBookStore::new());
        process(&adapter, &store).upsert(KEY, &adapter.reference(), "first").await.unwrap();
        adapter.fail_next([fault]);
        killed(process(&adapter, &store).upsert(KEY, &adapter.reference(), "second")).await;
        // The content before: it is not known whether it is still there.
        let entry = process(&adapter, &store).upsert(KEY, &adapter.reference(), "first").await.unwrap();
        assert_eq!((entry.how, entry.certainty), (Upserted::Updated, Certainty::Certain));
        assert_eq!(texts(&adapter), ["first"]);
    }
}

#[tokio::test(start_paused = true)]
async fn keys_that_the_platform_has_forgotten_count_no_more() {
    for (find, messages, how) in [(true, 1, Upserted::FoundAgain), (false, 2, Upserted::Posted)] {
        let adapter = platform(true, find);
        let store = Arc::new(MemoryBookStore::new());
        adapter.fail_next([Fault::HangsAfter]);
        killed(process(&adapter, &store).upsert(KEY, &adapter.reference(), "first")).await;
        tokio::time::sleep(Duration::from_secs(24 * 60 * 60)).await;
        let entry = process(&adapter, &store).upsert(KEY, &adapter.reference(), "second").await.unwrap();
        assert_eq!(entry.how, how);
        // The platform of the test forgets nothing, so it shows that the key was not used.
        assert_eq!(texts(&adapter).len(), messages);
        assert_eq!(entry.certainty == Certainty::Certain, find);
    }
}

#[tokio::test(start_paused = true)]
async fn deleting_what_a_killed_process_may_have_posted() {
    for (send_once, find, fault, removed, left) in [
        (true, false, Fault::HangsAfter, Removed::Deleted, 0),
        (true, false, Fault::HangsBefore, Removed::Deleted, 0),
        (false, true, Fault::HangsAfter, Removed::Deleted, 0),
        (false, true, Fault::HangsBefore, Removed::NotThere, 0),
        (false, false, Fault::HangsAfter, Removed::Unknown, 1),
    ] {
        let adapter = platform(send_once, find);
        let store = Arc::new(MemoryBookStore::new());
        adapter.fail_next([fault]);
        killed(process(&adapter, &store).upsert(KEY, &adapter.reference(), "first")).await;
        let book = process(&adapter, &store);
        assert_eq!((book.delete(KEY).await.unwrap(), texts(&adapter).len()), (removed, left));
        assert_eq!(book.delete(KEY).await.unwrap(), Removed::NotThere, "the key is forgotten");
    }
}

#[tokio::test(start_paused = true)]
async fn of_several_processes_at_once_one_posts() {
    let adapter = platform(false, false).with_latency(SECOND);
    let store = Arc::new(MemoryBookStore::new());
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (book, place) = (process(&adapter, &store), adapter.reference());
            tokio::spawn(async move { book.upsert(KEY, &place, "same").await.unwrap().how })
        })
        .collect();
    let mut posted = 0;
    for call in calls {
        posted += usize::from(call.await.unwrap() == Upserted::Posted);
    }
    assert_eq!((posted, adapter.calls().len(), texts(&adapter).len()), (1, 1, 1));

    let calls: Vec<_> = (0..10)
        .map(|number| {
            let (book, place) = (process(&adapter, &store), adapter.reference());
            tokio::spawn(async move { book.upsert(KEY, &place, number.to_string()).await.unwrap().how })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), Upserted::Updated);
    }
    let times: Vec<Instant> = adapter.calls().iter().map(|call| call.at).collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= SECOND), "one after another");
    assert_eq!(texts(&adapter).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_process_slower_than_its_lease_does_not_write_over_the_one_that_took_over() {
    let adapter = platform(true, false);
    let store = Arc::new(MemoryBookStore::new());
    // Stopped for a while, between the post and the record of it.
    let stopped = Mortal {
        store: Arc::clone(&store),
        operations: AtomicUsize::new(0),
        dies_at: 1,
        after: false,
        wakes_after: Some(Duration::from_secs(200)),
    };
    let slow = process(&adapter, &Arc::new(stopped));
    let place = adapter.reference();
    let slow = tokio::spawn(async move { slow.upsert(KEY, &place, "first").await });
    tokio::time::sleep(SECOND).await;
    process(&adapter, &store).upsert(KEY, &adapter.reference(), "second").await.unwrap();
    // It lost the key meanwhile, begins again, and finds the message.
    let entry = slow.await.unwrap().unwrap();
    assert_eq!(entry.how, Upserted::Updated);
    assert_eq!(texts(&adapter), ["first"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_longer_than_the_lease_allows_is_given_up() {
    let adapter = platform(true, false);
    let store = Arc::new(MemoryBookStore::new());
    let book = process(&adapter, &store);
    adapter.fail_next([Fault::Slow(Duration::from_secs(200))]);
    let error = book.upsert(KEY, &adapter.reference(), "first").await.unwrap_err();
    assert!(matches!(error, Error::Unanswered { .. }), "{error}");
    let entry = book.upsert(KEY, &adapter.reference(), "second").await.unwrap();
    assert_eq!((entry.certainty, texts(&adapter)), (Certainty::Certain, vec!["second".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_a_person_deleted_is_posted_anew() {
    let adapter = platform(true, true);
    let store = Arc::new(MemoryBookStore::new());
    let book = process(&adapter, &store);
    let first = book.upsert(KEY, &adapter.reference(), "first").await.unwrap();
    adapter.delete_message(first.reference.activity_id.as_deref().unwrap());
    assert_eq!(book.upsert(KEY, &adapter.reference(), "first").await.unwrap().how, Upserted::Unchanged);
    let second = book.upsert(KEY, &adapter.reference(), "second").await.unwrap();
    assert_eq!((second.how, second.certainty), (Upserted::Posted, Certainty::Certain));
    assert_ne!(second.reference, first.reference);
    adapter.delete_message(second.reference.activity_id.as_deref().unwrap());
    assert_eq!(book.delete(KEY).await.unwrap(), Removed::NotThere);
}

#[tokio::test(start_paused = true)]
async fn a_refused_post_leaves_nothing_and_other_content_may_follow() {
    let adapter = platform(true, true);
    let store = Arc::new(MemoryBookStore::new());
    let book = process(&adapter, &store);
    adapter.fail_next([Fault::Refused(200, "msg_too_long")]);
    let error = book.upsert(KEY, &adapter.reference(), "long").await.unwrap_err();
    assert_eq!(error.refusal().unwrap().code, "msg_too_long");
    assert_eq!(store.get(KEY).await.unwrap(), None);
    let entry = book.upsert(KEY, &adapter.reference(), "short").await.unwrap();
    assert_eq!((entry.how, entry.certainty), (Upserted::Posted, Certainty::Certain));

    adapter.fail_next([Fault::Refused(200, "msg_too_long")]);
    book.upsert(KEY, &adapter.reference(), "long").await.unwrap_err();
    let begin = Instant::now();
    assert_eq!(book.upsert(KEY, &adapter.reference(), "short").await.unwrap().how, Upserted::Unchanged);
    assert_eq!(begin.elapsed(), Duration::ZERO, "the lease was given back");
}

#[tokio::test(start_paused = true)]
async fn content_that_a_killed_process_could_never_post_does_not_stand_in_the_way() {
    let adapter = platform(true, true);
    let store = Arc::new(MemoryBookStore::new());
    adapter.fail_next([Fault::HangsBefore]);
    killed(process(&adapter, &store).upsert(KEY, &adapter.reference(), "long")).await;
    adapter.fail_next([Fault::Refused(200, "msg_too_long")]);
    let entry = process(&adapter, &store).upsert(KEY, &adapter.reference(), "short").await.unwrap();
    assert_eq!((entry.how, entry.certainty), (Upserted::Posted, Certainty::Certain));
    assert_eq!(texts(&adapter), ["short"]);
}

#[tokio::test(start_paused = true)]
async fn rate_limits_and_lost_answers_are_waited_out_where_that_is_safe() {
    let adapter = platform(true, true);
    let store = Arc::new(MemoryBookStore::new());
    let book = process(&adapter, &store);
    let begin = Instant::now();
    adapter.fail_next([Fault::RateLimited(50 * SECOND), Fault::LostAnswer, Fault::NotConnected]);
    let entry = book.upsert(KEY, &adapter.reference(), "first").await.unwrap();
    assert_eq!((entry.how, entry.certainty), (Upserted::Posted, Certainty::Certain));
    assert!(begin.elapsed() >= 50 * SECOND);
    assert_eq!(texts(&adapter).len(), 1);
    adapter.fail_next([Fault::RateLimited(3600 * SECOND)]);
    let error = book.upsert(KEY, &adapter.reference(), "second").await.unwrap_err();
    assert_eq!(error.retry_after(), Some(3600 * SECOND), "that is the caller's to wait");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_is_reported_and_the_next_call_finds_out() {
    // On every platform the first is told that it is not known, unless the message is found at once.
    for (send_once, find, lost, first, messages) in [
        (true, false, 9, Err(()), 1),
        (false, true, 1, Ok(Upserted::Posted), 1),
        (false, false, 1, Err(()), 2),
    ] {
        let adapter = platform(send_once, find);
        let store = Arc::new(MemoryBookStore::new());
        let book = process(&adapter, &store);
        adapter.fail_next(std::iter::repeat_n(Fault::LostAnswer, lost.min(4)));
        let answer = book.upsert(KEY, &adapter.reference(), "first").await;
        assert_eq!(
            answer.map(|entry| entry.how).map_err(|error| assert!(matches!(error, Error::Unanswered { .. }))),
            first
        );
        let entry = book.upsert(KEY, &adapter.reference(), "second").await.unwrap();
        assert_eq!(texts(&adapter).len(), messages);
        assert_eq!(entry.certainty == Certainty::Certain, messages == 1);
    }
    // Where it can be looked for, but is not there yet, the next call waits until it can't come any more.
    let adapter = platform(false, true);
    let store = Arc::new(MemoryBookStore::new());
    let book = process(&adapter, &store);
    adapter.fail_next([Fault::LostRequest]);
    book.upsert(KEY, &adapter.reference(), "first").await.unwrap_err();
    let begin = Instant::now();
    let entry = book.upsert(KEY, &adapter.reference(), "first").await.unwrap();
    assert_eq!((entry.how, entry.certainty), (Upserted::Posted, Certainty::Certain));
    assert!(begin.elapsed() >= Duration::from_millis(LEASE_MS) - SECOND);
}

#[tokio::test(start_paused = true)]
async fn what_was_never_sent_is_no_doubt() {
    let adapter = platform(false, false);
    let store = Arc::new(MemoryBookStore::new());
    let book = process(&adapter, &store);
    adapter.fail_next(std::iter::repeat_n(Fault::NotConnected, 4));
    book.upsert(KEY, &adapter.reference(), "first").await.unwrap_err();
    let entry = book.upsert(KEY, &adapter.reference(), "first").await.unwrap();
    assert_eq!((entry.how, entry.certainty), (Upserted::Posted, Certainty::Certain));
}

#[tokio::test(start_paused = true)]
async fn an_authors_own_metadata_stays_and_keeps_the_message_from_being_found() {
    let adapter = platform(false, true);
    let store = Arc::new(MemoryBookStore::new());
    let own = json!({"text": "x", "metadata": {"event_type": "mine", "event_payload": {}}});
    let content = Content::text("x").for_slack(own.clone());
    adapter.fail_next([Fault::HangsAfter]);
    killed(process(&adapter, &store).upsert(KEY, &adapter.reference(), &content)).await;
    assert_eq!(adapter.visible()[0].activity.channel_data, Some(own));
    let entry = process(&adapter, &store).upsert(KEY, &adapter.reference(), &content).await.unwrap();
    assert_eq!((entry.how, entry.certainty), (Upserted::Posted, Certainty::Unknown));
}

#[tokio::test(start_paused = true)]
async fn keys_and_places_that_do_not_fit_are_refused_without_a_call() {
    let adapter = platform(true, true);
    let store = Arc::new(MemoryBookStore::new());
    let book = process(&adapter, &store);
    for key in ["", &"x".repeat(KEY_BYTES_MAX + 1)] {
        assert!(matches!(book.upsert(key, &adapter.reference(), "x").await, Err(Error::Misconfigured(_))));
        assert!(matches!(book.delete(key).await, Err(Error::Misconfigured(_))));
    }
    assert!(adapter.calls().is_empty());
    book.upsert(KEY, &adapter.reference(), "x").await.unwrap();
    let mut elsewhere = adapter.reference();
    elsewhere.conversation.as_mut().unwrap().id = Some("elsewhere".to_owned());
    assert!(matches!(book.upsert(KEY, &elsewhere, "x").await, Err(Error::Misconfigured(_))));
    assert_eq!(adapter.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_can_not_be_read_is_an_error_and_stays() {
    let adapter = platform(true, true);
    let store = Arc::new(MemoryBookStore::new());
    store.swap(KEY, None, Some("what?")).await.unwrap();
    let book = process(&adapter, &store);
    assert!(matches!(book.upsert(KEY, &adapter.reference(), "x").await, Err(Error::Own(_))));
    assert!(matches!(book.delete(KEY).await, Err(Error::Own(_))));
    assert_eq!(store.get(KEY).await.unwrap().as_deref(), Some("what?"));
    assert!(adapter.calls().is_empty());
}

/// A store whose nth operation hangs, before or after it happened: a process killed there.
struct Mortal {
    store: Arc<MemoryBookStore>,
    operations: AtomicUsize,
    dies_at: usize,
    after: bool,
    /// Only asleep for so long, if it is not dead.
    wakes_after: Option<Duration>,
}

impl Mortal {
    async fn may_die(&self, operation: usize, after: bool) {
        if operation == self.dies_at && after == self.after {
            match self.wakes_after {
                Some(wakes_after) => tokio::time::sleep(wakes_after).await,
                None => std::future::pending::<()>().await,
            }
        }
    }
}

impl BookStore for Mortal {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<String>, Error>> {
        self.store.get(key)
    }

    fn swap<'a>(
        &'a self,
        key: &'a str,
        expected: Option<&'a str>,
        record: Option<&'a str>,
    ) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async move {
            let operation = self.operations.fetch_add(1, Ordering::SeqCst);
            self.may_die(operation, false).await;
            let swapped = self.store.swap(key, expected, record).await;
            self.may_die(operation, true).await;
            swapped
        })
    }

    fn now_ms(&self) -> u64 {
        self.store.now_ms()
    }
}

#[derive(Clone, Debug)]
enum Death {
    /// At a write of the book.
    Writing(usize, bool),
    /// In a call to the platform.
    Calling(Fault),
    /// Not at all.
    Never,
}

fn deaths() -> impl Strategy<Value = Vec<(Death, bool)>> {
    let death = prop_oneof![
        (0..6_usize, any::<bool>()).prop_map(|(at, after)| Death::Writing(at, after)),
        Just(Death::Calling(Fault::HangsBefore)),
        Just(Death::Calling(Fault::HangsAfter)),
        Just(Death::Calling(Fault::LostAnswer)),
        Just(Death::Calling(Fault::LostRequest)),
        Just(Death::Never),
    ];
    // And whether a person deletes what is there before the next.
    prop::collection::vec((death, prop::bool::weighted(0.2)), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn wherever_processes_die_there_is_one_message_with_the_last_content(
        deaths in deaths(),
        (send_once, find) in prop_oneof![Just((true, false)), Just((true, true)), Just((false, true)), Just((false, false))],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let adapter = platform(send_once, find);
            let store = Arc::new(MemoryBookStore::new());
            let mut doubts = 0;
            for (number, (death, person)) in deaths.into_iter().enumerate() {
                let (dies_at, after) = match &death {
                    Death::Writing(at, after) => (*at, *after),
                    Death::Calling(fault) => {
                        adapter.fail_next([fault.clone()]);
                        (usize::MAX, false)
                    }
                    Death::Never => (usize::MAX, false),
                };
                doubts += usize::from(!matches!(death, Death::Never));
                let mortal = Mortal { store: Arc::clone(&store), operations: AtomicUsize::new(0), dies_at, after, wakes_after: None };
                let book = process(&adapter, &Arc::new(mortal));
                let _ = tokio::time::timeout(300 * SECOND, book.upsert(KEY, &adapter.reference(), number.to_string())).await;
                if person && let Some(message) = adapter.visible().first() {
                    adapter.delete_message(&message.id);
                }
            }
            let entry = process(&adapter, &store).upsert(KEY, &adapter.reference(), "last").await.unwrap();
            let visible = adapter.visible();
            if send_once || find {
                assert_eq!(texts(&adapter), ["last"], "{adapter:?}");
                assert_eq!(entry.certainty, Certainty::Certain);
            } else {
                assert!(visible.len() <= 1 + doubts, "at most one more for each");
                assert!(visible.len() == 1 || entry.certainty == Certainty::Unknown, "{adapter:?}");
            }
            let known = visible.iter().find(|message| Some(&message.id) == entry.reference.activity_id.as_ref());
            assert_eq!(known.unwrap().activity.text.as_deref(), Some("last"));
        });
    }
}

/// A folder that is removed in the end.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("redraft-book-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> std::path::PathBuf {
        self.0.join("book.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn the_file_remembers_what_another_process_wrote() {
    let folder = Folder::new("remembers");
    let adapter = platform(false, false);
    let store = Arc::new(SqliteBookStore::open(folder.file()).await.unwrap());
    process(&adapter, &store).upsert(KEY, &adapter.reference(), "Building").await.unwrap();
    let other = Arc::new(SqliteBookStore::open(folder.file()).await.unwrap());
    let entry = process(&adapter, &other).upsert(KEY, &adapter.reference(), "Live").await.unwrap();
    assert_eq!(entry.how, Upserted::Updated);
    drop((store, other));
    let third = Arc::new(SqliteBookStore::open(folder.file()).await.unwrap());
    let entry = process(&adapter, &third).upsert(KEY, &adapter.reference(), "Live").await.unwrap();
    assert_eq!(entry.how, Upserted::Unchanged);
    process(&adapter, &third).delete(KEY).await.unwrap();
    assert_eq!(third.get(KEY).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_swap_in_the_file_one_succeeds() {
    let folder = Folder::new("swap");
    let opens: Vec<_> = (0..8).map(|_| tokio::spawn(SqliteBookStore::open(folder.file()))).collect();
    let mut stores = Vec::new();
    for open in opens {
        stores.push(open.await.unwrap().unwrap());
    }
    for round in 0..5 {
        let expected = (round > 0).then(|| (round - 1).to_string());
        let (mut swaps, next) = (Vec::new(), round.to_string());
        for store in &stores {
            let (store, expected, next) = (store.clone(), expected.clone(), next.clone());
            swaps.push(tokio::spawn(async move {
                store.swap(KEY, expected.as_deref(), Some(&next)).await.unwrap()
            }));
        }
        let mut succeeded = 0;
        for swap in swaps {
            succeeded += usize::from(swap.await.unwrap());
        }
        assert_eq!(succeeded, 1);
    }
    assert!(!stores[0].swap(KEY, None, None).await.unwrap());
    assert!(stores[0].swap(KEY, Some("4"), None).await.unwrap());
    assert!(stores[1].swap(KEY, None, None).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_several_processes_with_one_file_one_posts() {
    let folder = Folder::new("posts");
    let adapter = platform(false, false);
    let mut calls = Vec::new();
    for _ in 0..8 {
        let store = Arc::new(SqliteBookStore::open(folder.file()).await.unwrap());
        let (book, place) = (process(&adapter, &store), adapter.reference());
        calls.push(tokio::spawn(async move {
            book.upsert(KEY, &place, "same").await.unwrap().reference.activity_id
        }));
    }
    let mut ids = HashSet::new();
    for call in calls {
        ids.insert(call.await.unwrap());
    }
    assert_eq!((ids.len(), texts(&adapter).len()), (1, 1));
}

/// Processes that start at once all make the file, and none is refused because another is faster.
#[test]
fn of_many_that_make_the_file_each_opens_it() {
    for round in 0..30 {
        let folder = Folder::new(&format!("opens-{round}"));
        let together = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    together.wait();
                    let store = runtime.block_on(SqliteBookStore::open(folder.file())).unwrap();
                    assert_eq!(runtime.block_on(store.get(KEY)).unwrap(), None);
                });
            }
        });
    }
}

#[tokio::test]
async fn a_file_of_a_later_version_is_refused() {
    let folder = Folder::new("version");
    drop(SqliteBookStore::open(folder.file()).await.unwrap());
    rusqlite::Connection::open(folder.file()).unwrap().pragma_update(None, "user_version", 2).unwrap();
    let error = SqliteBookStore::open(folder.file()).await.unwrap_err().to_string();
    assert!(error.contains("later release") && !error.contains("redraft-book-"), "{error}");
    let error = SqliteBookStore::open(folder.0.join("no/book.db")).await.unwrap_err();
    assert!(matches!(error, Error::Own(_)));
}
