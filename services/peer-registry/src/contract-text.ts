/**
 * The social contract, version 1: what peers hold each other to. Its SHA-256 is what two platforms compare, so a
 * published text MUST NOT be changed by a letter; a new text is a new version.
 */
export const CONTRACT_VERSION = 1
export const CONTRACT_EFFECTIVE = '2026-05-14'
export const CONTRACT_TEXT = `The contract between federated platforms, version 1

1. Identity. Each platform says who runs it, how to reach them, where they are, and what it runs.
2. Reciprocity. What one side asks of the other it is ready to give under the same conditions.
3. Truthful capability. A platform advertises only what it can do.
4. Notice of revocation. Whoever ends a peering says so, signed, with the reason.
5. Audit. Each side records what crosses the border and hands excerpts over within 72 hours.
6. No undermining. No side works around the other's grants, limits or routes.
7. Clean migration. What moves arrives whole, is not left behind in two places, and can be traced.
8. Residency. Data stays where its owner said it stays.
9. Notice of compromise. A compromised key or system is disclosed within 24 hours.
10. Versions. Each side speaks the current contract and the one before, and announces changes 30 days ahead.
11. Exit. Either side may leave at any time and takes with it what is its own.
12. Honest versions. The version a platform states is the version it runs.
`
