import { fromBinary, toBinary } from '@bufbuild/protobuf'
import type { Client } from '@connectrpc/connect'
import { backoffMs, patient, type Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import { LedgerKeysSchema } from '@powernode/proto/powernode/federation/v1/ledger_pb.ts'
import { EnvelopeSchema, type Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import type { LedgerKeys } from '../ledger-keys.ts'
import * as endorsements from '../store/witnessed-endorsements.ts'
import type { Endorsed } from '../store/witnessed-endorsements.ts'
import type { Tables } from '../store/tables.ts'

/** Our identity's word for the keys we sign with. */
export type Endorsement = {
  /** Undefined until it was had once. Peers that know our keys need none. */
  readonly current: () => Envelope | undefined
  /** Resolves when the statement is there; keeps asking peer-registry until then, or until `signal` aborts. */
  readonly obtain: (signal: AbortSignal) => Promise<void>
}

type Deps = {
  readonly db: Db<Tables>
  readonly registry: Pick<Client<typeof PeerRegistryService>, 'endorseLedgerKeys'>
  readonly keys: LedgerKeys
  readonly clock: Clock
  readonly logger: Logger
}

const RETRY = { firstMs: 100, mostMs: 5_000 }
const ASK_MS = 5_000

/**
 * Has our keys endorsed, at start: what was kept serves at once, so that a start without peer-registry changes nothing for
 * peers, and peer-registry is asked only when the keys are others than it last endorsed.
 */
export function endorsementOf({ db, registry, keys, clock, logger }: Deps): Endorsement {
  let statement: Envelope | undefined

  async function recall(): Promise<boolean> {
    const kept = await inTransaction(db, endorsements.newest)
    if (!kept || !areOurs(kept, keys)) return false
    statement = fromBinary(EnvelopeSchema, kept.statement)
    return true
  }

  async function ask(signal: AbortSignal): Promise<void> {
    const { log: logPublicKey, witness: witnessPublicKey } = keys.publicKeys
    const said = { logPublicKey, witnessPublicKey }
    const { ledgerKeys } = await registry.endorseLedgerKeys(said, { signal, timeoutMs: patient(ASK_MS) })
    if (!ledgerKeys) throw new Error('peer-registry endorsed our keys without a statement')
    const { sequence } = fromBinary(LedgerKeysSchema, ledgerKeys.payload)
    const kept = { ...said, sequence: Number(sequence), statement: toBinary(EnvelopeSchema, ledgerKeys) }
    await inTransaction(db, (tx) => endorsements.add(tx, kept, clock.now()))
    statement = ledgerKeys
  }

  return {
    current: () => statement,
    async obtain(signal) {
      for (let failures = 0; !signal.aborted;) {
        try {
          if (!(await recall())) await ask(signal)
          return
        } catch (error) {
          failures += 1
          if (!signal.aborted) logger.warn({ task: 'endorse', error }, 'our ledger keys are not endorsed yet')
          await clock.sleep(backoffMs(failures, RETRY), signal)
        }
      }
    },
  }
}

const areOurs = ({ logPublicKey, witnessPublicKey }: Endorsed, { publicKeys }: LedgerKeys): boolean =>
  Buffer.compare(logPublicKey, publicKeys.log) === 0 && Buffer.compare(witnessPublicKey, publicKeys.witness) === 0
