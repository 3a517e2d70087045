use std::{
    future::{pending, ready},
    sync::Mutex,
    time::Duration,
};

use omega_core::FailureClass;
use tokio::time::sleep;

use super::*;

async fn found(after_ms: u64, inputs: u8) -> Result<u8, Failure> {
    sleep(Duration::from_millis(after_ms)).await;
    Ok(inputs)
}

#[tokio::test(start_paused = true)]
async fn the_same_inputs_are_read_once() {
    for (find_ms, read_ms) in [(1, 2), (2, 1)] {
        let reads = Mutex::new(Vec::new());
        let read = async |inputs: &u8| {
            reads.lock().unwrap().push(*inputs);
            found(read_ms, *inputs).await
        };
        let both = read_meanwhile(Some(&7), found(find_ms, 7), read).await;
        assert_eq!((both, reads.into_inner().unwrap()), (Ok((7, 7)), vec![7]));
    }
}

#[tokio::test(start_paused = true)]
async fn other_inputs_are_read_again_and_the_first_answer_is_not_used() {
    for (find_ms, read_ms) in [(1, 1000), (1000, 1)] {
        let reads = Mutex::new(Vec::new());
        let read = async |inputs: &u8| {
            reads.lock().unwrap().push(*inputs);
            found(read_ms, *inputs).await
        };
        let both = read_meanwhile(Some(&7), found(find_ms, 8), read).await;
        assert_eq!((both, reads.into_inner().unwrap()), (Ok((8, 8)), vec![7, 8]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_is_gone_does_not_delay_the_new_list() {
    let read = async |inputs: &u8| if *inputs == 7 { pending().await } else { Ok(*inputs) };
    assert_eq!(read_meanwhile(Some(&7), found(1, 8), read).await, Ok((8, 8)));
}

#[tokio::test(start_paused = true)]
async fn without_a_list_nothing_is_said_of_the_units() {
    let failed = || Failure::new(FailureClass::Error, "juju does not answer");
    let read = async |inputs: &u8| Ok(*inputs);
    for stored in [None, Some(&7)] {
        let both = read_meanwhile(stored, ready(Err(failed())), read).await;
        assert_eq!(both, Err(failed()));
    }
    assert_eq!(read_meanwhile(None, found(1, 8), read).await, Ok((8, 8)));
}

/// Files of this format exist: whoever changes it, changes the version.
#[test]
fn stored_inputs_are_read_and_those_of_another_version_are_not() {
    let stored = r#"{"version":1,"inputs":{"units":{"model":null,"units":[{"name":"magnum/0","leader":true}]},"namespaces":["magnum-a"]}}"#;
    let inputs = stored_inputs(stored.as_bytes()).unwrap();
    assert_eq!(inputs.namespaces, ["magnum-a"]);
    let written = serde_json::to_string(&Stored { version: VERSION, inputs: &inputs }).unwrap();
    assert_eq!(written, stored);
    let other = stored.replace(r#""version":1"#, r#""version":2"#);
    assert_eq!(stored_inputs(other.as_bytes()), None);
    let before = serde_json::to_string(&inputs).unwrap();
    assert_eq!(stored_inputs(before.as_bytes()), None, "the first ones had no version");
}
