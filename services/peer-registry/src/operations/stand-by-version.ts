import type { Tx } from '@powernode/postgres'
import type { Peer } from '../peer.ts'
import * as platform from '../store/platform.ts'
import type { Tables } from '../store/tables.ts'
import * as versionRules from '../store/version-rules.ts'
import { standAnew, type Rulebook } from '../version-stance.ts'

/** Which version we are of, and every rule, as one transaction sees them. */
export async function readRulebook(tx: Tx<Tables>): Promise<Rulebook> {
  return { local: await platform.version(tx), rules: await versionRules.list(tx) }
}

/** A peer that has just said what it is of, as it stands by that. The caller saves it, and announces what moved. */
export async function standByVersion(tx: Tx<Tables>, now: Date, peer: Peer): Promise<Peer> {
  return standAnew(await readRulebook(tx), peer, now)
}
