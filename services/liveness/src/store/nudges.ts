import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { Tables } from './tables.ts'

/** Where the replica that sends the beats listens. Commits bring the message, so it never tells of what did not happen. */
export const NUDGES = 'liveness_nudges'

export type Nudge = { readonly peerIds: readonly string[]; readonly urgent: boolean }

/** Below the 8,000 bytes that a notification may carry. */
const IDS_A_MESSAGE = 150

/** These peers beat us but have not heard us: a beat of ours now may find the way open. */
export async function beatBack(tx: Tx<Tables>, peerIds: readonly string[]): Promise<void> {
  for (let at = 0; at < peerIds.length; at += IDS_A_MESSAGE) {
    await notify(tx, `hint ${peerIds.slice(at, at + IDS_A_MESSAGE).join(',')}`)
  }
}

/** An operator wants this peer beaten now. */
export async function beatNow(tx: Tx<Tables>, peerId: string): Promise<void> {
  await notify(tx, `now ${peerId}`)
}

/** Reads a message; undefined when it is not one of ours. */
export function readNudge(message: string): Nudge | undefined {
  const [, word, ids] = /^(hint|now) ([0-9a-f,-]+)$/.exec(message) ?? []
  return ids === undefined ? undefined : { peerIds: ids.split(','), urgent: word === 'now' }
}

async function notify(tx: Tx<Tables>, message: string): Promise<void> {
  await sql`select pg_notify(${NUDGES}, ${message})`.execute(tx)
}
