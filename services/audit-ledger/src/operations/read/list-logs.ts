import { witnessNameOf } from '@powernode/ledger'
import type { Policy } from '@powernode/tlog'
import { PLATFORM_LOG } from '../../new-entry.ts'
import * as alarms from '../../store/alarms.ts'
import * as checkpoints from '../../store/checkpoints.ts'
import * as copies from '../../store/copies.ts'
import * as cosignatures from '../../store/cosignatures.ts'
import * as entries from '../../store/entries.ts'
import * as holds from '../../store/holds.ts'
import * as logs from '../../store/logs.ts'
import * as shipments from '../../store/mirror-shipments.ts'
import * as mirrors from '../../store/mirrors.ts'
import * as prunings from '../../store/prunings.ts'
import type { LedgerTx } from '../../store/tables.ts'
import * as witnessedKeys from '../../store/witnessed-keys.ts'
import * as witnessed from '../../store/witnessed.ts'
import { quorumOf } from './quorum-of.ts'

/** How far a log of ours has come: what is durable, signed, cosigned, and gone by retention. */
export type Status = {
  readonly log: logs.Log
  readonly size: number
  readonly signed: checkpoints.Checkpoint | undefined
  /** By the peer itself. */
  readonly cosigned: cosignatures.Cosignature | undefined
  /** The newest size under which stand as many witnesses as the policy asks for; 0: none, or there is no policy. */
  readonly quorum: number
  /** How many entries the sealed files cover, and the stream. */
  readonly sealed: number
  readonly worm: number
  readonly prunedBelow: number
  /** What the peer holds of it as a mirror; and of the peer's log about us, what we have witnessed and hold. */
  readonly mirrored: number
  readonly witnessed: number
  readonly held: number
  /** What was found about this log or its counterpart, or why it is on hold. Empty: nothing. */
  readonly alarm: string
}

type Asked = {
  /** One log, or all when empty. */
  readonly log: string
  readonly after: string
  readonly limit: number
  readonly policy?: Policy | undefined
}

/** A page of logs by name, and how far each has come. */
export async function listLogs(tx: LedgerTx, now: Date, asked: Asked): Promise<readonly Status[]> {
  const { log, after, limit, policy } = asked
  const one = log === '' ? undefined : await logs.find(tx, log)
  const found = log === '' ? await logs.list(tx, { after, limit }) : one ? [one] : []
  const names = found.map(({ name }) => name)
  const peers = names.filter((name) => name !== PLATFORM_LOG)
  const ids = found.map(({ id }) => id)
  const [mirrored, copied] = [await shipments.sizesOf(tx, ids), await copies.sizesOf(tx, ids)]
  const [seen, held, alarmed] = [
    await witnessed.sizes(tx, peers),
    await mirrors.heldSizes(tx, peers),
    await alarms.openKinds(tx, names),
  ]
  const witnesses = await witnessNames(tx, peers)
  const statuses: Status[] = []
  for (const log of found) {
    const signed = await checkpoints.newest(tx, log.id)
    const witness = witnesses.get(log.name)
    statuses.push({
      log,
      size: await entries.size(tx, log.id),
      signed,
      cosigned: witness === undefined ? undefined : await cosignatures.newest(tx, log.id, witness),
      quorum: policy ? await quorumOf(tx, now, { policy, logId: log.id, signed: signed?.size ?? 0 }) : 0,
      sealed: copied(log.id, 'files'),
      worm: copied(log.id, 'worm'),
      prunedBelow: await prunings.prunedBelow(tx, log.id),
      mirrored: mirrored.get(log.id) ?? 0,
      witnessed: seen.get(log.name) ?? 0,
      held: held.get(log.name) ?? 0,
      alarm: alarmed.get(log.name) ?? (await holds.reasonOf(tx, log.id)) ?? '',
    })
  }
  return statuses
}

/** As whom peers cosign, as far as they have stated their keys. */
async function witnessNames(tx: LedgerTx, peers: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const keys = peers.length === 0 ? [] : await witnessedKeys.list(tx, peers)
  return new Map(keys.map(({ peerId, trustDomain }) => [peerId, witnessNameOf(trustDomain)]))
}
