import { newId, type Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { By } from '../events.ts'
import type { Tables } from '../store/tables.ts'
import * as versionRules from '../store/version-rules.ts'
import * as standings from '../store/version-standings.ts'
import { changedBy, worseOff, type VersionChange } from '../version-change.ts'
import type { VersionRule } from '../version.ts'
import type { Rulebook } from '../version-stance.ts'
import { readRulebook } from './stand-by-version.ts'

type Said = Pick<VersionRule, 'localVersion' | 'remoteVersion' | 'status' | 'refusedKinds' | 'notes'>

/** What becomes of a rule, and who stands otherwise by it: so many of them worse. */
export type Ruled = { readonly rule: VersionRule; readonly changed: readonly VersionChange[]; readonly worse: number }

/** How many whoever rules has seen to stand worse by it: a number, nobody knows, or it only looks. */
export type Seen = { readonly expected: number | undefined } | 'rehearsal'

/** An operator says how two versions stand to each other, in place of what operators said of the same pair before. */
export async function setVersionRule(
  tx: Tx<Tables>,
  now: Date,
  { by, rule, seen }: { by: By; rule: Said; seen: Seen },
): Promise<Ruled> {
  if (rule.refusedKinds.length > 0 && rule.status !== 'degraded')
    throw new Refusal('REQUEST_INVALID', 'kinds are refused to versions that are degraded, and to no others', {
      next: 'say degraded, or leave the kinds out',
    })
  const before = await readRulebook(tx)
  const pair = { localVersion: withoutZeros(rule.localVersion), remoteVersion: withoutZeros(rule.remoteVersion) }
  const said: VersionRule = { ...rule, ...pair, id: newId(now), source: 'operator', setBy: by.actor, setAt: now }
  return ruled(tx, { before, rule: await versionRules.put(tx, said), seen })
}

/** 2.01 and 2.1 are the same version: as two rules they would hold by chance. */
const withoutZeros = (version: string): string => version.split('.').map(Number).join('.')

/** What operators said of a pair holds no more: what the release says of it does, or else N-1. */
export async function removeVersionRule(
  tx: Tx<Tables>,
  _now: Date,
  { id, seen }: { id: string; seen: Seen },
): Promise<Ruled> {
  const before = await readRulebook(tx)
  const rule = await versionRules.lock(tx, id)
  if (rule.source === 'default')
    throw new Refusal('VERSION_RULE_FIXED', `version rule ${id} comes with the release, and is not removed`, {
      next: `fedctl version set ${rule.localVersion} ${rule.remoteVersion} <status>: a rule of your own goes first`,
    })
  await versionRules.remove(tx, id)
  return ruled(tx, { before, rule, seen })
}

/** What came of it; refused where it is more than whoever rules can have meant: one word is enough to cut everybody off. */
async function ruled(
  tx: Tx<Tables>,
  { before, rule, seen }: { before: Rulebook; rule: VersionRule; seen: Seen },
): Promise<Ruled> {
  const all = await standings.list(tx)
  const changed = changedBy(before, await readRulebook(tx), all)
  const worse = worseOff(changed).length
  if (seen === 'rehearsal') return { rule, changed, worse }
  if (worse > (seen.expected ?? all.length / 2))
    throw new Refusal(
      'VERSION_RULE_CUTS_OFF',
      seen.expected === undefined
        ? `${worse} of ${all.length} peers would stand worse, and it was not said that this was seen`
        : `${worse} peers would stand worse, and ${seen.expected} were seen`,
      { metadata: { worse: String(worse), peers: String(all.length) }, next: 'look first: a dry run says whom' },
    )
  return { rule, changed, worse }
}
