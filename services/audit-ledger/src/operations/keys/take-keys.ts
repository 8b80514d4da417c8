import { keyFrom, ledgerKeys, newKey, type LedgerKeys } from '../../ledger-keys.ts'
import * as keys from '../../store/ledger-keys.ts'
import * as logs from '../../store/logs.ts'
import type { LedgerTx } from '../../store/tables.ts'

/** Seals and opens under SEALING_KEY_FILE. */
export type Sealing = {
  readonly seal: (plaintext: Uint8Array, context: string) => Buffer
  readonly open: (sealed: Uint8Array, context: string) => Buffer
  readonly isOutdated: (sealed: Uint8Array) => boolean
}

/** `resealed`: how many were sealed under the key before, which is needed no more. */
export type Taken = { readonly keys: LedgerKeys; readonly resealed: number }

const USES = ['log', 'witness'] as const

/**
 * Opens the keys that this ledger signs with, and makes them at its first start, together with saying whose ledger it is.
 * Where the sealing key was replaced, the same keys are kept once more, as another generation: what is in the ledger is
 * never changed, so what the former key opens stays there.
 *
 * Fails when the ledger is another platform's: origins begin with the trust domain, so all that was signed would be of another.
 */
export async function takeKeys(
  tx: LedgerTx,
  now: Date,
  { sealing, trustDomain }: { readonly sealing: Sealing; readonly trustDomain: string },
): Promise<Taken> {
  const owner = await logs.claim(tx, trustDomain, now)
  if (owner !== trustDomain) throw new Error(`this ledger is that of ${owner}, not of ${trustDomain}`)

  const held = new Set((await keys.newest(tx)).map(({ use }) => use))
  for (const use of USES) {
    if (held.has(use)) continue
    const { publicKey, pkcs8 } = newKey()
    await keys.add(tx, { use, generation: 1, publicKey, sealed: sealing.seal(pkcs8, contextOf(use)) }, now)
  }
  let resealed = 0
  for (const key of await keys.newest(tx)) {
    if (!sealing.isOutdated(key.sealed)) continue
    const { use, generation } = key
    const sealed = sealing.seal(sealing.open(key.sealed, contextOf(use)), contextOf(use))
    await keys.add(tx, { ...key, generation: generation + 1, sealed }, now)
    resealed += 1
  }
  const found = new Map((await keys.newest(tx)).map((key) => [key.use, key]))
  const open = (use: keys.Use) => {
    const key = found.get(use)
    if (!key) throw new Error(`the ledger has no key for its ${use}`)
    return keyFrom(sealing.open(key.sealed, contextOf(use)))
  }
  return { keys: ledgerKeys({ log: open('log'), witness: open('witness') }, trustDomain), resealed }
}

function contextOf(use: keys.Use): string {
  return `audit_ledger.ledger_key.${use}`
}
