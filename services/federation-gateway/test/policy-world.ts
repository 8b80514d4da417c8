import { systemClock, type Clock } from '@powernode/clock'
import { GRANT, GRANT_ID, NOW_MS, PEER, type Page } from '@powernode/policy/testing'

/** A clock that a test can stop: what takes time goes on, and the moment stays. */
export class StoppedClock implements Clock {
  #at: Date | undefined

  stop(at: Date): void {
    this.#at = at
  }

  go(): void {
    this.#at = undefined
  }

  now(): Date {
    return this.#at ?? systemClock.now()
  }

  elapsed(): number {
    return systemClock.elapsed()
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal)
  }
}

/** What stands in the table of situations for the address that a caller of a test has. */
const SOURCE_BLOCKS: Readonly<Record<string, string>> = {
  '198.51.100.0/24': '198.51.100.0/24',
  '192.0.2.0/29': '127.0.0.0/29',
  '192.0.2.0/30': '127.0.0.4/30',
  '192.0.2.7/24': '127.0.0.1/24',
}

/** The page of a situation as of this moment, for callers on this machine with this certificate. */
export function pageHere(
  page: Page,
  now: Date,
  certificateSha256: { readonly from: string; readonly to: string },
): Page {
  const offset = now.getTime() - NOW_MS
  const { from, to } = certificateSha256
  return {
    ...page,
    grants: (page.grants ?? [GRANT]).map((grant) => ({
      ...grant,
      notBeforeMs: grant.notBeforeMs + offset,
      expiresAtMs: grant.expiresAtMs + offset,
      revokedAtMs: grant.revokedAtMs === 0 ? 0 : grant.revokedAtMs + offset,
      sourceCidrs: grant.sourceCidrs.map((block) => SOURCE_BLOCKS[block] ?? block),
      boundIdentities: grant.boundIdentities.map((identity) => identity.replace(from, to)),
    })),
  }
}

/** Takes away what any situation may have brought. */
export const CLEARED = {
  removedGrantIds: [GRANT_ID],
  removedBridgeIds: ['bridge-1'],
  removedResidencyPeerIds: [PEER],
  removedOverrideIds: ['01930000-0000-7000-8000-00000000cc01'],
  settings: { strictAxes: false },
}
