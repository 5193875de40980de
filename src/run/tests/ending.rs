//! How runs and tasks end otherwise than by their work: panics, lost records, signals, waits, limits and `sla:`.

use super::*;

#[test]
fn a_panic_is_the_failure_of_its_task() {
    let panics = made(|request| {
        assert!(request.command != json!("boom"), "it is {}", 42);
        Ok(OperatorOutput::default())
    });
    let text = "_parallel: true\n+a:\n  sh>: boom\n+b:\n  sh>: fine\n+c:\n  echo>: ${1 + 1}\n";
    let told = Trial::new(text).operator("sh", panics).jobs(1).run();
    assert_eq!(told.failures(), ["+main+a: the task panicked: it is 42"]);
    assert_eq!((told.output().as_str(), told.summary.counts.succeeded), ("2\n", 2));
}

#[test]
fn an_effect_waits_until_its_intent_is_recorded() {
    let recorded = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&recorded);
    let effect = made(move |request| {
        let effect = Effect::WriteFile { path: "f".to_owned() };
        let task = request.task.clone();
        let intent = EventKind::EffectIntended { task, key: "k".to_owned(), effect };
        request.reporter.record(intent).map_err(|error| OperatorError::failed(error.to_string()))?;
        assert!(seen.lock().unwrap().contains(&"intent"), "the sink has it before the effect");
        Ok(OperatorOutput::default())
    });
    let trial = Trial::new("+a:\n  sh>: a\n").operator("sh", effect);
    let summary = trial.run_with(&mut |event| {
        if let EventKind::EffectIntended { .. } = event.kind {
            recorded.lock().unwrap().push("intent");
        }
        Ok(())
    });
    assert_eq!(summary.outcome, AttemptOutcome::Success);
}

#[test]
fn a_sink_that_fails_stops_the_run_before_anything_is_built_on_it() {
    for (fails_at, expected_starts) in [("start", 0), ("intent", 1)] {
        let started = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&started);
        let effect = made(move |request| {
            counted.fetch_add(1, Ordering::SeqCst);
            let effect = Effect::WriteFile { path: "f".to_owned() };
            let task = request.task.clone();
            let intent = EventKind::EffectIntended { task, key: "k".to_owned(), effect };
            let recorded = request.reporter.record(intent);
            assert_eq!(recorded.map_err(|error| error.0), Err("disk full".to_owned()));
            Err(OperatorError::failed("not recorded"))
        });
        let trial = Trial::new("_retry: 3\n+a:\n  sh>: a\n+b:\n  sh>: b\n").operator("sh", effect);
        let summary = trial.run_with(&mut |event| match (&event.kind, fails_at) {
            (EventKind::TaskStarted { .. }, "start") | (EventKind::EffectIntended { .. }, "intent") => {
                Err(SinkError("disk full".to_owned()))
            }
            _ => Ok(()),
        });
        assert_eq!(summary.sink_error.map(|error| error.0).as_deref(), Some("disk full"));
        assert_eq!(summary.outcome, AttemptOutcome::Failed);
        assert_eq!(started.load(Ordering::SeqCst), expected_starts, "{fails_at}");
    }
}

#[test]
fn the_end_of_a_task_and_the_start_of_the_next_are_one_batch() {
    let trial =
        Trial::new("+a:\n  sh>: a\n+b:\n  sh>: b\n").operator("sh", made(|_| Ok(OperatorOutput::default())));
    let mut batches = Vec::new();
    trial.run_in_batches(&mut |events| {
        let word = |event: &RunEvent| match &event.kind {
            EventKind::TaskStarted { task, .. } => format!("{task} starts"),
            EventKind::TaskFinished { task, .. } => format!("{task} ends"),
            _ => "the run ends".to_owned(),
        };
        batches.push(events.iter().map(word).collect::<Vec<_>>().join(", "));
        Ok(())
    });
    let expected =
        ["+main+a starts", "+main+a ends, +main+b starts", "+main+b ends, +main ends", "the run ends"];
    assert_eq!(batches, expected);
}

#[test]
fn a_stopped_run_lets_tasks_end_and_starts_nothing_more() {
    let trial = Trial::new("_error:\n  echo>: handler\n+a:\n  sh>: a\n+b:\n  sh>: b\n");
    let handle = trial.handle.clone();
    let stops = made(move |request| {
        handle.stop(StopReason::Signal(15));
        // The request is seen before this is recorded: both go to the one thread of the run.
        request.reporter.output(b"ended\n");
        Ok(OperatorOutput::default())
    });
    let told = trial.operator("sh", stops).run();
    assert_eq!(told.summary.outcome, AttemptOutcome::Signal(15));
    assert_eq!(told.output(), "ended\n");
    let reasons: Vec<_> = told
        .events
        .iter()
        .filter_map(|event| match event {
            EventKind::Stopping { reason, .. } => Some(reason.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(reasons, ["SIGTERM"]);
}

#[test]
fn a_second_request_ends_the_grace_of_running_tasks() {
    let trial = Trial::new("+a:\n  sh>: a\n");
    let handle = trial.handle.clone();
    let stops = made(move |request| {
        handle.stop(StopReason::Signal(2));
        handle.stop(StopReason::Signal(2));
        while !request.cancel.is_canceled() {
            std::thread::yield_now();
        }
        Err(OperatorError::canceled())
    });
    let told = trial.operator("sh", stops).run();
    assert_eq!(told.summary.outcome, AttemptOutcome::Signal(2));
    let canceled = told.events.iter().any(|event| {
        matches!(event, EventKind::TaskFinished { task, state: TaskState::Canceled, .. }
            if *task == TaskName::from_full("+main+a"))
    });
    assert!(canceled);
    assert_eq!(told.summary.counts.canceled, 1);
}

#[test]
fn a_wait_holds_no_worker_and_a_stop_ends_it() {
    let trial = Trial::new("_parallel: true\n+w:\n  wait>: 1000d\n+a:\n  sh>: a\n");
    let handle = trial.handle.clone();
    let stops = made(move |_| {
        handle.stop(StopReason::Signal(1));
        Ok(OperatorOutput::default())
    });
    let told = trial.operator("sh", stops).jobs(1).run();
    assert_eq!(told.summary.outcome, AttemptOutcome::Signal(1));
}

/// An operator that looks three times, and what its parameter was each time.
struct Looks(Mutex<Vec<String>>);

impl Operator for Looks {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let looks = request.waiting.state.as_u64().unwrap_or(0);
        self.0.lock().unwrap().push(format!("{looks} {}", request.command));
        if looks == 2 {
            return Ok(OperatorOutput::default().into());
        }
        Ok(Turn::Again { after: Duration::ZERO, state: json!(looks + 1) })
    }
}

#[test]
fn a_task_that_waits_gets_turns_until_it_is_done() {
    let looks = Arc::new(Looks(Mutex::default()));
    let told = Trial::new("+a:\n  look>: ${1 + 1}\n+b:\n  sh>: after\n")
        .operator("look", Arc::clone(&looks) as Arc<dyn Operator>)
        .run();
    assert_eq!(told.summary.outcome, AttemptOutcome::Success);
    assert_eq!(*looks.0.lock().unwrap(), [r#"0 "2""#, r#"1 "2""#, r#"2 "2""#]);
    let starts = told.events.iter().filter(|event| matches!(event, EventKind::TaskStarted { .. })).count();
    assert_eq!(starts, 2, "all turns are one try");
}

#[test]
fn a_late_run_goes_on_beside_what_its_sla_starts_and_fails_where_that_says_so() {
    let text = "sla:\n  duration: 00:00\n  fail: true\n  alert: false\n  +late:\n    sh>: late\n\
                +a:\n  hold>: x\n+b:\n  sh>: b\n";
    let (late, is_late) = channel();
    let (late, is_late) = (Mutex::new(late), Mutex::new(is_late));
    let told = Trial::new(text)
        .operator(
            "sh",
            made(move |request| {
                request.reporter.output(format!("{}\n", request.task).as_bytes());
                if request.command == json!("late") {
                    late.lock().unwrap().send(()).unwrap();
                }
                Ok(OperatorOutput::default())
            }),
        )
        .operator(
            "hold",
            made(move |_| {
                is_late.lock().unwrap().recv().unwrap();
                Ok(OperatorOutput::default())
            }),
        )
        .run();
    assert_eq!(told.output(), "+main^sla+late\n+main+b\n");
    let failed: Vec<_> =
        told.summary.failures.iter().map(|task| format!("{}: {}", task.name, task.failure.message)).collect();
    assert_eq!(failed, ["+main^sla^fail: SLA violation"]);
    assert_eq!(told.summary.outcome, AttemptOutcome::Failed);
}

/// An operator that works until it is stopped, and says that it began.
fn until_stopped(began: std::sync::mpsc::Sender<()>) -> Arc<dyn Operator> {
    let began = Mutex::new(began);
    made(move |request| {
        began.lock().unwrap().send(()).unwrap();
        while !request.cancel.is_canceled() {
            std::thread::yield_now();
        }
        Err(OperatorError::canceled())
    })
}

#[test]
fn what_takes_too_long_is_stopped_and_what_waits_is_woken() {
    let text = "+g:\n  _timeout: 1s\n  _parallel: true\n  +works:\n    hold>: x\n  +waits:\n    wait>: 1h\n\
                _error:\n  sh>: ${error.task} ${error.message}\n";
    let (sender, _began) = channel();
    let told = Trial::new(text).operator("hold", until_stopped(sender)).run();
    assert_eq!(told.output(), "+main+g took longer than its `_timeout` of 1s\n");
    let ends = told.events.iter().filter_map(|event| match event {
        EventKind::TaskFinished { task, state, .. } => Some(format!("{task} {}", state.word())),
        _ => None,
    });
    let mut ends: Vec<_> = ends.collect();
    ends.sort();
    assert_eq!(
        ends,
        [
            "+main group_error",
            "+main+g error",
            "+main+g+waits canceled",
            "+main+g+works canceled",
            "+main^error success"
        ]
    );
    assert_eq!(told.summary.failures.len(), 1);
}
