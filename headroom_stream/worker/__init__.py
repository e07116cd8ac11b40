"""The worker: turns in, contexts and metrics out. `processor` knows no Faust; `app` is Faust; `faust_repairs` mends it."""
