//! Threads of one kind side by side, each with things of its own.

use std::cell::Cell;

thread_local! {
    static LANE: Cell<usize> = const { Cell::new(0) };
}

/// Makes the calling thread the one of lane `number`; before that it is of lane 0, as all threads are.
pub fn enter_lane(number: usize) {
    LANE.set(number);
}

/// One value for each lane.
#[derive(Debug)]
pub struct PerLane<T>(Vec<T>);

impl<T> PerLane<T> {
    /// Makes a value for lane 0, and one for each core that this process may use.
    ///
    /// # Errors
    /// The first of `make`.
    pub fn try_new<E>(mut make: impl FnMut() -> Result<T, E>) -> Result<Self, E> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        (0..=cores).map(|_| make()).collect::<Result<_, E>>().map(Self)
    }

    /// The value of the calling thread's lane. Lanes beyond those that there are values for share them.
    pub fn get(&self) -> &T {
        &self.0[LANE.get() % self.0.len()]
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::thread;

    use super::*;

    #[test]
    fn each_lane_has_a_value_of_its_own_and_those_in_none_share_one() {
        let mut made = 0;
        let Ok(numbers) = PerLane::try_new(|| {
            made += 1;
            Ok::<_, Infallible>(made)
        });
        let of_lane = |lane: Option<usize>| {
            thread::scope(|scope| {
                let look = || {
                    lane.into_iter().for_each(enter_lane);
                    *numbers.get()
                };
                scope.spawn(look).join().unwrap()
            })
        };
        assert_eq!((of_lane(None), of_lane(None), of_lane(Some(1))), (1, 1, 2));
        assert_eq!(of_lane(Some(made)), 1);
    }
}
