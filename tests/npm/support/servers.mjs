// The gateways and providers that tests/npm/test_npm_client.py starts before it runs these tests.

const given = process.env.GATEWAYS_UNDER_TEST;
if (!given) {
  throw new Error("no gateway to test: run these tests with `pytest tests/npm`, which starts what they need");
}

/**
 * open: a gateway without keys, before providers that answer "Done.".
 * strict: one with the keys `key` and `busyKey`, `requestsPerMinute` for each, `bodyBytes` for a request, and a provider that refuses.
 * hurried: one that has no time for any compression, and no provider behind it.
 * upstream: the providers themselves; `closed`: an address where nobody listens.
 */
export const servers = JSON.parse(given);
