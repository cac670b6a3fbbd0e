//! The figures beside their bounds.

use bench_kit::bar::Bar;

use crate::held::Held;
use crate::latency::{Added, Latency};
use crate::leak::Leak;
use crate::report::Measured;

/// What chatd may add to a mock's answer.
const MAX_ADDED_P50_MS: f64 = 0.3;
const MAX_ADDED_P99_MS: f64 = 1.0;
/// Memory that a thousand open streams may take.
const MAX_HELD_MB: f64 = 100.0;

/// Of all that was measured.
pub(crate) fn of(measured: &Measured) -> Vec<Bar> {
    let latencies = [&measured.whole, &measured.streamed].into_iter().flat_map(of_latency);
    let held = measured.held.iter().flat_map(of_held);
    latencies.chain(held).chain(measured.leak.iter().flat_map(of_leak)).collect()
}

fn of_latency(latency: &Latency) -> Vec<Bar> {
    let (shape, due_per_s) = (latency.shape.name(), latency.half.due_per_s);
    let of_part = |(part, Added { p50_ms, p99_ms })| {
        [("p50", MAX_ADDED_P50_MS, p50_ms), ("p99", MAX_ADDED_P99_MS, p99_ms)].map(
            |(quantile, bound, added)| {
                let what = format!("{shape} until {part}, {due_per_s:.0} a second: added at {quantile}");
                let bar = Bar::at_most(what, " ms", bound, Some(added.median));
                bar.with_detail(&format!("({:.3} to {:.3})", added.min, added.max))
            },
        )
    };
    latency.half.parts().into_iter().flat_map(of_part).collect()
}

fn of_held(held: &Held) -> [Bar; 2] {
    let Held { streams, peak_rss_bytes, whole, .. } = held;
    let memory = format!("memory with {streams} streams open");
    [
        Bar::at_most(memory, " MB", MAX_HELD_MB, Some(*peak_rss_bytes as f64 / 1e6)),
        Bar::at_least("of these, streams that ended whole", "", *streams as f64, Some(*whole as f64)),
    ]
}

fn of_leak(leak: &Leak) -> [Bar; 4] {
    let Leak { ends, rss_bytes, sockets, idle_sockets, sockets_after, .. } = leak;
    let right = (ends.all() - ends.wrong) as f64 / ends.all().max(1) as f64;
    let name = |what: &str| format!("streams with aborts, {} s: {what}", leak.seconds);
    let mb = |bytes: f64| (bytes / 1e5).round() / 10.0;
    let most = |what, unit, bound, value| Bar::at_most(name(what), unit, bound, Some(value));
    [
        Bar::at_least(name("ended as they should"), " %", 100.0, Some(right * 100.0)),
        most("memory in the last fifth", " MB", mb(rss_bytes.allowed), mb(rss_bytes.late)),
        most("sockets in the last fifth", "", sockets.allowed.round(), sockets.late),
        most("sockets in the end, as before", "", *idle_sockets as f64, *sockets_after as f64),
    ]
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::flatness::Flatness;
    use crate::latency::Shape;
    use crate::latency::tests::latency;
    use crate::leak::{Ends, Sample};

    const FAST: [f64; 4] = [0.1, 0.5, 0.35, 1.2];

    /// A run that meets all bars.
    pub(crate) fn measured() -> Measured {
        let flat = |early: f64| Flatness { early, late: early, allowed: early * 1.05 };
        let samples =
            (0..40).map(|at| Sample { at_s: f64::from(at), rss_bytes: 20_000_000, sockets: 130, streams: 1 });
        Measured {
            whole: latency(Shape::Whole, &[FAST]),
            streamed: latency(Shape::Streamed, &[FAST]),
            held: Some(Held {
                streams: 10,
                begun_after_s: 0.1,
                idle_rss_bytes: 15_000_000,
                open_rss_bytes: 60_000_000,
                peak_rss_bytes: 61_000_000,
                sockets: 25,
                whole: 10,
                first_failure: None,
            }),
            leak: Some(Leak {
                seconds: 600.0,
                ends: Ends { whole: 50, left: 25, broken_off: 24, refused: 1, ..Ends::default() },
                rss_bytes: flat(20e6),
                growth_per_stream_bytes: 0.0,
                sockets: flat(130.0),
                idle_sockets: 3,
                sockets_after: 3,
                idle_after_s: 91.0,
                samples: samples.collect(),
            }),
        }
    }

    fn missed(measured: &Measured) -> Vec<String> {
        of(measured).into_iter().filter(|bar| !bar.is_met).map(|bar| bar.what).collect()
    }

    #[test]
    fn each_bar_can_be_met_and_missed() {
        assert_eq!(missed(&measured()), Vec::<String>::new());
        type Break = fn(&mut Measured);
        let breaks: [(Break, &str); 8] = [
            (
                |m| m.whole = latency(Shape::Whole, &[[0.1, 0.5, 0.41, 1.2]]),
                "whole answers until the end, 1 a second: added at p50",
            ),
            (
                |m| m.streamed = latency(Shape::Streamed, &[[0.1, 0.5, 0.35, 1.6]]),
                "streamed answers until the end, 1 a second: added at p99",
            ),
            (
                |m| m.held.iter_mut().for_each(|held| held.peak_rss_bytes = 100_100_000),
                "memory with 10 streams open",
            ),
            (|m| m.held.iter_mut().for_each(|held| held.whole = 9), "ended whole"),
            (|m| m.leak.iter_mut().for_each(|leak| leak.ends.wrong = 1), "ended as they should"),
            (|m| m.leak.iter_mut().for_each(|leak| leak.rss_bytes.late = 21.2e6), "memory in the last fifth"),
            (|m| m.leak.iter_mut().for_each(|leak| leak.sockets.late = 138.0), "sockets in the last fifth"),
            (|m| m.leak.iter_mut().for_each(|leak| leak.sockets_after = 4), "sockets in the end"),
        ];
        for (break_it, what) in breaks {
            let mut broken = measured();
            break_it(&mut broken);
            let missed = missed(&broken);
            assert!(missed.len() == 1 && missed[0].contains(what), "{what}: {missed:?}");
        }
    }
}
