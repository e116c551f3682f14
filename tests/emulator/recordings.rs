//! Launches recorded and replayed, on any device: the same bytes as one by one, counted as promised.

use crate::common;
use gansaku::exec::cuda::launch::{Argument, Buffer, Driver, Geometry, Packed, Recording};
use gansaku::exec::cuda::{Clock, Cuda};
use gansaku::exec::{PhaseRun, States};

/// Enough for a few phases of any model.
const LAUNCHES: usize = 300;
/// Numbers that a launch draws: not a multiple of four.
const NUMBERS: usize = 61;
/// Bytes of the clock, which starts with seed and tick.
const CLOCK: usize = size_of::<Clock>();

/// Memory for what all launches draw, and the clock that they read.
pub struct Draws {
    /// `[LAUNCHES, NUMBERS]` f32.
    pub out: Buffer,
    clock: Buffer,
}

impl Draws {
    /// Memory on a device.
    pub fn new<D: Driver>(device: &mut D) -> Draws {
        let out = device.allocate(4 * LAUNCHES * NUMBERS).expect("room");
        let draws = Draws { out, clock: device.allocate(CLOCK).expect("room") };
        draws.set(device, 1);
        draws
    }

    /// Sets the tick, which every number depends on, and forgets what was drawn.
    fn set<D: Driver>(&self, device: &mut D, tick: u64) {
        let mut clock = [0; CLOCK];
        clock[..8].copy_from_slice(&7u64.to_le_bytes());
        clock[8..16].copy_from_slice(&tick.to_le_bytes());
        device.upload(self.clock, 0, &clock).expect("inside");
        device.zero(self.out, 0, 4 * LAUNCHES * NUMBERS).expect("inside");
    }

    /// Launches with numbers of their own, of two kernels in turn.
    pub fn launches<D: Driver>(&self, device: &D) -> Vec<Packed> {
        let launch = |i: usize| {
            let to = device.address(self.out) + 4 * (i * NUMBERS) as u64;
            // Count and stream are two u32.
            let argument = [to, device.address(self.clock), NUMBERS as u64 | (i as u64) << 32];
            let arguments = vec![Argument::block("RandomArguments", &argument)];
            let kernel = if i.is_multiple_of(2) { "random_normal" } else { "random_uniform" };
            Packed { kernel, geometry: Geometry::row(1, 32), arguments }
        };
        (0..LAUNCHES).map(launch).collect()
    }

    /// What was drawn.
    pub fn drawn<D: Driver>(&self, device: &mut D) -> Vec<u8> {
        let mut bytes = vec![0; 4 * LAUNCHES * NUMBERS];
        device.download(self.out, 0, &mut bytes).expect("inside");
        bytes
    }
}

/// Every launch by itself.
pub fn one_by_one<D: Driver>(device: &mut D, launches: &[Packed]) {
    for l in launches {
        device.launch(l.kernel, l.geometry, &l.arguments).expect("a launch");
    }
}

/// Records and replays; `None` becomes a failure: the devices tested here can.
pub fn replays_leave_the_bytes_of_their_launches<D: Driver>(mut device: D) {
    let draws = Draws::new(&mut device);
    let launches = draws.launches(&device);
    let mut wanted = vec![];
    for tick in [1, 2] {
        draws.set(&mut device, tick);
        one_by_one(&mut device, &launches);
        wanted.push(draws.drawn(&mut device));
    }
    assert_ne!(wanted[0], wanted[1], "numbers of different ticks");
    draws.set(&mut device, 1);
    let before = device.counters();
    let all = launches.iter().collect::<Vec<_>>();
    let recording = device.record(&all).expect("a recording").expect("a device that records");
    let one = device.record(&all[..1]).expect("a recording").expect("a device that records");
    assert!(draws.drawn(&mut device).iter().all(|&b| b == 0), "nothing ran while recording");
    let recorded = device.counters();
    assert_eq!(
        (recorded.launches, recorded.replays),
        (before.launches, before.replays),
        "nothing was counted"
    );
    for (round, tick) in [1, 2, 1].into_iter().enumerate() {
        draws.set(&mut device, tick);
        device.replay(recording).expect("it starts");
        assert!(draws.drawn(&mut device) == wanted[tick as usize - 1], "round {round}, tick {tick}");
    }
    let after = device.counters();
    assert_eq!(after.replays - recorded.replays, 3);
    assert_eq!(after.launches - recorded.launches, 3 * LAUNCHES as u64);
    draws.set(&mut device, 1);
    device.replay(one).expect("it starts");
    let drawn = draws.drawn(&mut device);
    let (first, rest) = drawn.split_at(4 * NUMBERS);
    assert!(first == &wanted[0][..4 * NUMBERS] && rest.iter().all(|&b| b == 0), "one launch and no other");
    assert_eq!(device.counters().launches - after.launches, 1);
    let error = device.replay(Recording(2)).expect_err("two were made");
    assert!(error.to_string().contains("no recording 2"), "{error}");
    assert_eq!(device.counters().replays - after.replays, 1, "a recording that is not there does not start");
}

/// Runs each plan once: from its recording on the one executor, launch by launch on the other, which is as the
/// first.
pub fn plans_run_from_recordings_as_launch_by_launch<D: Driver>(
    name: &str,
    mut replayed: Cuda<D>,
    mut launched: Cuda<D>,
) {
    let made = replayed.driver().counters();
    assert_eq!((made.launches, made.replays), (0, 0), "{name}: recording runs nothing");
    let plans = replayed.plans().len();
    for plan in 0..plans {
        let phase = PhaseRun::alone(plan, plan as u64, common::rates(1));
        replayed.run(&phase).expect("it starts");
        launched.run_observed(&phase, &mut |_, _| Ok(())).expect("it starts");
    }
    let [one, other] = [&replayed, &launched].map(|gpu| gpu.driver().counters());
    assert_eq!((one.launches, one.uploads), (other.launches, other.uploads), "{name}");
    assert_eq!((one.replays, other.replays), (plans as u64, 0), "{name}");
    assert_eq!(
        one.synchronizations + one.downloads,
        made.synchronizations + made.downloads,
        "{name}: none waits"
    );
    let states = [&mut replayed, &mut launched].map(|gpu| gpu.states().expect("readable"));
    let bits = |states: &States| -> Vec<u32> {
        let vectors =
            states.iter().flat_map(|s| [&s.weights, &s.gradients, &s.average].into_iter().chain(&s.moments));
        vectors.flatten().map(|x| x.to_bits()).collect()
    };
    assert!(bits(&states[0]) == bits(&states[1]), "{name}: the same bits");
}
