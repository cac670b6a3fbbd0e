//! Wire types of `chatd`. Chat requests, answers and stream events.
