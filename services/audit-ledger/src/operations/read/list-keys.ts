import { witnessNameOf } from '@powernode/ledger'
import { verifierOf } from '@powernode/tlog'
import * as logs from '../../store/logs.ts'
import type { LedgerTx } from '../../store/tables.ts'
import * as witnessedKeys from '../../store/witnessed-keys.ts'

type Key = { readonly log: string; readonly origin: string; readonly vkey: string }
export type Keys = {
  readonly logs: readonly logs.Log[]
  readonly peerWitnesses: readonly Key[]
  readonly peerLogs: readonly Key[]
}

const MOST = 100_000

/** Our logs, and with which keys peers witness them and sign theirs about us, as far as they have stated them. */
export async function listKeys(tx: LedgerTx, _now: Date): Promise<Keys> {
  const peers = await witnessedKeys.list(tx)
  return {
    logs: await logs.list(tx, { after: '', limit: MOST }),
    peerWitnesses: peers.map(({ peerId, trustDomain, witnessPublicKey }) => {
      const origin = witnessNameOf(trustDomain)
      return { log: peerId, origin, vkey: verifierOf(origin, 'cosignature/v1', witnessPublicKey).vkey }
    }),
    peerLogs: peers.map(({ peerId, origin, logPublicKey }) => {
      return { log: peerId, origin, vkey: verifierOf(origin, 'ed25519', logPublicKey).vkey }
    }),
  }
}
