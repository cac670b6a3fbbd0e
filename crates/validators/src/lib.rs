//! E-mail, SMS and fill validators and the SSN guard, as pure functions.
